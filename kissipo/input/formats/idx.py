"""The idx format of MNIST: a magic number, the size of each axis, then the values.

Source:   the description on Yann LeCun's MNIST page.
"""

from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.input.formats.compressed import open_binary
from kissipo.input.formats.files import existing, readable

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_AXES, _PART = 32, 1 << 24


def read_idx(path: Path) -> NDArray[np.generic]:
    """Reads the array of an idx file, compressed or not.

    Raises:   DataError when the file is not an idx file or is incomplete.
    """
    with readable(path), open_binary(existing(path)) as file:
        head = file.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
            raise DataError(f"{path} is not an idx file", got=f"it begins with {head.hex(' ')}")
        axes, kind = head[3], np.dtype(_TYPES[head[2]])
        sizes = file.read(4 * axes)
        shape = np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4").tolist()
        expected = prod(shape) * kind.itemsize
        data = _read_up_to(file, expected + 1)
    begin = 4 + 4 * axes
    if len(shape) < axes or axes > _MAX_AXES or len(data) != expected:
        size = f"{begin + len(data)} bytes" if len(data) <= expected else "more"
        raise DataError(
            f"{path} is incomplete or damaged: its header requires {begin + expected} bytes",
            got=size,
            do="Download it again",
        )
    return np.frombuffer(data, kind).reshape(shape)


def _read_up_to(file: BinaryIO, count: int) -> bytes:
    """Reads at most so many bytes; a wrong header may ask for more than any memory."""
    parts = []
    while count > 0 and (part := file.read(min(count, _PART))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
