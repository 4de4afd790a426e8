"""Multiplications by weights, beside torch's own counter and by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kissipo.run.costs import multiplications, parameters
from kissipo.run.record import record
from kissipo.run.trace import steps_of

COUNTED: list[tuple[Any, Tensor]] = [
    (nn.Linear(5, 7), torch.zeros(1, 5)),
    (nn.Linear(5, 7, bias=False), torch.zeros(1, 9, 5)),
    (nn.Conv1d(4, 6, 3, padding=1), torch.zeros(1, 4, 10)),
    (nn.Conv2d(4, 6, 3, stride=2), torch.zeros(1, 4, 11, 9)),
    (nn.Conv2d(4, 6, (1, 5), groups=2), torch.zeros(1, 4, 8, 8)),
    (nn.ConvTranspose2d(4, 6, 3, stride=2), torch.zeros(1, 4, 5, 5)),
]
BY_HAND: list[tuple[Any, Tensor, int, int]] = [
    (nn.RNN(3, 4, batch_first=True), torch.zeros(1, 10, 3), 10 * 4 * (3 + 4), 4 * (3 + 4 + 2)),
    (nn.GRU(3, 4, batch_first=True), torch.zeros(1, 10, 3), 10 * 3 * 4 * (3 + 4), 3 * 4 * (3 + 4 + 2)),
    (nn.LSTM(3, 4), torch.zeros(10, 1, 3), 10 * 4 * 4 * (3 + 4), 4 * 4 * (3 + 4 + 2)),
    (
        nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True),
        torch.zeros(1, 10, 3),
        10 * 2 * 4 * 4 * ((3 + 4) + (8 + 4)),
        2 * 4 * 4 * ((3 + 4 + 2) + (8 + 4 + 2)),
    ),
    (nn.Embedding(50, 8), torch.zeros(1, 6, dtype=torch.long), 0, 400),
    (nn.BatchNorm2d(3).eval(), torch.zeros(1, 3, 4, 5), 60, 6),
    (nn.ReLU(), torch.zeros(1, 3), 0, 0),
    (nn.MaxPool2d(2), torch.zeros(1, 1, 4, 4), 0, 0),
]


@pytest.mark.parametrize(("layer", "x"), COUNTED, ids=lambda each: str(each) if isinstance(each, nn.Module) else "")
def test_what_torch_counts_too(layer: nn.Module, x: Tensor) -> None:
    with FlopCounterMode(display=False) as counter:
        y = layer(x)
    assert 2 * multiplications(layer, x, y) == counter.get_total_flops() > 0


@pytest.mark.parametrize(
    ("layer", "x", "count", "weights"), BY_HAND, ids=lambda each: str(each) if isinstance(each, nn.Module) else ""
)
def test_what_is_counted_by_hand(layer: nn.Module, x: Tensor, count: int, weights: int) -> None:
    gives = layer(x)
    assert multiplications(layer, x, gives[0] if isinstance(gives, tuple) else gives) == count
    assert parameters(layer) == weights


def test_a_net_is_the_sum_of_its_layers() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 10))
    x = torch.rand(1, 1, 8, 8)
    with FlopCounterMode(display=False) as counter:
        expected = net(x)
    recording = record(net, (x,))
    steps = steps_of(recording)
    assert torch.equal(recording.output, expected)
    assert 2 * sum(step.multiplications for step in steps) == counter.get_total_flops()
    assert [step.shape for step in steps] == [(4, 6, 6), (4, 6, 6), (144,), (10,)]
    assert [step.memory for step in steps] == [576, 576, 576, 40]
