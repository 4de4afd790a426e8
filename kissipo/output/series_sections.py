"""What the report shows of a series: its trend and season, forecasts, and alarms."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.description import Cell, Chart, Line, Record, Section, Table
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score
from kissipo.core.time.timestamps import as_seconds
from kissipo.output.anomaly_spans import Span
from kissipo.output.answer import EvaluationData, Scores
from kissipo.output.decompose import decompose
from kissipo.output.metric_titles import metric_title
from kissipo.output.series_scales import SeriesScales

_MAX_STEPS, _MAX_VALUES = 1000, 12
_MAX_SERIES, _MAX_ROWS = 3, 200
_MAX_ALARMS, _MAX_PRINTED_ALARMS = 200, 20
_MAX_BEFORE = 200  # observed steps before the first forecast


def season_section(data: EvaluationData, name: str) -> Section:
    """Returns trend, season and remainder of a variable, if it has a season."""
    title = "Trend and season"
    components = decompose(data.frame[name].values, data.season_length)
    if components is None:
        return Section(title, [])
    times, unit, is_time = _times(data.frame)
    records: list[Record] = []
    for part in ("trend", "season", "rest"):
        curve = list(zip(times, getattr(components, part).tolist(), strict=True))[-_MAX_STEPS:]
        records.append(Chart({part: curve}, unit, part, height=150, is_time=is_time))
    newest = (
        f"The plots show the last {_MAX_STEPS:,} of {len(times):,} steps. "
        if len(times) > _MAX_STEPS
        else ""
    )
    text = (
        f"{newest}The series is the sum of the three. The season of {data.season_length} steps "
        f"has the strength {components.seasonal:.2f}, the trend {components.trending:.2f} "
        "(0: absent, 1: explains everything)."
    )
    return Section(title, [*records, Line(text, "dim")])


def forecasts_section(
    data: EvaluationData, variables: Sequence[str], interval: tuple[Scores, Scores] | None
) -> Section:
    """Returns forecasts that do not overlap, with those of the best baseline, beside
    the observed values and the steps before them.

    interval:  the low and the high end of each forecast
    """
    details, scores, truth = data.evaluation.details, data.scores, data.truth
    horizon = scores.shape[1]
    all_times, unit, is_time = _times(data.frame)
    start = int(data.rows[0]) + data.codecs[0].spec.shape[0]
    times, before = all_times[start:], min(data.codecs[0].spec.shape[0], _MAX_BEFORE)
    earlier = data.frame[variables[0]].values[start - before : start].tolist()
    observed = earlier + np.concatenate([truth[:, 0, 0], truth[-1, 1:, 0]]).tolist()

    def joined(values: Scores) -> list[tuple[float, float]]:
        return [
            (times[start + step], float(values[start, step, 0]))
            for start in range(0, len(values), horizon)
            for step in range(horizon)
        ]

    curves = {
        "observed": list(zip(all_times[start - before :], observed, strict=False)),
        "forecast": joined(scores),
    }
    best = next(iter(data.baselines), "")
    if best and "scores" in data.baselines[best].arrays:
        curves[best] = joined(data.baselines[best].arrays["scores"])
    if interval is not None:
        curves |= dict(zip(("low", "high"), map(joined, interval), strict=True))
    chart = Chart(
        curves,
        unit,
        variables[0],
        height=320,
        band=("low", "high"),
        dashed=[best],
        marker=times[0],
        marker_name="the first forecast",
        is_time=is_time,
    )
    records: list[Record] = [chart]
    if "interval" in details:
        share = details["interval"]
        text = (
            f"The prediction interval covers {share['coverage']:.1%} of the observed values; "
            f"the requested coverage is {share['wanted']:.0%}."
        )
        records.append(Line(text, "dim"))
    if horizon > 1:
        scaled = "normalized_mae_by_step" in details
        errors = details["normalized_mae_by_step" if scaled else "mae_by_step"]
        name = "mean absolute error" + (", scaled" if scaled else "")
        points = list(enumerate(errors, start=1))
        records.append(Chart({"error": points}, "steps ahead", name, height=180))
        text = f"Forecasts of {horizon} steps; each starts where the one before it ended."
        records.append(Line(text, "dim"))
    if "by_variable" in details:
        rows = [
            [name, *(format_score(value) for value in errors.values())]
            for name, errors in details["by_variable"].items()
        ]
        titles = ["variable", *map(metric_title, ("mae", "rmse", "mase"))]
        records.append(Table(titles, rows, numbers=(1, 2, 3)))
    return Section("Forecasts and observations", records)


def several_series_section(
    data: EvaluationData, variables: Sequence[str], margins: Scores | None, scales: SeriesScales
) -> Section:
    """Returns the errors of each series in its own unit, and some of the forecasts."""
    selection = [scales.names.index(name) for name in variables]
    rows: list[list[str]] = []
    charts: list[Record] = []
    for series, positions in scales.rows(data.frame).items():
        samples = np.flatnonzero((data.rows >= positions[0]) & (data.rows <= positions[-1]))
        if not len(samples):
            continue
        center, spread = (part[selection] for part in scales.of(series, data.frame))
        scores, truth = (part[samples] * spread + center for part in (data.scores, data.truth))
        errors = np.abs(scores - truth)[:, :, 0]
        root = float(np.sqrt(np.square(errors).mean()))
        mean = format_score(float(errors.mean()))
        rows.append([series, str(len(samples)), mean, format_score(root)])
        if len(charts) < _MAX_SERIES:
            baselines = {
                name: replace(item, arrays={"scores": forecasts[samples] * spread + center})
                for name, item in data.baselines.items()
                if (forecasts := item.arrays.get("scores")) is not None
            }
            own = replace(
                data,
                scores=scores,
                truth=truth,
                rows=data.rows[samples],
                baselines=baselines,
            )
            interval = (
                None if margins is None else (scores - margins * spread, scores + margins * spread)
            )
            charts += [Line(series), forecasts_section(own, variables, interval).content[0]]
    titles = ["series", "forecasts", *map(metric_title, ("mae", "rmse"))]
    table = Table(titles, rows[:_MAX_ROWS], numbers=(1, 2, 3))
    text = f"The errors of '{variables[0]}' are in its unit; the scores are on one scale."
    return Section("Series", [table, Line(text, "dim"), *charts])


def worst_windows(data: EvaluationData, samples: NDArray[np.int64]) -> Section:
    """Returns the targets and the forecasts of some samples as numbers."""
    rows = [
        [
            f"step {data.rows[sample] + 1}",
            _listed(data.truth[sample]),
            _listed(data.scores[sample]),
        ]
        for sample in samples
    ]
    return Section("Worst predictions", [Table(["window from", "target", "prediction"], rows)])


def alarms_section(data: EvaluationData, name: str, labeled: Sequence[Span]) -> Section:
    """Returns the series with its alarms and labeled windows, and the errors."""
    details, values = data.evaluation.details, data.frame[name].values
    errors, first = data.evaluation.arrays["errors"], data.evaluation.arrays["first"]
    times, unit, is_time = _times(data.frame)
    threshold = details["threshold"]
    steps = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MAX_STEPS)).astype(int))
    alarms = first + np.flatnonzero(errors > threshold)
    alarms = alarms[:: len(alarms) // _MAX_STEPS + 1]
    curves = {
        label: [(times[step], float(values[step])) for step in places.tolist()]
        for label, places in ((name, steps), ("alarm", alarms))
    }
    spans = [(times[span.first], times[span.last]) for span in labeled]
    starts = steps[steps >= first]
    # the maximum between two points, so that no peak is skipped
    peaks = np.maximum.reduceat(errors, starts - first).tolist()
    heights = {
        "error": [(times[step], peak) for step, peak in zip(starts.tolist(), peaks, strict=True)],
        "threshold": [(times[first], threshold), (times[-1], threshold)],
    }
    text = (
        f"Evaluated from {details['judged_from']} on. Errors are in units of the standard "
        "deviation of the training split; of normal steps one in "
        f"{1 / details['false_alarm_rate']:,.0f} was expected above the threshold of "
        f"{threshold:.4g}."
    )
    return Section(
        "Alarms",
        [
            Chart(curves, unit, name, height=250, dots=("alarm",), spans=spans, is_time=is_time),
            Chart(heights, unit, "error", height=200, spans=spans, log_scale=True, is_time=is_time),
            alarms_table(details, full=True),
            Line(text, "dim"),
        ],
    )


def alarms_table(details: JsonMapping, *, full: bool) -> Line | Table:
    """Returns the labeled windows with their first alarms, and the other alarms.

    full:  alarms in labeled windows, and more alarms
    """
    if not details["alarms"] and not details.get("windows"):
        return Line(f"No alarms from {details['judged_from']} on.")
    rows = []
    for window in details.get("windows", []):
        first = window["first_alarm"]
        note = "" if window["evaluated"] else " (not evaluated)"
        hit = Cell(f"missed{note}", "bad")
        if first is not None:
            hit = Cell(f"hit {first}{note}", "good")
        rows.append(["labeled", window["from"], window["to"], hit])
    alarms = [alarm for alarm in details["alarms"] if full or not alarm.get("labeled", False)]
    count = _MAX_ALARMS if full else _MAX_PRINTED_ALARMS
    words = {True: "alarm in a labeled window", False: "false alarm", None: "alarm"}
    for alarm in alarms[:count]:
        higher = f"{alarm['error'] / details['threshold']:.1f} times the threshold"
        rows.append([words[alarm.get("labeled")], alarm["from"], alarm["to"], higher])
    if len(alarms) > count:
        rows.append(["", f"and {len(alarms) - count} more", "", ""])
    return Table(["", "from", "to", ""], rows)


def series_chart(frame: Frame, name: str, test: NDArray[np.int64]) -> Chart:
    """Returns the values of a series; the steps from the first of `test` are shaded."""
    times, unit, is_time = _times(frame)
    steps = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _MAX_STEPS)).astype(int))
    curve = [(times[step], float(frame[name].values[step])) for step in steps.tolist()]
    spans = [(times[int(test[0])], times[-1])] if len(test) else []
    return Chart({name: curve}, unit, name, height=220, spans=spans, is_time=is_time)


def _times(frame: Frame) -> tuple[list[float], str, bool]:
    """Returns the times of all steps in seconds since 1970, or their numbers."""
    time = next((column for column in frame.columns if column.kind == "time"), None)
    if time is None:
        return [float(step) for step in range(1, len(frame) + 1)], "step", False
    return as_seconds(time.values).astype(float).tolist(), time.name, True


def _listed(values: object) -> str:
    flat = np.asarray(values).reshape(-1)
    more = " ..." if len(flat) > _MAX_VALUES else ""
    return ", ".join(f"{value:.4g}" for value in flat[:_MAX_VALUES]) + more
