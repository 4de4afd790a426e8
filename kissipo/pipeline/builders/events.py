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
from dataclasses import dataclass, replace

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
from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some
from kissipo.input.sources._event_columns import PLACE, TIME, X, Y
from kissipo.input.sources._event_places import Places
from kissipo.input.sources._event_time import (
    INTERVALS,
    TimeCells,
    clock_findings,
    to_utc,
    zone_of,
)
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
_MAX_ROWS = 8_000_000  # places times steps
_MAX_GRID, _DEFAULT_GRID = 2_000, 20
_MIN_WEEKS = 2  # of training, before the first of them only builds the usual counts
_NEAR, _EVERYWHERE = "count nearby", "count everywhere"
_USUAL_NEAR, _USUAL_EVERYWHERE = "usual nearby", "usual everywhere"
_BY_DAY, _BY_WEEK = "usual count any day", "usual count that weekday"
_RATIO, _RATIO_NEAR = "count to usual", "nearby to usual"
_RATIO_EVERYWHERE = "everywhere to usual"
_SMOOTH = 0.3  # added to both counts of a ratio
_SHIFT = 0.05  # of usual counts, whose ratios matter
_FAR = 0.1  # of the width of the rectangle that the middle 99% fill, below which some are far
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class _Counted:
    """Counts of all places at all steps.

    counts:  (place, step)
    local:   (step) the local time at which each step begins
    """

    counts: Matrix
    places: Places
    cells: TimeCells
    local: NDArray[np.datetime64]
    slots: NDArray[np.int64]


def build(
    reading: EventReading, resolved: ResolvedTask, *, seed: int, strict: bool = False
) -> Pipeline:
    """Returns a pipeline with a sample per place and step.

    Raises:   DataError for events that cannot be counted, or are too few; TaskError for
              options that do not suit.
    """
    options: Options = resolved.source.options
    findings, inferred = list(reading.findings), list(reading.inferred_options)
    forecast = _forecast_options(resolved, reading)
    horizon = forecast.horizon
    counted = _count(reading, options, resolved.general.split, findings, inferred)
    steps = counted.counts.shape[1]
    split = _split_by_time(steps, resolved.general.split)
    first_test = int(split["validation"][0] if len(split["validation"]) else steps)
    first_test = min([first_test, *(int(part[0]) for part in (split["test"],) if len(part))])
    _place_findings(counted, split, findings)
    refuse_failures(findings, strict=strict)
    window = options.window or _window(counted.cells, steps, inferred)
    lead = _lead(counted.cells, window, first_test, findings)
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
        loss=_loss(resolved),
    )
    answer.positions = (counted.places.x, counted.places.y)
    _suggest(resolved, inferred)
    codecs = (
        PlaceWindows(
            Concat(
                (
                    Counts((name, _NEAR, _EVERYWHERE, USUAL, _USUAL_NEAR, _USUAL_EVERYWHERE)),
                    Numbers((_RATIO, _RATIO_NEAR, _RATIO_EVERYWHERE), missing_indicator=False),
                ),
                name="counts",
            ),
            window,
            places=state,
        ),
        Windows(
            Concat(
                (
                    Counts((USUAL,), shift=_SHIFT, scale="none"),
                    Counts((_BY_DAY, _BY_WEEK, _USUAL_NEAR, _USUAL_EVERYWHERE), shift=_SHIFT),
                    Calendar(TIME),
                ),
                name="known ahead",
            ),
            horizon,
            axis="ahead",
        ),
    )
    train = frame.take(_rows(counted, slice(0, first_test)))
    for codec in codecs:
        codec.fit(train)
    answer.fit(train)
    places, shown = len(counted.places), {}
    inputs = _encoded(frame, codecs, places, steps)
    targets = _by_step(answer.codec.inner.encode(frame), places)
    splits, datasets = {}, {}
    for part, positions in split.items():
        origins = positions[positions >= lead]
        origins = origins[: len(origins) - horizon + 1]
        if part == "train" and len(origins) < 1:
            raise DataError(
                f"{frame.origin} has too few steps for windows of {window}",
                got=f"{len(split['train'])} training steps of an interval of {counted.cells.name}",
                allowed=f"at least {lead + horizon}",
                do="Use a smaller input.window or input.interval, or give more data",
            )
        shown[part] = origins
        splits[part] = (
            (np.arange(places) * steps)[None, :] + (origins - window)[:, None]
        ).reshape(-1)
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


