"""Numbers: columns of numbers <-> scaled values, with a flag column for missing values.

scale 'standard':  z = (x - mean) / std
scale 'range':     z = (x - low) / (high - low)
scale 'mean':      z = x / mean, of counts: 0 stays 0
scale 'log':       z = (log x - mean) / std, of the logarithms; x must be positive
scale 'none':      z = x

A missing number is filled with the median of the training split. Where the training
split has missing numbers, a flag column of 0 and 1 marks them, because a missing value
often has a meaning. `decode` returns NaN where the flag is 1. Values are restored to
float32 precision (about 7 digits of the range of the column), zeros exactly.

Shapes:   columns (row) -> (row, feature): the values, then the flags.
Example:  >>> from kissipo.core.frame import Frame, numbers
          >>> codec = Numbers(("age",)).fit(Frame((numbers("age", [20, 40, None]),)))
          >>> codec.encode(Frame((numbers("age", [30, None]),))).tolist()
          [[0.0, 0.0], [0.0, 1.0]]
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers
from kissipo.core.json_object import JsonObject
from kissipo.core.tensor_spec import TensorSpec

Scale = Literal["standard", "range", "mean", "log", "none"]
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
    """Encodes columns of numbers with scaling."""

    KIND: ClassVar[str] = "numbers"
    FIELDS = ("columns", "scale", "missing_indicator", "fitted")

    def __init__(
        self, columns: tuple[str, ...], *, scale: Scale = "standard", missing_indicator: bool = True
    ) -> None:
        self._columns, self.scale, self.missing_indicator = tuple(columns), scale, missing_indicator
        self.fitted: _Fitted | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def _flagged(self) -> list[int]:
        flags = self.fitted.flagged if self.fitted else ()
        return [position for position, flag in enumerate(flags) if flag]

    @property
    def spec(self) -> TensorSpec:
        flags = tuple(f"{self._columns[position]} missing" for position in self._flagged)
        labels = self._columns + flags
        scales: tuple[tuple[float, float], ...] = ()
        if self.fitted is not None and self.scale != "log":
            scales = tuple(zip(self.fitted.center, self.fitted.spread, strict=True))
            scales += ((0.0, 1.0),) * len(flags)
        return TensorSpec("numbers", ("feature",), (len(labels),), labels=labels, scales=scales)

    def fit(self, frame: Frame) -> Self:
        center, spread, fill, flagged, lows, highs = [], [], [], [], [], []
        for name in self._columns:
            present = frame[name].values[~frame[name].missing]
            low, width = _scaling(self._transformed(name, present), self.scale)
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

    def known_range(self) -> dict[str, tuple[float, float]]:
        if self.fitted is None:
            return {}
        return dict(
            zip(
                self._columns,
                zip(self.fitted.low, self.fitted.high, strict=True),
                strict=True,
            )
        )

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.fitted, self)
        assert self.fitted is not None
        flagged = self._flagged
        out = np.empty((len(frame), len(self._columns) + len(flagged)), dtype=np.float32)
        for position, name in enumerate(self._columns):
            column = frame[name]
            filled = np.where(column.missing, self.fitted.fill[position], column.values)
            center, spread = self.fitted.center[position], self.fitted.spread[position]
            out[:, position] = (self._transformed(name, filled) - center) / spread
        for flag, position in enumerate(flagged, len(self._columns)):
            out[:, flag] = frame[self._columns[position]].missing
        return torch.from_numpy(out)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.fitted, self)
        assert self.fitted is not None
        values = tensor.detach().to(torch.float64).numpy()
        columns = {}
        for position, name in enumerate(self._columns):
            center, spread = self.fitted.center[position], self.fitted.spread[position]
            columns[name] = values[:, position] * spread + center
            if self.scale == "log":
                columns[name] = np.exp(columns[name])
                continue
            columns[name][np.abs(columns[name]) < abs(center) * _FLOAT32] = 0.0
        for flag, position in enumerate(self._flagged, len(self._columns)):
            columns[self._columns[position]][values[:, flag] > 0.5] = np.nan
        return Frame(tuple(numbers(name, column) for name, column in columns.items()))

    def _transformed(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the values, or their logarithms.

        Raises:   DataError for a value that has no logarithm.
        """
        if self.scale != "log":
            return values
        if not (values > 0).all():
            wrong = values[~(values > 0)]
            raise DataError(
                f"'{name}' is learned as logarithms, which only positive values have",
                got=f"{wrong[0]:.6g}" + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
                do="Give positive values, or train with input.log_transform=false",
            )
        return np.log(values)

    def remarks(self, frame: Frame) -> list[str]:
        assert self.fitted is not None
        remarks = []
        for position, name in enumerate(self._columns):
            missing = int(frame[name].missing.sum())
            if missing:
                flagged = self.fitted.flagged[position]
                flag = " and flagged" if flagged else ", but never missing in training"
                median = f"the training median {self.fitted.fill[position]:.6g}"
                remarks.append(f"{missing} missing '{name}' filled with {median}{flag}")
            low, high = self.fitted.low[position], self.fitted.high[position]
            width = (high - low) or max(abs(high), 1.0)
            present = frame[name].values[~frame[name].missing]
            far = present[(present < low - width) | (present > high + width)]
            if len(far):
                limits = f"the training range ({low:.6g} to {high:.6g})"
                remarks.append(
                    f"{len(far)} '{name}' far outside {limits}, such as {far[0]:.6g}, unchanged"
                )
        return remarks

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = super().from_state(state)
        if state["fitted"]:
            fitted = {key: tuple(values) for key, values in state["fitted"].items()}
            codec.fitted = _Fitted(**fitted)
        return codec

    def describe(self) -> str:
        scales = {
            "standard": "scale to mean 0, standard deviation 1",
            "range": "scale to 0..1",
            "mean": "divide by the mean",
            "log": "logarithm, scaled to mean 0, standard deviation 1",
            "none": "unscaled",
        }
        flags = len(self._flagged)
        return scales[self.scale] + (f"; {flags} flags for missing values" if flags else "")


def _scaling(present: NDArray[np.float64], scale: Scale) -> tuple[float, float]:
    if scale == "none" or not len(present):
        return 0.0, 1.0
    if scale == "mean":
        return 0.0, float(present.mean()) or 1.0
    if scale == "range":
        low, width = float(present.min()), float(present.max() - present.min())
    else:
        low, width = float(present.mean()), float(present.std())
    noise = len(present) * np.finfo(np.float64).eps * abs(low)
    return low, width if width > noise else 1.0


CODEC = Numbers
