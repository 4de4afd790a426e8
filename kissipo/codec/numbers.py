"""Numbers: columns of quantities <-> one row of scaled values, with a flag beside each that had gaps.

scale 'standard':  z = (x - mean) / deviation      scale 'range':  z = (x - low) / (high - low)      scale 'none':  z = x

A missing number is filled with the median of the training part, and where the training part had gaps a column of 0 and 1
says so, because that a value is missing is often a fact about the sample. `decode` gives NaN back where the flag stands;
values come back to float32 precision (about 7 digits of the column's spread), and a zero as a zero.

Shapes:   columns (row) -> (row, feature): the values, then the flags.
Example:  >>> from kissipo.core.frame import Frame, numbers
          >>> codec = Numbers(("age",)).fit(Frame((numbers("age", [20, 40, None]),)))
          >>> codec.encode(Frame((numbers("age", [30, None]),))).tolist()
          [[0.0, 0.0], [0.0, 1.0]]
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame, numbers
from kissipo.core.tensor_spec import TensorSpec

Scale = Literal["standard", "range", "none"]
_FLOAT32 = 2.0**-23


@dataclass(frozen=True)
class _Fitted:
    center: tuple[float, ...]
    spread: tuple[float, ...]
    fill: tuple[float, ...]
    flagged: tuple[bool, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Numbers(Codec):
    """Scaled columns of numbers."""

    KIND: ClassVar[str] = "numbers"
    KEPT = ("columns", "scale", "missing_indicator", "fitted")

    def __init__(
        self, columns: tuple[str, ...], *, scale: Scale = "standard", missing_indicator: bool = True
    ) -> None:
        self._columns, self.scale, self.missing_indicator = tuple(columns), scale, missing_indicator
        self.fitted: _Fitted | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def _flagged(self) -> list[int]:
        return (
            [position for position, flag in enumerate(self.fitted.flagged) if flag]
            if self.fitted
            else []
        )

    @property
    def spec(self) -> TensorSpec:
        flags = tuple(f"{self._columns[position]} missing" for position in self._flagged)
        words = self._columns + flags
        return TensorSpec("numbers", ("feature",), (len(words),), words=words)

    def fit(self, frame: Frame) -> Self:
        center, spread, fill, flagged, lows, highs = [], [], [], [], [], []
        for name in self._columns:
            present = frame[name].values[~frame[name].missing]
            low, width = _scaling(present, self.scale)
            center.append(low)
            spread.append(width)
            fill.append(float(np.median(present)) if len(present) else 0.0)
            flagged.append(bool(self.missing_indicator and len(present) < len(frame)))
            lows.append(float(present.min()) if len(present) else 0.0)
            highs.append(float(present.max()) if len(present) else 0.0)
        self.fitted = _Fitted(
            tuple(center), tuple(spread), tuple(fill), tuple(flagged), tuple(lows), tuple(highs)
        )
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.fitted, self)
        assert self.fitted is not None
        flagged = self._flagged
        out = np.empty((len(frame), len(self._columns) + len(flagged)), dtype=np.float32)
        for position, name in enumerate(self._columns):
            column = frame[name]
            filled = np.where(column.missing, self.fitted.fill[position], column.values)
            out[:, position] = (filled - self.fitted.center[position]) / self.fitted.spread[
                position
            ]
        for behind, position in enumerate(flagged):
            out[:, len(self._columns) + behind] = frame[self._columns[position]].missing
        return torch.from_numpy(out)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.fitted, self)
        assert self.fitted is not None
        values = tensor.detach().to(torch.float64).numpy()
        columns = {
            name: values[:, at] * self.fitted.spread[at] + self.fitted.center[at]
            for at, name in enumerate(self._columns)
        }
        for at, name in enumerate(self._columns):
            columns[name][np.abs(columns[name]) < abs(self.fitted.center[at]) * _FLOAT32] = 0.0
        for behind, position in enumerate(self._flagged):
            gaps = values[:, len(self._columns) + behind] > 0.5
            columns[self._columns[position]][gaps] = np.nan
        return Frame(tuple(numbers(name, column) for name, column in columns.items()))

    def remarks(self, frame: Frame) -> list[str]:
        assert self.fitted is not None
        told = []
        for position, name in enumerate(self._columns):
            missing = int(frame[name].missing.sum())
            if missing:
                flag = (
                    " and flagged"
                    if self.fitted.flagged[position]
                    else ", though no row of the training part lacked it"
                )
                told.append(
                    f"{missing} missing '{name}' filled with the training median {self.fitted.fill[position]:.6g}{flag}"
                )
            low, high = self.fitted.low[position], self.fitted.high[position]
            width = (high - low) or max(abs(high), 1.0)
            present = frame[name].values[~frame[name].missing]
            far = present[(present < low - width) | (present > high + width)]
            if len(far):
                told.append(
                    f"{len(far)} '{name}' far outside of what training showed ({low:.6g} to {high:.6g}), "
                    f"such as {far[0]:.6g}, taken as they are"
                )
        return told

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = super().from_state(state)
        if state["fitted"]:
            codec.fitted = _Fitted(
                **{key: tuple(values) for key, values in state["fitted"].items()}
            )
        return codec

    def describe(self) -> str:
        ways = {
            "standard": "scale to mean 0, deviation 1",
            "range": "scale to 0..1",
            "none": "as they are",
        }
        flags = len(self._flagged)
        return ways[self.scale] + (f"; {flags} flags for missing values" if flags else "")


def _scaling(present: NDArray[np.float64], scale: Scale) -> tuple[float, float]:
    if scale == "none" or not len(present):
        return 0.0, 1.0
    if scale == "range":
        low, width = float(present.min()), float(present.max() - present.min())
    else:
        low, width = float(present.mean()), float(present.std())
    noise = len(present) * np.finfo(np.float64).eps * abs(low)
    return low, width if width > noise else 1.0


CODEC = Numbers
