"""Lazy dataset: inputs that do not fit in memory are encoded batch by batch.

A few batches are read in advance while the net trains on earlier ones. The encoded
values are the same as in memory, byte for byte; only the time of reading differs.

Texts of very different length are kept without padding, which each batch gets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.frame import Frame

Key = TypeVar("Key")
Value = TypeVar("Value")
_AHEAD = 2


class LazyColumn(ABC):
    """One input of all samples, which is read batch by batch."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, index: Tensor | slice) -> Tensor:
        """Reads and encodes the samples at these positions."""

    @abstractmethod
    def take(self, index: Tensor | slice) -> LazyColumn:
        """Selects samples without reading them."""


@dataclass(frozen=True)
class EncodedColumn(LazyColumn):
    """A codec and the frame from which it reads."""

    codec: Codec
    frame: Frame

    def __len__(self) -> int:
        return len(self.frame)

    def read(self, index: Tensor | slice) -> Tensor:
        return self.codec.encode(self.take(index).frame)

    def take(self, index: Tensor | slice) -> EncodedColumn:
        positions = np.arange(len(self))[index] if isinstance(index, slice) else index.numpy()
        return EncodedColumn(self.codec, self.frame.take(positions))


class RaggedColumn(LazyColumn):
    """Samples of different length, which are padded with 0 batch by batch.

    values:  (step, ...) the steps of all samples, one sample after the other
    sizes:   (sample) the number of steps
    rows:    the samples of the column; all when omitted
    Example:  >>> steps = torch.tensor([[1.0], [2.0], [3.0]])
              >>> column = RaggedColumn(steps, torch.tensor([2, 1]))
              >>> column.read(slice(0, 2))[..., 0].tolist()
              [[1.0, 2.0], [3.0, 0.0]]
    """

    def __init__(self, values: Tensor, sizes: Tensor, rows: Tensor | None = None) -> None:
        self._values, self._sizes = values, sizes
        self._starts = sizes.cumsum(0) - sizes
        self._rows = torch.arange(len(sizes)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, index: Tensor | slice) -> Tensor:
        rows = self._rows[index]
        sizes = self._sizes[rows]
        inside = torch.arange(max(1, int(sizes.max()) if len(sizes) else 1))
        is_step = inside < sizes[:, None]
        padded = torch.zeros(*is_step.shape, *self._values.shape[1:], dtype=self._values.dtype)
        padded[is_step] = self._values[(self._starts[rows][:, None] + inside)[is_step]]
        return padded

    def take(self, index: Tensor | slice) -> RaggedColumn:
        return RaggedColumn(self._values, self._sizes, self._rows[index])

    def without_steps(self, index: Tensor | slice) -> Tensor:
        """Returns samples of no step, for those who read the texts themselves."""
        return self._values.new_zeros(len(self._rows[index]), 0, *self._values.shape[1:])


def read_ahead(read: Callable[[Key], Value], order: Iterable[Key]) -> Iterator[tuple[Key, Value]]:
    """Yields each key with its value; a few values are read in advance.

    Example:  >>> list(read_ahead(abs, [-1, 2, -3]))
              [(-1, 1), (2, 2), (-3, 3)]
    """
    queue: deque[tuple[Key, Future[Value]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
        for key in order:
            queue.append((key, reader.submit(read, key)))
            if len(queue) > _AHEAD:
                first, future = queue.popleft()
                yield first, future.result()
        for first, future in queue:
            yield first, future.result()