def own_values(source: Component, values: Sequence[object], codecs: Sequence[Codec]) -> Frame | None:
    """Returns the run's own counts where no values are given, or names of places."""
    window = codecs[0]
    assert isinstance(window, PlaceWindows)
    names = [str(value) for value in values if isinstance(value, str | int)]
    known = set(window.places["names"])
    if len(names) < len(values) or not set(names) <= known:
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
    known = steps - ahead.length
    if known < window.length:
        raise DataError(
            "there are fewer steps than one window needs",
            got=f"{known} in {frame.origin}",
            allowed=f"at least {window.length}",
        )
    inputs = _encoded(frame, codecs, places, steps)
    recent = inputs[0][known - window.length : known].transpose(0, 1).contiguous()
    coming = inputs[1][known:].transpose(0, 1).contiguous()
    first = frame.take(np.arange(places) * steps)
    labels = tuple(str(time) for time in frame[TIME].values[known:steps])
    placed = [
        ForecastSteps(TIME, labels, series=str(first[PLACE].show(place)), series_heading=PLACE)
        for place in range(places)
    ]
    assert name in frame
    return TensorDataset((recent, coming), (), steps=placed)


def _forecast_options(resolved: ResolvedTask, reading: EventReading) -> ForecastOptions:
    """Returns the options of the forecast after a check of the answer."""
    if not resolved.answers:
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
            do=f"Write output.forecast={reading.events.count}, or name its column with "
            "input.count",
        )
    options: ForecastOptions = first.options
    return options


def _loss(resolved: ResolvedTask) -> str | None:
    loss = resolved.losses[0] if resolved.losses else None
    allowed = CountForecast.LOSSES
    if loss is not None and loss not in allowed:
        raise TaskError(
            f"process.loss={loss} does not suit counts, whose logarithm the net forecasts",
            allowed=", ".join(allowed),
        )
    return loss


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
        InferredOption("process.epochs", 5),
        InferredOption("process.learning_rate", 1e-3),
        InferredOption("input.batch_size", 256),
    ]


def _count(
    reading: EventReading,
    options: Options,
    split: Split,
    findings: list[Finding],
    inferred: list[InferredOption],
) -> _Counted:
    """Returns the counts of all places at all steps."""
    events = reading.frame
    if not len(events):
        raise DataError(f"{events.origin} has no event")
    moments = _moments(events, options, reading.events.has_zone, findings)
    seconds = _interval(reading, options, moments, inferred)
    cells = TimeCells.around(moments, seconds, options.time_zone or "")
    step = cells.index(moments)
    count = int(step.max()) + 1
    training = step < _training_steps(count, split)
    places, place = _places(events, options, training, findings, inferred)
    _refuse_size(len(places), count, cells)
    weights = events[reading.events.count].values
    inside = place >= 0
    if (outside := int((~inside).sum())) > 0:
        message = f"{outside:,} of {len(events):,} events lie outside the grid"
        findings.append(Finding("WARN", "events outside", message, "left out"))
    if not inside.any():
        raise DataError("no event lies inside input.bounds", do="Correct input.bounds")
    if reading.events.is_counted:
        _refuse_repeated(events, place, step, count)
    table = _table(place[inside], step[inside], weights[inside], len(places), count)
    if places.shape:
        places, table = _used_cells(places, table, findings)
    places = _with_neighbors(places, reading, options, findings, inferred)
    local = cells.local(count)
    _time_findings(reading, table, place, step, cells, local, findings)
    findings += clock_findings(cells, count)
    total = f"{table.sum():,.0f} events" if table.sum() >= 1 else "no events"
    message = (
        f"{total} in {len(places):,} places and {count:,} steps of an interval of {cells.name}, "
        f"{(table == 0).mean():.0%} of the counts are 0"
    )
    findings.append(Finding("PASS", "counts", message))
    return _Counted(table, places, cells, local, cells.week_slots(local))


