"""Unroll attention: the queries, keys, values, scores and weights of every head.

scores = q k' / sqrt(d) + mask        weights = softmax(scores) over the keys
mixed = weights v                     output = (mixed values of all heads) W + b

For a plain scaled_dot_product_attention the output is the mixed values. Everything is
in double precision with the weights of the layer. Outputs and weights must equal those
of torch up to 1e-5 of the maximum value of the computation, else the attention is
opaque.

Shapes:   inputs of the layer -> q, k, v, mixed (batch, head, time, feature of a head),
          scores, weights (batch, head, query, key)
Choices:  keys that the layer adds (bias_k, then one of zeros) come after the input
          keys. A query without any unmasked key has weights of 0, as in
          scaled_dot_product_attention. With `is_causal` and a mask the layer ignores
          the mask, unless padding or weights are requested; so does this function.
Source:   Vaswani et al. 2017, sections 3.2.1 and 3.2.2; masks as in
          nn.MultiheadAttention.
Example:  >>> query, key = torch.zeros(5, 1, 6), torch.zeros(3, 1, 6)
          >>> layer = nn.MultiheadAttention(6, 2)
          >>> unrolled = unroll_attention(layer, (query, key, key))
          >>> tuple(unrolled.q.shape), tuple(unrolled.weights.shape)
          ((1, 2, 5, 3), (1, 2, 5, 3))
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, scaled_dot_product_attention

from kissipo.core.module_state import eval_mode
from kissipo.inspect.unroll.opaque import TOLERANCE, Opaque, relative_error


@dataclass(frozen=True)
class UnrolledAttention:
    """All heads of an attention.

    For a plain scaled_dot_product_attention the axes before time are those of its
    inputs.

    scale:      the factor of q · k
    mask:       the value that is added for every query and key: minus infinity hides a
                key
    scores:     scale · q · k + mask
    mixed:      the weighted sum of the values, for each head
    output:     the output, with the axes of the layer
    max_error:  the maximum difference from torch in output and weights, relative to the
                maximum value of the computation
    """

    name: str
    q: Tensor
    k: Tensor
    v: Tensor
    scale: float
    mask: Tensor
    scores: Tensor
    weights: Tensor
    mixed: Tensor
    output: Tensor
    max_error: float = 0.0


def unroll_attention(
    layer: nn.Module, inputs: tuple[Any, ...], output: Any = None, *, name: str = ""
) -> UnrolledAttention | Opaque:
    """Returns every head of nn.MultiheadAttention, or an `Opaque` with the reason.

    inputs:  the arguments of forward: query, key, value, key_padding_mask,
             need_weights, attn_mask, average_attn_weights, is_causal
    output:  the output of the layer; if None it is computed in eval mode
    """
    name = name or type(layer).__name__.lower()
    if not isinstance(layer, nn.MultiheadAttention):
        return Opaque(name, f"{type(layer).__name__} is not an attention layer of torch.nn")
    if any(x.is_nested for x in inputs[:3]):
        return Opaque(name, "its sequences are nested tensors")
    with eval_mode(layer):
        real = layer(*inputs)[0] if output is None else output[0]
        q, k, v = _heads(layer, *inputs[:3])
        scale = q.shape[-1] ** -0.5
        mask = _added(*_masks(layer, q, *inputs[3:]), q, k)
        scores, weights = attention_weights(q, k, mask, scale=scale)
        mixed = weights @ v
        concatenated = mixed.transpose(1, 2).flatten(2)
        w, b = layer.out_proj.weight.double(), layer.out_proj.bias
        y = _layer_layout(
            layer, linear(concatenated, w, None if b is None else b.double()), inputs[0]
        )
        sizes = linear(concatenated.abs(), w.abs(), None if b is None else b.double().abs())
        expected = (
            _layer_weights(layer, *inputs).reshape(weights.shape).masked_fill(_blind(scores), 0)
        )
        errors = {
            "values": relative_error(y, real, sizes),
            "weights": relative_error(weights, expected, weights),
        }
    return _checked(
        UnrolledAttention(name, q, k, v, scale, mask, scores, weights, mixed, output=y), errors
    )


def unroll_sdpa(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    output: Tensor | None = None,
    *,
    name: str = "attention",
) -> UnrolledAttention | Opaque:
    """Returns every head of a call of scaled_dot_product_attention without dropout.

    With `enable_gqa` keys and values are repeated for each query head.
    """
    with torch.no_grad():
        if output is None:
            output = scaled_dot_product_attention(
                query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
            )
        q, k, v = (x.detach().double() for x in (query, key, value))
        if enable_gqa:
            k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], dim=-3) for x in (k, v))
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        mask = _added(attn_mask, is_causal, q, k)
        scores, weights = attention_weights(q, k, mask, scale=scale)
        mixed = weights @ v
        max_error = relative_error(mixed, output, weights @ v.abs())
    return _checked(
        UnrolledAttention(name, q, k, v, scale, mask, scores, weights, mixed, output=mixed),
        {"values": max_error},
    )


def attention_weights(
    q: Tensor,
    k: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Returns the masked scores and their softmax over the keys, in double precision.

    mask:  true for visible keys, or values to add, as in scaled_dot_product_attention
    Example:  >>> q = k = torch.ones(2, 4)
              >>> attention_weights(q, k, is_causal=True)[1].tolist()
              [[1.0, 0.0], [0.5, 0.5]]
    """
    q, k = q.double(), k.double()
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale) + _added(
        mask, is_causal, q, k
    )
    return scores, scores.softmax(dim=-1).masked_fill(_blind(scores), 0)


