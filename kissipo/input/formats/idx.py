"""The idx format of MNIST: a magic number, the size of each axis, then the values.

Source:   the description on Yann LeCun's MNIST page.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.input.formats.files import read_bytes

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[np.generic]:
    """Reads the array of an idx file, compressed or not.

    Raises:   DataError when the file is not an idx file or is incomplete.
    """
    data = read_bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise DataError(f"{path} is not an idx file", got=f"it begins with {data[:4].hex(' ')}")
    axes = data[3]
    shape = tuple(np.frombuffer(data, ">u4", axes, 4).tolist()) if len(data) >= 4 + 4 * axes else ()
    kind = np.dtype(_TYPES[data[2]])
    expected = 4 + 4 * axes + int(np.prod(shape)) * kind.itemsize
    if len(data) != expected:
        raise DataError(
            f"{path} is incomplete or damaged: its header requires {expected} bytes",
            got=f"{len(data)} bytes",
            do="Download it again",
        )
    return np.frombuffer(data, kind, offset=4 + 4 * axes).reshape(shape)
