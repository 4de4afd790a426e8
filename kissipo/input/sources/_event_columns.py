"""The rows of events in fixed columns: time, place or x and y, count.

One row per event        at,x,y                  a row counts 1
One row per count        hour,zone,trips         input.count=trips
One row per place        stop,x,y,h0,h1,h2       the columns are the steps of time
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.text import list_ends
from kissipo.core.time.timestamps import has_zone, looks_like_time, read_time
from kissipo.input.sources._event_time import INTERVALS

TIME, PLACE, X, Y = "time", "place", "x", "y"
_MIN_STEPS = 24  # columns of a table with a place per row
_NUMBERED = re.compile(r"(?P<word>[a-z_ ]*?)_?(?P<number>\d+)", re.IGNORECASE)
_PLACES = ("place", "zone", "stop", "station", "location", "cell", "area", "region")
_COORDINATES = (
    ("x", "y"),
    ("lon", "lat"),
    ("lng", "lat"),
    ("long", "lat"),
    ("longitude", "latitude"),
    ("pickup_longitude", "pickup_latitude"),
    ("start_lng", "start_lat"),
)
_COUNTS = ("count", "counts", "value")
_LATITUDES = ("lat", "latitude")


@dataclass(frozen=True)
class EventOptions:
    """Where the time, the place and the count of an event stand.

    time, place, count:  the columns, if the task names them
    start:      the time of the first step, where the columns of a table are numbered
    interval:   how long a numbered column is, in words
    style:      the format of dates, if the task names it
    """

    time: str | None = None
    place: tuple[str, ...] = ()
    count: str | None = None
    start: str | None = None
    interval: str | None = None
    style: str | None = None


@dataclass(frozen=True)
class Events:
    """The rows of events, in fixed columns.

    frame:      time, place or x and y, or both, and the count of every row
    count:      the name of the column of counts
    is_counted: whether the rows are counts, not events
    has_zone:   whether the times had an offset, and are in UTC now
    """

    frame: Frame
    count: str
    is_counted: bool
    has_zone: bool
    findings: tuple[Finding, ...] = ()
    inferred: tuple[InferredOption, ...] = ()


def read_events(frame: Frame, options: EventOptions) -> Events:
    """Returns the rows of events in fixed columns.

    Raises:   DataError, TaskError when a column of time or of places is missing or
              cannot be read.
    """
    steps = _step_columns(frame, options)
    if steps is not None:
        return _of_wide(frame, steps, options)
    findings: list[Finding] = []
    inferred: list[InferredOption] = []
    place = _place_columns(frame, options, inferred)
    time = options.time or _time_column(frame, place, inferred)
    reading = read_time(frame[time], style=options.style)
    if reading is None:
        raise DataError(
            f"the time column '{time}' cannot be read as timestamps",
            got=f"'{frame[time].show(0)}' in row 1",
            do="Say how it is written, as in strptime: input.date_format=%d/%m/%Y %H:%M",
        )
    if reading.style and options.style is None:
        inferred.append(InferredOption("input.date_format", reading.style, reading.reason))
    zoned = has_zone(frame[time])
    count = options.count or _count_column(frame, (*place, time), inferred)
    columns = [_renamed(reading.column, TIME), *_places(frame, place)]
    amount = frame[count] if count else numbers("count", np.ones(len(frame)))
    if count:
        _refuse_counts(frame, amount)
    usable = Frame((*columns, amount), frame.origin, frame.rows)
    usable = _complete(usable, findings)
    return Events(usable, amount.name, bool(count), zoned, tuple(findings), tuple(inferred))


def _renamed(column: Column, name: str) -> Column:
    return replace(column, name=name)


def _time_column(frame: Frame, place: Sequence[str], inferred: list[InferredOption]) -> str:
    columns = [column for column in frame.columns if column.name not in place]
    candidates = [column.name for column in columns if looks_like_time(column)]
    if not candidates:
        raise DataError(
            f"{frame.origin} has no column of times, so no event has a time",
            got="the columns " + list_ends(frame.names, 6, 1),
            do="Name the column with input.time=COLUMN, and its format with input.date_format",
        )
    reason = "its values are timestamps"
    if len(candidates) > 1:
        reason += f", as are those of {', '.join(candidates[1:3])}"
    inferred.append(
        InferredOption("input.time", candidates[0], reason, doubtful=len(candidates) > 1)
    )
    return candidates[0]


def _place_columns(
    frame: Frame, options: EventOptions, inferred: list[InferredOption]
) -> tuple[str, ...]:
    """Returns the column that names the place, or the two columns of coordinates."""
    if options.place:
        if len(options.place) > 2:
            raise TaskError(
                "input.place names a column of places, or two columns of coordinates",
                got=", ".join(options.place),
                allowed="place: zone, or place: [x, y]",
            )
        for name in options.place:
            frame[name]
        if len(options.place) == 2:
            _refuse_coordinates(frame, options.place)
        return options.place
    lower = {name.lower(): name for name in frame.names}
    for name in _PLACES:
        if name in lower:
            others = " and ".join(_coordinates(frame))
            reason = "it is called so" + (f"; {others} are its position" if others else "")
            inferred.append(InferredOption("input.place", lower[name], reason))
            return (lower[name],)
    place = _coordinates(frame)
    if place:
        inferred.append(InferredOption("input.place", list(place), "they are coordinates"))
        _refuse_coordinates(frame, place)
        return place
    raise DataError(
        f"{frame.origin} has no column of places, so no event has a place",
        got="the columns " + list_ends(frame.names, 6, 1),
        do="Name the column with input.place=COLUMN, or coordinates with input.place=[x, y]",
    )


def _count_column(frame: Frame, used: Sequence[str], inferred: list[InferredOption]) -> str | None:
    for name in _COUNTS:
        if name in frame and name not in used and frame[name].kind == "number":
            reason = "each row is a count, as its name says; without it, a row is one event"
            inferred.append(InferredOption("input.count", name, reason))
            return name
    return None


def _coordinates(frame: Frame, place: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns two columns that are called as coordinates are; none without them."""
    lower = {name.lower(): name for name in frame.names if name not in place}
    pair = next((pair for pair in _COORDINATES if all(name in lower for name in pair)), ())
    return tuple(lower[name] for name in pair)


