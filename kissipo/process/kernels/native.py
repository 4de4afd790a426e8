"""The library of compiled kernels: its file, its instruction sets and its functions.

The library is plain C. Python passes the addresses of tensors, packed into bytes, and
the address of torch's own `parallel_for`, so that its threads are torch's threads and
follow `torch.set_num_threads`.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

_LIBRARY = Path(__file__).parent / ("_kernels.dll" if sys.platform == "win32" else "_kernels.so")
BUILT = _LIBRARY.exists()
_LONG, _BYTES = ctypes.c_int64, ctypes.c_char_p


class _Table(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("lanes", _LONG),
        ("packed_values", _LONG),
        ("forward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("backward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("dense_forward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("dense_backward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("adam", ctypes.CFUNCTYPE(None, _BYTES)),
        ("word_vectors", ctypes.CFUNCTYPE(None, _BYTES)),
        ("recurrent_net_forward", ctypes.CFUNCTYPE(_LONG, _BYTES)),
        ("recurrent_net_step", ctypes.CFUNCTYPE(_LONG, _BYTES)),
        ("recurrent_net_backward", ctypes.CFUNCTYPE(None, _BYTES)),
        ("rmsprop", ctypes.CFUNCTYPE(None, _BYTES)),
        ("recurrent_infer", ctypes.CFUNCTYPE(None, _BYTES)),
        ("packed_floats", ctypes.CFUNCTYPE(_LONG, _BYTES)),
    ]


@dataclass(frozen=True)
class Kernels:
    """The functions for one instruction set.

    lanes:          floats of a vector; units are padded to whole vectors
    packed_values:  values of a 32-bit operand of a product: 2 where products take
                    bfloat16 and gates are saved as bfloat16, else 1
    """

    name: str
    lanes: int
    packed_values: int
    parallel_for: int
    forward: Callable[..., None]
    backward: Callable[..., None]
    dense_forward: Callable[..., None]
    dense_backward: Callable[..., None]
    adam: Callable[..., None]
    word_vectors: Callable[..., None]
    recurrent_net_forward: Callable[..., int]
    recurrent_net_step: Callable[..., int]
    recurrent_net_backward: Callable[..., None]
    rmsprop: Callable[..., None]
    recurrent_infer: Callable[..., None]
    packed_floats: Callable[..., int]

    def padded(self, units: int) -> int:
        """The number of units, rounded up to whole vectors."""
        return -(-units // self.lanes) * self.lanes


def kernels(*, bfloat16: bool = False) -> Kernels | None:
    """The kernels for the widest instruction set of this machine.

    `$KISSIPO_INSTRUCTIONS` names another set (avx512, avx2, plain), and `bfloat16` asks
    for the kernels whose products take bfloat16. None means that they are not built, or
    that this machine does not have the instructions.
    """
    name = os.environ.get("KISSIPO_INSTRUCTIONS", "")
    if bfloat16:
        return _load("avx512_bf16") if name in ("", "avx512") else None
    return _load(name)


def fallback_reason() -> str:
    """Why torch's own must be used now, whatever the layer is; empty if it need not.

    Transforms and traces replace torch's operators, and they would not see the kernels.
    """
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "under torch.func's transforms torch's own is used"
    return "while a graph is captured torch's own is used" if torch.jit.is_tracing() else ""


def thread_count(work: int, minimum: int) -> int:
    """The number of threads: torch's, but one where the work is below the minimum.

    Then the start of other threads costs more time than they save.
    """
    return torch.get_num_threads() if work >= minimum else 1


@cache
def _load(name: str) -> Kernels | None:
    """The kernels of the named set, or of the widest for an empty name."""
    if not BUILT:
        return None
    library = ctypes.CDLL(str(_LIBRARY))
    library.kissipo_kernels.restype = ctypes.POINTER(_Table)
    library.kissipo_kernels.argtypes = [_BYTES]
    pointer = library.kissipo_kernels(name.encode())
    if not pointer:
        return None
    table = pointer.contents
    functions = (getattr(table, field) for field, *_ in _Table._fields_[3:])
    parallel_for = _torch_parallel_for()
    return Kernels(table.name.decode(), table.lanes, table.packed_values, parallel_for, *functions)


def _torch_parallel_for() -> int:
    """The address of torch's stable C function."""
    folder = Path(torch.__file__).parent / "lib"
    names = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}
    library = ctypes.CDLL(str(folder / names.get(sys.platform, "libtorch_cpu.so")))
    address = ctypes.cast(library.torch_parallel_for, ctypes.c_void_p).value
    assert address is not None
    return address
