"""Columns whose names are the steps of a series: dates, years, running numbers, months.

1960, 1961, ...      1/22/20, 1/23/20, ...      2015Q1, ...      X2015.07.01, ...
d_1, d_2, ...        sales_2019, sales_2020     Jan, Feb, ...    h1, h2, ... h24

Example:  >>> steps = steps_in(["Country", "1960", "1961", "1962", "1963"])[0]
          >>> steps.names[0], str(steps.values[0]), steps.is_time
          ('1960', '1960-01-01T00:00:00', True)
          >>> steps_in(["age", "pixel1", "pixel2", "pixel3", "pixel4"])[0].word
          'pixel'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import strings
from kissipo.core.time.month_names import month_number
from kissipo.core.time.timestamps import read_time

MIN_STEPS = 4
_NUMBERED = re.compile(r"(?P<before>\D*?)(?P<core>\d+(?:[-/._: ]\d+)*)(?P<after>\D.*|)")
_MONTH_AND_YEAR = re.compile(r"(?P<month>[^\W\d_]+)\.?[-' ]?(?P<year>\d\d)")
_CLOCK = re.compile(r"(?P<hour>\d?\d):(?P<minute>[0-5]\d)(?::00)?")
_YEARS = (1500, 2200)


@dataclass(frozen=True)
class Steps:
    """Columns that follow each other in time.

    names:    the columns, in order of time
    values:   a timestamp per column, or a whole number
    word:     what stands before (or after) the number in every name
    part:     the part of the time that the names add to that of the row: month, hhmm
    """

    names: tuple[str, ...]
    values: NDArray[np.datetime64] | NDArray[np.int64]
    word: str = ""
    part: str = ""

    @property
    def is_time(self) -> bool:
        """Whether the steps are timestamps."""
        return self.values.dtype.kind == "M"


def steps_in(names: Sequence[str], style: str | None = None) -> list[Steps]:
    """Returns the columns that are steps, in groups, the largest group first.

    style:    how the dates are written, as in `date_format`
    """
    dates = [name for name in names if _is_date(name)]
    groups = [_dated(dates, dates, "", style), _months(names), _clocks(names)]
    for word, members in _numbered([name for name in names if name not in dates]).items():
        labels = [label for _, label in members]
        groups.append(_of_numbers([name for name, _ in members], labels, word, style))
    steps = [group for group in groups if group is not None and len(group.names) >= MIN_STEPS]
    return sorted(steps, key=lambda group: -len(group.names))


def _is_date(name: str) -> bool:
    try:
        return read_time(strings("", [_plain(name)])) is not None
    except DataError:  # 03/04/2024: the other names decide
        return True


def _plain(label: str) -> str:
    """Returns a label in a notation that timestamps have: 2020_01 as 2020-01."""
    label = label.strip().replace("_", "-")
    match = _MONTH_AND_YEAR.fullmatch(label)
    if match and (month := month_number(match["month"])) is not None:
        year = int(match["year"])
        return f"{year + (2000 if year < 69 else 1900)}-{month:02}"
    if re.fullmatch(r"\d{4}[./]\d\d", label):
        return label.replace("/", "-").replace(".", "-")
    if re.fullmatch(r"\d\d[./]\d{4}", label):
        return f"{label[3:]}-{label[:2]}"
    return label


def _dated(
    names: Sequence[str], labels: Sequence[str], word: str, style: str | None
) -> Steps | None:
    """Returns columns whose labels are dates, each of them once, in order."""
    if len(names) < MIN_STEPS:
        return None
    texts = [_plain(label) for label in labels]
    reading = read_time(strings("columns", texts), style=style)
    if reading is None or len(reading.column.values) != len(names):
        return None
    return _ordered(names, reading.column.values, word)


def _ordered(
    names: Sequence[str], values: NDArray[np.datetime64] | NDArray[np.int64], word: str
) -> Steps | None:
    """Returns columns that rise or fall in time, in order of time."""
    steps = np.diff(values).astype(np.int64)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        return None
    order = slice(None) if steps[0] > 0 else slice(None, None, -1)
    return Steps(tuple(names[order]), values[order], word)


def _numbered(names: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Returns the names that differ in a number alone, with their numbers, by what
    stands around it."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name.strip())
        if match is None:
            continue
        after = match["after"].replace(match["core"], "#")
        if any(map(str.isdigit, after)):
            continue
        before = match["before"].strip(" _-.:[(")
        word = f"{before} {after.strip(' _-.:[]()#')}".strip()
        word = before if after.startswith(" [") else word  # 1960 [YR1960]
        groups.setdefault(word, []).append((name, match["core"]))
    return groups


def _of_numbers(
    names: Sequence[str], labels: Sequence[str], word: str, style: str | None
) -> Steps | None:
    """Returns columns whose numbers are years, dates, or count one by one."""
    if len(names) < MIN_STEPS:
        return None
    if not all(map(str.isdigit, labels)):
        try:
            return _dated(names, labels, word, style)
        except DataError:
            return None
    numbers = np.array([int(label[:18]) for label in labels], dtype=np.int64)
    low, high = _YEARS
    if all(len(label) == 4 for label in labels) and low <= numbers.min() <= numbers.max() <= high:
        years = (numbers - 1970).astype("datetime64[Y]").astype("datetime64[s]")
        return _ordered(names, years, word)
    if all(len(label) == 6 for label in labels) and np.all((numbers % 100 - 1) < 12):
        return _dated(names, [f"{label[:4]}-{label[4:]}" for label in labels], word, style)
    steps = _ordered(names, numbers, word)
    return steps if steps is not None and np.all(np.diff(steps.values) == 1) else None


def _months(names: Sequence[str]) -> Steps | None:
    """Returns twelve columns that are called as the months."""
    months = {month_number(name.strip()): name for name in reversed(names)}
    if not all(month in months for month in range(1, 13)):
        return None
    columns = tuple(months[month] for month in range(1, 13))
    return Steps(columns, np.arange(1, 13), part="month")


def _clocks(names: Sequence[str]) -> Steps | None:
    """Returns columns that are called as times of the day: 00:00, 00:30, ..."""
    matches = [(name, match) for name in names if (match := _CLOCK.fullmatch(name.strip()))]
    if len(matches) < MIN_STEPS:
        return None
    hours = np.array([int(match["hour"]) for _, match in matches])
    minutes = np.array([int(match["minute"]) for _, match in matches])
    if len(set(np.diff(60 * hours + minutes).tolist())) > 1 or hours[-1] > 24:
        return None
    return Steps(tuple(name for name, _ in matches), 100 * hours + minutes, part="hhmm")
