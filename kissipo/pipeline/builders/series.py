"""Builds the pipeline of a series: windows of the past as inputs, the steps after them
as targets.

A sample belongs to the split of the steps that it forecasts, so no evaluated step is
used for training. A window may begin in an earlier split, because the past is known.
Scaling is fitted on the training steps alone. The future covariates (`time_features`,
`future_covariates`) are a second input, with one row per step of the horizon.

To detect anomalies, the target is the step after a window, or the window itself; the
evaluated step is that step, or the last of the window. A class is that of the last step
of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kissipo.codec.concat import Concat
from kissipo.codec.datetime import Calendar
from kissipo.codec.numbers import Numbers
from kissipo.codec.windows import Windows
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, strings, times
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.number_cells import infinities, mixed_types, placeholders
from kissipo.core.timestamps import as_time, has_zone, looks_like_time, next_timestamps
from kissipo.input.check import columns as checks
from kissipo.input.check.timestamps import order_in_time
from kissipo.input.season_length import find_season
from kissipo.input.source_data import Reading
from kissipo.input.sources.series import Options
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.series_targets import series_target

_MIN_SAMPLES = 10


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline of windows, with scaling fitted on the training steps.

    Raises:   DataError for missing values, an unknown column, a series that is too
              short.
    """
    options, findings = resolved.source.options, list(reading.findings)
    inferred_options = list(reading.inferred_options)
    frame, time = _in_order(reading.frame, options, findings, inferred_options)
    frame = _first_steps(frame, options.max_rows)
    target = series_target(frame, reading, resolved, time, inferred_options)
    frame, horizon = target.frame, target.length
    columns = tuple(
        dict.fromkeys((*target.inputs, *target.numbers, *(options.future_covariates or ())))
    )
    ahead = _future_codec(frame, options, time, target.names, horizon)
    findings += mixed_types(frame, columns) + infinities(frame, columns)
    findings += placeholders(frame, columns)
    refuse_failures(findings)
    _refuse_gaps(frame, columns)
    constant = checks.constant_columns(frame, (*target.inputs, *target.numbers))
    if constant:
        raise DataError(
            f"'{constant[0]}' has the same value at every step, so there is nothing to forecast",
            do="Is it the right column?",
        )
    refuse_failures(findings, strict=strict)
    test_share = resolved.general.split.test
    season = (
        options.season_length
        if options.season_length is not None
        else find_season(frame[target.leading].values[: int(len(frame) * (1 - test_share))])
    )
    if options.season_length is None:
        reason = (
            f"'{target.leading}' repeats its pattern after {season} steps"
            if season
            else "no season was found"
        )
        inferred_options.append(InferredOption("input.season_length", season, reason))
    window = options.window or _window(len(frame), season, horizon)
    inferred_options.append(
        InferredOption(
            "input.window", window, "two seasons" if season else "one twentieth of the series"
        )
    )
    lead = window - 1 if target.ends_in_window else window
    count = len(frame) - lead - horizon + 1
    if count < _MIN_SAMPLES:
        raise DataError(
            f"{frame.origin} is too short for windows of {window} and a horizon of {horizon}",
            got=f"{len(frame)} steps",
            allowed=f"at least {lead + horizon + _MIN_SAMPLES - 1}",
            do="Use a smaller input.window or output.horizon",
        )
    splits = _splits(len(frame), lead, horizon, resolved, seed)
    train = frame.take(np.arange(lead + horizon + int(splits["train"][-1])))
    codec = Windows(Numbers(target.inputs, missing_indicator=False), window).fit(train)
    codecs = (codec, ahead.fit(train)) if ahead else (codec,)
    answer: Answer = target.answer(window).fit(frame if target.fits_all else train)
    inputs = [
        codec.encode(frame)[:count],
        *(future.encode(frame)[window : window + count] for future in codecs[1:]),
    ]
    first = target.first(window)
    targets = answer.codec.encode(frame)[first : first + count]
    datasets = {}
    for name, part in splits.items():
        rows = slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0)
        datasets[name] = TensorDataset(tuple(x[rows] for x in inputs), (targets[rows],))
    return Pipeline(
        frame, splits, codecs, (answer,), datasets, tuple(findings), season, tuple(inferred_options)
    )


