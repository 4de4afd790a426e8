"""Linear layers one after the other, each perhaps with relu and dropout, by the compiled kernels: forward, and back to the slopes.

Nothing is recorded for autograd: whoever knows the slope of the loss at the outputs asks for the slopes at the weights.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.process.kernels.native import Kernels

_HEAD, _LAYER = struct.Struct("8q"), struct.Struct("10q")
_WORTH_SHARING = 1_000_000  # multiplications


@dataclass(frozen=True)
class Link:
    """One linear layer and what follows it.

    dropout:  share of values that are set to zero; 0: none
    """

    linear: nn.Linear
    relu: bool = False
    dropout: float = 0.0


class DenseChain:
    """Links and the memory of their values and slopes, which is written over at each call.

    Example:  >>> from kissipo.process.kernels.native import kernels
              >>> linear = nn.Linear(3, 2)
              >>> chain, x = DenseChain(kernels(), [Link(linear)]), torch.ones(4, 3)
              >>> y = chain.forward(x)
              >>> chain.backward(x, torch.ones(4, 2))
              >>> torch.allclose(y, linear(x)), linear.bias.grad.tolist()
              (True, [4.0, 4.0])
    """

    def __init__(self, kernels: Kernels, links: Sequence[Link]) -> None:
        self.kernels, self.links = kernels, links
        self._drops = any(link.dropout for link in links)
        given = [each for link in links for each in (link.linear.weight, link.linear.bias)]
        self._slopes = [None if each is None or not each.requires_grad else torch.zeros_like(each) for each in given]
        self._learned = [(each, slope) for each, slope in zip(given, self._slopes, strict=True) if slope is not None]
        self._rooms: dict[int, _Room] = {}
        self._addresses: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (row, unit) for x (row, feature); each call draws its own dropout."""
        room = self._room(x)
        head = (x.data_ptr(), 0, 0, new_key() if self._drops else 0, room.threads, self.kernels.parallel_for)
        self.kernels.dense_forward(_HEAD.pack(x.shape[0], len(self.links), *head) + room.layers)
        return room.y

    def backward(self, x: Tensor, dy: Tensor) -> None:
        """The slopes at the weights become their `grad`, for the last x given to `forward`, from that at its outputs (row, unit)."""
        room = self._room(x)
        head = (x.data_ptr(), dy.data_ptr(), room.slopes.data_ptr(), 0, room.threads, self.kernels.parallel_for)
        self.kernels.dense_backward(_HEAD.pack(x.shape[0], len(self.links), *head) + room.layers)
        for weight, slope in self._learned:
            weight.grad = slope

    def _room(self, x: Tensor) -> _Room:
        addresses = [weight.data_ptr() for weight, _ in self._learned]
        if addresses != self._addresses:
            self._rooms, self._addresses = {}, addresses
        rows = x.shape[0]
        if rows not in self._rooms:
            self._rooms[rows] = _Room(self.links, self._slopes, rows)
        return self._rooms[rows]


class _Room:
    """What batches of one size need."""

    def __init__(self, links: Sequence[Link], slopes: Sequence[Tensor | None], rows: int) -> None:
        layers, work, widest = [], 0, 0
        self.kept: list[Tensor] = []
        for at, link in enumerate(links):
            units, features = link.linear.weight.shape
            self.y, mask = torch.empty(rows, units), torch.empty(rows * units if link.dropout else 0)
            self.kept += [self.y, mask]
            keep = round((1 - link.dropout) * 2**32) if link.dropout else 0
            tensors = (link.linear.weight, link.linear.bias, mask, self.y, *slopes[2 * at : 2 * at + 2])
            layers.append(_LAYER.pack(features, units, link.relu, keep, *(_at(each) for each in tensors)))
            work, widest = work + rows * units * features, max(widest, units)
        self.layers = b"".join(layers)
        self.slopes = torch.empty(2 * rows * widest)
        self._work = work

    @property
    def threads(self) -> int:
        """As many as torch has, one where sharing costs more than the sums."""
        return torch.get_num_threads() if self._work >= _WORTH_SHARING else 1


def new_key() -> int:
    """An odd number of 63 bits by torch's dice, so that a run with its seed, and a run that goes on, draw what they drew."""
    return int(torch.empty((), dtype=torch.int64).random_().item()) | 1


def _at(tensor: Tensor | None) -> int:
    """The address; 0 for no tensor and for an empty one."""
    return 0 if tensor is None else tensor.data_ptr()
