"""Tests of unrolled attention: against torch, a loop in numpy and a case by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from kissipo.inspect.unroll import (
    Opaque,
    UnrolledAttention,
    attention_weights,
    unroll_attention,
    unroll_sdpa,
)


def numpy_attention(q: Any, k: Any, v: Any, mask: Any) -> tuple[Any, Any]:
    """The weights and the mixed values of a head, query by query."""
    weights, mixed = np.zeros((len(q), len(k))), np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        scores = [query @ key / math.sqrt(len(query)) + mask[i, j] for j, key in enumerate(k)]
        powers = (
            np.exp(np.array(scores) - max(scores)) if max(scores) > -math.inf else np.zeros(len(k))
        )
        weights[i] = powers / (powers.sum() or 1)
        mixed[i] = sum(weight * value for weight, value in zip(weights[i], v, strict=True))
    return weights, mixed


def masks_of(kind: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Returns a mask, boolean or additive, that leaves each query at least one key."""
    hides = torch.rand(shape, generator=generator) < 0.4
    hides[..., 0] = False
    return (
        hides
        if kind == "bool"
        else torch.randn(shape, generator=generator).masked_fill(hides, -math.inf)
    )


def with_biases(layer: nn.MultiheadAttention) -> nn.MultiheadAttention:
    for name, weight in layer.named_parameters():
        if "bias" in name and weight.dim() == 1:  # which start at 0
            nn.init.normal_(weight)
    return layer.eval()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*[st.integers(1, 4)] * 5),
    wide=st.sampled_from([(None, None), (3, None), (None, 2), (5, 3)]),
    first=st.booleans(),
    batched=st.booleans(),
    bias=st.booleans(),
    more=st.tuples(st.booleans(), st.booleans()),
    mask=st.sampled_from(["none", "bool", "float"]),
    per_head=st.booleans(),
    padding=st.sampled_from(["none", "bool", "float"]),
    weights=st.booleans(),
    itself=st.booleans(),
)
def test_every_head_is_torchs_own(
    sizes: tuple[int, int, int, int, int],
    wide: tuple[int | None, int | None],
    first: bool,
    batched: bool,
    bias: bool,
    more: tuple[bool, bool],
    mask: str,
    per_head: bool,
    padding: str,
    weights: bool,
    itself: bool,
) -> None:
    torch.manual_seed(sum(sizes))
    generator = torch.Generator().manual_seed(sum(sizes))
    heads, width, rows, queries, keys = sizes
    rows = rows if batched else 1
    itself = itself and wide == (None, None)  # as a fast path of torch wants it
    keys = queries if itself else keys
    layer = with_biases(
        nn.MultiheadAttention(
            heads * width, heads, 0.5, bias, *more, kdim=wide[0], vdim=wide[1], batch_first=first
        )
    )
    q, k, v = (
        torch.randn(rows, time, features)
        for time, features in ((queries, heads * width), (keys, layer.kdim), (keys, layer.vdim))
    )
    q, k, v = (
        (x if first else x.transpose(0, 1) for x in (q, k, v)) if batched else (q[0], k[0], v[0])
    )
    k, v = (q, q) if itself else (k, v)
    shape = (rows * heads, queries, keys) if per_head else (queries, keys)
    look = None if mask == "none" else masks_of(mask, shape, generator)
    empty = (
        None
        if padding == "none"
        else masks_of(padding, (rows, keys) if batched else (keys,), generator)
    )
    inputs = (q, k, v, empty, weights, look)
    with torch.no_grad():
        output = layer(*inputs)
        averaged = layer(q, k, v, empty, True, look)[1]
        expected = layer(q, k, v, empty, True, look, False)[1]
    unrolled = unroll_attention(layer, inputs, output)
    assert isinstance(unrolled, UnrolledAttention), unrolled
    assert unrolled.max_error <= 1e-5
    assert unrolled.output.dtype == unrolled.scores.dtype == torch.float64
    torch.testing.assert_close(unrolled.output.float(), output[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        unrolled.weights.float().reshape(expected.shape), expected, rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(
        unrolled.weights.mean(1).float().reshape(averaged.shape), averaged, rtol=1e-4, atol=1e-6
    )
    for row in range(rows):
        for head in range(heads):
            parts = (
                part[row, head].numpy()
                for part in (unrolled.q, unrolled.k, unrolled.v, unrolled.mask)
            )
            plain, mixed = numpy_attention(*parts)
            np.testing.assert_allclose(
                unrolled.weights[row, head].numpy(), plain, rtol=1e-9, atol=1e-12
            )
            np.testing.assert_allclose(
                unrolled.mixed[row, head].numpy(), mixed, rtol=1e-9, atol=1e-12
            )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*[st.integers(1, 4)] * 6),
    lead=st.integers(0, 2),
    mask=st.sampled_from(["none", "bool", "float", "causal"]),
    scale=st.sampled_from([None, 0.3]),
    grouped=st.booleans(),
)
def test_a_plain_call_is_torchs_own(
    sizes: tuple[int, ...], lead: int, mask: str, scale: float | None, grouped: bool
) -> None:
    torch.manual_seed(sum(sizes))
    rows, heads, queries, keys, width, values = sizes
    before = (rows, heads)[2 - lead :]
    grouped = grouped and lead > 0
    q = (
        torch.randn(*before[:-1], 2 * heads, queries, width)
        if grouped
        else torch.randn(*before, queries, width)
    )
    k, v = torch.randn(*before, keys, width), torch.randn(*before, keys, values)
    look = None
    if mask in ("bool", "float"):
        hidden = masks_of(mask, (queries, keys), torch.Generator().manual_seed(0))
        look = ~hidden if mask == "bool" else hidden
    words = {"scale": scale, "enable_gqa": grouped}
    output = scaled_dot_product_attention(q, k, v, look, is_causal=mask == "causal", **words)
    unrolled = unroll_sdpa(q, k, v, look, mask == "causal", **words, output=output)
    assert isinstance(unrolled, UnrolledAttention), unrolled
    assert unrolled.max_error <= 1e-5 and unrolled.output is unrolled.mixed
    torch.testing.assert_close(unrolled.mixed.float(), output)
    many = k.repeat_interleave(2, -3) if grouped else k
    scores, weights = attention_weights(q, many, look, mask == "causal", scale)
    assert torch.equal(scores, unrolled.scores) and torch.equal(weights, unrolled.weights)
    ones = torch.eye(keys).expand(*before, keys, keys)  # what torch mixes of these are its weights
    expected = scaled_dot_product_attention(q, k, ones, look, is_causal=mask == "causal", **words)
    torch.testing.assert_close(unrolled.weights.float(), expected)