def _places(frame: Frame, place: Sequence[str]) -> list[Column]:
    """Returns the names of the places with their coordinates if there are any, or the
    coordinates."""
    if len(place) == 1:
        points = [frame[name] for name in _coordinates(frame, place)]
        whole = all(point.kind == "number" and not point.missing.any() for point in points)
        axes = zip(points, (X, Y), strict=False) if whole else ()
        name = _renamed(as_strings(frame[place[0]]), PLACE)
        return [name, *(_renamed(point, axis) for point, axis in axes)]
    return [_renamed(frame[name], axis) for name, axis in zip(place, (X, Y), strict=True)]


def _refuse_coordinates(frame: Frame, place: Sequence[str]) -> None:
    """Refuses coordinates that are no numbers, and latitudes beyond the poles."""
    for name in place:
        column = frame[name]
        if column.kind != "number":
            raise DataError(
                f"'{name}' is a column of texts, not of coordinates",
                got=f"'{column.show(0)}'",
                do="Name one column of places instead: input.place=COLUMN",
            )
        if column.missing.all():
            raise DataError(
                f"no event has a value of '{name}', so no event has a place",
                got=f"{len(column)} empty cells",
            )
        is_latitude = name.lower().split("_")[-1] in _LATITUDES
        values = column.values[~column.missing]
        if is_latitude and np.abs(values).max() > 90:
            worst = int(np.flatnonzero(np.abs(np.nan_to_num(column.values)) > 90)[0])
            raise DataError(
                f"'{name}' is a latitude, which lies between -90 and 90",
                got=f"{column.values[worst]:g} in row {frame.rows[worst]}",
                do=f"Are the coordinates swapped? Write input.place=[{place[1]}, {place[0]}], "
                "or correct the columns",
            )


def _refuse_counts(frame: Frame, amount: Column) -> None:
    """Refuses counts that are missing, negative or no numbers."""
    if amount.kind != "number":
        raise DataError(
            f"'{amount.name}' is not a column of counts", got=f"'{amount.show(0)}' in row 1"
        )
    wrong = np.flatnonzero(amount.missing | (np.nan_to_num(amount.values) < 0))
    if len(wrong):
        cell = amount.show(int(wrong[0]))
        raise DataError(
            f"'{amount.name}' must have a count of at least 0 in every row",
            got=f"{'no number' if cell is None else cell} in row {frame.rows[wrong[0]]}",
            do="Write 0 where nothing happened, or leave the row out",
        )
    if np.isinf(amount.values).any():
        raise DataError(f"'{amount.name}' has an infinite count")


