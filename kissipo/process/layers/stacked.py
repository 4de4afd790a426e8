"""Stacked: in which of several tensors, one behind the other along axis 1, a number of the whole stands.

Example:  >>> import torch
          >>> stacked({"one": torch.zeros(1, 2), "two": torch.tensor([[7.0, 8.0]])}, (0, 3))
          Source(of='two', place=(0, 1), value=tensor(8.), weight=1.0)
"""

from collections.abc import Mapping

from torch import Tensor

from kissipo.core.protocols import Source


def stacked(parts: Mapping[str, Tensor], index: tuple[int, ...]) -> Source:
    """The part and the place in it."""
    row, at, *rest = index
    for name, part in parts.items():
        if at < part.shape[1]:
            place = (row, at, *rest)
            return Source(name, place, part[place])
        at -= part.shape[1]
    raise IndexError(f"there is no place {index}")
