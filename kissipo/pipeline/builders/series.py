"""Builds the pipeline of a series: windows of the past as inputs, the steps after them
as targets.

A sample belongs to the split of the steps that it forecasts, so no evaluated step is
used for training. A window may begin in an earlier split, because the past is known.
Scaling is fitted on the training steps alone. The future covariates (`time_features`,
`future_covariates`) are a second input, with one row per step of the horizon.

To detect anomalies, the target is the step after a window, or the window itself; the
evaluated step is that step, or the last of the window. A class is that of the last step
of a window.

Several series in one file train one net. Each has its own windows, its own
split by time and its own scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.concat import Concat
from kissipo.codec.datetime import Calendar
from kissipo.codec.numbers import Numbers, Scale
from kissipo.codec.windows import Windows
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.frame import Frame, times
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.number_cells import infinities, mixed_types, placeholders
from kissipo.core.text import list_some
from kissipo.core.time.time_pattern import TimePattern
from kissipo.core.time.timestamps import as_time
from kissipo.input.check import columns as checks
from kissipo.input.log_transform import suits_logarithms, swing_correlation
from kissipo.input.season_length import find_season
from kissipo.input.series_order import OrderedRows, TimeOptions, concatenated, order_rows
from kissipo.input.source_data import Reading
from kissipo.input.sources.series import Options
from kissipo.input.split import Positions, split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.series_scales import SeriesScales
from kissipo.output.series_target import SeriesTarget
from kissipo.pipeline.future_rows import forecast_steps, without_rows_ahead
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.series_targets import series_target

_MIN_SAMPLES = 10
_MAX_SEASONS = 20


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline of windows, with scaling fitted on the training steps.

    Raises:   DataError for missing values, an unknown column, a series that is too
              short.
    """
    options = resolved.source.options
    rows = ordered_rows(reading.frame, options, resolved)
    findings = [*reading.findings, *rows.findings]
    inferred_options = [*reading.inferred_options, *rows.inferred]
    parts = [_first_steps(part, options.max_rows) for part in _parts(rows.frame, rows.starts)]
    target = series_target(
        concatenated(parts), reading, resolved, rows.time, rows.series_id, inferred_options
    )
    horizon = target.length
    covariates = options.future_covariates
    parts = _parts(target.frame, _starts(parts))
    if target.has_future:
        ahead_rows = without_rows_ahead(parts, target, rows.time, horizon, options.features)
        parts = list(ahead_rows.past)
        findings += ahead_rows.findings
        if covariates is None and ahead_rows.covariates:
            covariates = ahead_rows.covariates
            inferred_options.append(
                InferredOption("input.future_covariates", list(covariates), ahead_rows.reason)
            )
    columns = tuple(dict.fromkeys((*target.inputs, *target.numbers, *(covariates or ()))))
    frame = concatenated(parts)
    ahead = _future_codec(frame, options, covariates, rows.time, target.names, horizon)
    findings += mixed_types(frame, columns) + infinities(frame, columns)
    findings += placeholders(frame, columns)
    refuse_failures(findings)
    _refuse_gaps(frame, columns)
    _refuse_constant(frame, target)
    refuse_failures(findings, strict=strict)
    season = _season(parts, target.leading, options, resolved, inferred_options)
    window = options.window or _window(_typical_length(parts), season, horizon)
    inferred_options.append(
        InferredOption(
            "input.window", window, _window_reason(window, _typical_length(parts), season, horizon)
        )
    )
    lead = window - 1 if target.ends_in_window else window
    if rows.series_id is not None:
        parts = _long_enough(
            parts,
            rows.series_id,
            lambda steps: _splits(steps, lead, horizon, resolved, seed),
            window,
            findings,
        )
    _refuse_short(max(parts, key=len), window, lead, horizon)
    splits, ends = _split_parts(parts, lead, horizon, resolved, seed)
    answer: Answer = target.answer(window)
    frame, starts = concatenated(parts), _starts(parts)
    if rows.series_id is not None:
        train = concatenated(
            [part.take(np.arange(end)) for part, end in zip(parts, ends, strict=True)]
        )
        scaled = dict.fromkeys(name for name in columns if name not in (covariates or ()))
        answer.scales = SeriesScales(rows.series_id, tuple(scaled)).fit(train)
        frame = answer.scales.scaled(frame)
        parts = _parts(frame, starts)
    train = concatenated([part.take(np.arange(end)) for part, end in zip(parts, ends, strict=True)])
    is_log = _learns_logarithms(frame, train, season, options, target, answer, inferred_options)
    answer = answer.with_logarithms() if is_log else answer
    scale: Scale = "log" if is_log else "standard"
    codec = Windows(Numbers(target.inputs, scale=scale, missing_indicator=False), window).fit(train)
    codecs = (codec, ahead.fit(train)) if ahead else (codec,)
    answer.fit(frame if target.fits_all else train)
    if target.has_future and rows.time is not None:
        answer.pattern = _pattern(parts, rows.time)
    count = len(frame) - lead - horizon + 1
    inputs = [
        codec.encode(frame)[:count],
        *(future.encode(frame)[window : window + count] for future in codecs[1:]),
    ]
    first = target.first(window)
    targets = answer.codec.encode(frame)[first : first + count]
    datasets = {}
    for name, positions in splits.items():
        selection = _as_slice(positions)
        datasets[name] = TensorDataset(tuple(x[selection] for x in inputs), (targets[selection],))
    return Pipeline(
        frame,
        splits,
        codecs,
        (answer,),
        datasets,
        tuple(findings),
        season,
        tuple(inferred_options),
        starts=starts,
        overlap=window if target.ends_in_window else horizon,
    )


