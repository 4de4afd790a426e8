"""Sections of the report that every run has: verdict, scores and training."""

from collections.abc import Sequence
from dataclasses import replace

from kissipo.core.description import Bars, Chart, Line, LineStyle, Record, Section
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.inspect.trace import Trace
from kissipo.output.metric_titles import metric_title
from kissipo.output.score import Score
from kissipo.report.loss_curves import describe_curves
from kissipo.report.tables import (
    MODEL,
    chains_table,
    scores_table,
    trace_summary,
    trace_table,
)

_MAX_LAYERS, _MAX_LENGTH = 8, 160
_MAX_BESIDE = 6  # columns of a table of scores that leave room for bars
_VERDICTS: dict[int, LineStyle] = {1: "better", 0: "tie", -1: "worse"}
_NOTES = {
    "test": "The model and the baselines are evaluated on the same samples, which none of them "
    "was trained on.",
    "validation": "There is no test split: the scores are those of the validation split, "
    "by which the best epoch was chosen.",
    "train": "Training and evaluation use the same samples: there is no held-out split.",
}
_TRAINED_NOTE = " The baselines were trained on at most {:,} samples."
_PART_NOTE = (
    "The baselines predict {:,} of the samples, drawn at random; the verdict and the bars "
    "compare the model with them on these."
)


def verdict_section(scores: Sequence[Score]) -> Section:
    """Returns one verdict per answer."""
    lines = []
    for score in scores:
        if score.verdict is not None:
            main = score.answer.EVAL_METRIC
            text = f"{metric_title(main)} {score[main]:.4g}: {score.verdict.sentence}."
            lines.append(Line(text, _VERDICTS[score.verdict.better]))
    return Section("Verdict", lines)


def score_section(score: Score, trained: int) -> Section:
    """Returns the metrics of the model and of the baselines, as numbers and as bars.

    trained:  the number of training samples
    """
    note = score.answer.SCORE_NOTE or _NOTES[score.part]
    if trained > score.answer.BASELINE_SAMPLES:
        note += _TRAINED_NOTE.format(score.answer.BASELINE_SAMPLES)
    main = score.answer.EVAL_METRIC
    net = score.net
    if score.compared is not None:
        note, net = f"{_PART_NOTE.format(score.compared.samples)} {note}", score.compared.net
    if "simple_answers" in score.net.details:
        note += f" {score.net.details['simple_answers'].capitalize()}."
    evaluations = {MODEL: net, **dict(score.ordered())}
    values = {name: evaluation.metrics[main] for name, evaluation in evaluations.items()}
    table = scores_table(score)
    titles = [table.titles[0], *map(metric_title, table.titles[1:])]
    parts = [
        Section("", [replace(table, titles=titles)]),
        Section(metric_title(main), [Bars(values, first=MODEL)]),
    ]
    return Section(
        f"Score of '{score.answer.name}'",
        [Section("", parts, side_by_side=len(titles) <= _MAX_BESIDE), Line(note, "dim")],
    )


def data_flow_section(trace: Trace) -> Section:
    """Returns the steps of one example with their shapes and costs."""
    records: list[Record] = [
        trace_table(trace, max_length=_MAX_LENGTH),
        Line(f"{trace_summary(trace)}, through the trained model.", "dim"),
    ]
    if trace.chains:
        text = "The chain rule with numbers, for half the squared error of this example:"
        records += [Line(text), chains_table(trace.chains)]
    return Section("Data flow", records)


def training_section(
    history: Sequence[JsonMapping],
    eval_metrics: Sequence[str],
    *,
    best_epoch: int,
    max_epochs: int,
    is_monitored: bool = True,
) -> Section:
    """Returns the losses and metrics per epoch, or the returns per episode.

    is_monitored:  whether there is a best epoch; without one, the curves of the losses
                   do not say whether training went well
    """
    if history and "return" in history[-1]:
        keys = {"training": "return", "greedy episodes that chose the policy": "greedy_return"}
        axis = "step" if "step" in history[-1] else "episode"  # no episode may begin in a row
        returns = {name: _points(history, key, axis) for name, key in keys.items()}
        returns = {name: points for name, points in returns.items() if points}
        label = "environment step" if axis == "step" else axis
        return Section("Training", [Chart(returns, label, "mean return")])
    if max_epochs == 0:  # the net was solved
        return Section("Training", [])
    usual = ("epoch", "loss")
    named = [key for key in history[-1] if key not in usual and not key.startswith("validation_")]
    keys = {"training": "loss", "validation": "validation_loss"}
    keys |= {metric_title(key): key for key in named}
    series = {name: _points(history, key) for name, key in keys.items()}
    series = {name: points for name, points in series.items() if len(points) > 1}
    marker = best_epoch if "validation" in series else None
    marker_name = f"epoch {best_epoch}, whose weights are kept"
    records: list[Record] = [Chart(series, "epoch", "loss", marker=marker, marker_name=marker_name)]
    for metric in eval_metrics:
        points = _points(history, f"validation_{metric}")
        if len(points) > 1:
            name = metric_title(metric)
            records.append(
                Chart(
                    {f"{name} of the validation split": points},
                    "epoch",
                    name,
                    height=180,
                    marker=marker,
                    marker_name=marker_name,
                )
            )
    sentences = (
        describe_curves(history, best_epoch=best_epoch, max_epochs=max_epochs)
        if is_monitored
        else []
    )
    return Section("Training", [*records, *map(Line, sentences)])


def through_time_section(gradients: Sequence[ThroughTime]) -> Section:
    """Returns |dL/dh_t| per loss and layer, and how far back it reaches."""
    records: list[Record] = []
    for loss in dict.fromkeys(item.loss for item in gradients):
        layers = [item for item in gradients if item.loss == loss]
        names = [item.layer + ("" if item.forward else ", backward") for item in layers]
        curves = {
            name: list(enumerate(item.norms, start=1))
            for name, item in list(zip(names, layers, strict=True))[:_MAX_LAYERS]
        }
        records.append(Chart(curves, "step", "|dL/dh_t|", height=220, log_scale=True))
        text = f"Loss of {loss}. " + "; ".join(map(_reach, names, layers)) + "."
        if len(layers) > _MAX_LAYERS:
            text += f" The plot shows the first {_MAX_LAYERS} of {len(layers)} layers."
        records.append(Line(text, "dim"))
    return Section("Gradients through time", records)


def _reach(name: str, item: ThroughTime) -> str:
    reach = (
        f"falls below 1% of its maximum {counted(item.reach, 'step')} back"
        if item.reach < len(item.norms)
        else "reaches the first step"
    )
    ratio = "" if item.ratio is None else f", first to last {item.ratio:.3g}"
    return f"{name}: {reach}{ratio}"


def _points(
    history: Sequence[JsonMapping], key: str, axis: str = "epoch"
) -> list[tuple[float, float]]:
    return [(row[axis], row[key]) for row in history if key in row]
