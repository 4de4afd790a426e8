"""Outputs: how a script answers all samples of a part, and judges them by the measure by which the task is judged."""

from __future__ import annotations

from torch import nn

from kissipo.core.errors import NotBuiltError
from kissipo.export.script.part import Part, filled
from kissipo.output.anomaly_spans import HIGH
from kissipo.output.answer import Answer
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.mask import Marks
from kissipo.output.answers.number import Number
from kissipo.output.answers.text import NextUnit
from kissipo.pipeline.experiment import Prepared

_ANSWER = '''
def answer(net: nn.Module, inputs: Tensor) -> Tensor:
    """What the net gives for all samples, in portions."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(some) for some in inputs.split(500)])
'''

_ANSWER_STREAMS = '''
def answer(net: Net, inputs: Tensor) -> Tensor:
    """What the net gives for all pieces, read in streams side by side."""
    net.eval()
    found: list[Tensor] = []
    steps, state = streams(len(inputs), 64), None
    with torch.no_grad():
        for index in steps:
            outputs, state = net(inputs[index], handed_on(state, len(index)))
            found.append(outputs)
    return torch.cat(found)[torch.cat(steps).argsort()]
'''

_JUDGE = '''
def judge(net: Net, parts: Parts) -> float:
    """$about"""
    inputs, truth = parts["$part"]
    outputs = answer(net, inputs)
    $how
'''

_ALARMS = '''
def errors(net: Net, parts: Parts) -> Array:
    """How far each step is from its forecast, in the order of time."""
    off = [answer(net, inputs) - truth for inputs, truth in parts.values()]
    found = torch.cat(off).double().abs().flatten().numpy()
    $smooth


def height(ordinary: Array) -> float:
    """What hardly any ordinary error reaches: their tail follows a law of Pareto."""
    high = np.quantile(ordinary, 0.98)
    over = ordinary[ordinary > high] - high
    if len(over) < 10:
        return float(ordinary.max())
    shape, _, scale = genpareto.fit(over, floc=0)
    return float(high + genpareto.isf($share / (1 - 0.98), shape, scale=scale))


def worth(place: float) -> float:
    """From 1 well before the end of a window to -1 well after it."""
    return 2 / (1 + exp(5 * place)) - 1


def nab(alarms: Array, windows: list[tuple[int, int]]) -> float:
    """The score of the Numenta Anomaly Benchmark: 100 is perfect, 0 says nothing."""
    total, outside = 0.0, alarms.copy()
    for first, last in windows:
        outside[first : last + 1] = False
        met = np.flatnonzero(alarms[first : last + 1])
        place = met[0] / (last - first + 1) - 1 if len(met) else 0.0
        total += worth(place) / worth(-1.0) if len(met) else -1.0
    for step in np.flatnonzero(outside):
        far = [(step - b) / max(1, b - a) for a, b in windows if b < step]
        total += 0.11 * (worth(far[-1]) if far and far[-1] <= 3 else -1.0)
    return 100 * (total + len(windows)) / (2 * len(windows))


def judge(net: Net, parts: Parts) -> float:
    """The alarms of the test part beside the windows that people call odd."""
    found, count = errors(net, parts), len(parts["test"][0])
    alarms = found[-count:] > height(found[:-count])
    start = WINDOW + len(found) - count
    windows = [(max(0, a - start), b - start) for a, b in labelled() if b >= start]
    return nab(alarms, windows)
'''

_SMOOTH = """
sums = np.concatenate([[0.0], np.cumsum(found)])
ends = np.arange(1, len(sums))
starts = np.maximum(0, ends - $steps)
means: Array = (sums[ends] - sums[starts]) / (ends - starts)  # of $steps steps
return means
"""

_MAIN = '''
def main() -> None:
    """From the data to the score."""
    parts = samples()
    torch.manual_seed(seed_of("weights"))
    net = $net
    torch.manual_seed(seed_of("dice"))
    learn(net, parts)
    print(f"$part $measure: {judge(net, parts):.6f}")


if __name__ == "__main__":
    main()
'''

_RATES = {
    "balanced_accuracy": (
        "The share of right answers of each class, its mean over the classes.",
        ["right, whole = (is_so * said).sum(0), is_so.sum(0)"],
    ),
    "macro_f1": (
        "F1 of each class, its mean over the classes.",
        ["right, whole = 2 * (is_so * said).sum(0), (is_so + said).sum(0)"],
    ),
}
_LAID_OUT = "Net().to(memory_format=torch.channels_last)  # type: ignore[call-overload]"


def answering_part(net: nn.Module) -> str:
    """How a net is asked."""
    return (_ANSWER_STREAMS if getattr(net, "stateful", False) else _ANSWER).strip("\n")


