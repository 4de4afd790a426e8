"""A series as samples: windows of the past as inputs, the steps after them as targets; parts by time only.

A sample belongs to the part in which the steps that it forecasts lie, so that nothing that is judged was seen while learning;
a window may reach back into an earlier part, because the past is known. Scaling is learned from the training steps alone.
What is known beforehand of the steps to come (`time_features`, `future_covariates`) is a second input, one row a step of the horizon.

Where it is asked which steps are odd, the target is the one step after a window, or the window itself; that step, or the last of the
window, is the one that is judged. Where a class is asked, it is that of the last step of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kissipo.codec.concat import Concat
from kissipo.codec.datetime import Calendar
from kissipo.codec.numbers import Numbers
from kissipo.codec.windows import Windows
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, strings, times
from kissipo.core.timestamps import as_time, has_zone, looks_like_time, next_timestamps
from kissipo.input.check import columns as checks
from kissipo.input.check.timestamps import order_in_time
from kissipo.input.season_length import find_season
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.anomaly import Anomaly
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import InferredOption, Pipeline
from kissipo.pipeline.series_targets import asked_of

_LEAST_SAMPLES = 10


def wire(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Windows cut, scaling fitted on the training steps, all parts encoded.

    Raises:   DataError for gaps in the values, an unknown column, a series that is too short.
    """
    options, findings = resolved.source.options, list(reading.findings)
    decisions: list[InferredOption] = []
    frame, time = _in_order(reading.frame, options, findings, decisions)
    frame = _first_steps(frame, options.max_rows)
    asked = asked_of(frame, reading, resolved, time, decisions)
    frame, horizon, seen = asked.in_kind(frame), asked.reach, asked.seen
    columns = tuple(dict.fromkeys((*seen, *asked.numbers, *(options.future_covariates or ()))))
    ahead = _known_ahead(frame, options, time, asked.names, horizon)
    findings += checks.mixed_types(frame, columns) + checks.infinities(frame, columns)
    refuse_failures(findings)
    _refuse_gaps(frame, columns)
    constant = checks.constant_columns(frame, (*seen, *asked.numbers))
    if constant:
        raise DataError(
            f"'{constant[0]}' has the same value at every step, there is nothing to forecast",
            do="Is it the right column?",
        )
    refuse_failures(findings, strict=strict)
    test_share = resolved.general.split.test
    season = (
        options.season_length
        if options.season_length is not None
        else find_season(frame[asked.leading].values[: int(len(frame) * (1 - test_share))])
    )
    if options.season_length is None:
        found = (
            f"'{asked.leading}' repeats itself after {season} steps"
            if season
            else "no season was found"
        )
        decisions.append(InferredOption("input.season_length", season, found))
    window = options.window or _window(len(frame), season, horizon)
    decisions.append(
        InferredOption("input.window", window, "two seasons" if season else "a share of the series")
    )
    lead = window - 1 if asked.within else window
    count = len(frame) - lead - horizon + 1
    if count < _LEAST_SAMPLES:
        raise DataError(
            f"{frame.origin} is too short for windows of {window} and a horizon of {horizon}",
            given=f"{len(frame)} steps",
            allowed=f"at least {lead + horizon + _LEAST_SAMPLES - 1}",
            do="Use a smaller input.window or output.horizon",
        )
    parts = _parts(len(frame), lead, horizon, resolved, seed)
    trained = frame.take(np.arange(lead + horizon + int(parts["train"][-1])))
    codec = Windows(Numbers(seen, missing_indicator=False), window).fit(trained)
    codecs = (codec, ahead.fit(trained)) if ahead else (codec,)
    answer = asked.answer(window).fit(asked.learned_from(frame, trained))
    inputs = [
        codec.encode(frame)[:count],
        *(each.encode(frame)[window : window + count] for each in codecs[1:]),
    ]
    first = asked.first(window)
    targets = answer.codec.encode(frame)[first : first + count]
    datasets = {}
    for name, part in parts.items():
        some = slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0)
        datasets[name] = TensorDataset(tuple(x[some] for x in inputs), (targets[some],))
    return Pipeline(
        frame, parts, codecs, (answer,), datasets, tuple(findings), season, tuple(decisions)
    )