def _checked(heads: UnrolledAttention, errors: dict[str, float]) -> UnrolledAttention | Opaque:
    for what, max_error in errors.items():
        if not max_error <= TOLERANCE:
            why = (
                ", as torch does for a query without visible keys" if math.isnan(max_error) else ""
            )
            return Opaque(
                heads.name,
                f"in double precision it gives other {what} (by {max_error:.2g}{why})",
            )
    return replace(heads, max_error=max(errors.values()))


def _heads(layer: nn.MultiheadAttention, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Returns queries, keys and values (batch, head, time, feature of a head).

    Keys and values that the layer adds are included.
    """
    own = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    weights = own if layer.in_proj_weight is None else layer.in_proj_weight.chunk(3)
    biases = (None,) * 3 if layer.in_proj_bias is None else layer.in_proj_bias.double().chunk(3)
    projections: list[Tensor] = []
    for x, weight, bias, more in zip(
        inputs, weights, biases, (None, layer.bias_k, layer.bias_v), strict=True
    ):
        x = x.unsqueeze(0) if x.dim() == 2 else x if layer.batch_first else x.transpose(0, 1)
        y = linear(x.double(), weight.double(), bias)
        y = y if more is None else torch.cat([y, more.double().expand(len(y), 1, -1)], dim=1)
        y = pad(y, (0, 0, 0, 1)) if layer.add_zero_attn and projections else y
        projections.append(y.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2))
    return tuple(projections)


def _masks(
    layer: nn.MultiheadAttention,
    q: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor | None, bool]:
    """Returns the mask that the layer adds to the scores, and whether it is causal."""
    if is_causal and attn_mask is not None and key_padding_mask is None and not need_weights:
        return None, True
    masks = []
    if attn_mask is not None:
        masks.append(
            attn_mask if attn_mask.dim() == 2 else attn_mask.unflatten(0, (len(q), layer.num_heads))
        )
    if key_padding_mask is not None:
        masks.append(key_padding_mask.reshape(len(q), 1, 1, -1))
    more = (layer.bias_k is not None) + layer.add_zero_attn
    return (pad(reduce(torch.add, map(_hiding, masks)), (0, more)) if masks else None), False


def _added(mask: Tensor | None, is_causal: bool, q: Tensor, k: Tensor) -> Tensor:
    """Returns the values that are added to the scores of every query and key."""
    shape = (*q.shape[:-1], k.shape[-2])
    added = torch.zeros(shape, dtype=torch.float64)
    if is_causal:
        added = added + _hiding(torch.ones(shape[-2:], dtype=torch.bool).triu(1))
    return added if mask is None else added + _hiding(mask if mask.is_floating_point() else ~mask)


def _hiding(mask: Tensor) -> Tensor:
    """Returns values to add: minus infinity where a boolean mask is true."""
    if mask.is_floating_point():
        return mask.double()
    return torch.zeros(mask.shape, dtype=torch.float64).masked_fill(mask, -math.inf)


def _blind(scores: Tensor) -> Tensor:
    """Returns true for queries without any visible key (..., query, 1)."""
    return (scores == -math.inf).all(dim=-1, keepdim=True)


def _layer_weights(
    layer: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    *_: bool,
) -> Tensor:
    """Returns the weights of every head, computed by the layer itself."""
    options = (key_padding_mask, True, attn_mask, False)
    weights = nn.MultiheadAttention.forward(layer, query, key, value, *options)[1]
    assert weights is not None
    return weights


def _layer_layout(layer: nn.MultiheadAttention, y: Tensor, query: Tensor) -> Tensor:
    """Returns the output with the axes of the layer."""
    return y.squeeze(0) if query.dim() == 2 else y if layer.batch_first else y.transpose(0, 1)