def output_part(prepared: Prepared) -> Part:
    """The section that judges.

    Raises:   NotBuiltError for an answer that no script judges yet.
    """
    answers, judging = prepared.wiring.answers, prepared.wiring.judging
    if len(answers) > 1:
        raise NotBuiltError("kissipo eject does not write several answers yet", given=f"{len(answers)} answers")
    answer = answers[0]
    if isinstance(answer, Anomaly):
        measure, told, code = "nab", "odd or ordinary steps", _alarms(answer, judging)
        imports: tuple[str, ...] = ("from math import exp", "from scipy.stats import genpareto")
    else:
        measure, told, about, how = _judged(answer)
        code, imports = filled(_JUDGE, about=about, how=how, part=judging), ()
    has_filters = any(isinstance(layer, nn.Conv2d) for layer in prepared.net.modules())
    main = filled(_MAIN, part=judging, measure=measure, net=_LAID_OUT if has_filters else "Net()")
    return Part(f"{told}; {measure} on the {judging} part", f"{code}\n\n\n{main}", imports)


def _judged(answer: Answer) -> tuple[str, str, str, list[str]]:
    """The measure, what is answered, what the measure says, the lines that count it."""
    if isinstance(answer, Category):
        return _category(answer)
    if isinstance(answer, Forecast):
        return _forecast(answer)
    if isinstance(answer, NextUnit):
        how = ["return float(loss_of(outputs.double(), truth))"]
        return "nll", "the next of the text", "How surprised the net is, in nats, at what comes next.", how
    if isinstance(answer, Marks) and len(answer.levels) == 2:
        how = ["called, there = outputs.argmax(1) == 1, truth == 1"]
        how += ["return float((called & there).sum() / (called | there).sum())"]
        return "iou", "a mask", "How much of what is marked here or there is marked in both (IoU).", how
    if isinstance(answer, Number) and answer.codec.scale in ("none", "standard"):
        unit = " * deviation()" if answer.codec.scale == "standard" else ""
        how = ["off = (outputs - truth).double()", f"return float(off.square().mean().sqrt()){unit}"]
        return "rmse", answer.name, "The root of the mean squared error.", how
    raise NotBuiltError(
        f"kissipo eject does not write the answer output.{answer.WORD} of this kind yet",
        allowed="category, number, forecast, text, masks of one kind of marks, anomalies of series with labels",
    )


def _category(answer: Category) -> tuple[str, str, str, list[str]]:
    if answer.inspection is not None:
        raise NotBuiltError("kissipo eject does not write output.negative_class yet", do="Leave it out")
    told = f"one of {len(answer.levels)} classes"
    called = (
        f"outputs[:, 0].sigmoid() >= {answer.options.decode.threshold}" if answer.one_output else "outputs.argmax(1)"
    )
    if answer.MAIN == "accuracy":
        how = (
            [f"called = {called}", "return float((called == (truth == 1)).double().mean())"]
            if answer.one_output
            else [f"return float(({called} == truth).double().mean())"]
        )
        return "accuracy", told, "The share of right answers.", how
    about, count = _RATES[answer.MAIN]
    said = f"({called}).long()" if answer.one_output else called
    how = [
        f"is_so = functional.one_hot(truth, {len(answer.levels)}).double()",
        f"said = functional.one_hot({said}, {len(answer.levels)}).double()",
        *count,
        "return float((right / whole)[whole > 0].mean())",
    ]
    return answer.MAIN, told, about, how


def _forecast(answer: Forecast) -> tuple[str, str, str, list[str]]:
    off = "off = (outputs - truth).abs().double()"
    if len(answer.variables) > 1:
        told = f"{answer.port.shape[0]} steps of {len(answer.variables)} variables"
        return (
            "normalized_mae",
            told,
            "The mean error, on the scale of the training part.",
            [off, "return float(off.mean())"],
        )
    told = f"{answer.port.shape[0]} steps of {answer.name}"
    return "mae", told, "The mean error, in the unit of the data.", [off, "return float(off.mean() * scale()[1][0])"]


def _alarms(answer: Anomaly, judging: str) -> str:
    """The functions from errors to NAB's score."""
    options = answer.options
    if options.method != "forecast" or options.anomaly_labels is None or len(answer.variables) > 1 or judging != "test":
        raise NotBuiltError(
            "kissipo eject writes output.anomaly only by a forecast of one variable, with output.anomaly_labels and a test part"
        )
    if options.false_alarm_rate >= 1 - HIGH:
        raise NotBuiltError(
            f"kissipo eject writes output.false_alarm_rate only below {1 - HIGH:.2f}",
            given=f"{options.false_alarm_rate}",
        )
    smooth = (
        filled(_SMOOTH, steps=options.smoothing_window).splitlines()
        if options.smoothing_window > 1
        else ["return found"]
    )
    return filled(_ALARMS, smooth=smooth, share=options.false_alarm_rate)
