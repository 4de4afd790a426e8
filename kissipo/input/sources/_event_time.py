"""The cells of time in which events are counted: an hour, unless a task says otherwise.

Cells of up to an hour follow one another in elapsed time, so a change of the clock
neither doubles nor loses an hour. Longer cells follow the local clock. Every cell has
the local time at which it begins, by which its hour and its day are known.

Example:  >>> import numpy as np
          >>> cells = TimeCells.from_state({"start": "2020-10-01T00", "seconds": 3600})
          >>> cells.local(2).astype(str).tolist()
          ['2020-10-01T00:00:00', '2020-10-01T01:00:00']
          >>> cells.index(np.array(["2020-10-01T01:59"], "datetime64[s]")).tolist()
          [1]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, counted
from kissipo.core.json_object import JsonObject

INTERVALS = {
    "minute": 60,
    "5 minutes": 300,
    "10 minutes": 600,
    "15 minutes": 900,
    "30 minutes": 1800,
    "hour": 3600,
    "2 hours": 7200,
    "3 hours": 10800,
    "4 hours": 14400,
    "6 hours": 21600,
    "12 hours": 43200,
    "day": 86400,
}
HOUR, DAY, WEEK = 3600, 86400, 604800
_MONDAY = 4 * DAY  # 1970-01-05
Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class TimeCells:
    """Consecutive cells of equal length.

    start:    where the first one begins: in UTC if there is a zone and cells are at
              most an hour, else on the local clock
    seconds:  the length of a cell
    zone:     the name of the time zone of the places; empty if it is not known
    """

    start: np.datetime64
    seconds: int
    zone: str = ""

    @classmethod
    def around(cls, local: Times, seconds: int, zone: str) -> Self:
        """Returns cells that begin with the first of some times, at a whole cell of the
        local day.

        local:  in UTC where there is a zone
        """
        first = local.min().astype("datetime64[s]")
        is_elapsed = bool(zone) and seconds <= HOUR
        shift = 0 if not zone else _offset(first, zone)
        clock = int(first.astype(np.int64)) + shift
        begin = clock // seconds * seconds
        return cls(np.datetime64(begin - (shift if is_elapsed else 0), "s"), seconds, zone)

    @property
    def per_day(self) -> int:
        """The number of cells of a day."""
        return DAY // self.seconds

    @property
    def per_week(self) -> int:
        """The number of cells of a week."""
        return WEEK // self.seconds

    @property
    def is_elapsed(self) -> bool:
        """Whether cells are counted in elapsed time, not on the local clock."""
        return bool(self.zone) and self.seconds <= HOUR

    @property
    def name(self) -> str:
        """The length of a cell in words."""
        return next(name for name, length in INTERVALS.items() if length == self.seconds)

    @property
    def length(self) -> str:
        """The length of a cell with its article: an hour, 30 minutes."""
        article = {"minute": "a ", "hour": "an ", "day": "a "}
        return article.get(self.name, "") + self.name

    def index(self, times: Times) -> NDArray[np.int64]:
        """Returns the cell of each time; times are in UTC where there is a zone."""
        seconds = times.astype("datetime64[s]").astype(np.int64)
        if self.zone and not self.is_elapsed:
            seconds = to_local(times, self.zone).astype(np.int64)
        return np.asarray((seconds - int(self.start.astype(np.int64))) // self.seconds)

    def local(self, count: int) -> Times:
        """Returns the local time at which each of the first cells begins."""
        steps = np.arange(count) * self.seconds
        begins = self.start.astype("datetime64[s]") + steps.astype("timedelta64[s]")
        return to_local(begins, self.zone) if self.is_elapsed else begins

    def week_slots(self, local: Times) -> NDArray[np.int64]:
        """Returns the number of each cell in its week, from Monday at midnight."""
        seconds = local.astype("datetime64[s]").astype(np.int64)
        return np.asarray((seconds - _MONDAY) % WEEK // self.seconds)

    def moved(self, cells: int) -> TimeCells:
        """Returns cells that begin so many cells later."""
        start = self.start + np.timedelta64(cells * self.seconds, "s")
        return TimeCells(start, self.seconds, self.zone)

    def state(self) -> JsonObject:
        """Returns the cells as JSON values."""
        return {"start": str(self.start), "seconds": self.seconds, "zone": self.zone}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Restores the cells from their `state`."""
        start = np.datetime64(state["start"]).astype("datetime64[s]")
        return cls(start, int(state["seconds"]), state.get("zone", ""))


def zone_of(name: str) -> ZoneInfo:
    """Returns a time zone by its name.

    Raises:   TaskError when there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TaskError(
            "input.time_zone names no time zone",
            got=f"'{name}'",
            allowed="names such as Europe/Prague, America/Montevideo, UTC",
        ) from None


def to_local(times: Times, zone: str) -> Times:
    """Returns times in UTC on the local clock."""
    minutes, place = np.unique(times.astype("datetime64[m]"), return_inverse=True)
    offsets = np.array([_offset(minute, zone) for minute in minutes], dtype=np.int64)
    return times.astype("datetime64[s]") + offsets[place].astype("timedelta64[s]")


def to_utc(local: Times, zone: str, findings: list[Finding]) -> Times:
    """Returns times on the local clock in UTC.

    An hour that the clock repeats is read as its first occurrence, which is reported.

    Raises:   DataError for a time that the clock skips.
    """
    info = zone_of(zone)
    minutes, place = np.unique(local.astype("datetime64[m]"), return_inverse=True)
    offsets, repeated = np.zeros(len(minutes), dtype=np.int64), np.zeros(len(minutes), dtype=bool)
    for number, minute in enumerate(minutes.tolist()):
        first, second = (minute.replace(tzinfo=info, fold=fold) for fold in (0, 1))
        offset = first.utcoffset()
        assert offset is not None
        if first.utcoffset() != second.utcoffset():
            back = first.astimezone(UTC).astimezone(info).replace(tzinfo=None)
            if back != minute:
                row = int(np.flatnonzero(place == number)[0]) + 1
                raise DataError(
                    f"the clock of {zone} skips {minute}, so nothing can happen then",
                    got=f"{minute} in row {row}",
                    do="Is it the right time zone? Times in UTC need an offset: 14:00+00:00",
                )
            repeated[number] = True
        offsets[number] = int(offset.total_seconds())
    if count := int(repeated[place].sum()):
        day = minutes[repeated][0].astype("datetime64[D]")
        message = f"the clock of {zone} repeats an hour on {day}, with {counted(count, 'event')}"
        action = "counted in the first of the two hours; times with an offset are exact"
        findings.append(Finding("WARN", "clock change", message, action))
    return local.astype("datetime64[s]") - offsets[place].astype("timedelta64[s]")


def clock_findings(cells: TimeCells, local: Times) -> list[Finding]:
    """Returns the finding about changes of the clock within the cells.

    local:  the local time at which each cell begins
    """
    if not cells.zone:
        return []
    steps = np.diff(local.astype("datetime64[s]").astype(np.int64))
    changes = local[1:][steps != cells.seconds]
    if not len(changes):
        return []
    days = ", ".join(str(day) for day in changes.astype("datetime64[D]")[:3])
    message = f"the clock changes on {days}; cells are counted in elapsed time"
    return [Finding("PASS", "clock change", message, "no hour is doubled or lost")]


def _offset(time: np.datetime64, zone: str) -> int:
    """Returns the seconds that the local clock is ahead of a time in UTC."""
    in_utc: datetime = time.astype("datetime64[s]").item()
    offset = in_utc.replace(tzinfo=UTC).astimezone(zone_of(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
