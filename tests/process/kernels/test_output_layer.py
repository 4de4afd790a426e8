"""Losses and scores that are computed in chunks, beside the plain formulas of torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from kissipo.process.kernels import additive_scores as scores_of
from kissipo.process.kernels import output_layer
from kissipo.process.layers.attention import Attention


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", [1, 7, 600])
def test_cross_entropy_in_chunks_equals_torch(rows: int, smoothing: float) -> None:
    torch.manual_seed(rows)
    h, weight, bias = (
        torch.randn(size, dtype=torch.float64) for size in ((rows, 5), (40, 5), (40,))
    )
    inputs = [x.requires_grad_() for x in (h, weight, bias)]
    targets, scale = torch.randint(40, (rows,)), torch.rand(rows, dtype=torch.float64)
    ours = output_layer.cross_entropy(*inputs, targets, scale, smoothing=smoothing)
    losses = functional.cross_entropy(
        functional.linear(*inputs), targets, reduction="none", label_smoothing=smoothing
    )
    theirs = (losses * scale).sum()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    for a, b in zip(
        torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * theirs, inputs), strict=True
    ):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def test_extreme_logits_stay_finite() -> None:
    weight = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    loss = output_layer.cross_entropy(
        torch.ones(1, 1), weight, torch.zeros(2), torch.tensor([1]), torch.ones(1)
    )
    assert loss.item() == pytest.approx(2e4)
    loss.backward()
    assert weight.grad is not None and weight.grad.flatten().tolist() == [1.0, -1.0]


@pytest.mark.parametrize("chunk", [1, 100, 1 << 17])
def test_additive_scores_in_chunks_equal_tanh(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(scores_of, "CHUNK", chunk)
    torch.manual_seed(0)
    shapes = ((3, 4, 5), (3, 6, 5), (5,))
    q, k, v = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    ours = scores_of.additive_scores(q, k, v)
    theirs = torch.tanh(q.unsqueeze(2) + k.unsqueeze(1)) @ v
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    gradient = torch.randn(3, 4, 6, dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad(ours, (q, k, v), gradient),
        torch.autograd.grad(theirs, (q, k, v), gradient),
        strict=True,
    ):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def test_large_attention_takes_chunks_and_gives_the_same_weights() -> None:
    torch.manual_seed(0)
    layer = Attention(64, 64, "additive")
    query, memory = torch.randn(40, 20, 64), torch.randn(40, 21, 64)
    mask = torch.arange(21) < torch.randint(1, 22, (40, 1))
    keys = layer.keys(memory)
    assert layer._by_chunks(query, keys)
    in_chunks = layer.weights(query, keys, mask)
    with torch.no_grad():
        assert not layer._by_chunks(query, keys)
        plain = layer.weights(query, keys, mask)
    assert torch.allclose(in_chunks, plain, atol=1e-6)
