"""Multiplications by weights, beside torch's own counter and by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kissipo.inspect.costs import multiplications, parameters
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record

ROW = torch.zeros(7, 1, 6)
COUNTED: list[tuple[Any, tuple[Tensor, ...]]] = [
    (nn.Linear(5, 7), (torch.zeros(1, 5),)),
    (nn.Linear(5, 7, bias=False), (torch.zeros(1, 9, 5),)),
    (nn.Conv1d(4, 6, 3, padding=1), (torch.zeros(1, 4, 10),)),
    (nn.Conv2d(4, 6, 3, stride=2), (torch.zeros(1, 4, 11, 9),)),
    (nn.Conv2d(4, 6, (1, 5), groups=2), (torch.zeros(1, 4, 8, 8),)),
    (nn.Conv3d(2, 3, 3, dilation=2), (torch.zeros(1, 2, 7, 6, 5),)),
    (nn.ConvTranspose1d(4, 6, 3, stride=2), (torch.zeros(1, 4, 5),)),
    (nn.ConvTranspose2d(4, 6, 3, stride=2), (torch.zeros(1, 4, 5, 5),)),
    *((kind(6, 4, 2, bidirectional=True), (ROW,)) for kind in (nn.RNN, nn.GRU, nn.LSTM)),
    (nn.LSTM(6, 4, batch_first=True), (torch.zeros(1, 7, 6),)),
    (nn.LSTM(6, 4, 2, proj_size=3, bidirectional=True), (ROW,)),
    (nn.GRU(6, 4, batch_first=True), (ROW[:, 0],)),
    *(
        (
            nn.MultiheadAttention(6, heads, bias=bias, add_bias_kv=bias, add_zero_attn=heads == 1),
            (ROW, ROW, ROW, None, weights),
        )
        for heads in (1, 3)
        for bias in (True, False)
        for weights in (True, False)
    ),
    (nn.MultiheadAttention(6, 2), (ROW, ROW[:4], ROW[:4], None, False)),
    (
        nn.MultiheadAttention(6, 2, kdim=4, vdim=5),
        (ROW[:3], torch.zeros(5, 1, 4), torch.zeros(5, 1, 5)),
    ),
    (
        nn.MultiheadAttention(6, 2, batch_first=True),
        (torch.zeros(1, 3, 6), torch.zeros(1, 5, 6), torch.zeros(1, 5, 6)),
    ),
    (nn.MultiheadAttention(6, 2, batch_first=True), (ROW[:, 0],) * 3),
]
BY_HAND: list[tuple[Any, Tensor, int, int]] = [
    (nn.RNN(3, 4, batch_first=True), torch.zeros(1, 10, 3), 10 * 4 * (3 + 4), 4 * (3 + 4 + 2)),
    (
        nn.GRU(3, 4, batch_first=True),
        torch.zeros(1, 10, 3),
        10 * 3 * 4 * (3 + 4),
        3 * 4 * (3 + 4 + 2),
    ),
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


@pytest.mark.parametrize(
    ("layer", "inputs"),
    COUNTED,
    ids=lambda layer: str(layer) if isinstance(layer, nn.Module) else "",
)
def test_what_torch_counts_too(
    layer: nn.Module, inputs: tuple[Any, ...], flops: Callable[..., int]
) -> None:
    expected = flops(layer, *inputs)
    assert 2 * multiplications(layer, inputs[0], layer(*inputs), *inputs[1:]) == expected > 0


@pytest.mark.parametrize(
    ("layer", "x", "count", "weights"),
    BY_HAND,
    ids=lambda layer: str(layer) if isinstance(layer, nn.Module) else "",
)
def test_what_is_counted_by_hand(layer: nn.Module, x: Tensor, count: int, weights: int) -> None:
    gives = layer(x)
    assert multiplications(layer, x, gives[0] if isinstance(gives, tuple) else gives) == count
    assert parameters(layer) == weights


def test_attention_counted_by_hand() -> None:
    layer = nn.MultiheadAttention(6, 2, kdim=4, vdim=5, add_bias_kv=True, add_zero_attn=True)
    query, key, value = torch.zeros(3, 1, 6), torch.zeros(7, 1, 4), torch.zeros(7, 1, 5)
    projections = 3 * 6 * 6 + 7 * 4 * 6 + 7 * 5 * 6
    by_heads = 2 * (3 * (7 + 2) * 3 + 3 * (7 + 2) * 3)
    expected = projections + by_heads + 3 * 6 * 6
    assert multiplications(layer, query, layer(query, key, value)[0], key, value) == expected
    assert parameters(layer) == 6 * 6 + 6 * 4 + 6 * 5 + 3 * 6 + 2 * 6 + 6 * 6 + 6


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