def _in_order(
    frame: Frame, options: Options, findings: list[Finding], inferred_options: list[InferredOption]
) -> tuple[Frame, str | None]:
    """Returns the frame sorted by its time column, and the name of that column if
    any."""
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
                    "no column of timestamps was found",
                    "rows are taken as evenly spaced steps",
                )
            )
            return frame, None
        inferred_options.append(InferredOption("input.time", name, "its values are timestamps"))
    timestamps = as_time(frame[name], style=options.date_format)
    if timestamps is None:
        if frame[name].kind != "number":
            raise DataError(
                f"the time column '{name}' cannot be read as timestamps",
                got=_unreadable_time(frame, name),
                do="Say how it is written, as in strptime: input.date_format=%d/%m/%Y",
            )
        return _in_number_order(frame, name, findings), name
    if has_zone(frame[name]):
        findings.append(
            Finding(
                "PASS",
                "time zone",
                f"'{name}' has time zones",
                "converted to UTC",
            )
        )
    frame, time_findings = order_in_time(
        frame.replaced(timestamps), name, aggregate=options.duplicate_timestamps
    )
    findings += time_findings
    return frame, name


def _first_steps(frame: Frame, count: int | None) -> Frame:
    if count is None or count == len(frame):
        return frame
    if count > len(frame):
        raise TaskError(
            f"input.max_rows={count} is larger than the number of rows",
            got=f"{len(frame)} steps in {frame.origin}",
        )
    return frame.take(np.arange(count))


def _future_codec(
    frame: Frame, options: Options, time: str | None, names: tuple[str, ...], horizon: int
) -> Windows | None:
    """Returns the codec of what is known about future steps: time features and
    covariates."""
    codecs: list[Codec] = []
    if options.time_features:
        if time is None or frame[time].kind != "time":
            raise TaskError(
                "input.time_features needs a column of timestamps", do="Name it with --time COLUMN"
            )
        codecs.append(Calendar(time))
    for name in options.future_covariates or ():
        if name in names:
            raise TaskError(
                f"input.future_covariates names '{name}', which is forecast",
                do="A forecast column is not known in advance",
            )
        if frame[name].kind != "number":
            raise DataError(
                f"'{name}' is not a column of numbers",
                got=f"'{frame[name].show(0)}'",
                do="Write yes and no as 1 and 0",
            )
    if options.future_covariates:
        codecs.append(Numbers(options.future_covariates, missing_indicator=False))
    if not codecs:
        return None
    return Windows(
        codecs[0] if len(codecs) == 1 else Concat(tuple(codecs), name="known ahead"),
        horizon,
        axis="ahead",
    )


def _unreadable_time(frame: Frame, name: str) -> str:
    """Returns the first cell that is not a timestamp, with its row."""
    texts = frame[name].texts()
    index = next(
        (
            row
            for row, text in enumerate(texts)
            if text and not looks_like_time(strings(name, [text]))
        ),
        0,
    )
    return f"'{texts[index]}' in row {index + 1}"


def _year_column(frame: Frame) -> str | None:
    """Returns a column with a name such as year whose values are years."""
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
            f"the time column '{name}' has missing or duplicate values",
            allowed="one row per step, in rising order",
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
            message = checks.missing_values(frame, [name], imputation={name: ""})[0].message
            raise DataError(
                message,
                allowed="a value at every step",
                do="Fill the missing values first: the net cannot learn from windows with gaps",
            )


