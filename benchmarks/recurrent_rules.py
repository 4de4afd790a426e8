"""The rules of `auto`, measured: which recurrent kernel is faster, per instruction set.

`recurrent.py --rules` calls this and writes an entry of kissipo/process/kernels/
rules.json; `recurrent.py --rules check` compares `auto` with torch on the same grid.

Grid       calls of each region (one step, few rows, few sequences, more), from 16 to
           512 units, of LSTM, GRU and RNN, in training and in inference.
Method     medians of interleaved rounds, and of three passes over the grid: the memory
           of a shared machine changes by the minute. Of all maxima, the one is taken
           that loses least: the sum of the logarithms of the chosen times is smallest.
           On one thread the time is that of the processor; several get a core each.
AVX2       KISSIPO_KERNELS=avx2 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2
           MKL_ENABLE_INSTRUCTIONS=AVX2 force both sides to it.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Iterator
from datetime import date
from itertools import product

import torch
from cores import divide_threads

from kissipo.process.kernels.native import kernels
from kissipo.process.kernels.rules import (
    CELLS,
    FILE,
    PHASES,
    REGIONS,
    THREADS,
    Call,
    instruction_set,
)
from kissipo.process.layers.recurrent import Kernel
from kissipo.runs.kernel_speed import compare

BATCHES_AND_STEPS = ((1, 1), (32, 1), (1, 5), (4, 2), (1, 30), (8, 4), (1, 150), (8, 30), (64, 20))
UNITS = (16, 64, 128, 256, 512)
PASSES = 3
MAX_WORK = 0.7e9  # multiplications of one forward pass of an LSTM
Measured = dict[tuple[str, str, str], list[tuple[int, float]]]


def grid() -> Iterator[Call]:
    """Yields the calls that are measured."""
    for (batch, steps), units in product(BATCHES_AND_STEPS, UNITS):
        if batch * steps * 8 * units**2 <= MAX_WORK:
            yield Call(batch, steps, units, units)
    for batch, steps, units in ((64, 1, 1), (64, 20, 2), (64, 20, 4)):
        yield Call(batch, steps, 256, units)


def measure(*, bfloat16: bool, kernel: Kernel, seconds: float) -> Measured:
    """Returns (weights, torch's time / ours) for each cell, phase and region."""
    if torch.get_num_threads() > 1:
        compare(Call(64, 20, 256, 256), "LSTM", training=True)  # starts the threads
        divide_threads(torch.get_num_threads())
    cases = list(product(CELLS, PHASES, grid()))
    times: dict[tuple[str, str, Call], list[tuple[float, float]]] = {case: [] for case in cases}
    for _, (cell, phase, call) in product(range(PASSES), cases):
        words = {"training": phase == "training", "bfloat16": bfloat16}
        both = compare(call, cell, **words, kernel=kernel, seconds=seconds / PASSES)
        times[cell, phase, call].append(both)
    ratios: Measured = {}
    for (cell, phase, call), own in times.items():
        theirs, ours = sorted(own, key=lambda both: both[0] / both[1])[PASSES // 2]
        ratio = theirs / ours
        ratios.setdefault((cell, phase, call.region), []).append((call.weights(cell), ratio))
        sizes = f"B{call.batch} T{call.steps} D{call.features} H{call.units}"
        print(f"{cell} {phase} {sizes}: {theirs:.3f} ms, {ours:.3f} ms, {ratio:.2f}", flush=True)
    return ratios


def best_maximum(ratios: list[tuple[int, float]]) -> int | None:
    """Returns the maximum number of weights that loses least, or None where all win.

    >>> best_maximum([(100, 1.5), (1000, 1.2), (10000, 0.5)])
    1000
    >>> best_maximum([(100, 1.5), (1000, 0.9), (10000, 1.2)])
    >>> best_maximum([(100, 0.9), (1000, 0.8)])
    0
    """

    def loss(maximum: float) -> float:
        return -sum(math.log(ratio) for weights, ratio in ratios if weights <= maximum)

    candidates = [math.inf, *sorted((weights for weights, _ in ratios), reverse=True), 0]
    best = min(candidates, key=loss)
    if best >= max(weights for weights, _ in ratios):
        return None
    return int(best)


def write(*, bfloat16: bool, seconds: float) -> None:
    """Measures this machine and writes its entry of the table."""
    library = kernels(bfloat16=bfloat16)
    assert library is not None, "there is no kernel of this type here"
    load, began = os.getloadavg()[0], time.process_time()
    ratios = measure(bfloat16=bfloat16, kernel="fused", seconds=seconds)
    maxima = {
        f"{cell} {phase}": {region: best_maximum(ratios[cell, phase, region]) for region in REGIONS}
        for cell, phase in product(CELLS, PHASES)
    }
    entry = {
        "kernels": library.name,
        "measured": {
            "processor": _processor(),
            "date": date.today().isoformat(),
            "torch": torch.__version__.split("+")[0],
            "threads": torch.get_num_threads(),
            "rounds": f"{PASSES} passes of 3 to {80 * seconds / PASSES:.0f}, interleaved, medians",
            "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        },
        "max_weights": maxima,
    }
    table = json.loads(FILE.read_text(encoding="utf-8"))
    name = library.name if not bfloat16 else instruction_set()
    dtype, own = "bfloat16" if bfloat16 else "float32", THREADS[torch.get_num_threads() > 1]
    before = table[name][dtype]
    by_threads = before if before.keys() <= set(THREADS) else dict.fromkeys(THREADS, before)
    table[name][dtype] = {**by_threads, own: entry}
    FILE.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print(f"{time.process_time() - began:.0f} s of the processor, {FILE} has {name}")
    summarize(ratios)


def check(*, bfloat16: bool, seconds: float) -> None:
    """Compares `auto` with torch."""
    summarize(measure(bfloat16=bfloat16, kernel="auto", seconds=seconds))


def summarize(ratios: Measured) -> None:
    """Prints lowest and median of the ratios per cell and phase."""
    print(
        "| cell | phase | shapes | slower than 0.95 | lowest | median |\n|---|---|---|---|---|---|"
    )
    for cell, phase in product(CELLS, PHASES):
        values = [
            ratio
            for (own_cell, own_phase, _), pairs in ratios.items()
            if (own_cell, own_phase) == (cell, phase)
            for _, ratio in pairs
        ]
        print(
            f"| {cell} | {phase} | {len(values)} | {sum(value < 0.95 for value in values)} "
            f"| {min(values):.2f} | {statistics.median(values):.2f} |"
        )


def _processor() -> str:
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return str(capabilities.get("cpu_name") or platform.processor() or platform.machine())
