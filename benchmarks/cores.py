"""Threads and cores: a measurement of several threads needs a core for each of them.

A system may leave threads that wake up on one core for a second or more; a scheduler
that saves cores of a virtual machine does so for good.
"""

from __future__ import annotations

import os
from pathlib import Path


def divide_threads(threads: int) -> None:
    """Gives each of the busiest threads of this process a core of its own, on Linux."""
    if not hasattr(os, "sched_setaffinity"):
        return
    by_work = {}
    for thread in os.listdir("/proc/self/task"):
        fields = Path(f"/proc/self/task/{thread}/stat").read_text().rsplit(")", 1)[1].split()
        by_work[int(thread)] = int(fields[11]) + int(fields[12])  # user and system time
    for core, thread in enumerate(sorted(by_work, key=by_work.__getitem__)[-threads:]):
        os.sched_setaffinity(thread, {core})
