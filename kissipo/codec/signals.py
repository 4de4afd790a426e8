"""Signals: samples of several steps or features <-> scaled numbers.

z = (x - mean) / std, one mean and one standard deviation per channel of a signal, from
all of its steps in the training split, so that a signal keeps its form. Features have
one of each. A missing value becomes 0, which is the mean.

Shapes:   column (row, time, channel) -> (row, time, feature); (row, feature) stays
Raises:   DataError for samples of another shape.
Example:  >>> from kissipo.core.frame import Frame, array_column
          >>> frame = Frame((array_column("signal", np.array([[[1.0], [3.0]]])),))
          >>> Signals("signal").fit(frame).encode(frame).tolist()
          [[[-1.0], [1.0]]]
"""

from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, array_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec


def num_steps(signals: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the number of steps of each signal (row, time, channel), up to the last
    one with a value.

    Example:  >>> num_steps(np.array([[[1.0], [np.nan]], [[2.0], [3.0]]])).tolist()
              [1, 2]
    """
    places = np.arange(1, signals.shape[1] + 1)
    has_value = np.any(~np.isnan(signals), axis=2)
    steps: NDArray[np.int64] = np.max(np.where(has_value, places, 0), axis=1, initial=0)
    return steps


class Signals(Codec):
    """Scales each channel of signals, or each feature."""

    KIND: ClassVar[str] = "signals"
    FIELDS = ("column", "shape", "mean", "std", "min_steps")

    def __init__(self, column: str) -> None:
        self.column = column
        self.shape: tuple[int, ...] | None = None
        self.mean: tuple[float, ...] = ()
        self.std: tuple[float, ...] = ()
        self.min_steps = 0  # of the shortest signal of the training

    @property
    def spec(self) -> TensorSpec:
        shape = self.shape or ()
        axes = ("time", "feature") if len(shape) == 2 else ("feature",)
        return TensorSpec(self.column, axes, shape)

    def fit(self, frame: Frame) -> Self:
        values = frame[self.column].values.astype(np.float64)
        self.shape = tuple(values.shape[1:])
        if values.ndim == 3 and len(values):
            self.min_steps = int(num_steps(values).min())
        flat = values.reshape(-1, values.shape[-1])
        counts = np.maximum(np.sum(~np.isnan(flat), axis=0), 1)
        mean = np.nansum(flat, axis=0) / counts
        std = np.sqrt(np.nansum((flat - mean) ** 2, axis=0) / counts)
        noise = 1e-12 * np.abs(mean)
        self.mean = tuple(mean.tolist())
        self.std = tuple(np.where(std > noise, std, 1.0).tolist())
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.shape, self)
        values: NDArray[np.float64] = frame[self.column].values
        if tuple(values.shape[1:]) != self.shape:
            raise DataError(
                f"the samples of '{self.column}' have another shape than those of the training",
                got=str(values.shape[1:]),
                allowed=str(self.shape),
            )
        scaled = (values - np.array(self.mean)) / np.array(self.std)
        return torch.from_numpy(np.nan_to_num(scaled.astype(np.float32)))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.shape, self)
        values = tensor.detach().to(torch.float64).numpy()
        restored = values * np.array(self.std) + np.array(self.mean)
        return Frame((array_column(self.column, restored),))

    def remarks(self, frame: Frame) -> list[str]:
        values = frame[self.column].values
        missing = np.isnan(values).reshape(len(values), -1).any(axis=1)
        if not missing.any():
            return []
        count = f"{int(missing.sum())} of {len(values)} samples"
        return [
            f"{count} have missing values or fewer steps than {values.shape[1]}: "
            "each missing value counts as the mean of the training data"
        ]

    def suggested_net(self) -> InferredOption | None:
        if len(self.shape or ()) < 2:
            return None
        reason = "the same forms may occur at any time of a signal"
        return InferredOption("process.net", "signal_cnn", reason)

    def describe(self) -> str:
        return "scale to mean 0, standard deviation 1"


CODEC = Signals