def _in_order(
    frame: Frame, options: Any, findings: list[Finding], decisions: list[InferredOption]
) -> tuple[Frame, str | None]:
    """The frame sorted by its time column, if it has one."""
    name = options.time
    if name is None:
        name = next(
            (column.name for column in frame.columns if looks_like_time(column)), None
        ) or _year_column(frame)
        if name is None:
            findings.append(
                Finding(
                    "WARN",
                    "order of time",
                    "no column of moments was found",
                    "rows are taken as evenly spaced steps",
                )
            )
            return frame, None
        decisions.append(InferredOption("input.time", name, "its values are moments in time"))
    timestamps = as_time(frame[name], style=options.date_format)
    if timestamps is None:
        if frame[name].kind != "number":
            raise DataError(
                f"the time column '{name}' cannot be read as moments",
                given=_no_moment(frame, name),
                do="Say how it is written, as in strptime: input.date_format=%d/%m/%Y",
            )
        return _in_number_order(frame, name, findings), name
    if has_zone(frame[name]):
        findings.append(
            Finding(
                "PASS",
                "time zone",
                f"'{name}' is written with time zones",
                "taken in universal time",
            )
        )
    frame, found = order_in_time(
        frame.replaced(timestamps), name, doubled=options.duplicate_timestamps
    )
    findings += found
    return frame, name


def _first_steps(frame: Frame, count: int | None) -> Frame:
    if count is None or count == len(frame):
        return frame
    if count > len(frame):
        raise TaskError(
            f"input.max_rows={count} is more than there are",
            given=f"{len(frame)} steps in {frame.origin}",
        )
    return frame.take(np.arange(count))


def _known_ahead(
    frame: Frame, options: Any, time: str | None, names: tuple[str, ...], horizon: int
) -> Windows | None:
    """What is known of the steps to come, encoded: the calendar, and the columns that the person names."""
    parts: list[Codec] = []
    if options.time_features:
        if time is None or frame[time].kind != "time":
            raise TaskError(
                "input.time_features needs a column of moments", do="Say which with --time COLUMN"
            )
        parts.append(Calendar(time))
    for name in options.future_covariates or ():
        if name in names:
            raise TaskError(
                f"input.future_covariates names '{name}', which is forecast",
                do="What is asked is not known beforehand",
            )
        if frame[name].kind != "number":
            raise DataError(
                f"'{name}' is no column of numbers",
                given=f"'{frame[name].show(0)}'",
                do="Write yes and no as 1 and 0",
            )
    if options.future_covariates:
        parts.append(Numbers(options.future_covariates, missing_indicator=False))
    if not parts:
        return None
    return Windows(
        parts[0] if len(parts) == 1 else Concat(tuple(parts), name="known ahead"),
        horizon,
        axis="ahead",
    )


def _no_moment(frame: Frame, name: str) -> str:
    """The first cell that is no moment by itself, with its row."""
    texts = frame[name].texts()
    at = next(
        (
            at
            for at, text in enumerate(texts)
            if text and not looks_like_time(strings(name, [text]))
        ),
        0,
    )
    return f"'{texts[at]}' in row {at + 1}"


def _year_column(frame: Frame) -> str | None:
    """A column called like time that holds whole years."""
    for column in frame.columns:
        if (
            column.name.lower() in ("year", "time", "date", "jahr", "month", "t")
            and as_time(column) is not None
        ):
            return column.name
    return None


def _in_number_order(frame: Frame, name: str, findings: list[Finding]) -> Frame:
    values = frame[name].values
    if np.isnan(values).any() or len(np.unique(values)) < len(values):
        raise DataError(
            f"the time column '{name}' has missing or doubled values",
            allowed="one row a step, rising",
        )
    if np.any(np.diff(values) < 0):
        findings.append(
            Finding("WARN", "order of time", f"'{name}' does not always rise", "sorted by it")
        )
        return frame.take(np.argsort(values, kind="stable"))
    return frame


def _refuse_gaps(frame: Frame, names: tuple[str, ...]) -> None:
    for name in names:
        column = frame[name]
        if column.missing.any():
            told = checks.missing_values(frame, [name], fills={name: ""})[0].message
            raise DataError(
                told,
                allowed="a value at every step",
                do="Fill the gaps first: a window over a gap would teach the net an invention",
            )


