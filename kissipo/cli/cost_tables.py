"""Cost tables: the costs of a net, per layer and in total."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import table
from kissipo.core.finding import counted
from kissipo.core.text import format_bytes
from kissipo.runs.model_summary import NetCosts


def costs_table(costs: NetCosts) -> Table:
    """Returns the layers with their output, activations, params and MACs."""
    grid = table(
        "layer",
        "what happens",
        "output",
        "values",
        "memory",
        "weights",
        "biases",
        "MACs",
        right=(2, 3, 4, 5, 6, 7),
    )
    for row in costs.table.rows:
        description = escape(row.description) + (
            " [dim](only in training)[/]" if row.learning else ""
        )
        counts = [
            f"{count:,}" if count else ""
            for count in (row.weights, row.biases, row.multiplications)
        ]
        memory = format_bytes(row.values * 4) if row.values else ""
        values = f"{row.values:,}" if row.values else "[dim]in place[/]"
        grid.add_row(
            escape(row.name), description, "x".join(map(str, row.shape)), values, memory, *counts
        )
    return grid


def costs_side_by_side(nets: Mapping[str, NetCosts]) -> Table:
    """Returns one row per net, with its MACs relative to the cheapest net."""
    grid = table(
        "net",
        "output",
        "params",
        "activations",
        "MACs",
        "relative",
        "inference",
        "training",
        right=(2, 3, 4, 5, 6, 7),
    )
    totals = {name: costs.to_json()["totals"] for name, costs in nets.items()}
    minimum = min(total["multiplications"] for total in totals.values())
    for name, costs in nets.items():
        total = totals[name]
        counts = [f"{total[key]:,}" for key in ("parameters", "values", "multiplications")]
        memory = [format_bytes(total[key]) for key in ("inference_bytes", "training_bytes")]
        output = "x".join(map(str, costs.table.rows[-1].shape))
        grid.add_row(
            f"[bold]{escape(name)}[/]",
            output,
            *counts,
            f"{total['multiplications'] / minimum:.2f}",
            *memory,
        )
    return grid


def costs_sum(costs: NetCosts) -> list[str]:
    """Returns the totals, one line per total."""
    content = costs.to_json()
    totals = content["totals"]
    besides = totals["parameters_while_learning"] - totals["parameters"]
    lines = [
        f"{totals['parameters']:,} params "
        f"({totals['weights']:,} weights, {totals['biases']:,} biases)"
        + (f", {besides:,} more in training" if besides else ""),
        f"{totals['values']:,} activations and {totals['multiplications']:,} MACs for one image"
        + (
            f", {totals['norm_multiplications']:,} of them in normalization layers"
            if totals["norm_multiplications"]
            else ""
        ),
        f"inference: {format_bytes(totals['inference_bytes'])} for activations and parameters "
        f"of {content['number_bytes']} bytes each",
    ]
    images = counted(costs.batch, "image")
    return [
        *lines,
        f"training with a batch of {images} and {costs.optimizer}: "
        f"{format_bytes(totals['training_bytes'])} for activations, parameters, gradients "
        "and the state of the optimizer",
    ]
