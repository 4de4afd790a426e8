"""Builds the pipeline of events: counts per place and step as inputs, the counts of the
next steps as targets.

All places train one net. A sample is one place at one step. Its window holds the counts
of the place, of its neighbors and of all places, each beside its usual count. The steps
to come have the calendar and the usual counts, which are known from the past.

A sample belongs to the split of the steps that it forecasts; steps are split by time.
Zones are fitted on the training steps alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.concat import Concat
from kissipo.codec.counts import Counts
from kissipo.codec.datetime import Calendar
from kissipo.codec.numbers import Numbers
from kissipo.codec.place_windows import PlaceWindows
from kissipo.codec.windows import Windows
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.frame import Column, Frame, numbers, times
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.text import list_some
from kissipo.input.sources._event_columns import PLACE, TIME
from kissipo.input.sources._event_counts import (
    Counted,
    count_events,
    count_table,
    place_findings,
    places_of,
    refuse_size,
    times_of,
)
from kissipo.input.sources._event_places import Places
from kissipo.input.sources._event_time import TimeCells
from kissipo.input.sources._usual_counts import PastCounts
from kissipo.input.sources.events import EventReading, EventSource, Options
from kissipo.input.split import Split, split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.count_forecast import USUAL, CountForecast
from kissipo.output.answers.count_forecast import Options as ForecastOptions
from kissipo.pipeline.parse import Component, ResolvedTask
from kissipo.pipeline.pipeline import Pipeline
from kissipo.process.layers.relative_to_usual import RelativeToUsual

UNUSED_OPTIONS = ()
wrap_net = RelativeToUsual
_MIN_STEPS = 10  # that are forecast in training
_MIN_WEEKS = 2  # of training, from which the first one only builds the usual counts
_NEAR, _EVERYWHERE = "count nearby", "count everywhere"
_USUAL_NEAR, _USUAL_EVERYWHERE = "usual nearby", "usual everywhere"
_BY_DAY, _BY_WEEK = "usual count any day", "usual count that weekday"
_RATIO, _RATIO_NEAR = "count to usual", "nearby to usual"
_RATIO_EVERYWHERE = "everywhere to usual"
_SMOOTH = 0.3  # added to both counts of a ratio
_SHIFT = 0.05  # of usual counts, whose ratios matter
Matrix = NDArray[np.float64]


def build(
    reading: EventReading, resolved: ResolvedTask, *, seed: int, strict: bool = False
) -> Pipeline:
    """Returns a pipeline with a sample per place and step.

    Raises:   DataError for events that cannot be counted, or are too few; TaskError for
              options that do not suit.
    """
    options: Options = resolved.source.options
    findings, inferred = list(reading.findings), list(reading.inferred_options)
    forecast = _forecast_options(resolved, reading, inferred)
    horizon = forecast.horizon
    counted = count_events(reading, options, resolved.general.split, findings, inferred)
    steps = counted.counts.shape[1]
    split = _split_by_time(steps, resolved.general.split)
    train_end = int(split["train"][-1]) + 1
    place_findings(counted, split, findings)
    refuse_failures(findings, strict=strict)
    window = options.window or _window(counted.cells, steps, inferred)
    lead = _lead(counted.cells, window, train_end, findings)
    name = reading.events.count
    past = PastCounts.empty(
        places=len(counted.places),
        per_day=counted.cells.per_day,
        per_week=counted.cells.per_week,
    )
    frame = _frame(counted, name, past, horizon, reading.frame.origin)
    past.add(counted.counts, counted.slots)
    state = {
        **counted.places.state(),
        "cells": counted.cells.state(),
        "past": past.state(),
        "past_end": steps,
    }
    answer = CountForecast(
        name,
        _with_top_k(forecast, len(counted.places), resolved, inferred),
        places=counted.places.names,
        loss=resolved.losses[0] if resolved.losses else None,
    )
    answer.positions = (counted.places.x, counted.places.y)
    _suggest(resolved, inferred)
    codecs = (_past_codec(name, window, state), _ahead_codec(horizon))
    train = frame.take(_rows(counted, slice(0, train_end)))
    for codec in codecs:
        codec.fit(train)
    answer.fit(train)
    places = len(counted.places)
    inputs = _encoded(frame, codecs, places, steps)
    targets = _by_step(answer.codec.inner.encode(frame), places)
    splits, datasets = {}, {}
    for part, positions in split.items():
        origins = positions[positions >= lead]
        origins = origins[: len(origins) - horizon + 1]
        if part == "train" and len(origins) < _MIN_STEPS:
            raise DataError(
                f"{frame.origin} has too few steps for windows of {window}",
                got=f"{len(split['train'])} training steps of {counted.cells.length}",
                allowed=f"at least {lead + horizon + _MIN_STEPS - 1}",
                do="Use a smaller input.window or input.interval, or give more data",
            )
        splits[part] = ((np.arange(places) * steps)[None, :] + (origins - window)[:, None]).reshape(
            -1
        )
        datasets[part] = _dataset(inputs, targets, origins, places, window, horizon)
    return Pipeline(
        frame,
        splits,
        codecs,
        (answer,),
        datasets,
        tuple(findings),
        counted.cells.per_week,
        tuple(inferred),
        starts=tuple(range(0, places * steps + 1, steps)),
    )


def own_values(
    source: Component, values: Sequence[object], codecs: Sequence[Codec]
) -> Frame | None:
    """Returns the run's own counts where no values are given, or names of places."""
    window = cast("PlaceWindows", codecs[0])
    names = [str(value) for value in values if isinstance(value, str | int)]
    all_names = set(window.places["names"])
    if len(names) < len(values) or not set(names) <= all_names:
        return None
    reading = source.module.SOURCE.read(source.value, source.options)
    frame = _new_frame(reading.frame, source.options, codecs, reading.events.has_zone)
    if not names:
        return frame
    number = frame[PLACE].positions(tuple(names), absent=-1)
    return frame.take(np.flatnonzero(number >= 0))


