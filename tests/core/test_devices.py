"""Memory that is kept: pages that a second step does not ask for again."""

from __future__ import annotations

import sys

import pytest
import torch

from kissipo.core.devices import memory_kept

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux gives it back")


def pages_of(steps: int) -> int:
    """How many pages the system hands out while maps of 3 and 20 MB are made and thrown away."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        maps = [torch.zeros(size * 2**18) for size in (3, 20, 3)]
        del maps
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Resident memory in MB."""
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * 4096 // 10**6


def test_a_second_step_finds_the_pages_of_the_first_and_afterwards_they_are_given_back() -> None:
    with memory_kept() as kept:
        if not kept:
            pytest.skip("another C library")
        pages_of(2)
        assert pages_of(10) < 1000  # one step alone has 6,656 pages
        held = resident()
    assert resident() < held - 15
