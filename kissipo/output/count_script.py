"""The metrics of counts as Python text; the output is a logarithm."""

from kissipo.core.script_part import ScriptPart


def script_part_of_counts(number: int, prefix: str = "", mean: float = 1.0) -> ScriptPart:
    """Returns the lines that compare e^y with the counts, for `kissipo eject`.

    number:  the position of the answer among the outputs and the targets
    prefix:  the beginning of the name of every metric
    mean:    the count by which counts are divided for the net
    """
    error = f"(outputs[{number}][..., :1].double().exp() - targets[{number}].double())"
    return ScriptPart(
        (
            f"error = {error}" + (f" * {mean!r}  # in the unit of the data" if mean != 1 else ""),
            f'values["{prefix}rmse"] = float(error.square().mean().sqrt())',
            f'values["{prefix}mae"] = float(error.abs().mean())',
        ),
        quality=f"-{error}.square().flatten(1).mean(1)",
    )
