"""Calendar: a timestamp <-> its position in the year, the week and the day.

Each cycle is encoded as sine and cosine, because month 12 is next to month 1. Only the
cycles that vary in the training split are used (yearly data have no hours). The last
feature is the time, from 0 at the first to 1 at the last training timestamp; `decode`
restores the timestamp from it, to about a ten-millionth of the training span.

Shapes:   column (row) -> (row, feature)
Example:  >>> from kissipo.core.frame import Frame, times
          >>> frame = Frame((times("day", ["2024-01-01", "2024-02-01"]),))
          >>> Calendar("day").fit(frame).spec.labels[:3]
          ('day month sin', 'day month cos', 'day weekday sin')
"""

from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame, times
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.time.timestamps import as_seconds, as_time

_CYCLES = {"month": 12, "weekday": 7, "hour": 24}


class Calendar(Codec):
    """Encodes timestamps as points on circles."""

    KIND: ClassVar[str] = "datetime"
    FIELDS = ("column", "style", "cycles", "first", "span")

    def __init__(self, column: str, *, style: str | None = None) -> None:
        self.column, self.style = column, style
        self.cycles: tuple[str, ...] | None = None
        self.first, self.span = 0.0, 1.0

    @property
    def spec(self) -> TensorSpec:
        names = tuple(
            f"{self.column} {cycle} {function}"
            for cycle in self.cycles or ()
            for function in ("sin", "cos")
        )
        names += (f"{self.column} time",)
        return TensorSpec(self.column, ("feature",), (len(names),), labels=names)

    def fit(self, frame: Frame) -> Self:
        timestamps = self._timestamps(frame).values
        timestamps = timestamps[~np.isnat(timestamps)]
        self.cycles = tuple(
            cycle for cycle in _CYCLES if len(np.unique(_position(timestamps, cycle))) > 1
        )
        seconds = as_seconds(timestamps)
        self.first = float(seconds.min()) if len(seconds) else 0.0
        self.span = float(seconds.max() - seconds.min()) or 1.0 if len(seconds) else 1.0
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.cycles, self)
        column = self._timestamps(frame)
        timestamps = np.where(column.missing, np.datetime64(int(self.first), "s"), column.values)
        features = []
        for cycle in self.cycles or ():
            angle = _position(timestamps, cycle) * (2 * np.pi / _CYCLES[cycle])
            features += [np.sin(angle), np.cos(angle)]
        features.append((as_seconds(timestamps) - self.first) / self.span)
        return torch.from_numpy(np.stack(features, axis=1).astype(np.float32))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.cycles, self)
        seconds = tensor[:, -1].to(torch.float64).numpy() * self.span + self.first
        return Frame(
            (times(self.column, np.round(seconds).astype(np.int64).astype("datetime64[s]")),)
        )

    def remarks(self, frame: Frame) -> list[str]:
        missing = int(self._timestamps(frame).missing.sum())
        remark = f"{missing} missing '{self.column}' read as the first training timestamp"
        return [remark] if missing else []

    def _timestamps(self, frame: Frame) -> Column:
        if frame[self.column].missing.all():
            return times(self.column, np.full(len(frame), np.datetime64("NaT")))
        column = as_time(frame[self.column], style=self.style)
        if column is None:
            texts = frame[self.column].categories
            raise DataError(
                f"the column '{self.column}' cannot be read as timestamps",
                got=f"'{texts[0]}'" if texts else "no values",
                do="Set the strptime pattern, such as input.date_format=%d/%m/%Y",
            )
        return column

    def describe(self) -> str:
        return "position in " + ", ".join([*(self.cycles or ()), "time"])


def _position(timestamps: NDArray[np.datetime64], cycle: str) -> NDArray[np.int64]:
    if cycle == "month":
        return timestamps.astype("datetime64[M]").astype(np.int64) % 12
    if cycle == "weekday":
        return (timestamps.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return timestamps.astype("datetime64[h]").astype(np.int64) % 24


CODEC = Calendar
