"""Attention, which torch runs as one piece, taken apart: every head's queries, keys, values, scores and weights.

scores = q k' / sqrt(d) + mask        weights = softmax(scores) over the keys        mixed = weights v
output = the mixed values of all heads side by side, W + b; of a plain scaled_dot_product_attention the mixed values themselves

All in double precision with the weights of the layer. What it gives must be what torch gave, and its weights those that the layer
tells when it is asked for them, to 1e-5 of the greatest number on the way; else the attention stays an opaque box that says why.

Shapes:   inputs as the layer takes them -> q, k, v, mixed (batch, head, time, feature of a head),
          scores, weights (batch, head, query, key)
Choices:  keys that the layer adds (bias_k, then one of zeros) stand behind those it was given. A query that may look at no key has
          weights of 0, as in scaled_dot_product_attention. Where `is_causal` comes with a mask the layer leaves the mask out, if neither
          padding nor weights ask for it, and so does this.
Source:   Vaswani et al. 2017, sections 3.2.1 and 3.2.2; masks as in torch.nn.MultiheadAttention.
Example:  >>> found = unroll_attention(nn.MultiheadAttention(6, 2), (torch.zeros(5, 1, 6), torch.zeros(3, 1, 6), torch.zeros(3, 1, 6)))
          >>> tuple(found.q.shape), tuple(found.weights.shape)
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
from kissipo.inspect.unroll.opaque import FAR_OFF, Opaque, off_by


@dataclass(frozen=True)
class UnrolledAttention:
    """All heads of an attention; for a plain scaled_dot_product_attention the axes before time are those that it was given.

    scale:    what q · k is multiplied by
    mask:     what is added to it, for every query and key: minus infinity where a query may not look
    scores:   the sum of both, before the softmax
    mixed:    the values of each head, mixed by its weights
    output:   laid as the layer gives it
    off:      by how much output and weights differ from torch's at most, relative to the greatest number on the way
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
    off: float = 0.0


def unroll_attention(
    layer: nn.Module, inputs: tuple[Any, ...], output: Any = None, *, name: str = ""
) -> UnrolledAttention | Opaque:
    """Every head of nn.MultiheadAttention for these inputs, or why they cannot be told.

    inputs:  as its forward takes them: query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
    output:  what the layer gave, where it is known; else it is asked, answering
    """
    name = name or type(layer).__name__.lower()
    if not isinstance(layer, nn.MultiheadAttention):
        return Opaque(name, f"{type(layer).__name__} is no attention of torch.nn's family")
    if any(x.is_nested for x in inputs[:3]):
        return Opaque(name, "its sequences are nested tensors")
    with eval_mode(layer):
        real = layer(*inputs)[0] if output is None else output[0]
        q, k, v = _heads(layer, *inputs[:3])
        scale = q.shape[-1] ** -0.5
        mask = _added(*_masks(layer, q, *inputs[3:]), q, k)
        scores, weights = attention_weights(q, k, mask, scale=scale)
        mixed = weights @ v
        beside = mixed.transpose(1, 2).flatten(2)
        w, b = layer.out_proj.weight.double(), layer.out_proj.bias
        y = _laid(layer, linear(beside, w, None if b is None else b.double()), inputs[0])
        sizes = linear(beside.abs(), w.abs(), None if b is None else b.double().abs())
        told = _told(layer, *inputs).reshape(weights.shape).masked_fill(_blind(scores), 0)
        offs = {"values": off_by(y, real, sizes), "weights": off_by(weights, told, weights)}
    return _checked(
        UnrolledAttention(name, q, k, v, scale, mask, scores, weights, mixed, output=y), offs
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
    """The same for a call of scaled_dot_product_attention that drops nothing; with `enable_gqa` each key stands beside its query."""
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
        off = off_by(mixed, output, weights @ v.abs())
    return _checked(
        UnrolledAttention(name, q, k, v, scale, mask, scores, weights, mixed, output=mixed),
        {"values": off},
    )


def attention_weights(
    q: Tensor,
    k: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The scores, masked, and their softmax over the keys, in double precision.

    mask:  true where a query may look, or numbers that are added, as scaled_dot_product_attention takes it
    Example:  >>> attention_weights(torch.ones(2, 4), torch.ones(2, 4), is_causal=True)[1].tolist()
              [[1.0, 0.0], [0.5, 0.5]]
    """
    q, k = q.double(), k.double()
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale) + _added(
        mask, is_causal, q, k
    )
    return scores, scores.softmax(dim=-1).masked_fill(_blind(scores), 0)


def _checked(found: UnrolledAttention, offs: dict[str, float]) -> UnrolledAttention | Opaque:
    for what, off in offs.items():
        if not off <= FAR_OFF:
            why = ", as torch does where a query may look at no key" if math.isnan(off) else ""
            return Opaque(
                found.name,
                f"in double precision it gives other {what} than by itself (by {off:.2g}{why})",
            )
    return replace(found, off=max(offs.values()))


def _heads(layer: nn.MultiheadAttention, *given: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values (batch, head, time, feature of a head), with the keys and values that the layer adds."""
    own = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    weights = own if layer.in_proj_weight is None else layer.in_proj_weight.chunk(3)
    biases = (None,) * 3 if layer.in_proj_bias is None else layer.in_proj_bias.double().chunk(3)
    found: list[Tensor] = []
    for x, weight, bias, more in zip(
        given, weights, biases, (None, layer.bias_k, layer.bias_v), strict=True
    ):
        x = x.unsqueeze(0) if x.dim() == 2 else x if layer.batch_first else x.transpose(0, 1)
        y = linear(x.double(), weight.double(), bias)
        y = y if more is None else torch.cat([y, more.double().expand(len(y), 1, -1)], dim=1)
        y = pad(y, (0, 0, 0, 1)) if layer.add_zero_attn and found else y
        found.append(y.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2))
    return tuple(found)


def _masks(
    layer: nn.MultiheadAttention,
    q: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor | None, bool]:
    """What the layer adds to the scores, and whether it goes by `is_causal` instead."""
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
    """What is added to the scores of every query and key."""
    shape = (*q.shape[:-1], k.shape[-2])
    added = torch.zeros(shape, dtype=torch.float64)
    if is_causal:
        added = added + _hiding(torch.ones(shape[-2:], dtype=torch.bool).triu(1))
    return added if mask is None else added + _hiding(mask if mask.is_floating_point() else ~mask)


def _hiding(mask: Tensor) -> Tensor:
    """Numbers to add: minus infinity where a mask is true; numbers as they are."""
    if mask.is_floating_point():
        return mask.double()
    return torch.zeros(mask.shape, dtype=torch.float64).masked_fill(mask, -math.inf)


def _blind(scores: Tensor) -> Tensor:
    """Queries that may look at no key (..., query, 1)."""
    return (scores == -math.inf).all(dim=-1, keepdim=True)


def _told(
    layer: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    *_: bool,
) -> Tensor:
    """The weights of every head that the layer itself gives when it is asked for them."""
    asked = (key_padding_mask, True, attn_mask, False)
    told = nn.MultiheadAttention.forward(layer, query, key, value, *asked)[1]
    assert told is not None
    return told


def _laid(layer: nn.MultiheadAttention, y: Tensor, query: Tensor) -> Tensor:
    """What the layer gives, with its axes as the layer has them."""
    return y.squeeze(0) if query.dim() == 2 else y if layer.batch_first else y.transpose(0, 1)