def parse_values(
    source: EventSource, values: Sequence[object], options: Options, codecs: Sequence[Codec]
) -> Frame:
    """Returns the counts of newer events, with the steps to come."""
    events = source.new_events(values, options, codecs)
    return _new_frame(events.frame, options, codecs, events.has_zone)


def encode_new(
    frame: Frame, codecs: tuple[Windows, ...], answers: tuple[Answer, ...], evaluated: bool = False
) -> TensorDataset:
    """Returns the newest window of each place, with the steps to come.

    Raises:   DataError when there are fewer steps than one window needs.
    """
    window, ahead = codecs
    name = answers[0].name
    places = len(frame[PLACE].used_categories())
    steps = len(frame) // places
    num_past = steps - ahead.length
    if num_past < window.length:
        raise DataError(
            "there are fewer steps than one window needs",
            got=f"{num_past} in {frame.origin}",
            allowed=f"at least {window.length}",
        )
    inputs = _encoded(frame, codecs, places, steps)
    recent = inputs[0][num_past - window.length : num_past].transpose(0, 1).contiguous()
    coming = inputs[1][num_past:].transpose(0, 1).contiguous()
    first = frame.take(np.arange(places) * steps)
    labels = tuple(str(time) for time in frame[TIME].values[num_past:steps])
    placed = [
        ForecastSteps(TIME, labels, series=str(first[PLACE].show(place)), series_heading=PLACE)
        for place in range(places)
    ]
    assert name in frame
    return TensorDataset((recent, coming), (), steps=placed)


def _forecast_options(
    resolved: ResolvedTask, reading: EventReading, inferred: list[InferredOption]
) -> ForecastOptions:
    """Returns the options of the forecast after a check of the answer."""
    if not resolved.answers:
        reason = "the number of events"
        inferred.append(InferredOption("output.forecast", reading.events.count, reason))
        return ForecastOptions()
    first, *more = resolved.answers
    if more or first.name not in resolved.source.module.SOURCE.answers:
        raise TaskError(
            "output must be a forecast for events",
            got=", ".join(component.name for component in resolved.answers),
            allowed=f"forecast: {reading.events.count}",
        )
    if first.value not in (None, reading.events.count):
        raise TaskError(
            f"output.forecast={first.value} names no count of events",
            got=f"the count is called '{reading.events.count}'",
            do=f"Write output.forecast={reading.events.count}, or name its column with input.count",
        )
    options: ForecastOptions = first.options
    return options


