"""One-hot: a column of a few levels <-> one 0/1 column for each level.

A missing value is a level of its own when the training part has missing values; a level that the training part does not
have gives all zeros, which `remarks` counts. `decode` gives back the level, None for all zeros.

Shapes:   column (row) -> (row, feature), one feature a level
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = OneHot("city").fit(Frame((strings("city", ["Brno", "Prague"]),)))
          >>> codec.encode(Frame((strings("city", ["Prague", "Oslo"]),))).tolist()
          [[0.0, 1.0], [0.0, 0.0]]
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import as_strings, positions, sorted_levels
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some


class OneHot(Codec):
    """Levels as columns of zeros and ones."""

    KIND: ClassVar[str] = "one_hot"
    KEPT = ("column", "levels", "knows_missing")

    def __init__(self, column: str) -> None:
        self.column = column
        self.levels: tuple[str, ...] | None = None
        self.knows_missing = False

    @property
    def spec(self) -> TensorSpec:
        words = tuple(f"{self.column}={level}" for level in self.levels or ())
        words += (f"{self.column} missing",) if self.knows_missing else ()
        return TensorSpec(self.column, ("feature",), (len(words),), words=words)

    def fit(self, frame: Frame) -> Self:
        column = as_strings(frame[self.column])
        self.levels = sorted_levels(column.counts())
        self.knows_missing = bool(column.missing.any())
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.levels, self)
        column = as_strings(frame[self.column])
        width = len(self.levels or ()) + self.knows_missing
        where = positions(column, self.levels or (), absent=width)
        if self.knows_missing:
            where[column.missing] = width - 1
        out = np.zeros((len(frame), width + 1), dtype=np.float32)
        out[np.arange(len(frame)), where] = 1
        return torch.from_numpy(out)[:, :width].contiguous()

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.levels, self)
        known: list[str | None] = [*(self.levels or ())]
        known += [None] * self.knows_missing
        best = tensor.argmax(dim=1).tolist() if tensor.shape[1] else [0] * len(tensor)
        present = (tensor.amax(dim=1) > 0.5).tolist() if tensor.shape[1] else [False] * len(tensor)
        return Frame(
            (
                strings(
                    self.column,
                    [known[at] if there else None for at, there in zip(best, present, strict=True)],
                ),
            )
        )

    def remarks(self, frame: Frame) -> list[str]:
        return describe_unseen(
            frame,
            self.column,
            self.levels or (),
            knows_missing=self.knows_missing,
            becomes="all zeros",
        )

    def describe(self) -> str:
        return f"{len(self.levels or ())} levels -> one column each" + (
            ", one for missing" if self.knows_missing else ""
        )


def describe_unseen(
    frame: Frame, name: str, levels: tuple[str, ...], *, knows_missing: bool, becomes: str
) -> list[str]:
    """Sentences about levels that the training part did not have."""
    column = as_strings(frame[name])
    known = set(levels)
    told = []
    unseen = {level: count for level, count in column.counts().items() if level not in known}
    if unseen:
        listed = list_some([f"'{level}'" for level in unseen], 3)
        told.append(
            f"{sum(unseen.values())} values of '{name}' never seen in training ({listed}), read as {becomes}"
        )
    missing = int(column.missing.sum())
    if missing and not knows_missing:
        told.append(
            f"{missing} missing '{name}', though no row of the training part lacked it, read as {becomes}"
        )
    return told


CODEC = OneHot
