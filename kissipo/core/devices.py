"""Devices: the number of threads, memory reuse, and a description of the machine."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

WORTH_SHARING = 16_000_000
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
_DEFAULT, _LARGE, _MAXIMUM = 128 * 1024, 32 * 1024**2, 2**31 - 1  # bytes


def threads() -> int:
    """Returns the number of threads that torch uses."""
    import torch

    return torch.get_num_threads()


def usable_cores() -> int:
    """Returns how many cores this process may use, also inside a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads_for(multiplications: int) -> Iterator[int]:
    """Uses one thread inside for small steps, else the threads of torch.

    In a small step, waking a second thread costs more than it saves. Measured: the net
    of the lecture (3 million multiplications per step) takes 0.57 ms on one thread and
    0.55 to 0.94 ms on two. A number that the user sets in OMP_NUM_THREADS is never
    changed.
    """
    import torch

    before = torch.get_num_threads()
    if multiplications < WORTH_SHARING and not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1)
    try:
        yield torch.get_num_threads()
    finally:
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
    import torch

    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return any(value for name, value in capabilities.items() if "bf16" in name)


def describe_machine() -> dict[str, object]:
    """Returns the environment as it is written to every run folder."""
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
        "device": "cpu",
    }
