"""Where the sums are done: the device and the number of threads."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

WORTH_SHARING = 16_000_000
_GIVEN_BACK_FROM, _MAPPED_FROM = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of mallopt(3)
_USUAL, _LARGE, _MOST = 128 * 1024, 32 * 1024**2, 2**31 - 1  # bytes


def threads() -> int:
    """How many threads torch uses here."""
    import torch

    return torch.get_num_threads()


def usable_cores() -> int:
    """How many cores this process may use; fewer than the machine has inside a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads_for(multiplications: int) -> Iterator[int]:
    """As many threads as a step of so many multiplications is worth: one for small steps, else what torch has.

    A small step has nothing to share out, and waking a second thread several times in it costs more than it brings (measured:
    the lecture's net, 3 million multiplications a step, takes 0.57 ms on one thread and 0.55 to 0.94 on two). The other cores
    stay free. Where the person has set a number (OMP_NUM_THREADS), that number holds.
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
def memory_kept() -> Iterator[bool]:
    """Inside, memory that was freed stays with the process, up to pieces of 32 MB; says whether that could be had.

    Otherwise the C library of Linux gives the maps of a step back to the system and asks for them anew at the next, and every page
    of them comes filled with zeros (measured: 1,089 pages a step of the lecture's convolutional net, a fifth to a third of the
    step's time). Afterwards it is all given back.
    """
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield False
        return
    library.mallopt(_MAPPED_FROM, _LARGE)
    library.mallopt(_GIVEN_BACK_FROM, _MOST)
    try:
        yield True
    finally:
        library.mallopt(_GIVEN_BACK_FROM, _USUAL)
        library.malloc_trim(0)


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of 16 bits; without them such products take longer than those of 32."""
    import torch

    able: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return any(has for name, has in able.items() if "bf16" in name)


def describe_machine() -> dict[str, object]:
    """The environment as it is written into every run folder."""
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