def _moments(
    events: Frame, options: Options, zoned: bool, findings: list[Finding]
) -> NDArray[np.datetime64]:
    """Returns the times of events: in UTC where the zone is known, else local."""
    moments: NDArray[np.datetime64] = events[TIME].values
    if options.time_zone:
        zone_of(options.time_zone)
        return moments if zoned else to_utc(moments, options.time_zone, findings)
    if zoned:
        message = "the times have offsets, and the time zone of the places is not known"
        action = "hours and days are those of UTC; set input.time_zone=Europe/Prague or another"
        findings.append(Finding("WARN", "time zone", message, action))
    else:
        message = "the times are taken as local times, without a change of the clock"
        action = "input.time_zone=NAME takes changes of the clock into account"
        findings.append(Finding("PASS", "time zone", message, action))
    return moments


def _interval(
    reading: EventReading,
    options: Options,
    moments: NDArray[np.datetime64],
    inferred: list[InferredOption],
) -> int:
    """Returns the seconds of a cell of time: an hour, or the step of counts."""
    if options.interval is not None:
        seconds = INTERVALS[options.interval]
        if reading.events.is_counted:
            own = _own_step(moments)
            if own and (seconds < own or seconds % own):
                raise TaskError(
                    f"input.interval={options.interval} is no multiple of the step of the counts",
                    got=f"counts every {own} seconds",
                )
        return seconds
    if reading.events.is_counted and (own := _own_step(moments)):
        name = next((name for name, length in INTERVALS.items() if length == own), None)
        if name is None:
            raise DataError(
                f"the counts of {reading.frame.origin} follow one another every {own} seconds",
                allowed=", ".join(INTERVALS),
                do="Sum them to one of these intervals with input.interval",
            )
        inferred.append(InferredOption("input.interval", name, "the step of the counts"))
        return own
    inferred.append(InferredOption("input.interval", "hour", "a day has enough cells, and a cell "
                                   "enough events"))
    return INTERVALS["hour"]


def _own_step(moments: NDArray[np.datetime64]) -> int:
    """Returns the most frequent step of the times of counts in seconds; 0 for one."""
    steps = np.diff(np.unique(moments.astype("datetime64[s]").astype(np.int64)))
    if not len(steps):
        return 0
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()])


def _places(
    events: Frame,
    options: Options,
    training: NDArray[np.bool_],
    findings: list[Finding],
    inferred: list[InferredOption],
) -> tuple[Places, NDArray[np.int64]]:
    """Returns the places, and the place of each event."""
    if PLACE in events:
        for name in ("grid", "zones", "bounds"):
            if getattr(options, name) is not None:
                raise TaskError(
                    f"input.{name} needs coordinates, and the places have names",
                    do="Write input.place=[x, y], or leave it out",
                )
        column = events[PLACE]
        used = [column.categories[code] for code in column.used_categories().tolist()]
        places = Places(tuple(used), *_positions(events, used))
        return places, places.of_names(column)
    x, y = events[X].values, events[Y].values
    if options.zones is not None:
        if options.grid is not None or options.bounds is not None:
            raise TaskError("input.zones and input.grid exclude each other", do="Write one of both")
        different = len(np.unique(np.stack([x[training], y[training]], 1), axis=0))
        if options.zones > different:
            raise TaskError(
                f"input.zones={options.zones} needs as many different places",
                got=f"{different} in the training part",
            )
        places = Places.of_zones(x[training], y[training], options.zones)
        return places, places.of_points(x, y)
    shape = _shape(options, inferred)
    bounds = options.bounds
    if bounds is None:
        bounds = _bounds(x, y, findings)
        reason = "all events lie inside"
        inferred.append(InferredOption("input.bounds", list(bounds), reason))
    if len(bounds) != 4 or bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        raise TaskError(
            "input.bounds must be a rectangle",
            got=str(list(bounds)),
            allowed="[x_min, y_min, x_max, y_max], each minimum below its maximum",
        )
    places = Places.of_grid(bounds, shape)
    return places, places.of_points(x, y)