def _window(steps: int, season: int, horizon: int) -> int:
    """Two seasons, or a twentieth of the series; at least the horizon, at most a fifth of the series."""
    wished = 2 * season if season else max(8, steps // 20)
    return max(2, min(max(wished, horizon), 128, steps // 5))


def _parts(
    steps: int, lead: int, horizon: int, resolved: ResolvedTask, seed: int
) -> dict[str, Any]:
    """Windows by the part in which the first step they are judged by lies, `lead` steps on; those of a part are judged within it."""
    how = replace(resolved.general.split, method="time")
    parts = split_rows(steps, how, seed=seed)
    first = {name: int(part[0]) - lead for name, part in parts.items() if len(part)}
    last = {name: int(part[-1]) - lead - horizon + 1 for name, part in parts.items() if len(part)}
    windows = {
        name: np.arange(max(0, first[name]), last[name] + 1)
        if name in first
        else np.zeros(0, np.int64)
        for name in parts
    }
    for name, part in windows.items():
        if len(parts[name]) and not len(part):
            raise DataError(
                f"the {name} part has no room for a window of {lead} and a horizon of {horizon}",
                given=f"{len(parts[name])} of {steps} steps",
                do="Use a smaller input.window or output.horizon, or a larger part (input.split.test)",
            )
    return windows


def question(frame: Frame, codecs: tuple[Any, ...], answers: Sequence[Answer]) -> TensorDataset:
    """The last window of new steps, asked what comes after it; rows without values behind it say what is known ahead.

    Where it is asked what is odd: every window, with what came.

    Raises:   DataError when there are fewer steps than one window holds, when values are missing, or when it is not said what
              is known ahead.
    """
    codec: Windows = codecs[0]
    if isinstance(answers[0], Anomaly):
        return _every_window(frame, codecs, answers[0])
    known = np.flatnonzero(~np.any([frame[name].missing for name in codec.columns], axis=0))
    end = int(known[-1]) + 1 if len(known) and len(codecs) > 1 else len(frame)
    if end < codec.length:
        raise DataError(
            "there are fewer steps than one window holds",
            given=f"{end} in {frame.origin}",
            allowed=f"at least {codec.length}",
        )
    newest = frame.take(np.arange(end - codec.length, end))
    _refuse_gaps(newest, codec.columns)
    inputs = [codec.encode(newest)]
    for ahead in codecs[1:]:
        to_come = frame.take(np.arange(end, min(len(frame), end + ahead.length)))
        inputs.append(ahead.encode(_continued(to_come, frame.take(np.arange(end)), ahead)))
    return TensorDataset(tuple(inputs), ())


def _every_window(frame: Frame, codecs: tuple[Any, ...], answer: Anomaly) -> TensorDataset:
    """Every window of new steps, and what it is compared with."""
    codec: Windows = codecs[0]
    _refuse_gaps(frame, tuple(dict.fromkeys((*codec.columns, *answer.variables))))
    lead = 0 if answer.options.method == "reconstruction" else codec.length
    count = len(frame) - max(codec.length, lead + answer.codec.length) + 1
    if count < 1:
        raise DataError(
            "there are fewer steps than a window and the step after it",
            given=f"{len(frame)} in {frame.origin}",
            allowed=f"at least {max(codec.length, lead + answer.codec.length)}",
        )
    inputs = [
        codec.encode(frame)[:count],
        *(ahead.encode(frame)[lead : lead + count] for ahead in codecs[1:]),
    ]
    return TensorDataset(tuple(inputs), (answer.codec.encode(frame)[lead : lead + count],))


def _continued(to_come: Frame, past: Frame, ahead: Windows) -> Frame:
    """The steps to come: as they are given, or, where only the calendar is asked for, as the moments go on."""
    named = [name for name in ahead.columns if past[name].kind == "number"]
    if len(to_come) == ahead.length and not any(to_come[name].missing.any() for name in named):
        return to_come
    if named:
        raise DataError(
            f"what is known of the next {ahead.length} steps is missing",
            given=f"{len(to_come)} rows after the last value of {past.origin}",
            do=f"Add {ahead.length} rows with {', '.join(named)} and without values",
        )
    (name,) = ahead.columns
    timestamps = as_time(past[name])
    if timestamps is None or len(timestamps) < 2:
        raise DataError(f"the moments of '{name}' cannot be read", given=str(past[name].show(0)))
    return Frame(
        (times(name, next_timestamps(timestamps.values, ahead.length)),), origin="the steps to come"
    )
