"""Counts of events in cells of place and time.

Every event is counted in one place and one step. Steps are of equal length and follow
one another; those without an event have counts of 0, which is reported where no place
has one. Zones are fitted on the steps of the training split alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame
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
from kissipo.input.sources.events import EventReading, Options
from kissipo.input.split import Split

_MAX_ROWS = 8_000_000  # places times steps
_MAX_GRID, _DEFAULT_GRID = 2_000, 20
_FAR = 0.1  # of the width of the rectangle that the middle 99% fill, below which some are far
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """Counts of all places at all steps.

    counts:  (place, step)
    """

    counts: Matrix
    places: Places
    cells: TimeCells

    @property
    def slots(self) -> NDArray[np.int64]:
        """The number of each step in its week."""
        return self.cells.week_slots(self.cells.local(self.counts.shape[1]))


def count_events(
    reading: EventReading,
    options: Options,
    split: Split,
    findings: list[Finding],
    inferred: list[InferredOption],
) -> Counted:
    """Returns the counts of all places at all steps."""
    events = reading.frame
    if not len(events):
        raise DataError(f"{events.origin} has no event")
    timestamps = times_of(events, options, reading.events.has_zone, findings)
    seconds = _interval(reading, options, timestamps, inferred)
    cells = TimeCells.around(timestamps, seconds, options.time_zone or "")
    step = cells.index(timestamps)
    count = int(step.max()) + 1
    training = step < _training_steps(count, split)
    places, place = _places(events, options, training, findings, inferred)
    if len(places) < 2:
        raise DataError(
            "there is one place only, so no place is the busiest",
            do="Use input.series for one series of counts",
        )
    refuse_size(len(places), count, cells)
    weights = events[reading.events.count].values
    inside = place >= 0
    if (outside := int((~inside).sum())) > 0:
        message = f"{outside:,} of {len(events):,} events lie outside the grid"
        findings.append(Finding("WARN", "events outside", message, "left out"))
    if not inside.any():
        raise DataError("no event lies inside input.bounds", do="Correct input.bounds")
    if reading.events.is_counted and PLACE in events:
        _refuse_repeated(events, place, step, count)
    table = count_table(place[inside], step[inside], weights[inside], len(places), count)
    if places.shape:
        places, table = _used_cells(places, table, findings)
    places = _with_neighbors(places, reading, options, findings, inferred)
    local = cells.local(count)
    _time_findings(reading, table, place, step, cells, local, findings)
    findings += clock_findings(cells, local)
    total = f"{table.sum():,.0f} events" if table.sum() >= 1 else "no events"
    message = (
        f"{total} in {len(places):,} places and {count:,} steps of {cells.length}, "
        f"{(table == 0).mean():.0%} of the counts are 0"
    )
    findings.append(Finding("PASS", "counts", message))
    return Counted(table, places, cells)


def times_of(
    events: Frame, options: Options, zoned: bool, findings: list[Finding]
) -> NDArray[np.datetime64]:
    """Returns the times of events: in UTC where the zone is known, else local."""
    timestamps: NDArray[np.datetime64] = events[TIME].values
    if options.time_zone:
        zone_of(options.time_zone)
        return timestamps if zoned else to_utc(timestamps, options.time_zone, findings)
    if zoned:
        message = "the times have offsets, and the time zone of the places is not known"
        action = "hours and days are those of UTC; set input.time_zone=Europe/Prague or another"
        findings.append(Finding("WARN", "time zone", message, action))
    else:
        message = "the times are taken as local times, without a change of the clock"
        action = "input.time_zone=NAME takes changes of the clock into account"
        findings.append(Finding("PASS", "time zone", message, action))
    return timestamps


def _interval(
    reading: EventReading,
    options: Options,
    timestamps: NDArray[np.datetime64],
    inferred: list[InferredOption],
) -> int:
    """Returns the seconds of a cell of time: an hour, or the step of counts."""
    if options.interval is not None:
        seconds = INTERVALS[options.interval]
        if reading.events.is_counted:
            own = _own_step(timestamps)
            if own and (seconds < own or seconds % own):
                raise TaskError(
                    f"input.interval={options.interval} is not a multiple of the counts' step",
                    got=f"counts every {own} seconds",
                )
        return seconds
    if reading.events.is_counted and (own := _own_step(timestamps)):
        name = next((name for name, length in INTERVALS.items() if length == own), None)
        if name is None:
            raise DataError(
                f"the counts of {reading.frame.origin} follow one another every {own} seconds",
                allowed=", ".join(INTERVALS),
                do="Sum them to one of these intervals with input.interval",
            )
        inferred.append(InferredOption("input.interval", name, "the step of the counts"))
        return own
    reason = "the usual cell: a day has enough of them, and each has enough events"
    inferred.append(InferredOption("input.interval", "hour", reason))
    return INTERVALS["hour"]


def _own_step(timestamps: NDArray[np.datetime64]) -> int:
    """Returns the most frequent step of the times of counts in seconds; 0 for one."""
    steps = np.diff(np.unique(timestamps.astype("datetime64[s]").astype(np.int64)))
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
        x_means, y_means = _positions(events, used)
        places = Places(tuple(used), x_means, y_means)
        return places, places.of_names(column)
    x, y = events[X].values, events[Y].values
    if options.zones is not None:
        if options.grid is not None or options.bounds is not None:
            raise TaskError("input.zones and input.grid exclude each other", do="Write one of both")
        different = len(np.unique(np.stack([x[training], y[training]], 1), axis=0))
        if options.zones > different:
            raise TaskError(
                f"input.zones={options.zones} needs as many different places",
                got=f"{different} in the training split",
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
            "input.grid has one number, or one per axis",
            got=str(list(grid)),
            allowed="20, [20, 30]",
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


def _positions(events: Frame, names: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns the mean position of each named place; none where it is not known."""
    if X not in events:
        return ((), ())
    place = events[PLACE].positions(tuple(names), absent=-1)
    sizes = np.bincount(place, minlength=len(names))
    x, y = (np.bincount(place, events[axis].values, len(names)) / sizes for axis in (X, Y))
    return tuple(x.tolist()), tuple(y.tolist())


