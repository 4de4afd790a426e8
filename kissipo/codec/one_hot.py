"""One-hot: a column of a few categories <-> one 0/1 column per category.

A missing value is a category when the training split has missing values. An unseen
category gives all zeros, which `remarks` counts. `decode` returns the category, and
None for all zeros.

Shapes:   column (row) -> (row, feature), one feature per category
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = OneHot("city").fit(Frame((strings("city", ["Brno", "Prague"]),)))
          >>> codec.encode(Frame((strings("city", ["Prague", "Oslo"]),))).tolist()
          [[0.0, 1.0], [0.0, 0.0]]
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import as_strings, sorted_classes
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.finding import counted
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some


class OneHot(Codec):
    """Encodes categories as columns of zeros and ones."""

    KIND: ClassVar[str] = "one_hot"
    FIELDS = ("column", "categories", "has_missing")

    def __init__(self, column: str) -> None:
        self.column = column
        self.categories: tuple[str, ...] | None = None
        self.has_missing = False

    @property
    def spec(self) -> TensorSpec:
        labels = tuple(f"{self.column}={text}" for text in self.categories or ())
        labels += (f"{self.column} missing",) if self.has_missing else ()
        return TensorSpec(self.column, ("feature",), (len(labels),), labels=labels)

    def fit(self, frame: Frame) -> Self:
        column = as_strings(frame[self.column])
        self.categories = sorted_classes(column.counts())
        self.has_missing = bool(column.missing.any())
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.categories, self)
        column = as_strings(frame[self.column])
        width = len(self.categories or ()) + self.has_missing
        indices = column.positions(self.categories or (), absent=width)
        if self.has_missing:
            indices[column.missing] = width - 1
        out = np.zeros((len(frame), width), dtype=np.float32)
        rows = np.flatnonzero(indices < width)
        out[rows, indices[rows]] = 1
        return torch.from_numpy(out)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.categories, self)
        texts: list[str | None] = [*(self.categories or ()), *[None] * self.has_missing]
        values: list[str | None] = [None] * len(tensor)
        if texts:
            present = (tensor.amax(dim=1) > 0.5).tolist()
            for row, position in enumerate(tensor.argmax(dim=1).tolist()):
                values[row] = texts[position] if present[row] else None
        return Frame((strings(self.column, values),))

    def known_texts(self) -> dict[str, tuple[str, ...]]:
        return {self.column: self.categories or ()}

    def remarks(self, frame: Frame) -> list[str]:
        return describe_unseen(
            frame,
            self.column,
            self.categories or (),
            has_missing=self.has_missing,
            becomes="all zeros",
        )

    def describe(self) -> str:
        missing = ", one for missing" if self.has_missing else ""
        return f"{len(self.categories or ())} categories -> one column each{missing}"


def describe_unseen(
    frame: Frame, name: str, categories: tuple[str, ...], *, has_missing: bool, becomes: str
) -> list[str]:
    """Describes the categories of a column that are not in the training split."""
    column = as_strings(frame[name])
    trained, remarks = set(categories), []
    unseen = {text: n for text, n in column.counts().items() if text not in trained}
    if unseen:
        values = f"{counted(sum(unseen.values()), 'value')} of '{name}'"
        listed = list_some([f"'{text}'" for text in unseen], 3)
        remarks.append(f"{values} never seen in training ({listed}), read as {becomes}")
    missing = int(column.missing.sum())
    if missing and not has_missing:
        remarks.append(
            f"{missing} missing '{name}', but never missing in training, read as {becomes}"
        )
    return remarks


CODEC = OneHot
