"""Buffers whose memory is used again, for what a layer saves for backward.

That is megabytes at each step. New memory of that size comes from the operating system
page by page, and the first access to a page takes longer than the computation of the
values that are stored in it (measured: half of the time of an LSTM over 96 steps of 128
sequences).
"""

import torch
from torch import Tensor

_MAX_BYTES = 256 << 20
_free: list[Tensor] = []


class Buffer:
    """Uninitialized memory for `count` floats.

    When the buffer is deleted, the next buffer of that size takes its memory.
    """

    tensor = torch.empty(0)  # is freed where __init__ found no memory

    def __init__(self, count: int) -> None:
        self.tensor = _take(count)

    def __del__(self) -> None:
        while _free and sum(one.nbytes for one in _free) + self.tensor.nbytes > _MAX_BYTES:
            try:
                _free.pop(0)
            except IndexError:  # another thread was faster
                break
        if self.tensor.nbytes <= _MAX_BYTES:
            _free.append(self.tensor)


def _take(count: int) -> Tensor:
    """A free tensor of that size, or a new one."""
    for index, tensor in enumerate(_free):
        if tensor.numel() == count:
            try:
                candidate = _free.pop(index)
            except IndexError:
                break
            if candidate.numel() == count:
                return candidate
    return torch.empty(count)