def ordered_rows(frame: Frame, options: Options, resolved: ResolvedTask) -> OrderedRows:
    """Returns the rows in order of time, those of each series together."""
    time_options = TimeOptions(
        options.time, options.series_id, options.duplicate_timestamps, options.date_format
    )
    values = [answer.value for answer in resolved.answers]
    targets = [
        name for value in values for name in (value if isinstance(value, tuple) else (value,))
    ]
    named = (*(options.features or ()), *(options.future_covariates or ()))
    return order_rows(frame, time_options, targets=[*map(str, targets), *named], extra=named)


def _parts(frame: Frame, starts: Sequence[int]) -> list[Frame]:
    """Returns the steps of each series."""
    return [frame.take(np.arange(first, end)) for first, end in pairwise(starts)]


def _starts(parts: Sequence[Frame]) -> tuple[int, ...]:
    """Returns the first step of each series, and the number of steps."""
    return tuple(accumulate((len(part) for part in parts), initial=0))


def _typical_length(parts: Sequence[Frame]) -> int:
    return int(np.median([len(part) for part in parts]))


def _as_slice(positions: Positions) -> slice | Tensor:
    """Returns consecutive positions as a slice, which copies no values."""
    if not len(positions):
        return slice(0, 0)
    first, end = int(positions[0]), int(positions[-1]) + 1
    if end - first == len(positions):
        return slice(first, end)
    return torch.from_numpy(positions)


def _season(
    parts: Sequence[Frame],
    name: str,
    options: Options,
    resolved: ResolvedTask,
    inferred_options: list[InferredOption],
) -> int:
    """Returns the season length, that of most series where there are several."""
    if options.season_length is not None:
        return int(options.season_length)
    share = 1 - resolved.general.split.test
    longest = sorted(parts, key=len, reverse=True)[:_MAX_SEASONS]
    seasons = Counter(find_season(part[name].values[: int(len(part) * share)]) for part in longest)
    season = seasons.most_common(1)[0][0]
    reason = (
        f"'{name}' repeats its pattern after {season} steps" if season else "no season was found"
    )
    inferred_options.append(InferredOption("input.season_length", season, reason))
    return season


def _learns_logarithms(
    frame: Frame,
    train: Frame,
    season: int,
    options: Options,
    target: SeriesTarget,
    answer: Answer,
    inferred_options: list[InferredOption],
) -> bool:
    """Returns whether input and target are learned as logarithms.

    Whether they suit, the training steps decide; all steps must be positive.
    """
    if options.log_transform is not None:
        return bool(options.log_transform)
    is_alone = answer.learns_changes and answer.scales is None and len(target.inputs) == 1
    if not is_alone or target.inputs != target.numbers:
        return False
    name = target.leading
    values = train[name].values
    if not (frame[name].values > 0).all() or not suits_logarithms(values, season):
        return False
    correlation = swing_correlation(values, season)
    reason = (
        f"the swing of '{name}' within a season grows with its level "
        f"(correlation {correlation:.2f})"
    )
    inferred_options.append(InferredOption("input.log_transform", True, reason))
    return True


