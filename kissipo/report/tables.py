"""Tables that every run has: findings, settings, data flow, splits and scores.

The terminal and the report render the same tables.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from kissipo.core.description import Cell, Table
from kissipo.core.finding import Finding, counted
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import describe, format_bytes, format_score, shorten
from kissipo.inspect.chain_rule import Chain
from kissipo.inspect.trace import Step, Trace, format_array
from kissipo.output.score import Score
from kissipo.pipeline.pipeline import InferredOption, Pipeline

MODEL = "model"
_MAX_PER_CHECK = 30  # findings
_LONGEST, _LONG = 1000, 120  # characters of a message, of what happens in a step
_MANY_CALLS = 40  # of layers after their first calls, from which these share one row
_STYLES = {"PASS": "good", "WARN": "warn", "FAIL": "bad"}


def findings_table(findings: Iterable[Finding]) -> Table:
    """Returns the findings of the data check: level, message and action.

    Of a check with very many findings, such as one per column, the first ones are
    shown.
    """
    findings = list(findings)
    totals = Counter((finding.level, finding.check) for finding in findings)
    printed: Counter[tuple[str, str]] = Counter()
    rows = []
    for finding in findings:
        kind, level = (finding.level, finding.check), Cell(finding.level, _STYLES[finding.level])
        printed[kind] += 1
        if printed[kind] <= _MAX_PER_CHECK:
            action = f" -> {finding.action}" if finding.action else ""
            message = shorten(finding.message, _LONGEST).replace("\n", "\\n")
            rows.append([level, message + action])
        elif printed[kind] == _MAX_PER_CHECK + 1:
            more = f"{totals[kind] - _MAX_PER_CHECK:,} more findings (--json has all)"
            rows.append([level, f"{finding.check}: {more}"])
    return Table(["", ""], rows)


def inferred_options_table(options: Sequence[InferredOption]) -> Table:
    """Returns the inferred settings with their reasons."""
    rows = []
    for option in options:
        value = option.value
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        rows.append([f"{option.place}={shorten(text, 60)}", Cell(option.reason, "dim")])
    return Table(["", ""], rows)


def trace_table(trace: Trace, *, max_length: int = 300) -> Table:
    """Returns the data flow: each step with its shape, costs and some values.

    Of a layer that is called many times, as by a net that writes a text, the first call
    has a row, and all others share one.

    max_length:  of the text of one example
    """
    rows, before = [], ""
    for step in _folded(trace.steps):
        stage = step.stage if step.stage != before else ""
        before = step.stage
        rows.append([
            Cell(stage, "strong"),
            step.name,
            shorten(step.description, _LONG),
            "x".join(str(side) for side in step.shape),
            f"{step.parameters:,}" if step.parameters else "",
            f"{step.multiplications:,}" if step.multiplications else "",
            format_bytes(step.memory) if step.memory else "",
            Cell(shorten(_sample(step.value), max_length), "dim"),
        ])  # fmt: skip
    titles = ["", "step", "what happens", "shape", "params", "MACs", "memory", "one example"]
    return Table(titles, rows, numbers=(4, 5, 6))


def _folded(steps: Sequence[Step]) -> Sequence[Step]:
    """Returns the steps with one for all calls of layers after their first, if there
    are many."""
    first: list[Step] = []
    further: list[Step] = []
    named: set[str] = set()
    for step in steps:
        is_further = step.stage == "process" and step.name in named
        (further if is_further else first).append(step)
        named.add(step.name)
    if len(further) <= _MANY_CALLS:
        return steps
    layers = counted(len({step.name for step in further}), "layer")
    rest = Step(
        "process",
        "...",
        f"{len(further):,} more calls of {layers}, step by step",
        multiplications=sum(step.multiplications for step in further),
        memory=sum(step.memory for step in further),
    )
    place = 1 + max(number for number, step in enumerate(first) if step.stage == "process")
    return [*first[:place], rest, *first[place:]]


def trace_summary(trace: Trace) -> str:
    """Returns the costs of the net in one line."""
    return (
        f"{trace.parameters:,} params, {trace.multiplications:,} MACs and "
        f"{format_bytes(trace.memory)} of activations for one example"
    )


def chains_table(chains: Sequence[Chain]) -> Table:
    """Returns the factors of the derivative of each weight, compared with autograd."""
    rows = []
    for chain in chains:
        factors = " · ".join(f"{factor.name} {factor.value:.6g}" for factor in chain.factors)
        rows.append([chain.weight, factors, f"{chain.product:.9f}", f"{chain.autograd:.9f}"])
        terms = [term for factor in chain.factors for term in factor.terms]
        rows += [["", Cell(f"  path: {term}", "dim"), "", ""] for term in terms]
    return Table(["weight", "chain rule", "dL/dw", "autograd"], rows, numbers=(2, 3))


def splits_table(pipeline: Pipeline, *, max_classes: int = 12) -> Table:
    """Returns the number of examples per split and class."""
    answer, rows = pipeline.answers[0], []
    classes: list[str] = []
    for name, dataset in pipeline.datasets.items():
        counts = answer.split_counts(partial(dataset.truth, 0))
        classes = list(counts)
        cells = [f"{count:,}" for count in counts.values()]
        rows.append([name, f"{len(dataset):,}", *_first(cells, max_classes)])
    numbers = range(1, 2 + min(len(classes), max_classes))
    return Table(["split", "examples", *_first(classes, max_classes)], rows, numbers=numbers)


def scores_table(score: Score) -> Table:
    """Returns the metrics of the model and of the baselines."""
    return answer_scores_table(score.to_json())


def answer_scores_table(answer: JsonMapping) -> Table:
    """Returns the same of an answer in metrics.json, the best baseline first."""
    metrics, main = list(answer["metrics"]), answer["main"]
    baselines = sorted(
        answer["baselines"].items(),
        key=lambda pair: _number(pair[1].get(main)),
        reverse=answer["higher_is_better"],
    )
    models = [(MODEL, answer["metrics"])]
    if "compared" in answer:
        samples, values = answer["compared"]["samples"], answer["compared"]["metrics"]
        models.append((f"{MODEL} on {samples:,} examples, as below", values))
    rows = [
        [name, *(format_score(_number(values.get(item))) for item in metrics)]
        for name, values in [*models, *baselines]
    ]
    rows[0] = [Cell(str(cell), "strong") for cell in rows[0]]
    return Table([answer["column"], *metrics], rows, numbers=range(1, 1 + len(metrics)))


def compared_metrics(rows: Sequence[JsonMapping]) -> list[str]:
    """Returns the names of all metrics of the compared tasks."""
    return list(dict.fromkeys(name for row in rows for name in row["metrics"]))


def comparison_table(rows: Sequence[JsonMapping], metrics: Sequence[str]) -> Table:
    """Returns one row per compared task, with the std where there are several seeds."""
    titles = ["", *(name.replace(" ", "\n") for name in metrics)]
    titles += ["faster", "performance\n/ cost", "params"]
    lines = []
    for row in rows:
        faster, ratio = row["faster"], row["performance_cost"]
        cells = [_mean(row["metrics"].get(name), len(row["seeds"])) for name in metrics]
        cells.append("-" if faster is None else f"{faster:+.1f} %")
        cells.append("-" if ratio is None else f"{ratio:.3g}")
        lines.append([Cell(row["task"], "strong"), *cells, f"{row['weights']:,}"])
    return Table(titles, lines, numbers=range(1, len(titles)))


def _mean(values: JsonMapping | None, seeds: int) -> str:
    if values is None:
        return "-"
    text = format_score(values["mean"])
    return text if seeds == 1 else f"{text}\n± {format_score(values['std'])}"


def _number(value: float | None) -> float:
    """Returns a number of JSON, where null stands for NaN."""
    return float("nan") if value is None else value


def _first(cells: list[str], count: int) -> list[str]:
    return cells if len(cells) <= count else [*cells[:count], "..."]


def _sample(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return describe(value)
    return format_array(value) if isinstance(value, np.ndarray) else str(value)