def refuse_size(places: int, steps: int, cells: TimeCells) -> None:
    """Refuses a table of counts that is too large for the memory."""
    if places * steps > _MAX_ROWS:
        raise DataError(
            "there are too many places and steps for the memory",
            got=f"{places:,} places times {steps:,} steps of {cells.length}",
            allowed=f"{_MAX_ROWS:,} counts",
            do="Use a coarser input.grid, or a longer input.interval",
        )


def _refuse_repeated(
    events: Frame, place: NDArray[np.int64], step: NDArray[np.int64], steps: int
) -> None:
    """Refuses two counts of one place at one time."""
    timestamps = events[TIME].values.astype("datetime64[s]").astype(np.int64)
    order = np.lexsort((timestamps, place))
    same = (np.diff(place[order]) == 0) & (np.diff(timestamps[order]) == 0)
    if same.any():
        first = int(order[np.flatnonzero(same)[0]])
        second = int(order[np.flatnonzero(same)[0] + 1])
        rows = sorted(int(events.rows[row]) for row in (first, second))
        raise DataError(
            "one place has two counts at one time",
            got=f"{events[TIME].show(first)} in rows {rows[0]} and {rows[1]}",
            do="Sum them first; does the clock change? Times with an offset are exact",
        )


def count_table(
    place: NDArray[np.int64], step: NDArray[np.int64], weights: Matrix, places: int, steps: int
) -> Matrix:
    """Returns the counts (place, step)."""
    flat = np.bincount(place * steps + step, weights, places * steps)
    return np.asarray(flat.reshape(places, steps))


def _used_cells(places: Places, table: Matrix, findings: list[Finding]) -> tuple[Places, Matrix]:
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
            message = (
                f"{len(unknown)} linked places have no events: {list_some(sorted(unknown), 3)}"
            )
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
    has_row = np.bincount(step, minlength=table.shape[1]) > 0
    missing = np.flatnonzero(~has_row)
    if len(missing):
        first = str(local[missing[0]]).replace("T", " ")
        message = (
            f"{len(missing):,} of {len(has_row):,} steps of {cells.length} have no "
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


def place_findings(
    events: Counted, split: dict[str, NDArray[np.int64]], findings: list[Finding]
) -> None:
    """Reports places without an event, and those with events in the test split only."""
    sums = events.counts.sum(axis=1)
    names = np.array(events.places.names, dtype=object)
    if (never := names[sums == 0]).size:
        have = "has" if len(never) == 1 else "have"
        places = counted(len(never), "place")
        message = f"{places} {have} only zeros: {list_some(never.tolist(), 3)}"
        action = "they are forecast, too; leave out the rows of places where nothing can happen"
        findings.append(Finding("WARN", "only zeros", message, action))
    if not sums.any():
        raise DataError("all counts are 0, so there is nothing to forecast")
    before = events.counts[:, split["train"]].sum(axis=1)
    if (late := names[(before == 0) & (sums > 0)]).size:
        have = "has its" if len(late) == 1 else "have their"
        places = counted(len(late), "place")
        message = (
            f"{places} {have} first event after the training split: {list_some(late.tolist(), 3)}"
        )
        action = "the net of all places forecasts them, with the same weights"
        findings.append(Finding("WARN", "new places", message, action))


def places_of(places: Places, events: Frame) -> NDArray[np.int64]:
    """Returns the place of each event, -1 for one outside."""
    if PLACE in events:
        return places.of_names(events[PLACE])
    return places.of_points(events[X].values, events[Y].values)


def _training_steps(steps: int, split: Split) -> int:
    """Returns the number of steps before the validation and test splits."""
    return steps - round(steps * split.test) - round(steps * split.validation)
