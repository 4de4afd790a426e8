"""The tensors of a trace as one block of bytes for a page of limited size.

Every tensor is stored as it is (float32 or int32) as long as the budget lasts, in the
order in which the page needs them; of an embedding only the rows that were read. A
tensor for which no room is left is stored as shades of one byte, if need be as means
of blocks: enough to draw it, not to calculate with it. A third limit leaves out the
rest, of which the page says the statistics.

Example:  >>> entries, block = packed_tensors({"x": np.ones((2, 3), dtype=np.float32)})
          >>> entries["x"]["form"], entries["x"]["start"], len(block) < 40
          ('float32', 0, True)
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kissipo.core.numpy_array import NumpyArray

EXACT_BYTES, ALL_BYTES = 200_000, 300_000  # after compression; base64 adds a third
LARGE_BYTES = 2_000_000  # of a deep net or a long sequence
SHADES = 127
_NOT_A_NUMBER = -128
_MIN_SHADES, _INPUT_SHADES = 1_024, 40_000
_MAX_RATIO = 16  # of a tensor to its size after compression
Entry = dict[str, object]
Key = TypeVar("Key", bound=Hashable)


def packed_tensors(
    arrays: Mapping[Key, NumpyArray],
    rows: Mapping[Key, NDArray[np.int64]] | None = None,
    *,
    exact_only: Collection[Key] = (),
    larger: Collection[Key] = (),
    exact_bytes: int = EXACT_BYTES,
    all_bytes: int = ALL_BYTES,
) -> tuple[dict[Key, Entry], bytes]:
    """Returns where each tensor stands in the block, and the block.

    arrays:       the most important first
    rows:         of some tensors: the rows of the first axis that are stored
    exact_only:   those that are not drawn; they are left out where no room is left
    larger:       those that are drawn in detail, such as the input
    exact_bytes:  the size of all exact tensors after compression
    all_bytes:    the size of the block
    """
    block = _Block[Key]()
    shades = {}
    for key, array in arrays.items():
        read_rows = (rows or {}).get(key)
        if read_rows is None and array.nbytes > _MAX_RATIO * exact_bytes:
            shades[key] = array
            continue
        stored = _plain(array if read_rows is None else array[read_rows])
        fields: Entry = {"form": stored.dtype.name}
        if read_rows is not None:
            fields["rows"] = read_rows.tolist()
        if not block.add(key, stored, fields, exact_bytes):
            shades[key] = array
    drawn = {key: array for key, array in shades.items() if key not in exact_only}
    for number, (key, array) in enumerate(drawn.items()):
        share = (all_bytes - block.compressed) // (len(drawn) - number)
        min_count = _INPUT_SHADES if key in larger else _MIN_SHADES
        stored, fields = _shades(array, max(min_count, share))
        block.add(key, stored, fields, all_bytes)
    return block.entries, zlib.compress(b"".join(block.parts), 9)


@dataclass
class _Block(Generic[Key]):
    """The parts of the block; equal tensors share one."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    places: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    length: int = 0
    compressed: int = 0

    def add(self, key: Key, array: NumpyArray, fields: Entry, limit: int) -> bool:
        """Adds a tensor if it fits, and returns whether it does."""
        content = _by_planes(array)
        digest = hashlib.sha256(content).digest()
        if digest not in self.places:
            size = len(zlib.compress(content, 1))
            if self.compressed + size > limit:
                return False
            self.places[digest] = self.length, len(content)
            self.parts.append(content)
            self.length += len(content)
            self.compressed += size
        start, count = self.places[digest]
        self.entries[key] = {**fields, "start": start, "bytes": count}
        return True


def _plain(array: NumpyArray) -> NumpyArray:
    """Returns float32 or int32, little-endian; complex values by their magnitude."""
    if array.dtype.kind == "c":
        array = np.abs(array)
    return np.ascontiguousarray(array, dtype="<f4" if array.dtype.kind == "f" else "<i4")


def _by_planes(array: NumpyArray) -> bytes:
    """Returns all first bytes of the numbers, then all second bytes, and so on."""
    raw = np.frombuffer(array.tobytes(), dtype=np.uint8)
    return raw.reshape(-1, array.dtype.itemsize).T.tobytes()


def _shades(array: NumpyArray, count: int) -> tuple[NumpyArray, Entry]:
    """Returns a tensor as shades from -127 to 127 of its maximum, -128 where it is NaN.

    count:  about how many shades; a larger tensor is averaged over blocks of its last
            two axes that are longer than one
    """
    values = _plain(array).astype(np.float64)
    axes = [axis for axis, side in enumerate(values.shape) if side > 1][-2:]
    stride = 1
    while values.size / stride ** len(axes) > count and stride < max(values.shape, default=1):
        stride += 1
    for axis in axes if stride > 1 else ():
        starts = np.arange(0, values.shape[axis], stride)
        counts = np.diff(np.append(starts, values.shape[axis]))
        shape = [1] * values.ndim
        shape[axis] = len(counts)
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape)
    finite = np.isfinite(values)
    maximum = float(np.abs(values, where=finite, out=np.zeros_like(values)).max(initial=0.0)) or 1.0
    shades = np.full(values.shape, _NOT_A_NUMBER, dtype=np.int8)
    shades[finite] = np.rint(values[finite] / maximum * SHADES).astype(np.int8)
    return shades, {
        "form": "shades",
        "shape_of_shades": list(shades.shape),
        "stride": stride,
        "maximum": maximum,
    }