def _shape(options: Options, inferred: list[InferredOption]) -> tuple[int, int]:
    grid = options.grid
    if grid is None:
        grid = (_DEFAULT_GRID,)
        inferred.append(
            InferredOption("input.grid", _DEFAULT_GRID, "coordinates need a grid, or input.zones")
        )
    if len(grid) > 2:
        raise TaskError(
            "input.grid has one number, or one per axis", got=str(list(grid)), allowed="20, [20, 30]"
        )
    if max(grid) > _MAX_GRID:
        raise TaskError("input.grid is too fine", got=str(max(grid)), allowed=f"1 to {_MAX_GRID}")
    return (grid[0], grid[-1])


def _bounds(x: Matrix, y: Matrix, findings: list[Finding]) -> tuple[float, ...]:
    """Returns the rectangle around all points; it reports points that are far away."""
    for name, values in (("x", x), ("y", y)):
        if values.min() == values.max():
            raise DataError(
                f"all events have the same {name}, so a grid has no width",
                got=f"{values[0]:g}",
                do="Set input.bounds, or name a column of places",
            )
        low, high = np.quantile(values, [0.005, 0.995])
        if high - low < _FAR * (values.max() - values.min()):
            message = (
                f"a few events lie far away: 99% have {name} from {low:g} to {high:g}, "
                f"all from {values.min():g} to {values.max():g}"
            )
            action = "most events fall into a few cells; set input.bounds to the usual rectangle"
            findings.append(Finding("WARN", "coordinates", message, action))
    return (float(x.min()), float(y.min()), float(x.max()), float(y.max()))