def test_a_case_worked_by_hand() -> None:
    layer = nn.MultiheadAttention(1, 1, bias=False).eval()
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.tensor([[1.0], [1.0], [10.0]]))  # type: ignore[union-attr]
        layer.out_proj.weight.fill_(2.0)
    x = torch.tensor([[0.0], [math.log(3)]])
    unrolled = unroll_attention(layer, (torch.ones(1, 1), x, x))
    assert isinstance(unrolled, UnrolledAttention)
    assert unrolled.weights.flatten().tolist() == pytest.approx([0.25, 0.75])
    assert unrolled.mixed.item() == pytest.approx(7.5 * math.log(3))
    assert unrolled.output.item() == pytest.approx(15 * math.log(3))


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_causal_mask_with_and_without_the_hint(weights: bool, first: bool) -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=first).eval()
    x = torch.randn(5, 5, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    for inputs in ((x, x, x, None, weights, mask, True, True), (x, x, x, None, weights, mask)):
        unrolled = unroll_attention(layer, inputs)
        assert isinstance(unrolled, UnrolledAttention)
        assert torch.equal(unrolled.weights.triu(1), torch.zeros(5, 2, 5, 5, dtype=torch.float64))


def test_the_hint_is_followed_where_torch_follows_it() -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x, mask, nothing = torch.randn(2, 4, 8), torch.randn(4, 4), torch.zeros(2, 4)
    ignored = [
        (None, True, mask),
        (nothing, False, mask),
        (None, False, None),
    ]  # the last on the fused way alone
    for empty, weights, look in ignored:
        unrolled = unroll_attention(layer, (x, x, x, empty, weights, look, True, True))
        assert isinstance(unrolled, UnrolledAttention), unrolled
        assert unrolled.weights.min() > 0
    unrolled = unroll_attention(layer, (x, x, x.clone(), None, False, mask, True, True))
    assert isinstance(unrolled, Opaque)  # followed, though the mask is not what it is said to be


def test_the_contract_is_sharp() -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2).eval()
    nn.init.normal_(layer.out_proj.bias)
    x = torch.randn(3, 2, 4)
    with torch.no_grad():
        real, _ = layer(x, x, x)
    unrolled = unroll_attention(layer, (x, x, x), (real, None))
    assert isinstance(unrolled, UnrolledAttention) and unrolled.max_error < 1e-6
    assert isinstance(
        unroll_attention(layer, (x, x, x), (real + 5e-5 * real.abs().max(), None)), Opaque
    )