def _complete(frame: Frame, findings: list[Finding]) -> Frame:
    """Returns the rows with a time and a place; it reports the others.

    Raises:   DataError when none is left.
    """
    for name in (TIME, PLACE, X, Y):
        if name not in frame:
            continue
        column = frame[name]
        missing = column.missing
        if column.kind == "number":
            missing = missing | np.isinf(column.values)
        if not missing.any():
            continue
        rows = frame.rows[missing]
        what = {TIME: "no time", PLACE: "no place"}.get(name, f"no coordinate {name}")
        verb = "has" if len(rows) == 1 else "have"
        if missing.all():
            raise DataError(
                f"no event of {frame.origin} has {what.removeprefix('no ')}",
                got=f"{len(rows)} rows without it",
            )
        message = f"{len(rows):,} of {len(frame):,} events {verb} {what}: {format_rows(rows)}"
        findings.append(
            Finding("WARN", "events without " + name, message, "left out", first_rows(rows))
        )
        frame = frame.take(np.flatnonzero(~missing))
    return frame


@dataclass(frozen=True)
class _Steps:
    """The columns of a table with one place per row, and the time of each."""

    columns: tuple[str, ...]
    times: NDArray[np.datetime64]


def _step_columns(frame: Frame, options: EventOptions) -> _Steps | None:
    """Returns the columns that are steps of time, if most of them are.

    Raises:   TaskError for numbered columns without `input.start`.
    """
    if options.time is not None:
        return None
    values = [column.name for column in frame.columns if column.kind == "number"]
    stamps = [name for name in values if re.match(r"\d{4}-\d\d-\d\d", name)]
    if len(stamps) >= _MIN_STEPS:
        column = read_time(strings("time", stamps), style=options.style)
        if column is not None:
            return _Steps(tuple(stamps), column.column.values)
    best: list[str] = []
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in values:
        if match := _NUMBERED.fullmatch(name):
            groups.setdefault(match["word"].lower(), []).append((int(match["number"]), name))
    for group in groups.values():
        ordered = sorted(group)
        is_run = [number for number, _ in ordered] == list(
            range(ordered[0][0], ordered[0][0] + len(ordered))
        )
        if is_run and len(ordered) > len(best):
            best = [name for _, name in ordered]
    if len(best) < _MIN_STEPS:
        return None
    if options.start is None:
        raise TaskError(
            f"the columns '{best[0]}' to '{best[-1]}' of {frame.origin} are steps without a time",
            do="Write the time of the first one: input.start=2020-10-01",
        )
    first = read_time(strings("start", [options.start]))
    if first is None:
        raise TaskError("input.start is not a time", got=f"'{options.start}'")
    seconds = INTERVALS[options.interval or "hour"]
    begin = first.column.values[0].astype("datetime64[s]")
    steps = begin + (np.arange(len(best)) * seconds).astype("timedelta64[s]")
    return _Steps(tuple(best), steps)


def _of_wide(frame: Frame, steps: _Steps, options: EventOptions) -> Events:
    """Returns one row per place and step."""
    others = [name for name in frame.names if name not in steps.columns]
    inferred: list[InferredOption] = []
    rest = frame.only(others)
    points = _coordinates(rest, options.place)
    names = [name for name in others if name not in points]
    place = options.place or tuple(names[:1])
    if len(place) != 1:
        raise TaskError(
            f"input.place must name the column of places of {frame.origin}, a place per row",
            got=", ".join(place) or "no column besides the steps",
        )
    if not options.place:
        reason = "it is the first column, and the others are steps of time"
        inferred.append(InferredOption("input.place", place[0], reason))
    label = as_strings(rest[place[0]])
    repeated = [text for text, count in label.counts().items() if count > 1]
    if repeated or label.missing.any():
        raise DataError(
            f"'{place[0]}' must name a place in every row, each once",
            got=f"'{repeated[0]}' in several rows" if repeated else "a row without a name",
        )
    cells = np.stack([frame[name].values for name in steps.columns], axis=1)
    missing = np.argwhere(np.isnan(cells) | (cells < 0))
    if len(missing):
        row, column = missing[0]
        raise DataError(
            "a table with a place per row must have a count of at least 0 in every cell",
            got=f"{cells[row, column]:g} in row {row + 1} of '{steps.columns[column]}'",
            do="Write 0 where nothing happened",
        )
    count = len(steps.columns)

    def repeat(column: Column, name: str) -> Column:
        values: NumpyArray = np.repeat(column.values, count)
        return replace(column, name=name, values=values)

    axes = zip(points, (X, Y), strict=False)
    long = Frame(
        (
            times(TIME, np.tile(steps.times, len(frame))),
            repeat(label, PLACE),
            *(repeat(frame[name], axis) for name, axis in axes),
            numbers("count", cells.reshape(-1)),
        ),
        frame.origin,
    )
    message = (
        f"each of {len(frame)} rows is one place with {count} steps, "
        f"in the columns '{steps.columns[0]}' to '{steps.columns[-1]}'"
    )
    finding = Finding("PASS", "places in rows", message)
    return Events(long, "count", True, False, (finding,), tuple(inferred))
