"""Memory that is kept: pages that a second step does not ask for again, counted by the system in a process that does nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

STEPS = """
import json, resource, torch
from kissipo.core.devices import memory_kept

def pages_of(steps):  # that the system hands out while maps of 3, 20 and 3 MB are made and thrown away
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        maps = [torch.zeros(size * 2**18) for size in (3, 20, 3)]
        del maps
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():  # in MB
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * resource.getpagesize() // 10**6

with memory_kept() as kept:  # some steps until every map has its place
    _, rest, held = pages_of(30), pages_of(10), resident()
print(json.dumps([kept, rest, held - resident()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux gives it back")
def test_a_second_step_finds_the_pages_of_the_first_and_afterwards_they_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", STEPS], check=True, capture_output=True, text=True)
    kept, rest, given_back = json.loads(done.stdout)
    if not kept:
        pytest.skip("another C library")
    assert rest < 6656  # ten steps make maps of 66,560 pages of 4 kB
    assert given_back > 15
