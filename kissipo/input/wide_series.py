"""Tables with one series per row: the steps stand in the columns.

Country,1960,1961,1962      Province,Country,Lat,Long,1/22/20      id,d_1,d_2,d_3
France,62.6,67.5,75.6       ,France,46.2,2.2,0                     A,3,0,1

They become a table of one row per step, with the columns that name the series. A table
of months below years, or of hours below days, is one series whose row has the date:

Year,Jan,Feb,Mar            date,h1,h2,h3
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_ends, list_some
from kissipo.core.time.timestamps import looks_like_time
from kissipo.input.step_columns import MIN_STEPS, Steps, steps_in
from kissipo.input.time_columns import combined_time
from kissipo.input.time_parts import time_part

VALUE = "value"
_MIN_CERTAIN = 5
_MAX_NAMED = 3
_PLAIN_WORDS = {"", "x", "y", "f", "yr", "fy", "value", "values", "jahr", "year", "date"}
_STEP_WORDS = {
    "d", "day", "t", "step", "time", "timestep", "w", "week", "wk", "m", "mo", "mth", "month", "h",
    "hr", "hour", "period", "minute", "min", "sec", "second",
}  # fmt: skip
_NUMBERED_WORDS = {"", "v", "x", "y", "col", "column", "c", "obs", "val", "value"}
_HOURS = {"", "h", "hr", "hour", "he", "hora", "stunde", "std", "heure"}
_DAYS = {"", "d", "day", "tag"}
_PLACES = {"lat", "latitude", "long", "longitude", "lon", "lng", "x", "y", "elevation", "altitude"}


@dataclass(frozen=True)
class WideSeries:
    """A table with series in its rows.

    steps:    the columns of the steps, one group per value
    names:    the columns that name the series
    dates:    the columns of the rows that are the first part of the time
    is_clear: whether the names of the columns leave no other reading
    """

    steps: tuple[Steps, ...]
    names: tuple[str, ...]
    dates: tuple[str, ...] = ()
    is_clear: bool = True

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the values, in the table with one row per step."""
        words = [_value_name(steps) for steps in self.steps]
        return tuple(words) if len(set(words)) == len(words) else (VALUE,)

    def describe(self, count: int) -> str:
        """Returns what the rows and the columns are."""
        steps = self.steps[0]
        columns = f"the columns '{steps.names[0]}' to '{steps.names[-1]}'"
        if self.dates:
            what = f"its times continue in {columns}, below '{self.dates[0]}'"
            return f"each row holds {len(steps.names)} steps: {what}"
        row = f"each of {count} rows is one series"
        return f"{row} of {len(steps.names)} steps, in {columns}"


def find_wide(
    frame: Frame, *, style: str | None = None, is_asked: bool = False
) -> WideSeries | None:
    """Returns the series in the rows of a table, if its columns are their steps.

    style:     how the dates are written, as in `date_format`
    is_asked:  whether a person says so
    """
    usable = [column.name for column in frame.columns if _may_be_step(column)]
    groups = steps_in(usable, style) if len(usable) >= MIN_STEPS else []
    for steps in groups:
        wide = _calendar(frame, steps, style) or _panel(frame, steps, groups, is_asked=is_asked)
        if wide is not None:
            return wide
    return None


def melted(frame: Frame, wide: WideSeries) -> Frame:
    """Returns one row per step of each series; blanks at both ends are left out.

    Below dates, the steps become the column that makes them timestamps: month or hour.
    """
    first = wide.steps[0]
    cells = {
        name: np.stack([frame[column].values for column in steps.names], axis=1).astype(np.float64)
        for name, steps in zip(wide.values, wide.steps, strict=True)
    }
    missing = np.all([np.isnan(values) for values in cells.values()], axis=0)
    used = _without_ends(~missing)
    if wide.dates:  # the cell of the 30th of February is left out
        used = ~missing if first.part == "day" else np.ones_like(missing)
    rows, places = np.nonzero(used)
    columns = [_name_column(frame[name]).take(rows) for name in wide.names]
    if not wide.names and not wide.dates and len(frame) > 1:
        columns = [strings("series", [str(row) for row in frame.rows]).take(rows)]
    columns += [frame[name].take(rows) for name in wide.dates]
    title = first.part or ("time" if first.is_time else "step")
    make = times if first.is_time else numbers
    columns.append(make(_free(title, frame, wide), first.values[places]))
    columns += [numbers(name, values[rows, places]) for name, values in cells.items()]
    return Frame(tuple(columns), frame.origin, frame.rows[rows])


def _free(title: str, frame: Frame, wide: WideSeries) -> str:
    """Returns a name of the steps that no other column has."""
    taken = {*wide.names, *wide.dates, *wide.values, "series"}
    return next(
        name for name in (title, f"{title} of the column", "step in time") if name not in taken
    )


