"""The compiled kernels: where they are, which instruction set they use here, how they are called.

The library is plain C: Python hands over the addresses of tensors, packed into one string of bytes, and the address of
torch's own `parallel_for`, so that threads are torch's threads and follow `torch.set_num_threads`.
"""

import ctypes
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

_LIBRARY = Path(__file__).parent / ("_kernels.dll" if sys.platform == "win32" else "_kernels.so")
BUILT = _LIBRARY.exists()
_LONG, _BYTES = ctypes.c_int64, ctypes.c_char_p


class _Table(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("lanes", _LONG),
        ("word", _LONG),
        ("forward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("backward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("dense_forward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("dense_backward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("adam", ctypes.CFUNCTYPE(None, _BYTES)),
    ]


@dataclass(frozen=True)
class Kernels:
    """The functions for one instruction set.

    lanes:  how many numbers a vector holds; units are filled up to whole vectors
    word:   how many numbers 32 bits of a product hold: 2 where products take bfloat16, and gates are kept as such
    """

    name: str
    lanes: int
    word: int
    parallel_for: int
    forward: Any
    backward: Any
    dense_forward: Any
    dense_backward: Any
    adam: Any

    def wide(self, units: int) -> int:
        """Units filled up to whole vectors."""
        return -(-units // self.lanes) * self.lanes


def kernels(*, halves: bool = False) -> Kernels | None:
    """The kernels for the widest instruction set of this machine, or for `$KISSIPO_INSTRUCTIONS` (avx512, avx2, plain).

    None where they were not built or where this machine cannot run them. With `halves` those whose products take bfloat16.
    """
    name = os.environ.get("KISSIPO_INSTRUCTIONS", "")
    return _load(name) if not halves else _load("avx512_bf16") if name in ("", "avx512") else None


def why_not_now() -> str:
    """Why torch's own must be used just now, whatever the layer: somebody watches or changes what operators do; or nothing."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "under torch.func's transforms torch's own is used"
    return "while a graph is captured torch's own is used" if torch.jit.is_tracing() else ""


@cache
def _load(name: str) -> Kernels | None:
    if not BUILT:
        return None
    library = ctypes.CDLL(str(_LIBRARY))
    library.kissipo_kernels.restype = ctypes.POINTER(_Table)
    library.kissipo_kernels.argtypes = [_BYTES]
    found = library.kissipo_kernels(name.encode())
    if not found:
        return None
    table = found.contents
    functions = (getattr(table, field) for field, *_ in _Table._fields_[3:])
    return Kernels(table.name.decode(), table.lanes, table.word, _torch_parallel_for(), *functions)


def _torch_parallel_for() -> int:
    """The address of torch's stable C function."""
    folder = Path(torch.__file__).parent / "lib"
    name = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}.get(sys.platform, "libtorch_cpu.so")
    address = ctypes.cast(ctypes.CDLL(str(folder / name)).torch_parallel_for, ctypes.c_void_p).value
    assert address is not None
    return address
