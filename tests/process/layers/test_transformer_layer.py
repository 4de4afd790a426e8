"""Multi-head attention and the layers of a Transformer, beside a numpy loop and
torch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.process.layers.multi_head_attention import (
    MultiHeadAttention,
    causal_mask,
    padding_mask,
)
from kissipo.process.layers.positions import LearnedPositions, SinusoidalPositions, sinusoids
from kissipo.process.layers.transformer_layer import TransformerLayer

FEATURES, HEADS, UNITS = 8, 2, 16
norms = pytest.mark.parametrize("norm_first", [False, True], ids=["post-norm", "pre-norm"])


def loop(layer: MultiHeadAttention, x: Tensor, memory: Tensor, mask: Tensor) -> np.ndarray:
    """Attention of one sample, one query and one head at a time."""
    q, k, v = (
        (linear.weight.detach().double().numpy(), linear.bias.detach().double().numpy())
        for linear in (layer.query, layer.key, layer.value)
    )
    xs, ms, size = x.double().numpy(), memory.double().numpy(), FEATURES // HEADS
    rows = []
    for query in range(len(xs)):
        mixed = []
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            own_query = q[0][own] @ xs[query] + q[1][own]
            scores = [
                own_query @ (k[0][own] @ m + k[1][own]) / np.sqrt(size)
                if mask[query, key]
                else -np.inf
                for key, m in enumerate(ms)
            ]
            e = np.exp(np.array(scores) - max(scores))
            values = np.array([v[0][own] @ m + v[1][own] for m in ms])
            mixed.append((e / e.sum()) @ values)
        w, b = layer.output.weight.detach().double().numpy(), layer.output.bias.detach().numpy()
        rows.append(w @ np.concatenate(mixed) + b)
    return np.array(rows)


@pytest.mark.parametrize("keys", [5, 130], ids=["plain", "SDPA"])
def test_attention_equals_a_loop(keys: int) -> None:
    torch.manual_seed(1)
    layer = MultiHeadAttention(FEATURES, HEADS)
    x, memory, mask = (
        torch.randn(4, FEATURES),
        torch.randn(keys, FEATURES),
        torch.rand(4, keys) > 0.4,
    )
    mask[:, 0] = True
    y = layer(x[None], memory[None], mask[None, None])[0]
    np.testing.assert_allclose(y.detach().numpy(), loop(layer, x, memory, mask), atol=1e-5)


def test_sdpa_equals_the_plain_computation_and_its_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(2)
    layer = MultiHeadAttention(FEATURES, HEADS)
    x, mask = torch.randn(2, 130, FEATURES), causal_mask(130)
    results = []
    for suits in (True, False):
        monkeypatch.setattr(layer.heads, "_suits_sdpa", lambda query, key, suits=suits: suits)
        layer.zero_grad()
        y = layer(x, mask=mask)
        y.square().sum().backward()
        results.append([y, *(weight.grad.clone() for weight in layer.parameters())])
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)


def test_a_hook_on_the_softmax_gets_the_weights() -> None:
    torch.manual_seed(8)
    layer, x, recorded = MultiHeadAttention(FEATURES, HEADS), torch.randn(1, 130, FEATURES), []
    fast = layer(x, mask=causal_mask(130))
    layer.heads.softmax.register_forward_hook(lambda _layer, _x, y: recorded.append(y))
    torch.testing.assert_close(layer(x, mask=causal_mask(130)), fast, atol=1e-5, rtol=1e-5)
    assert recorded[0].shape == (1, HEADS, 130, 130)
    assert not recorded[0].triu(1).any()
    torch.testing.assert_close(recorded[0].sum(-1), torch.ones(1, HEADS, 130))


def test_dropout_is_of_the_weights() -> None:
    torch.manual_seed(3)
    layer = MultiHeadAttention(FEATURES, HEADS, dropout=0.5)
    x = torch.randn(1, 200, FEATURES)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


@norms
def test_layer_of_a_decoder_equals_torch(norm_first: bool) -> None:
    torch.manual_seed(4)
    theirs = nn.TransformerDecoderLayer(
        FEATURES, HEADS, UNITS, dropout=0.0, batch_first=True, norm_first=norm_first
    )
    ours = TransformerLayer(FEATURES, HEADS, UNITS, norm_first=norm_first, reads_memory=True)
    for mine, other in (
        (ours.attention, theirs.self_attn),
        (ours.memory_attention, theirs.multihead_attn),
    ):
        copy_attention(mine, other)
    ours.feed_forward.inner.load_state_dict(theirs.linear1.state_dict())
    ours.feed_forward.outer.load_state_dict(theirs.linear2.state_dict())
    x, memory = torch.randn(2, 5, FEATURES), torch.randn(2, 7, FEATURES)
    ids = torch.tensor([[3] * 7, [4, 4, 4, 0, 0, 0, 0]])
    expected = theirs(x, memory, tgt_mask=~causal_mask(5), memory_key_padding_mask=ids == 0)
    y = ours(x, causal_mask(5), memory, padding_mask(ids))
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=1e-5)


@norms
def test_steps_with_a_cache_equal_all_steps_together(norm_first: bool) -> None:
    torch.manual_seed(5)
    layer = TransformerLayer(FEATURES, HEADS, UNITS, norm_first=norm_first, reads_memory=True)
    x, memory = torch.randn(2, 5, FEATURES), torch.randn(2, 7, FEATURES)
    together = layer(x, causal_mask(5), memory)
    read, past, steps = layer.memory_attention.keys_values(memory), None, []
    for step in range(5):
        y, past = layer.step(x[:, step : step + 1], past, read)
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps, dim=1), together, atol=1e-5, rtol=1e-5)


def test_the_future_changes_nothing() -> None:
    torch.manual_seed(6)
    layer = TransformerLayer(FEATURES, HEADS, UNITS)
    x = torch.randn(1, 6, FEATURES)
    changed = x.clone()
    changed[0, 4] += 10
    before, after = layer(x, causal_mask(6)), layer(changed, causal_mask(6))
    assert torch.equal(before[0, :4], after[0, :4])
    assert not torch.allclose(before[0, 4:], after[0, 4:])


def test_padding_changes_nothing() -> None:
    torch.manual_seed(7)
    layer, ids = TransformerLayer(FEATURES, HEADS, UNITS), torch.tensor([[5, 6, 0, 0]])
    x = torch.randn(1, 4, FEATURES)
    changed = x.clone()
    changed[0, 2:] += 10
    mask = padding_mask(ids)
    assert torch.equal(layer(x, mask)[0, :2], layer(changed, mask)[0, :2])


def test_an_empty_text_gives_numbers() -> None:
    layer = TransformerLayer(FEATURES, HEADS, UNITS)
    assert layer(torch.zeros(1, 3, FEATURES), padding_mask(torch.zeros(1, 3))).isfinite().all()


def test_sinusoids_equal_the_formula_of_the_paper() -> None:
    table = sinusoids(50, 6)
    for position in (0, 1, 7, 49):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert table[position, 2 * i].item() == pytest.approx(np.sin(angle), abs=1e-5)
            assert table[position, 2 * i + 1].item() == pytest.approx(np.cos(angle), abs=1e-5)


@pytest.mark.parametrize("positions", [SinusoidalPositions, LearnedPositions])
def test_positions_continue(positions: Callable[[int, int], nn.Module]) -> None:
    layer, x = positions(9, 4), torch.randn(2, 5, 4)
    later = layer(x[:, 3:], 3)
    torch.testing.assert_close(layer(x)[:, 3:], later)
    assert not torch.allclose(layer(x[:, 3:]), later)


def test_heads_that_do_not_divide_the_features_are_refused() -> None:
    with pytest.raises(ShapeError, match="num_heads must divide") as error:
        MultiHeadAttention(256, 6)
    assert "Use 4 heads" in str(error.value.do)


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    """Copies the weights of torch's layer."""
    linears = (ours.query, ours.key, ours.value)
    weights, biases = theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3)
    with torch.no_grad():
        for linear, weight, bias in zip(linears, weights, biases, strict=True):
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
    ours.output.load_state_dict(theirs.out_proj.state_dict())
