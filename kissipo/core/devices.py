"""Where the sums are done: the device and the number of threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

WORTH_SHARING = 16_000_000


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