def _with_top_k(
    options: ForecastOptions,
    places: int,
    resolved: ResolvedTask,
    inferred: list[InferredOption],
) -> ForecastOptions:
    """Returns the options with the number of busiest places that are answered."""
    place = resolved.answers[0].place if resolved.answers else "output"
    written = options.decode.top_k if options.decode is not None else None
    if written is not None:
        if written > places:
            raise TaskError(
                f"{place}.decode.top_k is larger than the number of places",
                got=f"{written}, and {places} places",
                allowed=f"1 to {places}",
            )
        return options
    top_k = max(1, min(20, places // 5))
    reason = f"the busiest of {places} places are printed and evaluated"
    inferred.append(InferredOption(f"{place}.decode", {"top_k": top_k}, reason))
    return options.with_top_k(top_k)


def _suggest(resolved: ResolvedTask, inferred: list[InferredOption]) -> None:
    """Adds the net and its training, where the task names no net."""
    if resolved.net is not None:
        return
    reason = "it reads the past of each place step by step, with the same weights for all"
    inferred += [
        InferredOption("process.net", "recurrent", reason),
        InferredOption("process.cell", "gru"),
        InferredOption("process.units", 32),
        InferredOption("process.dropout", 0.1),
        InferredOption("process.epochs", 6),
        InferredOption("process.learning_rate", 1e-3),
        InferredOption("process.schedule", "cosine"),
        InferredOption("input.batch_size", 256),
    ]


def _split_by_time(steps: int, split: Split) -> dict[str, NDArray[np.int64]]:
    if split.method == "random" or split.folds is not None or split.group is not None:
        raise TaskError(
            "events are split by time, so that no test step comes before a training step",
            do="Leave input.split.method, folds and group out",
        )
    return split_rows(steps, replace(split, method="time"), seed=0)


def _window(cells: TimeCells, steps: int, inferred: list[InferredOption]) -> int:
    window = max(2, min(cells.per_day, 24, steps // 10))
    reason = "the past day, or a tenth of all steps"
    inferred.append(InferredOption("input.window", window, reason))
    return window


def _lead(cells: TimeCells, window: int, train_end: int, findings: list[Finding]) -> int:
    """Returns the first step that is forecast: after a window, and after a week that
    only builds the usual counts, where the training split is long enough."""
    week = cells.per_week
    if train_end < _MIN_WEEKS * week or week <= window:
        return window
    message = f"the first {week} steps are no targets: they build the usual counts"
    findings.append(Finding("PASS", "first week", message))
    return week


def _past_codec(name: str, window: int, state: JsonObject) -> PlaceWindows:
    """Returns the windows of counts before a forecast, beside their usual counts."""
    counts = Counts((name, _NEAR, _EVERYWHERE, USUAL, _USUAL_NEAR, _USUAL_EVERYWHERE))
    ratios = Numbers((_RATIO, _RATIO_NEAR, _RATIO_EVERYWHERE), missing_indicator=False)
    return PlaceWindows(Concat((counts, ratios), name="counts"), window, places=state)


def _ahead_codec(horizon: int) -> Windows:
    """Returns the steps to come: their usual counts and their calendar."""
    usual = Counts((USUAL,), shift=_SHIFT, scale="none")
    others = Counts((_BY_DAY, _BY_WEEK, _USUAL_NEAR, _USUAL_EVERYWHERE), shift=_SHIFT)
    features = Concat((usual, others, Calendar(TIME)), name="known ahead")
    return Windows(features, horizon, axis="ahead")


def _rows(counted: Counted, steps: slice) -> NDArray[np.int64]:
    """Returns the rows of some steps of all places."""
    places, count = counted.counts.shape
    numbers = np.arange(count)[steps]
    return np.asarray((np.arange(places)[:, None] * count + numbers[None, :]).reshape(-1))


def _frame(
    counted: Counted,
    name: str,
    past: PastCounts,
    horizon: int,
    origin: str,
    coming: int = 0,
    added: int = 0,
) -> Frame:
    """Returns the counts and what is known beside them, the steps of a place together.

    coming:  steps to come, whose counts are missing
    added:   how many of the first steps the past counts hold already
    """
    counts, places = counted.counts, counted.places
    local = counted.cells.local(counts.shape[1] + coming)
    padded = np.pad(counts, ((0, 0), (0, coming)))
    slots = counted.cells.week_slots(local)
    usual = past.usual(padded, slots, delay=horizon - 1, added=added)
    near = places.mean_of_neighbors(padded)
    all_of = np.broadcast_to(padded.sum(axis=0), padded.shape)
    all_usual = np.broadcast_to(usual.by_kind_of_day.sum(axis=0), padded.shape)
    columns: dict[str, Matrix] = {
        name: padded,
        _NEAR: near,
        _EVERYWHERE: all_of,
        USUAL: usual.by_kind_of_day,
        _USUAL_NEAR: places.mean_of_neighbors(usual.by_kind_of_day),
        _USUAL_EVERYWHERE: all_usual,
        _BY_DAY: usual.by_day,
        _BY_WEEK: usual.by_week,
    }
    for title, count, usually in (
        (_RATIO, name, USUAL),
        (_RATIO_NEAR, _NEAR, _USUAL_NEAR),
        (_RATIO_EVERYWHERE, _EVERYWHERE, _USUAL_EVERYWHERE),
    ):
        columns[title] = np.log((_SMOOTH + columns[count]) / (_SMOOTH + columns[usually]))
    if coming:
        for unknown in (name, _NEAR, _EVERYWHERE, _RATIO, _RATIO_NEAR, _RATIO_EVERYWHERE):
            values = columns[unknown].copy()
            values[:, counts.shape[1] :] = np.nan
            columns[unknown] = values
    steps = padded.shape[1]
    codes = np.repeat(np.arange(len(places), dtype=np.int32), steps)
    label = Column(PLACE, "string", codes, places.names)
    cells = [numbers(title, values.reshape(-1)) for title, values in columns.items()]
    return Frame((label, times(TIME, np.tile(local, len(places))), *cells), origin)


def _new_frame(events: Frame, options: Options, codecs: Sequence[Codec], zoned: bool) -> Frame:
    """Returns the counts of other events in the places of the run, with the steps to
    come.

    Usual counts come from these events alone where they begin with those of the
    training, and otherwise from the data of the run and the steps after them.

    Raises:   DataError when no event is in a place of the run.
    """
    window, ahead = cast("tuple[PlaceWindows, Windows]", codecs)
    state = window.places
    fields = {key: state[key] for key in vars(Places(()))}
    places, trained = Places.from_state(fields), TimeCells.from_state(state["cells"])
    timestamps = times_of(events, options, zoned, [])
    step = trained.index(timestamps)
    place = places_of(places, events)
    inside = place >= 0
    if not inside.any():
        raise DataError(
            f"no event of {events.origin} is in a place of the run",
            allowed=list_some(places.names, 5),
        )
    first, last = int(step.min()), int(step.max())
    refuse_size(len(places), last - first + 1, trained)
    name = window.columns[0]
    amount = events[name].values if name in events else np.ones(len(events))
    table = count_table(
        place[inside], step[inside] - first, amount[inside], len(places), last - first + 1
    )
    past, added = PastCounts.from_state(state["past"]), max(0, state["past_end"] - first)
    if first <= 0:
        added = 0
        past = PastCounts.empty(
            places=len(places), per_day=trained.per_day, per_week=trained.per_week
        )
    counted = Counted(table, places, trained.moved(first))
    horizon = ahead.length
    return _frame(counted, name, past, horizon, events.origin, coming=horizon, added=added)


def _by_step(encoded: Tensor, places: int) -> Tensor:
    """Returns rows as (step, place, feature), one after the other in memory."""
    return encoded.reshape(places, -1, encoded.shape[1]).transpose(0, 1).contiguous()


def _encoded(frame: Frame, codecs: Sequence[Codec], places: int, steps: int) -> list[Tensor]:
    out = []
    for codec in codecs:
        steps_of = cast("Windows", codec).inner
        out.append(_by_step(steps_of.encode(frame), places))
        assert len(out[-1]) == steps
    return out


def _dataset(
    inputs: Sequence[Tensor],
    targets: Tensor,
    origins: NDArray[np.int64],
    places: int,
    window: int,
    horizon: int,
) -> TensorDataset:
    """Returns the samples of consecutive steps, those of all places together.

    Windows overlap in memory; nothing is copied.
    """
    if not len(origins):
        empty = (
            torch.zeros(0, window, inputs[0].shape[2]),
            torch.zeros(0, horizon, inputs[1].shape[2]),
        )
        return TensorDataset(empty, (torch.zeros(0, horizon, targets.shape[2]),))
    first, count = int(origins[0]), len(origins)
    return TensorDataset(
        (
            _windows(inputs[0], first - window, count, window, places),
            _windows(inputs[1], first, count, horizon, places),
        ),
        (_windows(targets, first, count, horizon, places),),
    )


def _windows(x: Tensor, first: int, count: int, length: int, places: int) -> Tensor:
    """Returns (sample, time, feature): windows of each place, which begin at `count`
    steps, as a view."""
    features = x.shape[2]
    return x.as_strided(
        (count * places, length, features),
        (features, places * features, 1),
        x.storage_offset() + first * places * features,
    )
