"""Memory reuse: page faults of a second step, counted in a separate process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

STEPS = """
import json, resource, torch
from kissipo.core.devices import keep_memory

def pages_of(steps):  # page faults while arrays of 3, 20 and 3 MB are allocated and freed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        maps = [torch.zeros(size * 2**18) for size in (3, 20, 3)]
        del maps
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():  # in MB
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 10**6

with keep_memory() as is_active:  # the first steps reserve the memory
    _, rest, before = pages_of(30), pages_of(10), resident()
print(json.dumps([is_active, rest, before - resident()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux gives it back")
def test_memory_is_reused_by_later_steps_and_returned_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", STEPS], check=True, capture_output=True, text=True)
    is_active, rest, returned = json.loads(done.stdout)
    if not is_active:
        pytest.skip("another C library")
    assert rest < 6656  # ten steps make maps of 66,560 pages of 4 kB
    assert returned > 15
