"""The library of compiled kernels: its file, its instruction sets and its functions.

The library is plain C. Python passes the addresses of tensors, packed into bytes, and
the address of torch's own `parallel_for`, so that its threads are torch's threads and
follow `torch.set_num_threads`.

The widest instruction set that the processor has is chosen when the library is loaded.
$KISSIPO_KERNELS forces one instead: plain, avx2, avx512 or neon; avx512_bf16 or amx,
which multiply bfloat16 and leave float32 to the widest of the others; or none, where
torch computes everything. It is read once: reading it takes as long as a small layer.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from kissipo.core.errors import MachineError

SETS = ("plain", "neon", "avx2", "avx512", "avx512_bf16", "amx")
BFLOAT16_SETS = ("avx512_bf16", "amx")
_NONE = ("none", "torch")
_LIBRARY = Path(__file__).parent / ("_kernels.dll" if sys.platform == "win32" else "_kernels.so")
BUILT = _LIBRARY.exists()
_FORCED = os.environ.get("KISSIPO_KERNELS", "").strip().lower()
_LONG, _BYTES = ctypes.c_int64, ctypes.c_char_p


class _Table(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("unit_block", _LONG),
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

    unit_block:     units are padded to its multiples: the floats of a vector, or two
    packed_values:  values of a 32-bit operand of a product: 2 where products take
                    bfloat16 and gates are saved as bfloat16, else 1
    """

    name: str
    unit_block: int
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
        """The number of units, rounded up to whole blocks."""
        return -(-units // self.unit_block) * self.unit_block


def kernels(*, bfloat16: bool = False) -> Kernels | None:
    """The kernels for the widest instruction set of this machine, or the forced one.

    `bfloat16` asks for the kernels whose products take bfloat16. None means that they
    are not built, that this machine does not have the instructions, or that torch's
    own are forced.

    Raises:   MachineError where $KISSIPO_KERNELS is unknown or not available here.
    """
    return _select(forced_kernels(), bfloat16)


def forced_kernels() -> str:
    """The value of $KISSIPO_KERNELS; empty where nothing is forced."""
    return _FORCED


@cache
def available_sets() -> tuple[str, ...]:
    """The instruction sets that are built and that this machine has."""
    return tuple(name for name in SETS if _load(name) is not None)


@cache
def built_sets() -> tuple[str, ...]:
    """The instruction sets that are built, whether or not this machine has them."""
    if not BUILT:
        return ()
    library = ctypes.CDLL(str(_LIBRARY))
    library.kissipo_built_kernels.restype = ctypes.c_void_p
    return tuple(name for name in SETS if library.kissipo_built_kernels(name.encode()))


@cache
def _select(forced: str, bfloat16: bool) -> Kernels | None:
    if forced in _NONE:
        return None
    if forced and forced not in available_sets():
        raise MachineError(
            "KISSIPO_KERNELS must name an instruction set of this machine, or none",
            got=f"{forced}, {_why_unavailable(forced)}",
            allowed=", ".join((*available_sets(), *_NONE)),
            do="Choose one of these, or unset KISSIPO_KERNELS for the widest",
        )
    if bfloat16:
        return None if forced and forced not in BFLOAT16_SETS else _load(forced or "avx512_bf16")
    return _load("" if forced in BFLOAT16_SETS else forced)


def _why_unavailable(name: str) -> str:
    if name not in SETS:
        return "an unknown name"
    if not BUILT:
        return "but there was no C++ compiler during installation"
    return "which this processor does not have" if name in built_sets() else "which is not built"


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
    return _kernels_of(pointer.contents) if pointer else None


def _kernels_of(table: _Table) -> Kernels:
    functions = (getattr(table, field) for field, *_ in _Table._fields_[3:])
    parallel_for = _torch_parallel_for()
    return Kernels(
        table.name.decode(), table.unit_block, table.packed_values, parallel_for, *functions
    )


def _torch_parallel_for() -> int:
    """The address of torch's stable C function."""
    folder = Path(torch.__file__).parent / "lib"
    names = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}
    library = ctypes.CDLL(str(folder / names.get(sys.platform, "libtorch_cpu.so")))
    address = ctypes.cast(library.torch_parallel_for, ctypes.c_void_p).value
    assert address is not None
    return address
