"""Lookup of a value in tensors that are concatenated along axis 1.

Example:  >>> import torch
          >>> stacked({"a": torch.zeros(1, 2), "b": torch.tensor([[7.0, 8.0]])}, (0, 3))
          Source(of='b', place=(0, 1), value=tensor(8.), weight=1.0)
"""

from collections.abc import Mapping

from torch import Tensor

from kissipo.core.protocols import Source


def stacked(parts: Mapping[str, Tensor], index: tuple[int, ...]) -> Source:
    """Returns the tensor that contains the value, and the index in it."""
    row, column, *rest = index
    for name, part in parts.items():
        if column < part.shape[1]:
            place = (row, column, *rest)
            return Source(name, place, part[place])
        column -= part.shape[1]
    raise IndexError(f"there is no index {index}")
