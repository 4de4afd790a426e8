"""Devices by name, and memory reuse: page faults, counted in a separate process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Barrier

import pytest
import torch
from torch import nn

from kissipo.core.devices import device_of, find_device, in_threads, moved_to, seed_torch
from kissipo.core.errors import MachineError, TaskError
from kissipo.runs.fit import fit
from kissipo.runs.load import load

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


def test_devices_by_name() -> None:
    has_gpu = torch.cuda.is_available()
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("auto").type == ("cuda" if has_gpu else "cpu")
    with pytest.raises(TaskError) as error:
        find_device("gpu")
    assert error.value.got == "'gpu'" and "cuda" in error.value.allowed


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_missing_device_is_named_with_those_that_exist() -> None:
    with pytest.raises(MachineError) as error:
        find_device("cuda")
    assert error.value.allowed.startswith("auto, cpu") and "CUDA" in error.value.do


def test_net_is_moved_and_comes_back_with_the_same_parameters() -> None:
    net = nn.Linear(2, 3).double()
    weights, before = list(net.parameters()), net.weight.detach().clone()
    with moved_to("cpu", net):
        assert device_of(net).type == "cpu"
    assert torch.equal(net.weight, before)
    assert all(one is other for one, other in zip(net.parameters(), weights, strict=True))
    assert device_of(nn.ReLU()).type == "cpu"
    assert device_of(nn.Linear(2, 3, device="meta")).type == "meta"


def test_seed_is_that_of_manual_seed() -> None:
    torch.manual_seed(2**63 + 5)
    expected = torch.rand(3)
    seed_torch(2**63 + 5, torch.device("cpu"))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
@pytest.mark.parametrize("name", ["digits", "spam", "dcgan"])
def test_fit_on_a_gpu(name: str, tmp_path: Path) -> None:
    task = load(name).with_words({"process.epochs": 2})
    run = fit(task, out=tmp_path / "gpu", device="cuda")
    assert device_of(run.net).type == "cpu"
    on_cpu = fit(task, out=tmp_path / "cpu", device="cpu")
    for ours, theirs in zip(run.history, on_cpu.history, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.2)


@pytest.mark.parametrize("count", [0, 1, 2, 31, 33, 1_000])
def test_threads_keep_the_order_of_values(count: int) -> None:
    assert in_threads(lambda value: value**2, range(count)) == [value**2 for value in range(count)]


def test_few_values_are_shared_among_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kissipo.core.devices.usable_cores", lambda: 4)
    start = Barrier(4, timeout=20)  # passes when four threads are there

    def meet(value: int) -> int:
        start.wait()
        return value

    assert in_threads(meet, range(4)) == [0, 1, 2, 3]


def test_an_error_in_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda value: 1 / value, range(-50, 50))
