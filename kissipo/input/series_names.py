"""The column that names the series of a file with several series.

Its names divide the rows so that no timestamp occurs twice in a series, or that each
series goes forward in time although the file as a whole does not. A column that only
describes the time, such as the weekday, divides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame
from kissipo.core.text import list_some
from kissipo.input.time_parts import time_part

_MIN_STEPS = 3
_MANY, _EVEN = 0.05, 0.9
_MAX_COLUMNS, _MAX_JOINED = 12, 3
_NAMES = {
    "id", "series", "item", "machine", "sensor", "station", "device", "unit", "meter", "store",
    "shop", "product", "sku", "customer", "symbol", "ticker", "asset", "stock", "city", "country",
    "state", "region", "site", "location", "household", "building", "room", "plant", "turbine",
    "vehicle", "engine", "patient", "user", "subject", "channel", "zone", "line", "branch", "name",
    "group", "well", "pump", "family", "dept", "department", "panel",
}  # fmt: skip
_DOUBTFUL = {"state", "group", "zone", "name", "line", "unit", "channel"}
_TIME_PARTS = {
    "quarter", "month", "week", "dayofyear", "day", "weekday", "hour", "minute", "second", "hhmm",
    "period",
}  # fmt: skip
_CLOCK_UNITS = ("h:mm", "h:mm:ss")
_DAY = 86_400.0
_CALENDAR = (1.0, 7.0, 364.0, 365.0, 366.0)  # days after which weekday, hour, month repeat


def find_series(
    frame: Frame, time: str, targets: Sequence[str]
) -> tuple[tuple[str, ...], str] | None:
    """Returns the columns that name the series, and the reason; None for one series."""
    values = frame[time].values.astype(np.float64)
    candidates = _candidates(frame, time, targets)
    repeats = len(values) - len(np.unique(values))
    if repeats:
        named = [column for column in candidates if _is_a_name(column, _NAMES - _DOUBTFUL)]
        many = repeats >= _MANY * len(values)
        match = _without_repeats(values, candidates if many else named)
        return match and (tuple(sorted(match[0], key=frame.names.index)), match[1])
    return _one_after_the_other(values, candidates) or _in_turn(frame, time, candidates)


def questionable_names(frame: Frame, time: str, targets: Sequence[str]) -> list[Finding]:
    """Warns of a column whose names follow in turn: it is called group or the like, or
    its texts rotate."""
    values = frame[time].values
    if len(np.unique(values)) < len(values):
        return []
    return [
        Finding(
            "WARN",
            "several series",
            f"'{column.name}' ({_list(column)}) may name several series, whose rows "
            "follow each other in turn",
            f"read as one series; if they are several, set input.series_id={column.name}",
        )
        for column in _candidates(frame, time, targets)
        if (_is_a_name(column, _NAMES) and _alternates(column.values))
        or (frame[column.name].kind == "string" and _rotates(frame, time, column))
    ][:1]


def _one_after_the_other(
    values: NDArray[np.float64], candidates: Sequence[Column]
) -> tuple[tuple[str, ...], str] | None:
    """Returns the column at whose changes the time goes back, if there is one."""
    steps = np.diff(values)
    if np.all(steps > 0) or np.all(steps < 0):
        return None
    for sign in (1.0, -1.0):
        turns = np.flatnonzero(sign * steps < 0)
        for column in candidates:
            codes = column.values
            if np.all(codes[turns] != codes[turns + 1]) and _rises(sign * values, codes):
                return (column.name,), (
                    f"time goes back where '{column.name}' ({_list(column)}) changes, "
                    "and nowhere else"
                )
    return None


def _in_turn(
    frame: Frame, time: str, candidates: Sequence[Column]
) -> tuple[tuple[str, ...], str] | None:
    """Returns a column with a usual name, each of whose names has even steps.

    A name such as zone can also say something of the time; it names series where its
    names rotate.
    """
    values = frame[time].values.astype(np.float64)
    order = np.argsort(values, kind="stable")
    for column in candidates:
        codes = column.values[order]
        is_usual = _is_a_name(column, _NAMES - _DOUBTFUL) and _alternates(codes)
        if not is_usual and not _is_rotating_name(frame, time, column):
            continue
        parts = [np.diff(values[order][codes == code]) for code in np.unique(codes)]
        if all(len(part) and np.mean(part == np.median(part)) > _EVEN for part in parts):
            reason = f"each '{column.name}' ({_list(column)}) has its own even steps"
            return (column.name,), reason
    return None


def _is_rotating_name(frame: Frame, time: str, column: Column) -> bool:
    """Whether a column called zone or the like names series in turn. On and off may
    rotate, too: a state needs three names."""
    is_named = _is_a_name(column, _DOUBTFUL)
    is_switch = len(column.counts()) == 2 and _is_a_name(column, {"state"})
    return is_named and not is_switch and _rotates(frame, time, column)


def _rotates(frame: Frame, time: str, column: Column) -> bool:
    """Whether names follow in the same turn again and again: A, B, C, A, B, C.

    Weekdays, hours and shifts of a day do so, too: they repeat after a day, a week or a
    year.
    """
    stamps = frame[time].values
    order = np.argsort(stamps, kind="stable")
    codes, count = column.values[order], len(column.counts())
    if count < 2 or len(codes) < _MIN_STEPS * count or len(set(codes[:count].tolist())) < count:
        return False
    if not np.array_equal(codes[count:], codes[:-count]):
        return False
    if stamps.dtype.kind != "M":
        return True
    turn = np.median((stamps[order][count:] - stamps[order][:-count]).astype("timedelta64[us]"))
    return float(turn.astype(np.float64)) / 1e6 / _DAY not in _CALENDAR


def _candidates(frame: Frame, time: str, targets: Sequence[str]) -> list[Column]:
    """Returns columns of few names, as texts, those with a usual name first."""
    columns = []
    numbered: dict[str, set[str]] = {}
    for name in frame.names:
        numbered.setdefault(_without_number(name), set()).add(name)
    for column in frame.columns:
        if column.name == time or column.name in targets or column.missing.any():
            continue
        if time_part(column.name) in _TIME_PARTS or column.unit in _CLOCK_UNITS:
            continue  # the hour beside a date is a part of the time
        if len(numbered[_without_number(column.name)]) > 1:
            continue  # store_1 beside store_2: one series per column
        is_whole = column.kind == "number" and np.array_equal(
            column.values, np.floor(column.values)
        )
        if column.kind != "string" and not is_whole:
            continue
        codes = as_strings(column)
        counts = np.array(list(codes.counts().values()))
        if len(counts) > 1 and np.median(counts) >= _MIN_STEPS:
            columns.append(codes)

    def rank(column: Column) -> tuple[bool, bool, int]:
        return (
            not _is_a_name(column, _NAMES),
            frame[column.name].kind == "number",
            len(column.counts()),
        )

    return sorted(columns, key=rank)[:_MAX_COLUMNS]


def _without_repeats(
    values: NDArray[np.float64], candidates: Sequence[Column]
) -> tuple[tuple[str, ...], str] | None:
    """Returns the fewest columns within which every timestamp occurs once."""
    _, stamps = np.unique(values, return_inverse=True)
    for size in range(1, _MAX_JOINED + 1):
        for columns in combinations(candidates, size):
            codes = np.zeros(len(stamps), dtype=np.int64)
            for column in columns:
                codes = codes * len(column.categories) + column.values
            groups, members = np.unique(codes, return_inverse=True)
            pairs = members * (int(stamps.max()) + 1) + stamps
            if len(np.unique(pairs)) == len(pairs) and len(pairs) >= _MIN_STEPS * len(groups):
                names = tuple(column.name for column in columns)
                listed = " and ".join(f"'{column.name}' ({_list(column)})" for column in columns)
                return names, f"each timestamp occurs once per {listed}"
    return None


def _without_number(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def _is_a_name(column: Column, names: set[str]) -> bool:
    return bool(names & set(re.split(r"[^a-z]+", column.name.lower())))


def _rises(values: NDArray[np.float64], codes: NDArray[np.int32]) -> bool:
    """Returns whether the values rise within each group of rows."""
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    steps = np.diff(values[order])
    return bool(np.all(steps[same] > 0))


def _alternates(codes: NDArray[np.int32]) -> bool:
    """Returns whether most rows have another name than the row before."""
    return bool(np.mean(codes[1:] != codes[:-1]) > 0.5)


def _list(column: Column) -> str:
    return list_some(list(column.counts()), 3)