def test_the_layer_of_a_fused_encoder_is_expanded_as_it_goes_when_it_is_looked_at() -> None:
    torch.manual_seed(0)
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x, padding = torch.randn(3, 5, 8), torch.arange(5) >= torch.tensor([[5], [3], [4]])
    calls: list[Any] = []
    with torch.no_grad():
        fused = encoder(x, src_key_padding_mask=padding)
        handle = encoder.self_attn.register_forward_hook(
            lambda _, args, words, gives: calls.append((args, words, gives)), with_kwargs=True
        )
        slow = encoder(x, src_key_padding_mask=padding)
        handle.remove()
    assert calls[0][1]["need_weights"] is False
    torch.testing.assert_close(fused[~padding], slow[~padding])
    inputs = (*calls[0][0], calls[0][1]["key_padding_mask"], False, None)
    unrolled = unroll_attention(encoder.self_attn, inputs, calls[0][2])
    assert isinstance(unrolled, UnrolledAttention)
    assert not unrolled.weights[1, :, :, 3:].any()


def test_a_query_that_may_look_at_no_key_has_no_weights() -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2).eval()
    query, key = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    empty = torch.tensor([[False, True, True], [True, True, True]])
    unrolled = unroll_attention(layer, (query, key, key, empty, False))
    assert isinstance(unrolled, UnrolledAttention) and not unrolled.weights[1].any()
    torn = unroll_attention(layer, (query, key, key, empty))
    assert (
        isinstance(torn, Opaque)
        and "(by nan, as torch does for a query without visible keys)" in torn.why
    )


def test_large_scores_and_many_keys_stay_within_the_contract() -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, batch_first=True).eval()
    x = 6 * torch.randn(2, 300, 64)
    unrolled = unroll_attention(layer, (x, x, x))
    assert isinstance(unrolled, UnrolledAttention) and unrolled.scores.max() > 30


def test_what_cannot_be_expanded_is_an_opaque_box_that_says_so() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 2, 4)
    linear = unroll_attention(nn.Linear(2, 2), (x,), name="head")
    assert linear == Opaque("head", "Linear is not an attention layer of torch.nn")
    layer = nn.MultiheadAttention(4, 2)
    real = layer.eval()(x, x, x)
    wrong = unroll_attention(layer, (x, x, x), (real[0] + 0.01, None))
    assert isinstance(wrong, Opaque) and "gives other values (by 0.0" in wrong.why
    hinted = unroll_attention(layer, (x, x, x, None, False, torch.zeros(3, 3), True, True))
    assert (
        isinstance(hinted, Opaque) and "other weights" in hinted.why
    )  # the mask is not what it is said to be
    more = nn.MultiheadAttention(4, 2, add_bias_kv=True)
    causal = nn.Transformer.generate_square_subsequent_mask(3)
    causal_result = unroll_attention(more, (x, x, x, None, False, causal, True, True))
    assert (
        isinstance(causal_result, Opaque) and "other weights" in causal_result.why
    )  # torch hides the added key on one of its two ways alone
    dropped = scaled_dot_product_attention(x, x, x, dropout_p=0.5)
    assert isinstance(unroll_sdpa(x, x, x, output=dropped), Opaque)
    nested = torch.nested.nested_tensor([torch.randn(3, 4), torch.randn(2, 4)])
    assert unroll_attention(layer, (nested,) * 3) == Opaque(
        "multiheadattention", "its sequences are nested tensors"
    )
    halves = nn.MultiheadAttention(4, 2).bfloat16()
    assert isinstance(unroll_attention(halves, (x.bfloat16(),) * 3), Opaque)


def test_nothing_of_the_layer_changes() -> None:
    layer = nn.MultiheadAttention(4, 2, dropout=0.5).train()
    x, weights = (
        torch.randn(3, 2, 4),
        {name: value.clone() for name, value in layer.state_dict().items()},
    )
    generator = torch.get_rng_state()
    assert isinstance(unroll_attention(layer, (x, x, x)), UnrolledAttention)
    assert layer.training and torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(weights[name], value) for name, value in layer.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in layer.parameters())
