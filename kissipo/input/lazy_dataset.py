"""Lazy dataset: inputs that do not fit in memory are encoded batch by batch.

A few batches are read in advance while the net trains on earlier ones. The encoded
values are the same as in memory, byte for byte; only the time of reading differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
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
