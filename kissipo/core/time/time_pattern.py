"""The pattern of timestamps, and the timestamps that follow them.

Either one timestamp per month (on a day, at the month's end, on its first or last
working day, on its third Friday), or a step with the hours of the week that occur:
working days, opening hours. Without such a pattern the most frequent step goes on.

Example:  >>> ends = ["2024-01-31", "2024-02-29", "2024-03-31"]
          >>> days = np.array(ends, "datetime64[s]")
          >>> pattern = TimePattern.fit(days)
          >>> pattern.after(days[-1], 2).astype("datetime64[D]").astype(str).tolist()
          ['2024-04-30', '2024-05-31']
          >>> pattern.describe()
          'month ends'
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import whole_seconds
from kissipo.core.json_object import JsonObject

_MINUTE, _DAY, _WEEK = 60_000_000, 86_400_000_000, 604_800_000_000
_MONDAY = 4 * _DAY  # 1970-01-05
_RECENT = 8 * _WEEK
_MAX_CELLS = 20_000_000
_COMMON, _ON_GRID, _OPEN, _FULL = 0.05, 0.9, 0.25, 0.75
_MAX_SHORTER = 64
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Days = NDArray[np.datetime64]
Months = NDArray[np.int64]


@dataclass(frozen=True)
class TimePattern:
    """How timestamps follow each other.

    step:    the microseconds from one to the next, or the number of months
    rule:    the rule of the day in the month; empty where the step is a time
    number:  the day of the rule, or 10 times the weekday plus its number in the month
    within:  the microseconds of the day, where there is a rule
    slots:   the first and last parts of the week that occur; empty: all of it
    width:   the microseconds of such a part
    """

    step: int
    rule: str = ""
    number: int = 0
    within: int = 0
    slots: tuple[tuple[int, int], ...] = ()
    width: int = 0

    @classmethod
    def fit(cls, timestamps: NDArray[np.datetime64]) -> Self:
        """Returns the pattern of at least two rising timestamps."""
        monthly = _monthly(timestamps)
        if monthly is not None:
            rule, number, within = monthly
            return cls(_mode(np.diff(_months(timestamps))), rule, number, within)
        micro = _micro(timestamps)
        recent = micro[micro >= micro[-1] - _RECENT]
        usual = _mode(np.diff(micro))
        for part in (recent, micro) if len(recent) < len(micro) else (micro,):
            weekly = _weekly(part, usual)
            if weekly is not None:
                return cls(weekly[0], slots=weekly[1], width=weekly[2])
        return cls(usual)

    def after(self, last: np.datetime64, count: int) -> NDArray[np.datetime64]:
        """Returns the next timestamps after the last one."""
        if self.rule:
            ahead = _months(np.array([last]))[0] + np.arange(1, count + 1) * self.step
            days = _month_days(ahead, self.rule, self.number).astype("datetime64[us]")
            exact = (days + np.timedelta64(self.within, "us")).astype("datetime64[us]")
            return whole_seconds(exact)
        start = int(_micro(np.array([last]))[0])
        match = np.zeros(0, dtype=np.int64)
        ahead = np.arange(1, count + 1)
        while len(match) < count:
            steps = start + ahead * self.step
            match = np.concatenate([match, steps[self._occurs(steps)]])
            ahead = ahead + count
        return whole_seconds(match[:count].astype("datetime64[us]"))

    def steps(self, timestamps: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Returns the length of each step: in months, in parts of the week that occur,
        or in microseconds."""
        if self.rule:
            return np.diff(_months(timestamps))
        micro = _micro(timestamps)
        if not self.slots:
            return np.diff(micro)
        before = np.concatenate([[0], np.cumsum(self._taken())])
        weeks, rest = np.divmod(micro - _MONDAY, _WEEK)
        slots, within = np.divmod(rest, self.width)
        slots_before = weeks * before[-1] + before[slots]
        return np.diff(slots_before * (self.width // self.step) + within // self.step)

    def describe(self) -> str:
        """Returns the pattern in a few words; empty for a plain step."""
        if self.rule:
            return self._describe_rule()
        if not self.slots:
            return ""
        taken = self._taken()
        per_day = max(1, _DAY // self.width)
        days = np.flatnonzero(taken.reshape(7, per_day).any(1))
        words = _list_days(days)
        hours = np.flatnonzero(taken.reshape(7, per_day).any(0))
        if len(hours) == per_day:
            return words
        first, end = (int(slot) * self.width // _MINUTE for slot in (hours[0], hours[-1]))
        return f"{words}, {_clock(first)} to {_clock(end)}"

    def state(self) -> JsonObject:
        """Returns the pattern as JSON values."""
        return {**vars(self), "slots": [list(span) for span in self.slots]}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Restores a pattern from its `state`."""
        slots = tuple((int(first), int(last)) for first, last in state["slots"])
        return cls(**{**state, "slots": slots})

    def _describe_rule(self) -> str:
        every = "" if self.step == 1 else f" of every {_ordinal(self.step)} month"
        if self.rule == "weekday":
            weekday, number = divmod(self.number, 10)
            return (
                f"the {_ordinal(number)} {_DAYS[weekday]} of the month"
                if not every
                else (f"the {_ordinal(number)} {_DAYS[weekday]}{every}")
            )
        if self.rule == "day":
            return (
                ""
                if self.number < 29
                else f"month ends{every}"
                if self.number == 31
                else (f"day {self.number} of the month, or its end")
            )
        return f"the {self.rule} working day of the month"

    def _taken(self) -> NDArray[np.int64]:
        taken = np.zeros(_WEEK // self.width, dtype=np.int64)
        for first, last in self.slots:
            taken[first : last + 1] = 1
        return taken

    def _occurs(self, micro: NDArray[np.int64]) -> NDArray[np.bool_]:
        if not self.slots:
            return np.ones(len(micro), dtype=bool)
        return self._taken()[(micro - _MONDAY) % _WEEK // self.width] > 0


def is_monthly(timestamps: NDArray[np.datetime64]) -> bool:
    """Returns whether the timestamps stand at one day and hour of their months."""
    return _monthly(timestamps) is not None


def next_timestamps(timestamps: NDArray[np.datetime64], count: int) -> NDArray[np.datetime64]:
    """Returns the next timestamps, which follow the pattern of those before.

    Example:  >>> monthly = np.array(["2024-11-01", "2024-12-01"], "datetime64[s]")
              >>> next_timestamps(monthly, 2).astype("datetime64[D]").tolist()
              [datetime.date(2025, 1, 1), datetime.date(2025, 2, 1)]
    """
    return TimePattern.fit(timestamps).after(timestamps[-1], count)


def _monthly(timestamps: NDArray[np.datetime64]) -> tuple[str, int, int] | None:
    """Returns rule, number and time of day of one timestamp per month, if it is so."""
    months, days = _months(timestamps), timestamps.astype("datetime64[D]")
    within = _micro(timestamps) - days.astype(np.int64) * _DAY
    if len(months) < 2 or np.any(within != within[0]) or np.any(np.diff(months) < 1):
        return None
    day = (days - months.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    weekdays, order = (days.astype(np.int64) + 3) % 7, (day + 6) // 7
    candidates = [("day", 31), ("day", int(day.max())), ("last", 0), ("first", 0)]
    if len(months) > 2:
        candidates.append(("weekday", int(weekdays[0]) * 10 + int(order[0])))
    for rule, number in candidates:
        if np.array_equal(_month_days(months, rule, number), days):
            return rule, number, int(within[0])
    return None


def _month_days(months: Months, rule: str, number: int) -> Days:
    """Returns the date in each month that follows a rule."""
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    last = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - 1
    if rule == "day":
        return np.minimum(first + (number - 1), last)
    if rule == "weekday":
        weekday, order = divmod(number, 10)
        ahead = (weekday - (first.astype(np.int64) + 3)) % 7 + 7 * (order - 1)
        return (first + ahead).astype("datetime64[D]")
    if rule == "first":
        return first + np.array([0, 0, 0, 0, 0, 2, 1])[(first.astype(np.int64) + 3) % 7]
    return last - np.array([0, 0, 0, 0, 0, 1, 2])[(last.astype(np.int64) + 3) % 7]


def _weekly(
    micro: NDArray[np.int64], usual: int
) -> tuple[int, tuple[tuple[int, int], ...], int] | None:
    """Returns the step, the parts of the week that occur, and the width of a part.

    It returns None when the whole week occurs, or when there is no such pattern.
    """
    if len(micro) < 2:
        return None
    steps, counts = np.unique(np.diff(micro), return_counts=True)
    common = steps[counts >= max(2, _COMMON * len(micro))].tolist()
    step = gcd(usual, *common)
    step = step if usual <= step * _MAX_SHORTER else usual
    width = max(step, _MINUTE)
    if _WEEK % width or width % step or width > _DAY or _DAY % width:
        return None
    if np.mean((micro - micro[-1]) % step == 0) < _ON_GRID:
        return None
    cells = (micro - _MONDAY) // width
    count, per_day = _WEEK // width, _DAY // width
    if cells[-1] - cells[0] > _MAX_CELLS:
        return None
    expected = np.bincount(np.arange(cells[0], cells[-1] + 1) % count, minlength=count)
    observed = np.bincount(cells % count, minlength=count) * (step / width)
    taken = _taken(expected.reshape(7, per_day), observed.reshape(7, per_day)).reshape(-1)
    full = observed[taken].sum() / max(1, expected[taken].sum())
    if taken.all() or full < _FULL:
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[0], taken.astype(np.int64), [0]])))
    return step, tuple((int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)), width


def _taken(expected: NDArray[np.int64], observed: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Returns which parts of the week occur (weekday, part of the day).

    Four weeks decide each part by itself; before, weekdays and hours decide.
    """
    per_day = expected.shape[1]
    closed_day = _closed(expected.sum(1) / per_day, observed.sum(1) / per_day)
    closed_hour = _closed(expected.sum(0), observed.sum(0))
    taken = ~(closed_day[:, None] | closed_hour[None, :])
    certain = expected >= 4
    rate = observed / np.maximum(expected, 1)
    top = float(rate[certain].max()) if certain.any() else 0.0
    return np.where(certain, rate >= _OPEN * top, taken) & (rate.sum() > 0)


def _closed(expected: NDArray[np.floating], observed: NDArray[np.floating]) -> NDArray[np.bool_]:
    rate = observed / np.maximum(expected, 1)
    rare = (expected >= 3) & (rate < _OPEN * rate.max())
    return rare | ((expected >= 2) & (observed == 0))


def _mode(steps: NDArray[np.int64]) -> int:
    """Returns the most frequent step."""
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _months(timestamps: NDArray[np.datetime64]) -> Months:
    return timestamps.astype("datetime64[M]").astype(np.int64)


def _micro(timestamps: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return timestamps.astype("datetime64[us]").astype(np.int64)


def _list_days(days: NDArray[np.int64]) -> str:
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and np.all(np.diff(days) == 1):
        return f"{_DAYS[days[0]]} to {_DAYS[days[-1]]}"
    names = [_DAYS[day] for day in days.tolist()]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"
