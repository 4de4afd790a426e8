"""Breakdown of a value of attention: the mixed values of every head times W.

y = b + sum over heads and features of W · mixed     mixed = sum over keys of weight · v
weight = exp(score - maximum) / sum of all           score = q · k / sqrt(d) + mask

Shapes:   a row of the batch, a query and a feature of the output; keys that the layer
          adds come after the keys of the input
Choices:  for each head, every key and the first features of the mixed values.
Source:   the values of inspect/unroll/attention.py, which are checked against torch.
"""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from kissipo.inspect.breakdown.breakdown import Breakdown, Index, Numbers, Terms, number_of, places
from kissipo.inspect.unroll import UnrolledAttention

FEATURES = 3


def number(
    unrolled: UnrolledAttention,
    layer: nn.MultiheadAttention,
    row: int,
    query: int,
    feature: int,
    cell: Index,
) -> Breakdown:
    """Returns the breakdown of one value of the output, with all heads.

    feature:  the feature of the output
    cell:     the index of the value in the output of the layer
    """
    weights = layer.out_proj.weight[feature].detach().double().numpy().reshape(layer.num_heads, -1)
    heads = tuple(_head(unrolled, (row, head, query), own) for head, own in enumerate(weights))
    bias = None if layer.out_proj.bias is None else number_of(layer.out_proj.bias[feature])
    result = math.fsum([*(head.result for head in heads), bias or 0.0])
    terms = tuple(head.terms[0] for head in heads)
    return Breakdown(
        "attention",
        "b + sum over the heads of w · mixed",
        cell,
        terms,
        bias,
        (),
        result,
        gates=heads,
    )


def _head(unrolled: UnrolledAttention, place: Index, weights: Numbers) -> Breakdown:
    """Returns the breakdown of the part of one head, with its keys and mixed values."""
    mixed = unrolled.mixed[place].numpy()
    part = Terms("mixed", places(place[1:], len(mixed)), mixed, weights)
    keys = _keys(unrolled, place)
    values = [
        _mixed(unrolled, place, feature, keys) for feature in range(min(FEATURES, len(mixed)))
    ]
    description, recorded = "part of this head: sum of w · mixed", float(mixed @ weights)
    return Breakdown(
        f"head {place[1]}",
        description,
        place,
        (part,),
        None,
        (),
        part.sum,
        recorded,
        gates=(*keys, *values),
    )


def _keys(unrolled: UnrolledAttention, place: Index) -> list[Breakdown]:
    """Returns the breakdown of the weight of every key."""
    q, mask = unrolled.q[place].numpy(), unrolled.mask[place].numpy()
    terms_by_key = [
        Terms("q", places(place[1:], len(q)), q, unrolled.scale * k)
        for k in unrolled.k[place[:2]].numpy()
    ]
    scores = {
        key: terms.sum + mask[key]
        for key, terms in enumerate(terms_by_key)
        if mask[key] > -math.inf
    }
    maximum = max(scores.values(), default=0.0)
    powers = {key: math.exp(score - maximum) for key, score in scores.items()}
    total = math.fsum(powers.values())
    breakdowns = []
    for key, terms in enumerate(terms_by_key):
        cell, recorded = (*place, key), number_of(unrolled.weights[(*place, key)])
        if key not in scores:
            breakdowns.append(Breakdown(f"key {key}", "masked", cell, (), None, (), 0.0, recorded))
            continue
        share = powers[key] / total
        names = ("q · k / sqrt(d)", "mask", "exp(score - maximum)", "exp / sum")
        steps = tuple(zip(names, (terms.sum, float(mask[key]), powers[key], share), strict=True))
        description = "exp(score - maximum) / sum of all"
        breakdowns.append(
            Breakdown(f"key {key}", description, cell, (terms,), None, steps, share, recorded)
        )
    return breakdowns


def _mixed(
    unrolled: UnrolledAttention, place: Index, feature: int, keys: list[Breakdown]
) -> Breakdown:
    """Returns the breakdown of one feature of the mixed values."""
    v = unrolled.v[place[:2]][:, feature].numpy()
    where = np.array([(place[1], key, feature) for key in range(len(v))], dtype=np.int64).reshape(
        -1, 3
    )
    terms = Terms("v", where, v, np.array([key.result for key in keys]))
    cell = (*place, feature)
    description = "sum over the keys of weight · v"
    return Breakdown(
        f"mixed {feature}",
        description,
        cell,
        (terms,),
        None,
        (),
        terms.sum,
        number_of(unrolled.mixed[cell]),
    )
