"""Devices: where tensors are computed, threads, memory reuse, the machine."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from kissipo.core.errors import MachineError, TaskError

if TYPE_CHECKING:
    import torch
    from torch import nn

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[DeviceName, ...] = ("auto", "cpu", "cuda", "mps")

_MISSING = {
    "cuda": "Install a build of PyTorch with CUDA, or leave --device out",
    "mps": "It exists on Macs with Apple silicon only: leave --device out",
}
WORTH_SHARING = 16_000_000
_PART = 32  # the most values of one task of a thread; handing it over takes 50 microseconds
_T = TypeVar("_T")
_R = TypeVar("_R")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
_DEFAULT, _LARGE, _MAXIMUM = 128 * 1024, 32 * 1024**2, 2**31 - 1  # bytes


def find_device(name: str = "auto") -> torch.device:
    """Returns the device of this name; auto: the first NVIDIA GPU, else the processor.

    Raises:   MachineError when this machine has no such device.
    """
    import torch

    has = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device("cuda" if has["cuda"] else "cpu")
    if name not in has:
        raise TaskError("there is no such device", got=f"'{name}'", allowed=", ".join(DEVICES))
    if not has[name]:
        raise MachineError(
            f"PyTorch finds no device '{name}' on this machine",
            got=f"torch {torch.__version__}",
            allowed=", ".join(["auto", *(device for device in has if has[device])]),
            do=_MISSING[name],
        )
    return torch.device(name)


def device_of(net: nn.Module) -> torch.device:
    """Returns the device of the weights of a net; without weights it is the CPU."""
    import torch

    weight = next(chain(net.parameters(), net.buffers()), None)
    return torch.device("cpu") if weight is None else weight.device


@contextmanager
def moved_to(device: torch.device | str, net: nn.Module) -> Iterator[None]:
    """Moves a net to a device inside, and back to where it was afterwards."""
    before = device_of(net)
    net.to(device)
    try:
        yield
    finally:
        net.to(before)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seeds the random generators of torch that a net on this device uses.

    torch.manual_seed does the same for the generators of all devices, which takes
    longer than a step of a small net.
    """
    import torch

    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def threads() -> int:
    """Returns the number of threads that torch uses."""
    import torch

    return torch.get_num_threads()


def usable_cores() -> int:
    """Returns how many cores this process may use, also inside a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function: Callable[[_T], _R], values: Iterable[_T]) -> list[_R]:
    """Returns the result of a function for each value, in their order.

    A thread per core computes parts of them.

    Example:  >>> in_threads(str, range(3))
              ['0', '1', '2']
    """
    from concurrent.futures import ThreadPoolExecutor

    items, cores = list(values), usable_cores()
    size = min(_PART, -(-len(items) // (4 * cores)))
    if cores == 1 or len(items) < 2:
        return [function(item) for item in items]
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    with ThreadPoolExecutor(cores) as pool:
        results = pool.map(lambda part: [function(item) for item in part], parts)
        return [result for part in results for result in part]


@contextmanager
def threads_for(multiplications: int) -> Iterator[int]:
    """Uses one thread inside for small steps, else the threads of torch.

    In a small step, waking a second thread costs more than it saves. Measured: the net
    of the lecture (3 million multiplications per step) takes 0.57 ms on one thread and
    0.55 to 0.94 ms on two. A number that the user sets in OMP_NUM_THREADS is never
    changed.
    """
    import torch

    is_small = multiplications < WORTH_SHARING and not os.environ.get("OMP_NUM_THREADS")
    with exactly_threads(1 if is_small else torch.get_num_threads()):
        yield torch.get_num_threads()


@contextmanager
def exactly_threads(count: int) -> Iterator[None]:
    """Uses this number of threads of torch inside."""
    import torch

    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)


@contextmanager
def keep_memory() -> Iterator[bool]:
    """Keeps freed memory in the process inside; yields whether the system allows it.

    By default, the C library of Linux returns the large blocks of each step to the
    system and requests them again in the next step, filled with zeros. Measured: 1,089
    pages per step of the lecture's CNN, a fifth to a third of the time. Blocks of up to
    32 MB are kept; at the end they are returned.
    """
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield False
        return
    library.mallopt(_MMAP_THRESHOLD, _LARGE)
    library.mallopt(_TRIM_THRESHOLD, _MAXIMUM)
    try:
        yield True
    finally:
        library.mallopt(_TRIM_THRESHOLD, _DEFAULT)
        library.malloc_trim(0)


def multiplies_bfloat16() -> bool:
    """Returns whether the processor can multiply bfloat16 numbers."""
    return has_instructions("bf16")


def has_instructions(part: str) -> bool:
    """Returns whether a name of an instruction set of the processor has this part."""
    import torch

    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return any(value for name, value in capabilities.items() if part in name)


def describe_machine(device: str = "cpu") -> dict[str, object]:
    """Returns the environment as it is written to every run folder.

    device:   on which a net was trained
    """
    import numpy
    import torch

    return {
        "kissipo": version("kissipo"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "device": device,
        **({} if device != "cuda" else {"gpu": torch.cuda.get_device_name()}),
    }