def _refuse_constant(frame: Frame, target: SeriesTarget) -> None:
    constant = checks.constant_columns(frame, (*target.inputs, *target.numbers))
    if constant:
        raise DataError(
            f"'{constant[0]}' has the same value at every step, so there is nothing to forecast",
            do="Is it the right column?",
        )


def _refuse_short(frame: Frame, window: int, lead: int, horizon: int) -> None:
    if len(frame) - lead - horizon + 1 < _MIN_SAMPLES:
        raise DataError(
            f"{frame.origin} is too short for windows of {window} and a horizon of {horizon}",
            got=f"{len(frame)} steps",
            allowed=f"at least {lead + horizon + _MIN_SAMPLES - 1}",
            do="Use a smaller input.window or output.horizon",
        )


def _long_enough(
    parts: Sequence[Frame],
    series_id: str,
    split: Callable[[int], object],
    window: int,
    findings: list[Finding],
) -> list[Frame]:
    """Returns the series that are long enough to be split, and reports the others.

    Raises:   DataError when none is.
    """
    long: list[Frame] = []
    short: list[str] = []
    for part in parts:
        try:
            split(len(part))
        except DataError:
            short.append(f"{part[series_id].show(0)} ({len(part)} steps)")
        else:
            long.append(part)
    if not long:
        split(max(len(part) for part in parts))
    if short:
        message = f"{len(short)} series are too short to be split: {list_some(short, 5)}"
        findings.append(
            Finding(
                "WARN",
                "short series",
                message,
                f"not trained on; predict forecasts those with at least {window} steps, on their "
                "own scale; a smaller input.window or output.horizon uses them",
            )
        )
    return long


def _split_parts(
    parts: Sequence[Frame], lead: int, horizon: int, resolved: ResolvedTask, seed: int
) -> tuple[dict[str, Positions], list[int]]:
    """Returns the first steps of the windows of each split, and the number of training
    steps of each series."""
    splits: dict[str, list[Positions]] = {}
    ends = []
    for start, part in zip(_starts(parts), parts, strict=False):
        own = _splits(len(part), lead, horizon, resolved, seed)
        ends.append(lead + horizon + int(own["train"][-1]))
        for name, positions in own.items():
            splits.setdefault(name, []).append(positions + start)
    return {name: np.concatenate(positions) for name, positions in splits.items()}, ends


def _pattern(parts: Sequence[Frame], time: str) -> TimePattern | None:
    """Returns the pattern of the timestamps of the longest series."""
    column = max(parts, key=len)[time]
    return TimePattern.fit(column.values) if column.kind == "time" else None


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
    frame: Frame,
    options: Options,
    covariates: Sequence[str] | None,
    time: str | None,
    names: tuple[str, ...],
    horizon: int,
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
    for name in covariates or ():
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
    if covariates:
        codecs.append(Numbers(tuple(covariates), missing_indicator=False))
    if not codecs:
        return None
    return Windows(
        codecs[0] if len(codecs) == 1 else Concat(tuple(codecs), name="known ahead"),
        horizon,
        axis="ahead",
    )


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


