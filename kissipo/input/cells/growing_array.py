"""An array that grows by chunks, in place where the system can: no second copy is made.

Example:  >>> array = GrowingArray(np.float64)
          >>> array.append(np.array([1.0, 2.0])), array.append(np.array([3.0]))
          (None, None)
          >>> len(array), array.finish().tolist()
          (3, [1.0, 2.0, 3.0])
"""

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float64, np.int32)
_GROWTH, _MIN_ROWS = 1.25, 4096


class GrowingArray(Generic[Number]):
    """One row after the other, in one array."""

    def __init__(self, dtype: type[Number]) -> None:
        self._array: NDArray[Number] = np.empty(0, dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, chunk: NDArray[Number]) -> None:
        """Appends a copy of these rows."""
        end = self._count + len(chunk)
        if end > len(self._array):
            # No view of the array leaves this object before it is finished.
            self._array.resize(max(_MIN_ROWS, int(_GROWTH * end)), refcheck=False)
        self._array[self._count : end] = chunk
        self._count = end

    def finish(self) -> NDArray[Number]:
        """Returns the rows; nothing can be appended after that."""
        if len(self._array) > self._count:
            self._array.resize(self._count, refcheck=False)
        return self._array
