"""Ids: users or items <-> contiguous numbers for an embedding, whatever their names.

Gaps between the ids of a file do not matter. 0 is a user or an item that the training
split has not, and -1 is a cell that was left empty: no item is named.

Shapes:   column (row) -> ids (row), from 1 in the order of frequency
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = Ids("film").fit(Frame((strings("film", ["7", "900", "900"]),)))
          >>> codec.encode(Frame((strings("film", ["900", "7", "5", None]),))).tolist()
          [1, 2, 0, -1]
"""

from typing import ClassVar

import torch
from torch import Tensor

from kissipo.codec.index import Index
from kissipo.codec.labels import as_strings
from kissipo.codec.one_hot import describe_unseen
from kissipo.core.codec import refuse_unfitted
from kissipo.core.frame import Frame, strings


class Ids(Index):
    """Encodes users or items as ids; -1 is an empty cell."""

    KIND: ClassVar[str] = "ids"

    def encode(self, frame: Frame) -> Tensor:
        ids = super().encode(frame)
        missing = torch.from_numpy(as_strings(frame[self.column]).missing)
        return torch.where(missing, -1, ids)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.categories, self)
        texts = [None, *(self.categories or ())]
        cells = [texts[max(0, number)] for number in tensor.tolist()]
        return Frame((strings(self.column, cells),))

    def remarks(self, frame: Frame) -> list[str]:
        becomes = "new (id 0): it has neither an embedding nor a bias of its own"
        return describe_unseen(
            frame, self.column, self.categories or (), has_missing=True, becomes=becomes
        )

    def describe(self) -> str:
        return f"{len(self.categories or ()):,} values -> 1, 2 ..., and 0 for a new one"


CODEC = Ids