def _positions(events: Frame, names: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """Returns the mean position of each named place; none where it is not known."""
    if X not in events:
        return ((), ())
    place = events[PLACE].positions(tuple(names), absent=-1)
    sizes = np.bincount(place, minlength=len(names))
    sums = (np.bincount(place, events[axis].values, len(names)) for axis in (X, Y))
    return tuple(tuple((some / sizes).tolist()) for some in sums)


def _refuse_size(places: int, steps: int, cells: TimeCells) -> None:
    if places < 2:
        raise DataError(
            "there is one place only, so no place is the busiest",
            do="Use input.series for one series of counts",
        )
    if places * steps > _MAX_ROWS:
        raise DataError(
            "there are too many places and steps for the memory",
            got=f"{places:,} places times {steps:,} steps of an interval of {cells.name}",
            allowed=f"{_MAX_ROWS:,} counts",
            do="Use a coarser input.grid, or a longer input.interval",
        )


def _refuse_repeated(
    events: Frame, place: NDArray[np.int64], step: NDArray[np.int64], steps: int
) -> None:
    """Refuses two counts of one place at one time."""
    moments = events[TIME].values.astype("datetime64[s]").astype(np.int64)
    order = np.lexsort((moments, place))
    same = (np.diff(place[order]) == 0) & (np.diff(moments[order]) == 0)
    if same.any():
        first = int(order[np.flatnonzero(same)[0]])
        second = int(order[np.flatnonzero(same)[0] + 1])
        rows = sorted(int(events.rows[row]) for row in (first, second))
        raise DataError(
            "one place has two counts at one time",
            got=f"{events[TIME].show(first)} in rows {rows[0]} and {rows[1]}",
            do="Sum them first; does the clock change? Times with an offset are exact",
        )


def _table(
    place: NDArray[np.int64], step: NDArray[np.int64], weights: Matrix, places: int, steps: int
) -> Matrix:
    """Returns the counts (place, step)."""
    flat = np.bincount(place * steps + step, weights, places * steps)
    return np.asarray(flat.reshape(places, steps))


def _used_cells(
    places: Places, table: Matrix, findings: list[Finding]
) -> tuple[Places, Matrix]:
    """Returns the cells of a grid in which something happens at any time."""
    used = np.flatnonzero(table.sum(axis=1) > 0)
    empty = len(places) - len(used)
    if empty:
        message = f"{empty:,} of {len(places):,} cells of the grid never have an event"
        findings.append(Finding("PASS", "empty cells", message, "left out"))
    if len(used) < 2:
        raise DataError(
            "all events fall into one cell of the grid",
            do="Use a finer input.grid, or set input.bounds",
        )
    return places.only(used), table[used]


def _with_neighbors(
    places: Places,
    reading: EventReading,
    options: Options,
    findings: list[Finding],
    inferred: list[InferredOption],
) -> Places:
    if reading.links is not None:
        unknown = {name for pair in reading.links for name in pair} - set(places.names)
        if unknown:
            message = f"{len(unknown)} linked places have no events: {list_some(sorted(unknown), 3)}"
            findings.append(Finding("WARN", "links", message, "their links are left out"))
        linked = places.with_links(reading.links)
        pairs = sum(map(len, linked.neighbors)) // 2
        message = f"{pairs:,} links; the neighbors of a place are those that it is linked to"
        findings.append(Finding("PASS", "neighbors", message))
        return linked
    near = places.with_nearest(options.num_neighbors)
    if near.neighbors:
        count = len(near.neighbors[0])
        findings.append(
            Finding("PASS", "neighbors", f"the neighbors of a place are the {count} nearest")
        )
    else:
        message = "the places have no positions and no links, so no place has neighbors"
        action = "the count everywhere is an input; input.links=FILE names linked places"
        findings.append(Finding("PASS", "neighbors", message, action))
    return near


def _time_findings(
    reading: EventReading,
    table: Matrix,
    place: NDArray[np.int64],
    step: NDArray[np.int64],
    cells: TimeCells,
    local: NDArray[np.datetime64],
    findings: list[Finding],
) -> None:
    """Reports steps without any row, and counts that are missing in counts."""
    seen = np.bincount(step, minlength=table.shape[1]) > 0
    missing = np.flatnonzero(~seen)
    if len(missing):
        first = str(local[missing[0]]).replace("T", " ")
        message = (
            f"{len(missing):,} of {len(seen):,} steps of an interval of {cells.name} have no "
            f"row at all, the first at {first}"
        )
        action = "counted as 0; were the data recorded then?"
        findings.append(Finding("WARN", "missing steps", message, action))
    if reading.events.is_counted:
        pairs = len(np.unique(place * table.shape[1] + step))
        absent = table.size - pairs - len(missing) * len(table)
        if absent > 0:
            message = f"{absent:,} of {table.size:,} counts have no row"
            findings.append(Finding("PASS", "missing counts", message, "counted as 0"))


def _place_findings(
    counted: _Counted, split: dict[str, NDArray[np.int64]], findings: list[Finding]
) -> None:
    """Reports places without an event, and those with events in the test split only."""
    sums = counted.counts.sum(axis=1)
    names = np.array(counted.places.names, dtype=object)
    if (never := names[sums == 0]).size:
        message = f"{len(never):,} places have only zeros: {list_some(never.tolist(), 3)}"
        action = "they are forecast, too; leave them out if nothing can happen there"
        findings.append(Finding("WARN", "only zeros", message, action))
    if not sums.any():
        raise DataError("all counts are 0, so there is nothing to forecast")
    before = counted.counts[:, split["train"]].sum(axis=1)
    if (late := names[(before == 0) & (sums > 0)]).size:
        message = (
            f"{len(late):,} places have their first event after the training part: "
            f"{list_some(late.tolist(), 3)}"
        )
        action = "forecast by the net of all places, whose weights they share"
        findings.append(Finding("WARN", "new places", message, action))


def _training_steps(steps: int, split: Split) -> int:
    """Returns the number of steps before the validation and the test part."""
    return steps - round(steps * split.test) - round(steps * split.validation)


def _split_by_time(steps: int, split: Split) -> dict[str, NDArray[np.int64]]:
    if split.method == "random" or split.folds is not None or split.group is not None:
        raise TaskError(
            "events are split by time, so that no test step comes before a training step",
            do="Leave input.split.method, folds and group out",
        )
    return split_rows(steps, replace(split, method="time"), seed=0)


def _window(cells: TimeCells, steps: int, inferred: list[InferredOption]) -> int:
    window = max(2, min(cells.per_day, 24, steps // 10))
    reason = "a day, or as much of it as a short net needs"
    inferred.append(InferredOption("input.window", window, reason))
    return window


def _lead(cells: TimeCells, window: int, first_test: int, findings: list[Finding]) -> int:
    """Returns the first step that is forecast: after a window, and after a week that
    only builds the usual counts, where the training part is long enough."""
    week = cells.per_week
    if first_test <= (1 + _MIN_WEEKS) * week / 1.5 or week <= window:
        return window
    message = f"the first {week} steps are no targets: they build the usual counts"
    findings.append(Finding("PASS", "first week", message))
    return week


def _rows(counted: _Counted, steps: slice) -> NDArray[np.int64]:
    """Returns the rows of some steps of all places."""
    places, count = counted.counts.shape
    chosen = np.arange(count)[steps]
    return np.asarray((np.arange(places)[:, None] * count + chosen[None, :]).reshape(-1))


def _frame(
    counted: _Counted, name: str, past: PastCounts, horizon: int, origin: str, coming: int = 0
) -> Frame:
    """Returns the counts and what is known beside them, the steps of a place together.

    coming:  steps to come, whose counts are missing
    """
    counts, places = counted.counts, counted.places
    local = counted.cells.local(counts.shape[1] + coming)
    padded = np.pad(counts, ((0, 0), (0, coming)))
    usual = past.usual(padded, counted.cells.week_slots(local), delay=horizon - 1)
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
    training, and otherwise from the training and the steps after it.

    Raises:   DataError when no event is in a place of the run.
    """
    window, ahead = codecs
    assert isinstance(window, PlaceWindows) and isinstance(ahead, Windows)
    state = window.places
    fields = {key: state[key] for key in vars(Places(()))}
    places, trained = Places.from_state(fields), TimeCells.from_state(state["cells"])
    moments = _moments(events, options, zoned, [])
    step = trained.index(moments)
    if PLACE in events:
        place = places.of_names(events[PLACE])
    else:
        place = places.of_points(events[X].values, events[Y].values)
    inside = place >= 0
    if not inside.any():
        raise DataError(
            f"no event of {events.origin} is in a place of the run",
            allowed=list_some(places.names, 5),
        )
    first, last = int(step.min()), int(step.max())
    name = window.columns[0]
    amount = events[name].values if name in events else np.ones(len(events))
    table = _table(
        place[inside], step[inside] - first, amount[inside], len(places), last - first + 1
    )
    past = PastCounts.from_state(state["past"])
    if first <= 0:
        past = PastCounts.empty(
            places=len(places), per_day=trained.per_day, per_week=trained.per_week
        )
    cells = trained.moved(first)
    local = cells.local(table.shape[1])
    counted = _Counted(table, places, cells, local, cells.week_slots(local))
    return _frame(counted, name, past, ahead.length, events.origin, coming=ahead.length)


def _by_step(encoded: Tensor, places: int) -> Tensor:
    """Returns rows as (step, place, feature), one after the other in memory."""
    return encoded.reshape(places, -1, encoded.shape[1]).transpose(0, 1).contiguous()


def _encoded(frame: Frame, codecs: Sequence[Codec], places: int, steps: int) -> list[Tensor]:
    out = []
    for codec in codecs:
        assert isinstance(codec, Windows)
        out.append(_by_step(codec.inner.encode(frame), places))
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
