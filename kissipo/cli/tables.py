"""Tables of the terminal: findings, inferred settings, data flow, splits and scores."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import table
from kissipo.core.finding import Finding
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import format_bytes, format_score, list_some, shorten
from kissipo.inspect.chain_rule import Chain
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.inspect.trace import Step, Trace, format_array
from kissipo.output.answer import Prediction as Prediction
from kissipo.output.inspection import describe_costs
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment

_COLORS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
_MAX_CLASSES = 12
_MAX_COUNTED_CLASSES = 100
_MAX_STATES = 64
_MAX_ALARMS = 20
_BLOCKS = " ▁▂▃▄▅▆▇█"
_CURVE = 24


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


def splits_table(experiment: Experiment) -> Table:
    """Returns the number of examples per split and class."""
    pipeline = experiment.pipeline
    answer: Any = pipeline.answers[0]
    classes = (
        answer.classes
        if answer.WORD == "category" and len(answer.classes) <= _MAX_COUNTED_CLASSES
        else ()
    )
    names = classes[:_MAX_CLASSES]
    grid = table(
        "split",
        "examples",
        *names,
        *(["..."] if len(classes) > len(names) else []),
        right=tuple(range(1, 2 + len(names))),
    )
    for name, dataset in pipeline.datasets.items():
        counts = (
            np.bincount(dataset.truth(0).reshape(-1).numpy(), minlength=len(classes))
            if classes and len(dataset)
            else [0] * len(classes)
        )
        cells = [f"{count:,}" for count in counts[: len(names)]]
        grid.add_row(
            name, f"{len(dataset):,}", *cells, *(["..."] if len(classes) > len(names) else [])
        )
    return grid


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


def confusion_table(classes: Sequence[str], matrix: Sequence[Sequence[int]]) -> Table:
    """Returns the confusion matrix: rows are true, columns predicted classes."""
    names = classes[: 2 * _MAX_CLASSES]
    grid = table("true \\ predicted", *names, right=tuple(range(1, 1 + len(names))))
    for name, row in zip(names, matrix, strict=False):
        cells = [
            f"[bold]{count}[/]" if other == name else str(count) if count else "[dim].[/]"
            for other, count in zip(names, row, strict=False)
        ]
        grid.add_row(escape(name), *cells)
    return grid


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


def playground_table(points: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the start and the end of each path of an optimizer."""
    grid = table("surface", "optimizer", "start", "end", "height", "place", right=(4,))
    for point in points:
        start, end = (", ".join(f"{value:.3f}" for value in point[key]) for key in ("start", "end"))
        grid.add_row(
            point["surface"],
            point["optimizer"],
            f"({start})",
            f"({end})",
            f"{point['height']:.4f}",
            point["place"],
        )
    return grid


def inspection_line(inspection: Mapping[str, Any]) -> str:
    """Returns the errors and the cost at the threshold, compared with argmax."""
    return escape(describe_costs(inspection))


def interval_line(interval: Mapping[str, Any]) -> str:
    """Returns the coverage and the width of the prediction interval."""
    return (
        f"coverage {interval['coverage']:.1%} (target {interval['wanted']:.0%}), "
        f"mean width {format_score(interval['width'])}"
    )


def alarms_table(details: Mapping[str, Any]) -> Table | str:
    """Returns the labeled windows with their first alarms, and the other alarms."""
    if not details["alarms"] and not details.get("windows"):
        return f"No alarms from {details['judged_from']} on."
    grid = table("", "from", "to", "")
    for window in details.get("windows", []):
        first_alarm = (
            "[red]missed[/]"
            if window["first_alarm"] is None
            else f"[green]hit[/] {window['first_alarm']}"
        )
        grid.add_row(
            "labeled",
            window["from"],
            window["to"],
            first_alarm if window["evaluated"] else f"{first_alarm} [dim](not evaluated)[/]",
        )
    false = [alarm for alarm in details["alarms"] if not alarm.get("labeled", False)]
    for alarm in false[:_MAX_ALARMS]:
        higher = f"{alarm['error'] / details['threshold']:.1f} times the threshold"
        grid.add_row(
            "false alarm" if "labeled" in alarm else "alarm", alarm["from"], alarm["to"], higher
        )
    if len(false) > _MAX_ALARMS:
        grid.add_row("", f"and {len(false) - _MAX_ALARMS} more", "", "")
    return grid


def weights_line(weights: Mapping[str, float], *, max_weights: int = 12) -> str:
    """Returns the weights of a linear net, the largest first where there are many."""
    pairs = (
        weights.items()
        if len(weights) <= max_weights
        else sorted(weights.items(), key=lambda pair: -abs(pair[1]))
    )
    return escape(list_some([f"{name} = {value:.4g}" for name, value in pairs], max_weights))


def policy_table(policy: Mapping[str, Any]) -> Table:
    """Returns the Q-values of all states with a choice, beside value iteration."""
    actions = policy["actions"]
    titles = [f"Q({name})" for name in actions]
    grid = table(
        "state",
        *titles,
        "policy",
        *(f"V {title}" for title in titles),
        "best",
        "",
        right=(
            *range(1, 1 + len(actions)),
            *range(2 + len(actions), 2 + 2 * len(actions)),
        ),
    )
    for index, state in enumerate(policy["states"][:_MAX_STATES]):
        if not policy["matters"][index]:
            continue
        q_values, optimal = policy["q_values"][index], policy["best"][index]
        greedy, optimal_action = int(np.argmax(q_values)), int(np.argmax(optimal))
        cells = (
            [f"{value:.3f}" for value in q_values],
            [f"[dim]{value:.3f}[/]" for value in optimal],
        )
        same = "[green]agrees[/]" if policy["agrees"][index] else "[red]differs[/]"
        grid.add_row(
            escape(state),
            *cells[0],
            escape(actions[greedy]),
            *cells[1],
            f"[dim]{escape(actions[optimal_action])}[/]",
            same,
        )
    return grid


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