def _window_reason(window: int, steps: int, season: int, horizon: int) -> str:
    """Returns why an inferred window has this length.

    Example:  >>> _window_reason(3, 15, 0, 2), _window_reason(14, 200, 7, 7)
              ('one fifth of the series, which is the maximum', 'two seasons')
    """
    usual = (2 * season, "two seasons") if season else (steps // 20, "one twentieth of the series")
    reasons = (
        usual,
        (horizon, "as long as the horizon"),
        (steps // 5, "one fifth of the series, which is the maximum"),
        (8, "the usual minimum"),
        (128, "the usual maximum"),
    )
    return next((reason for length, reason in reasons if length == window), "the minimum")


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
    """Returns the last window of each series, whose next steps are to be forecast.

    Rows after the last value are these steps. Of several series, those with fewer steps
    than a window are left out, and a remark lists them. To detect anomalies, every
    window is returned with its target.

    Raises:   DataError when there are fewer steps than one window needs, or when values
              or future covariates are missing.
    """
    answer = answers[0]
    if answer.READS_TARGETS:
        return _all_windows(frame, codecs, answer)
    scales: SeriesScales | None = answer.scales
    if scales is None:
        inputs, steps = _newest(frame, frame, codecs, answer, None)
        return TensorDataset(inputs, (), steps=(steps,) if answer.forecasts else ())
    scaled, parts = scales.scaled(frame), scales.rows(frame)
    counts = {
        series: _count_past(frame.take(rows), codecs[0], codecs, answer)
        for series, rows in parts.items()
    }
    length = codecs[0].length
    short = [series for series, count in counts.items() if count < length]
    # where all are too short, the first one is refused
    used = [series for series, count in counts.items() if count >= length] or list(parts)
    several = [
        _newest(frame.take(parts[series]), scaled.take(parts[series]), codecs, answer, series)
        for series in used
    ]
    stacked = tuple(torch.cat(tensors) for tensors in zip(*(x for x, _ in several), strict=True))
    remarks: tuple[str, ...] = ()
    if short:
        listed = list_some([f"{series} ({counts[series]} steps)" for series in short], 5)
        message = f"no forecast for {len(short)} series with fewer steps than a window"
        remarks = (f"{message} of {length}: {listed}",)
    return TensorDataset(stacked, (), steps=tuple(steps for _, steps in several), remarks=remarks)


def _newest(
    frame: Frame, scaled: Frame, codecs: tuple[Windows, ...], answer: Answer, series: str | None
) -> tuple[tuple[Tensor, ...], ForecastSteps]:
    """Returns the inputs for the steps after the last value of one series.

    scaled:   the frame on the scale of its series
    """
    codec = codecs[0]
    end = _count_past(frame, codec, codecs, answer)
    if end < codec.length:
        raise DataError(
            "there are fewer steps than one window needs",
            got=f"{end} in {frame.origin}" + (f", series '{series}'" if series else ""),
            allowed=f"at least {codec.length}",
        )
    newest = scaled.take(np.arange(end - codec.length, end))
    _refuse_gaps(newest, codec.columns)
    past, future = scaled.take(np.arange(end)), scaled.take(np.arange(end, len(scaled)))
    inputs = [codec.encode(newest)]
    for ahead in codecs[1:]:
        rows = future.take(np.arange(min(len(future), ahead.length)))
        inputs.append(ahead.encode(_future_rows(rows, past, ahead, answer.pattern)))
    horizon = answer.spec.shape[0] if answer.forecasts else 1
    steps = forecast_steps(past, future, horizon, answer.pattern)
    if series is not None and answer.scales is not None:
        scales = answer.scales
        center, spread = scales.of(series, frame)
        selection = [scales.names.index(name) for name in answer.variables]
        steps = replace(
            steps,
            series=series,
            center=tuple(center[selection].tolist()),
            spread=tuple(spread[selection].tolist()),
        )
    return tuple(inputs), steps


def _count_past(frame: Frame, codec: Windows, codecs: Sequence[Windows], answer: Answer) -> int:
    """Returns the number of steps before those that are to be forecast."""
    if not answer.forecasts and len(codecs) == 1:
        return len(frame)
    names = [*codec.columns, *(name for name in answer.variables if name in frame)]
    complete = np.flatnonzero(~np.any([frame[name].missing for name in names], axis=0))
    return int(complete[-1]) + 1 if len(complete) else 0


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


def _future_rows(future: Frame, past: Frame, ahead: Windows, pattern: TimePattern | None) -> Frame:
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
    if timestamps is None or (pattern is None and len(timestamps) < 2):
        raise DataError(f"the timestamps of '{name}' cannot be read", got=str(past[name].show(0)))
    pattern = pattern or TimePattern.fit(timestamps.values)
    listed = future[name].values[: ahead.length]
    last = listed[-1] if len(listed) else timestamps.values[-1]
    rest = pattern.after(last, ahead.length - len(listed))
    return Frame((times(name, np.concatenate([listed, rest])),), origin="the future steps")
