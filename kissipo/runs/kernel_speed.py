"""The recurrent kernels beside torch's, and whether the rules of `auto` hold here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import nn

from kissipo.core.json_object import JsonObject
from kissipo.process.kernels.native import kernels
from kissipo.process.kernels.rules import CELLS, Call, rules_here
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.recurrent import Kernel

_LAYERS = {"LSTM": (LSTM, nn.LSTM), "GRU": (GRU, nn.GRU), "RNN": (RNN, nn.RNN)}
_CALLS = (
    Call(32, 160, 20, 15),
    Call(64, 12, 1, 64),
    Call(64, 50, 64, 128),
    Call(1, 100, 32, 128),
    Call(1, 1, 256, 256),
)
_SECONDS = 2.5  # of one comparison
_NOISE = 0.9  # a ratio so near to 1 contradicts no rule

Run = Callable[[], object]


def check_rules(notify: Callable[[JsonObject], None] = lambda line: None) -> list[JsonObject]:
    """Measures ten shapes in training; says for each whether the rule holds here.

    Half of them are in bfloat16 where this machine has such kernels. Each line goes to
    `notify` as soon as it is measured.
    """
    halves = [False, True] if kernels(bfloat16=True) else [False]
    cases = list(product(_CALLS, halves)) if len(halves) > 1 else [(c, False) for c in _CALLS * 2]
    lines = []
    for number, (call, bfloat16) in enumerate(cases):
        cell = CELLS[number % len(CELLS)]
        lines.append(_check(call, cell, bfloat16))
        notify(lines[-1])
    return lines


def _check(call: Call, cell: str, bfloat16: bool) -> JsonObject:
    why = rules_here(bfloat16=bfloat16).why_torch(cell, True, call)
    theirs, ours = compare(call, cell, training=True, bfloat16=bfloat16, seconds=_SECONDS)
    ratio = theirs / ours
    return {
        "shape": f"{cell} B{call.batch} T{call.steps} D{call.features} H{call.units}",
        "type": "bfloat16" if bfloat16 else "float32",
        "ours_ms": ours,
        "torch_ms": theirs,
        "ratio": ratio,
        "rule": "torch" if why else "fused",
        "holds": ratio * _NOISE <= 1 if why else ratio >= _NOISE,
    }


def compare(
    call: Call,
    cell: str,
    *,
    training: bool,
    bfloat16: bool = False,
    kernel: Kernel = "fused",
    seconds: float = 0.3,
) -> tuple[float, float]:
    """Returns the median milliseconds of torch's layer and of ours.

    The rounds are interleaved.
    In every round each runs a few times in a row, and the first run does not count.
    Training is forward and the gradients of x and of the weights.
    """
    ours, theirs = _LAYERS[cell]
    torch.manual_seed(0)
    own = ours(call.features, call.units, kernel=kernel)
    reference = theirs(call.features, call.units)
    reference.load_state_dict(own.state_dict())
    x = torch.randn(call.steps, call.batch, call.features)
    make = _training if training else _inference
    runs = make(reference, x, bfloat16), make(own, x, bfloat16)
    times: tuple[list[float], list[float]] = ([], [])
    for run in runs:
        run()
    first = sum(_milliseconds(run) for run in runs)
    in_a_row = 5 if first < 10 else 2
    rounds = int(max(3, seconds * min(80, 1e3 / (first * in_a_row))))
    for _ in range(rounds):
        for run, list_of_times in zip(runs, times, strict=True):
            list_of_times += list(_repeat(run, in_a_row))[1:]
    return statistics.median(times[0]), statistics.median(times[1])


def _repeat(run: Run, count: int) -> Iterator[float]:
    for _ in range(count):
        yield _milliseconds(run)


def _milliseconds(run: Run) -> float:
    """The time of one run.

    On one thread it is the processor's time, as other programs may run, too.
    """
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    run()
    return (clock() - began) * 1e3


def _training(layer: nn.RNNBase, x: torch.Tensor, bfloat16: bool) -> Run:
    x = x.clone().requires_grad_()
    inputs = [x, *layer.parameters()]

    def forward() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            y: torch.Tensor = layer(x)[0]
            return y

    gradient = torch.randn_like(forward())
    return lambda: torch.autograd.grad(forward(), inputs, gradient)


def _inference(layer: nn.RNNBase, x: torch.Tensor, bfloat16: bool) -> Run:
    def run() -> object:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            return layer(x)

    return run
