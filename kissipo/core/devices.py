"""Where the sums are done: the device and the number of threads."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def threads() -> int:
    """How many threads torch uses here."""
    import torch

    return torch.get_num_threads()


def usable_cores() -> int:
    """How many cores this process may use; fewer than the machine has inside a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
