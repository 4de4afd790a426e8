"""Threads and cores: a measurement of several threads needs a core for each of them.

A system may leave threads that wake up on one core for a second or more; a scheduler
that saves cores of a virtual machine does so for good.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def divide_threads(threads: int) -> None:
    """Gives each of the busiest threads of this process a core of its own, on Linux."""
    if not _CORES:
        return
    by_work = {}
    for thread in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError):  # it has ended
            fields = Path(f"/proc/self/task/{thread}/stat").read_text().rsplit(")", 1)[1].split()
            by_work[int(thread)] = int(fields[11]) + int(fields[12])  # user and system time
    busiest = sorted(by_work, key=by_work.__getitem__)[-threads:]
    for core, thread in zip(_CORES, busiest, strict=False):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, {core})
