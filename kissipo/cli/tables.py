"""Tables of the terminal: findings, inferred settings, data flow, splits and scores."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import table
from kissipo.core import description
from kissipo.core.description import Cell, Line
from kissipo.core.finding import Finding
from kissipo.core.text import format_bytes, format_score, shorten
from kissipo.inspect.chain_rule import Chain
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.inspect.trace import Step, Trace, format_array
from kissipo.output.answer import Prediction as Prediction
from kissipo.output.score import Score
from kissipo.pipeline.pipeline import InferredOption

_COLORS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
_STYLES = {"good": "green", "bad": "red", "dim": "dim", "strong": "bold"}
_BLOCKS = " ▁▂▃▄▅▆▇█"
_CURVE = 24


def render(record: Line | description.Table) -> Table | str:
    """Returns a described line or table as the terminal prints it."""
    if isinstance(record, Line):
        return escape(record.text)
    grid = table(*record.titles, right=tuple(record.numbers))
    for row in record.rows:
        grid.add_row(*(_cell(cell) for cell in row))
    return grid


def _cell(cell: str | Cell) -> str:
    return (
        f"[{_STYLES[cell.style]}]{escape(cell.text)}[/]" if isinstance(cell, Cell) else escape(cell)
    )


def findings_table(findings: Iterable[Finding]) -> Table:
    """Returns the findings of the data check: level, message and action."""
    grid = table("", "")
    for finding in findings:
        action = f" [dim]-> {escape(finding.action)}[/]" if finding.action else ""
        grid.add_row(
            f"[{_COLORS[finding.level]}]{finding.level}[/]", escape(finding.message) + action
        )
    return grid


def inferred_options_table(options: Sequence[InferredOption]) -> Table:
    """Returns the inferred settings with their reasons."""
    grid = table("", "")
    for option in options:
        value = (
            ", ".join(map(str, option.value))
            if isinstance(option.value, list | tuple)
            else str(option.value)
        )
        grid.add_row(
            f"{option.place}={escape(shorten(value, 60))}",
            f"[dim]{escape(option.reason)}[/]",
        )
    return grid


def trace_table(trace: Trace) -> Table:
    """Returns the data flow: each step with its shape, costs and some values."""
    grid = table(
        "",
        "step",
        "what happens",
        "shape",
        "params",
        "MACs",
        "memory",
        "one example",
        right=(4, 5, 6),
    )
    before = ""
    for step in trace.steps:
        stage = step.stage if step.stage != before else ""
        before = step.stage
        grid.add_row(
            f"[bold]{stage}[/]",
            escape(step.name),
            escape(step.description),
            *_numbers(step),
            f"[dim]{escape(_sample(step.value))}[/]",
        )
    return grid


def trace_summary(trace: Trace) -> str:
    """Returns the costs of the net in one line."""
    return (
        f"{trace.parameters:,} params, {trace.multiplications:,} MACs and "
        f"{format_bytes(trace.memory)} of activations for one example"
    )


def _numbers(step: Step) -> tuple[str, str, str, str]:
    shape = "x".join(str(side) for side in step.shape)
    return (
        shape,
        f"{step.parameters:,}" if step.parameters else "",
        f"{step.multiplications:,}" if step.multiplications else "",
        format_bytes(step.memory) if step.memory else "",
    )


def _sample(value: Any) -> str:
    if value is None:
        return ""
    return format_array(value) if isinstance(value, np.ndarray) else str(value)


def scores_table(score: Score, *, name: str = "model") -> Table:
    """Returns the metrics of the model and of the baselines."""
    metrics = list(score.net.metrics)
    grid = table(score.answer.name, *metrics, right=tuple(range(1, 1 + len(metrics))))
    grid.add_row(
        f"[bold]{name}[/]",
        *(f"[bold]{format_score(score.net.metrics[metric])}[/]" for metric in metrics),
    )
    for baseline, evaluation in score.ordered():
        grid.add_row(
            baseline,
            *(format_score(evaluation.metrics.get(metric, float("nan"))) for metric in metrics),
        )
    return grid


def verdict_line(score: Score) -> str:
    """Returns the verdict as one colored sentence."""
    if score.verdict is None:
        return ""
    color = {1: "green", 0: "yellow", -1: "red"}[score.verdict.better]
    return f"[{color}]{escape(score.verdict.sentence)}[/]"


def chains_table(chains: Sequence[Chain]) -> Table:
    """Returns the factors of the derivative of each weight, compared with autograd."""
    grid = table("weight", "chain rule", "dL/dw", "autograd", right=(2, 3))
    for chain in chains:
        factors = " · ".join(f"{factor.name} {factor.value:.6g}" for factor in chain.factors)
        grid.add_row(
            escape(chain.weight), escape(factors), f"{chain.product:.9f}", f"{chain.autograd:.9f}"
        )
        for factor in chain.factors:
            for term in factor.terms:
                grid.add_row("", f"[dim]  path: {escape(term)}[/]", "", "")
    return grid


def through_time_table(gradients: Sequence[ThroughTime]) -> Table:
    """Returns the gradient norms through time per layer, direction and loss."""
    grid = table(
        "layer",
        "loss of",
        "first step",
        "last step",
        "ratio",
        "below 1 %",
        "by step",
        right=(2, 3, 4, 5, 6),
    )
    for row in gradients:
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
        steps = len(row.norms)
        reach = "never" if row.reach == steps else f"{row.reach} steps back"
        cell = f"{row.layer} ({row.cell}{'' if row.forward else ', backward'})"
        ends = (f"{norm:.3g}" for norm in (row.read[0], row.read[-1]))
        grid.add_row(escape(cell), row.loss, *ends, ratio, reach, _curve(row.norms))
    return grid


def _curve(norms: Sequence[float]) -> str:
    """Returns the maximum norms along time as bars, on a logarithmic scale."""
    parts = np.array_split(np.asarray(norms), min(len(norms), _CURVE))
    heights = np.array([part.max() for part in parts])
    top = len(_BLOCKS) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        indices = np.nan_to_num(top + np.log10(heights / heights.max()), nan=0.0, neginf=0.0)
    return "".join(_BLOCKS[round(index)] for index in np.clip(indices, 0, top).tolist())


def format_answer(prediction: Prediction) -> str:
    """Returns a prediction with its probability in one line."""
    text = _value(prediction.value)
    if prediction.between is not None:
        low, high = prediction.between
        text += f"\t{_value(low)}\t{_value(high)}"
    if prediction.error is not None:
        text += f"\t{format_score(prediction.error)}"
    return text if prediction.confidence is None else f"{text}\t{prediction.confidence:.4f}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    return (
        format_score(value)
        if isinstance(value, float)
        else str(value).replace("\n", "\\n").replace("\t", "\\t")
    )