def _name_column(column: Column) -> Column:
    """Returns the names of series as texts, where a missing one is ''."""
    texts = as_strings(column)
    return strings(column.name, [text or "" for text in texts.texts()])


def _without_ends(present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the cells of each row from its first to its last value."""
    begun = np.logical_or.accumulate(present, axis=1)
    not_ended = np.logical_or.accumulate(present[:, ::-1], axis=1)[:, ::-1]
    return begun & not_ended


def wide_finding(frame: Frame, wide: WideSeries) -> Finding:
    """Returns the finding that the rows are series, with what is left out."""
    used = {name for steps in wide.steps for name in steps.names} | {*wide.names, *wide.dates}
    others = [name for name in frame.names if name not in used]
    message = wide.describe(len(frame))
    if wide.names:
        quoted = " and ".join(f"'{name}'" for name in wide.names)
        message += f"; {quoted} {'names' if len(wide.names) == 1 else 'name'} the series"
    if len(wide.values) > 1:
        message += f"; the values are {list_some(wide.values, 3)}"
    if others:
        verb = "is" if len(others) == 1 else "are"
        message += f"; {list_ends(others, 3, 1)} {verb} left out"
    action = "input.series_in_rows=false reads each row as a step"
    return Finding("PASS", "series in rows", message, action)


def inferred_option(frame: Frame, wide: WideSeries) -> InferredOption:
    """Returns the inferred option that the rows are series."""
    return InferredOption("input.series_in_rows", True, wide.describe(len(frame)))


def without_blanks(frame: Frame, wide: WideSeries) -> tuple[Frame, list[Finding]]:
    """Returns the rows whose series have no blank between values; it reports the
    others, and those without a value.

    Raises:   DataError where too few are left.
    """
    if wide.dates:
        return frame, []
    cells: NDArray[np.bool_] = np.stack(
        [[frame[name].missing for name in steps.names] for steps in wide.steps]
    ).transpose(2, 0, 1)  # row, value, step
    empty: NDArray[np.bool_] = np.all(cells, axis=(1, 2))
    begun = _without_ends(~np.all(cells, axis=1))
    gaps: NDArray[np.bool_] = np.any(begun[:, None, :] & cells, axis=(1, 2)) & ~empty
    findings = []
    if count := int(empty.sum()):
        message = (
            f"{counted(count, 'row')} {'has' if count == 1 else 'have'} no values: "
            + _listed(frame, wide, empty)
        )
        findings.append(Finding("WARN", "series in rows", message, "left out"))
    if gaps.any():
        message = f"{int(gaps.sum())} of {len(frame)} series have blanks between their values: "
        message += _listed(frame, wide, gaps)
        if 2 * gaps.sum() > (~empty).sum():
            raise DataError(
                message,
                allowed="a value at every step, from the first to the last of a series",
                do="Fill the blanks first, or leave these rows out",
            )
        action = "left out; fill the blanks to use them"
        findings.append(Finding("WARN", "series in rows", message, action))
    return frame.take(~(empty | gaps)), findings


def _listed(frame: Frame, wide: WideSeries, which: NDArray[np.bool_]) -> str:
    """Lists some series by their names, or by their rows."""
    rows = np.flatnonzero(which)[:3].tolist()
    columns = [_name_column(frame[name]) for name in wide.names]
    texts = [
        " / ".join(str(column.show(row)) for column in columns if column.show(row)) for row in rows
    ]
    texts = [text or f"row {frame.rows[row]}" for text, row in zip(texts, rows, strict=True)]
    return list_some([*texts, *[""] * (int(which.sum()) - len(rows))], 3)


def _may_be_step(column: Column) -> bool:
    return column.kind == "number" or (column.kind == "string" and not column.categories)


def _value_name(steps: Steps) -> str:
    """Returns the name of the values: the word in the names, where it is one."""
    word = steps.word.strip()
    plain = word.lower() in _PLAIN_WORDS | _STEP_WORDS | _NUMBERED_WORDS
    return VALUE if plain or len(word) < 2 else word


def _panel(
    frame: Frame, steps: Steps, groups: Sequence[Steps], *, is_asked: bool
) -> WideSeries | None:
    """Returns the series of rows that have no time of their own."""
    if steps.part:
        return None
    alike = [
        group
        for group in groups
        if len(group.names) == len(steps.names)
        and not group.part
        and np.array_equal(group.values, steps.values)
    ]
    used = {name for group in alike for name in group.names}
    others = [column for column in frame.columns if column.name not in used]
    has_time = any(looks_like_time(c) or time_part(c.name) in ("year", "date") for c in others)
    if has_time and not is_asked:
        return None
    names = _series_names(frame, others)
    word = steps.word.lower()
    if steps.is_time:
        spare = [c for c in others if c.kind == "number" and c.name not in names]
        spare = [c for c in spare if c.name.lower() not in _PLACES and not c.missing.all()]
        plain = word in _PLAIN_WORDS and len(steps.names) >= _MIN_CERTAIN
        return WideSeries(tuple(alike), names, is_clear=plain and len(alike) == 1 and not spare)
    is_named = bool(names) and frame[names[0]].kind == "string"
    ends_early = _ends_early(frame, steps)
    is_step = word in _STEP_WORDS and (bool(names) or ends_early)
    is_number = word in _NUMBERED_WORDS and (is_named or ends_early)
    if not is_asked and not is_step and not is_number:
        return None
    return WideSeries(tuple(alike), names, is_clear=False)


def _ends_early(frame: Frame, steps: Steps) -> bool:
    """Whether rows have blanks at their ends, and nowhere else, as series of different
    lengths have."""
    present = np.stack([~frame[name].missing for name in steps.names], axis=1)
    lengths = present.sum(axis=1)
    is_head = np.arange(present.shape[1]) < lengths[:, None]
    return bool(np.array_equal(present, is_head) and len(np.unique(lengths)) > 1)


def _series_names(frame: Frame, others: Sequence[Column]) -> tuple[str, ...]:
    """Returns the fewest columns that distinguish the rows, texts before numbers."""
    if len(frame) < 2:
        return ()
    texts = [c for c in others if c.kind == "string" and c.categories]
    whole = [
        c
        for c in others
        if c.kind == "number"
        and not c.missing.any()
        and np.array_equal(c.values, np.floor(c.values))
        and c.name.lower() not in _PLACES
    ]
    for candidates in (texts, [*texts, *whole]):
        for size in range(1, _MAX_NAMED + 1):
            for some in combinations(candidates[:12], size):
                if size == 1 and some[0].missing.any():
                    continue
                codes = np.stack([as_strings(column).values for column in some], axis=1)
                if len(np.unique(codes, axis=0)) == len(frame):
                    return tuple(column.name for column in some)
    return ()


def _calendar(frame: Frame, steps: Steps, style: str | None) -> WideSeries | None:
    """Returns the series of a table of months below years, or of hours below days."""
    others = [column for column in frame.columns if column.name not in steps.names]
    rest = Frame(tuple(others), frame.origin, frame.rows)
    word, count = steps.word.lower(), len(steps.names)
    years = [c.name for c in others if time_part(c.name) == "year"]
    months = [c.name for c in others if time_part(c.name) == "month"]
    if steps.part == "month" or (word == "q" and count == 4):
        dates = years[:1] if years and not months else []
        part = "month" if steps.part else "quarter"
    elif years and months and word in _DAYS and count in (30, 31) and _counts_from(steps, 1):
        dates, part = [*years[:1], *months[:1]], "day"
    elif steps.part == "hhmm" or (word in _HOURS and count in (24, 25) and not steps.is_time):
        dates, part = _days_of(rest, style), steps.part or "hour"
    else:
        return None
    if not dates:
        return None
    key = np.stack([as_strings(frame[name]).values for name in dates], axis=1)
    names = _names_beside(frame, key, [c for c in others if c.name not in dates])
    return None if names is None else WideSeries((replace(steps, part=part),), names, tuple(dates))


def _counts_from(steps: Steps, first: int) -> bool:
    return not steps.is_time and int(steps.values[0]) == first


def _days_of(rest: Frame, style: str | None) -> list[str]:
    """Returns the columns of dates: one of dates, or year, month and day."""
    together = combined_time(rest, None, style)
    if together is not None:
        is_day = np.array_equal(
            together.column.values, together.column.values.astype("datetime64[D]")
        )
        return list(together.names) if is_day else []
    dates = [column.name for column in rest.columns if looks_like_time(column)]
    return dates if len(dates) == 1 else []


def _names_beside(
    frame: Frame, key: NDArray[np.int32], others: Sequence[Column]
) -> tuple[str, ...] | None:
    """Returns the fewest columns that distinguish rows of one date; None where
    none do."""
    if len(np.unique(key, axis=0)) == len(frame):
        return ()
    usable = [
        column
        for column in others
        if not column.missing.any()
        and (
            column.kind == "string"
            or (column.kind == "number" and np.array_equal(column.values, np.floor(column.values)))
        )
    ]
    for size in range(1, _MAX_NAMED + 1):
        for some in combinations(usable[:12], size):
            codes = np.stack([as_strings(column).values for column in some], axis=1)
            if len(np.unique(np.hstack([key, codes]), axis=0)) == len(frame):
                return tuple(column.name for column in some)
    return None
