"""The usual count of each place at each step: means over the past alone.

The means of few steps are pulled towards the mean that is one line above, as if they
had one more step with its value:

    all places
    the place
    the place at this time of the day
    the place at this time of working days, Saturdays or Sundays        the usual count
    the place at this time of the week                         the usual count that week

Example:  >>> import numpy as np
          >>> past = PastCounts.empty(places=1, per_day=1, per_week=7)
          >>> usual = past.usual(np.array([[2.0, 4.0, 6.0]]), np.array([0, 1, 2]))
          >>> usual.by_kind_of_day.tolist()  # from the past of each step
          [[1.0, 2.0, 3.0]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kissipo.core.json_object import JsonObject

Counts = NDArray[np.float64]
_KINDS = 3  # of days: working days, Saturdays, Sundays
_KIND_OF_DAY = np.array([0, 0, 0, 0, 0, 1, 2])


@dataclass(frozen=True)
class UsualCounts:
    """The usual counts (place, time) by three means."""

    by_kind_of_day: Counts
    by_day: Counts
    by_week: Counts


@dataclass
class PastCounts:
    """The sums of past counts by place and by cell of the week.

    sums:     (place, cell of the week)
    cells:    (cell of the week) how many cells of time were added
    per_day:  the number of cells of a day
    """

    sums: Counts
    cells: NDArray[np.int64]
    per_day: int

    @classmethod
    def empty(cls, *, places: int, per_day: int, per_week: int) -> Self:
        """Returns sums of nothing."""
        return cls(np.zeros((places, per_week)), np.zeros(per_week, dtype=np.int64), per_day)

    def add(self, counts: Counts, slots: NDArray[np.int64]) -> None:
        """Adds counts (place, time) in these cells of the week."""
        np.add.at(self.sums.T, slots, counts.T)
        np.add.at(self.cells, slots, 1)

    def usual(
        self, counts: Counts, slots: NDArray[np.int64], *, delay: int = 0, added: int = 0
    ) -> UsualCounts:
        """Returns the usual counts of each step, from these sums and the steps before.

        delay:  how many of the newest steps before each one are not known yet
        added:  how many of the first steps these sums hold already
        """
        days, kinds = slots % self.per_day, _KIND_OF_DAY[slots * 7 // len(self.cells)]
        all_days = np.arange(len(self.cells)) % self.per_day
        all_kinds = _KIND_OF_DAY[np.arange(len(self.cells)) * 7 // len(self.cells)]
        week, week_count = self.sums.copy(), self.cells.astype(float)
        day, day_count = _grouped(week, week_count, all_days, self.per_day)
        groups = all_kinds * self.per_day + all_days
        kind, kind_count = _grouped(week, week_count, groups, _KINDS * self.per_day)
        place, place_count = week.sum(axis=1), week_count.sum()
        out = np.zeros((3, *counts.shape))
        for step in range(counts.shape[1]):
            newest = step - 1 - delay
            if newest >= added:
                new, slot, of_day = counts[:, newest], slots[newest], days[newest]
                group = kinds[newest] * self.per_day + of_day
                place += new
                place_count += 1
                for sums, numbers, number in (
                    (day, day_count, of_day),
                    (kind, kind_count, group),
                    (week, week_count, slot),
                ):
                    sums[:, number] += new
                    numbers[number] += 1
            total = place.sum() / (place_count * len(place)) if place_count else 1.0
            mean = (place + total) / (place_count + 1)
            of_day = days[step]
            by_day = (day[:, of_day] + mean) / (day_count[of_day] + 1)
            group = kinds[step] * self.per_day + of_day
            by_kind = (kind[:, group] + by_day) / (kind_count[group] + 1)
            slot = slots[step]
            by_week = (week[:, slot] + by_kind) / (week_count[slot] + 1)
            out[0, :, step], out[1, :, step], out[2, :, step] = by_kind, by_day, by_week
        return UsualCounts(*out)

    def state(self) -> JsonObject:
        """Returns the sums as JSON values: one text of numbers per place."""
        sums = [" ".join(f"{value:.12g}" for value in row) for row in self.sums.tolist()]
        return {"sums": sums, "cells": self.cells.tolist(), "per_day": self.per_day}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Restores the sums from their `state`."""
        sums = np.array([row.split() for row in state["sums"]], dtype=np.float64)
        return cls(sums, np.asarray(state["cells"], dtype=np.int64), int(state["per_day"]))


def _grouped(
    sums: Counts, cells: NDArray[np.float64], groups: NDArray[np.int64], count: int
) -> tuple[Counts, NDArray[np.float64]]:
    """Returns the sums of several cells of the week together."""
    out, numbers = np.zeros((len(sums), count)), np.zeros(count)
    np.add.at(out.T, groups, sums.T)
    np.add.at(numbers, groups, cells)
    return out, numbers
