"""On disk: inputs too many to be kept, encoded when a batch asks for them; a few batches are read ahead while others are learned from.

What is read is what would have been kept, byte for byte; only the time at which it is read differs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.frame import Frame

Asked = TypeVar("Asked")
Found = TypeVar("Found")
_AHEAD = 2


@dataclass(frozen=True)
class LazyColumn:
    """One input of all samples, as a codec and the frame that it reads."""

    codec: Codec
    frame: Frame

    def __len__(self) -> int:
        return len(self.frame)

    def read(self, index: Tensor | slice) -> Tensor:
        """The samples at the given positions, encoded."""
        return self.codec.encode(self.take(index).frame)

    def take(self, index: Tensor | slice) -> LazyColumn:
        """Some of the samples, still on disk."""
        positions = np.arange(len(self))[index] if isinstance(index, slice) else index.numpy()
        return LazyColumn(self.codec, self.frame.take(positions))


def read_ahead(
    read: Callable[[Asked], Found], order: Iterable[Asked]
) -> Iterator[tuple[Asked, Found]]:
    """What is read for each of the order, one after the other; never more than a few wait.

    Example:  >>> list(read_ahead(abs, [-1, 2, -3]))
              [(-1, 1), (2, 2), (-3, 3)]
    """
    waiting: deque[tuple[Asked, Future[Found]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
        for asked in order:
            waiting.append((asked, reader.submit(read, asked)))
            if len(waiting) > _AHEAD:
                first, found = waiting.popleft()
                yield first, found.result()
        for first, found in waiting:
            yield first, found.result()
