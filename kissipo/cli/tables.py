"""How findings, the way of the data, parts, scores and decisions look in the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import table
from kissipo.core.finding import Finding
from kissipo.core.text import format_bytes, format_score, list_some, shorten
from kissipo.inspect.chain_rule import Chain
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.inspect.trace import Step, Trace, format_array
from kissipo.output.answer import Prediction as Answered
from kissipo.output.inspection import told
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.pipeline import InferredOption

_COLORS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
_MOST_CLASSES = 12
_MOST_COUNTED = 100
_MOST_STATES = 64
_MOST_ALARMS = 20
_LEVELS = " ▁▂▃▄▅▆▇█"
_CURVE = 24


def findings_table(findings: Iterable[Finding]) -> Table:
    """PASS, WARN or FAIL, what was found, what is done about it."""
    made = table("", "")
    for each in findings:
        action = f" [dim]-> {escape(each.action)}[/]" if each.action else ""
        made.add_row(f"[{_COLORS[each.level]}]{each.level}[/]", escape(each.message) + action)
    return made


def decisions_table(decisions: Sequence[InferredOption]) -> Table:
    """FrozenConfig that were inferred, with the reason."""
    made = table("", "")
    for each in decisions:
        value = (
            ", ".join(map(str, each.value))
            if isinstance(each.value, list | tuple)
            else str(each.value)
        )
        made.add_row(
            f"{each.place}={escape(shorten(value, 60))}",
            f"[dim]{escape(each.reason)}[/]",
        )
    return made


def way_table(trace: Trace) -> Table:
    """Every step with its shape, its cost and a sample of what it gives."""
    made = table(
        "",
        "step",
        "what happens",
        "shape",
        "weights",
        "mult.",
        "memory",
        "one sample",
        right=(4, 5, 6),
    )
    before = ""
    for step in trace.steps:
        stage = step.stage if step.stage != before else ""
        before = step.stage
        made.add_row(
            f"[bold]{stage}[/]",
            escape(step.name),
            escape(step.description),
            *_numbers(step),
            f"[dim]{escape(_sample(step.value))}[/]",
        )
    return made


def way_sum(trace: Trace) -> str:
    """The net in one line."""
    return (
        f"{trace.parameters:,} weights, {trace.multiplications:,} multiplications and "
        f"{format_bytes(trace.memory)} of intermediate values for one sample"
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


def parts_table(experiment: Experiment) -> Table:
    """How many samples each part has, and of which class."""
    pipeline = experiment.pipeline
    answer: Any = pipeline.answers[0]
    levels = (
        answer.levels if answer.WORD == "category" and len(answer.levels) <= _MOST_COUNTED else ()
    )
    shown = levels[:_MOST_CLASSES]
    made = table(
        "part",
        "samples",
        *shown,
        *(["..."] if len(levels) > len(shown) else []),
        right=tuple(range(1, 2 + len(shown))),
    )
    for name, dataset in pipeline.datasets.items():
        counts = (
            np.bincount(dataset.truth(0).reshape(-1).numpy(), minlength=len(levels))
            if levels and len(dataset)
            else [0] * len(levels)
        )
        cells = [f"{count:,}" for count in counts[: len(shown)]]
        made.add_row(
            name, f"{len(dataset):,}", *cells, *(["..."] if len(levels) > len(shown) else [])
        )
    return made


def scores_table(score: Score, *, name: str = "this net") -> Table:
    """The net above the simple answers."""
    metrics = list(score.net.metrics)
    made = table(score.answer.name, *metrics, right=tuple(range(1, 1 + len(metrics))))
    made.add_row(
        f"[bold]{name}[/]",
        *(f"[bold]{format_score(score.net.metrics[each])}[/]" for each in metrics),
    )
    for baseline, judged in score.ordered():
        made.add_row(
            baseline, *(format_score(judged.metrics.get(each, float("nan"))) for each in metrics)
        )
    return made


def verdict_line(score: Score) -> str:
    """What to think of it."""
    if score.verdict is None:
        return ""
    color = {1: "green", 0: "yellow", -1: "red"}[score.verdict.better]
    return f"[{color}]{escape(score.verdict.sentence)}[/]"


def confusion_table(classes: Sequence[str], matrix: Sequence[Sequence[int]]) -> Table:
    """Rows are the truth, columns the answers."""
    shown = classes[: 2 * _MOST_CLASSES]
    made = table("truth \\ answer", *shown, right=tuple(range(1, 1 + len(shown))))
    for level, row in zip(shown, matrix, strict=False):
        cells = [
            f"[bold]{count}[/]" if other == level else str(count) if count else "[dim].[/]"
            for other, count in zip(shown, row, strict=False)
        ]
        made.add_row(escape(level), *cells)
    return made


def chains_table(chains: Sequence[Chain]) -> Table:
    """Every weight with the factors of its derivative, beside autograd."""
    made = table("weight", "chain rule", "dL/dw", "autograd", right=(2, 3))
    for chain in chains:
        told = " · ".join(f"{each.name} {each.value:.6g}" for each in chain.factors)
        made.add_row(
            escape(chain.weight), escape(told), f"{chain.product:.9f}", f"{chain.autograd:.9f}"
        )
        for factor in chain.factors:
            for term in factor.terms:
                made.add_row("", f"[dim]  way back: {escape(term)}[/]", "", "")
    return made


def through_time_table(told: Sequence[ThroughTime]) -> Table:
    """For every layer, direction and loss the norms where reading begins and ends, how far back it reaches, and their curve."""
    made = table(
        "layer",
        "loss of",
        "first read",
        "last",
        "ratio",
        "a hundredth",
        "by step",
        right=(2, 3, 4, 5, 6),
    )
    for each in told:
        ratio = "-" if each.ratio is None else f"{each.ratio:.3g}"
        steps = len(each.norms)
        reach = "not reached" if each.reach == steps else f"{each.reach} steps back"
        cell = f"{each.layer} ({each.cell}{'' if each.forward else ', backward'})"
        ends = (f"{norm:.3g}" for norm in (each.read[0], each.read[-1]))
        made.add_row(escape(cell), each.loss, *ends, ratio, reach, _curve(each.norms))
    return made


def _curve(norms: Sequence[float]) -> str:
    """The greatest norm of each part of the time axis as a bar; one level less is a factor of ten."""
    parts = np.array_split(np.asarray(norms), min(len(norms), _CURVE))
    heights = np.array([part.max() for part in parts])
    top = len(_LEVELS) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.nan_to_num(top + np.log10(heights / heights.max()), nan=0.0, neginf=0.0)
    return "".join(_LEVELS[round(level)] for level in np.clip(levels, 0, top).tolist())


def walks_table(walks: Sequence[Mapping[str, Any]]) -> Table:
    """Where every walk began and ended."""
    made = table("surface", "optimizer", "start", "end", "height", "place", right=(4,))
    for each in walks:
        start, end = (", ".join(f"{value:.3f}" for value in each[key]) for key in ("start", "end"))
        made.add_row(
            each["surface"],
            each["optimizer"],
            f"({start})",
            f"({end})",
            f"{each['height']:.4f}",
            each["place"],
        )
    return made


def inspection_line(found: Mapping[str, Any]) -> str:
    """What is missed and called for nothing at the threshold, and what it costs beside the likeliest class."""
    return escape(told(found))


def interval_line(interval: Mapping[str, Any]) -> str:
    """How much of the truth the interval was to hold and held."""
    return f"{interval['coverage']:.1%} of the truth in it, {interval['wanted']:.0%} wanted; {format_score(interval['width'])} wide"


def alarms_told(details: Mapping[str, Any]) -> Table | str:
    """Every labeled window with its first alarm, then the alarms that met none."""
    if not details["alarms"] and not details.get("windows"):
        return f"No alarms from {details['judged_from']} on."
    made = table("", "from", "to", "")
    for window in details.get("windows", []):
        told = (
            "[red]missed[/]"
            if window["first_alarm"] is None
            else f"[green]hit[/] {window['first_alarm']}"
        )
        made.add_row(
            "labeled",
            window["from"],
            window["to"],
            told if window["judged"] else f"{told} [dim](not judged)[/]",
        )
    false = [alarm for alarm in details["alarms"] if not alarm.get("labeled", False)]
    for alarm in false[:_MOST_ALARMS]:
        higher = f"{alarm['error'] / details['threshold']:.1f} times the threshold"
        made.add_row(
            "false alarm" if "labeled" in alarm else "alarm", alarm["from"], alarm["to"], higher
        )
    if len(false) > _MOST_ALARMS:
        made.add_row("", f"and {len(false) - _MOST_ALARMS} more", "", "")
    return made


def weights_line(weights: Mapping[str, float], *, most: int = 12) -> str:
    """The weights of a linear net, the greatest first where there are many."""
    shown = (
        weights.items()
        if len(weights) <= most
        else sorted(weights.items(), key=lambda pair: -abs(pair[1]))
    )
    return escape(list_some([f"{name} = {value:.4g}" for name, value in shown], most))


def policy_table(policy: Mapping[str, Any]) -> Table:
    """Learned values beside those of value iteration, in every state in which something can be decided."""
    actions = policy["actions"]
    titles = [f"Q({name})" for name in actions]
    made = table(
        "state",
        *titles,
        "learned",
        *(f"V {title}" for title in titles),
        "best",
        "",
        right=(*range(1, 1 + len(actions)), *range(2 + len(actions), 2 + 2 * len(actions))),
    )
    for at, state in enumerate(policy["states"][:_MOST_STATES]):
        if not policy["matters"][at]:
            continue
        learned, best = policy["learned"][at], policy["best"][at]
        chosen, right = int(np.argmax(learned)), int(np.argmax(best))
        cells = [f"{value:.3f}" for value in learned], [f"[dim]{value:.3f}[/]" for value in best]
        same = "[green]agrees[/]" if policy["agrees"][at] else "[red]differs[/]"
        made.add_row(
            escape(state),
            *cells[0],
            escape(actions[chosen]),
            *cells[1],
            f"[dim]{escape(actions[right])}[/]",
            same,
        )
    return made


def format_answer(answered: Answered) -> str:
    """One answer with its confidence, in one line whatever it is."""
    text = _value(answered.value)
    if answered.between is not None:
        low, high = answered.between
        text += f"\t{_value(low)}\t{_value(high)}"
    if answered.error is not None:
        text += f"\t{format_score(answered.error)}"
    return text if answered.confidence is None else f"{text}\t{answered.confidence:.4f}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    return (
        format_score(value)
        if isinstance(value, float)
        else str(value).replace("\n", "\\n").replace("\t", "\\t")
    )