def _window(steps: int, season: int, horizon: int) -> int:
    """Returns two seasons or a twentieth of the series, between the horizon and a
    fifth."""
    length = 2 * season if season else max(8, steps // 20)
    return max(2, min(max(length, horizon), 128, steps // 5))


def _splits(steps: int, lead: int, horizon: int, resolved: ResolvedTask, seed: int) -> JsonObject:
    """Splits windows by their first evaluated step, which is `lead` steps after their
    start."""
    split = replace(resolved.general.split, method="time")
    splits = split_rows(steps, split, seed=seed)
    first = {name: int(part[0]) - lead for name, part in splits.items() if len(part)}
    last = {name: int(part[-1]) - lead - horizon + 1 for name, part in splits.items() if len(part)}
    windows = {
        name: np.arange(max(0, first[name]), last[name] + 1)
        if name in first
        else np.zeros(0, np.int64)
        for name in splits
    }
    for name, part in windows.items():
        if len(splits[name]) and not len(part):
            raise DataError(
                f"the {name} split is too short for a window of {lead} and a horizon of {horizon}",
                got=f"{len(splits[name])} of {steps} steps",
                do=(
                    "Use a smaller input.window or output.horizon, "
                    "or a larger split (input.split.test)"
                ),
            )
    return windows


def encode_new(
    frame: Frame, codecs: tuple[Windows, ...], answers: Sequence[Answer]
) -> TensorDataset:
    """Returns the last window of new steps, whose next steps are to be forecast.

    Rows after the last value hold the future covariates. To detect anomalies, every
    window is returned with its target.

    Raises:   DataError when there are fewer steps than one window needs, or when values
              or future covariates are missing.
    """
    codec: Windows = codecs[0]
    if answers[0].READS_TARGETS:
        return _all_windows(frame, codecs, answers[0])
    complete = np.flatnonzero(~np.any([frame[name].missing for name in codec.columns], axis=0))
    end = int(complete[-1]) + 1 if len(complete) and len(codecs) > 1 else len(frame)
    if end < codec.length:
        raise DataError(
            "there are fewer steps than one window needs",
            got=f"{end} in {frame.origin}",
            allowed=f"at least {codec.length}",
        )
    newest = frame.take(np.arange(end - codec.length, end))
    _refuse_gaps(newest, codec.columns)
    inputs = [codec.encode(newest)]
    for ahead in codecs[1:]:
        future = frame.take(np.arange(end, min(len(frame), end + ahead.length)))
        inputs.append(ahead.encode(_future_rows(future, frame.take(np.arange(end)), ahead)))
    return TensorDataset(tuple(inputs), ())


def _all_windows(frame: Frame, codecs: tuple[Windows, ...], answer: Answer) -> TensorDataset:
    """Returns every window of new steps with its target."""
    codec: Windows = codecs[0]
    _refuse_gaps(frame, tuple(dict.fromkeys((*codec.columns, *answer.variables))))
    lead, target = (codec.length if answer.forecasts else 0), answer.codec.window_length
    count = len(frame) - max(codec.length, lead + target) + 1
    if count < 1:
        raise DataError(
            "there are fewer steps than a window and the step after it",
            got=f"{len(frame)} in {frame.origin}",
            allowed=f"at least {max(codec.length, lead + target)}",
        )
    inputs = [
        codec.encode(frame)[:count],
        *(ahead.encode(frame)[lead : lead + count] for ahead in codecs[1:]),
    ]
    return TensorDataset(tuple(inputs), (answer.codec.encode(frame)[lead : lead + count],))


def _future_rows(future: Frame, past: Frame, ahead: Windows) -> Frame:
    """Returns the future steps; where only time features are needed, timestamps
    continue."""
    covariates = [name for name in ahead.columns if past[name].kind == "number"]
    if len(future) == ahead.length and not any(future[name].missing.any() for name in covariates):
        return future
    if covariates:
        raise DataError(
            f"the future covariates of the next {ahead.length} steps are missing",
            got=f"{len(future)} rows after the last value of {past.origin}",
            do=f"Add {ahead.length} rows with {', '.join(covariates)} and without values",
        )
    (name,) = ahead.columns
    timestamps = as_time(past[name])
    if timestamps is None or len(timestamps) < 2:
        raise DataError(f"the timestamps of '{name}' cannot be read", got=str(past[name].show(0)))
    return Frame(
        (times(name, next_timestamps(timestamps.values, ahead.length)),), origin="the future steps"
    )
