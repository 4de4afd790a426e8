"""A number of attention: the mixed values of every head by the output's weights; each head with its weights for that query.

y = b + sum over heads and features of W · mixed            mixed = sum over keys of weight · v
weight = exp(score - greatest) / sum of all                 score = q · k / sqrt(d) + mask

Shapes:   a row of the batch, a query and a feature of the output; keys that the layer adds stand behind those it was given
Choices:  of each head every key is opened, and the first features of its mixed values.
Source:   see inspect/unroll/attention.py, whose numbers (`recorded` of a head and of what is in it) torch's own confirm; here they are
          taken apart again.
"""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from kissipo.inspect.breakdown.breakdown import Breakdown, Index, Numbers, Terms, number_of, places
from kissipo.inspect.unroll import UnrolledAttention

FEATURES = 3


def number(
    found: UnrolledAttention,
    layer: nn.MultiheadAttention,
    row: int,
    query: int,
    at: int,
    cell: Index,
) -> Breakdown:
    """All heads of one number of the output.

    at:    the feature of the output
    cell:  its place in what the layer gives
    """
    weights = layer.out_proj.weight[at].detach().double().numpy().reshape(layer.num_heads, -1)
    heads = tuple(_head(found, (row, head, query), own) for head, own in enumerate(weights))
    bias = None if layer.out_proj.bias is None else number_of(layer.out_proj.bias[at])
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


def _head(found: UnrolledAttention, place: Index, weights: Numbers) -> Breakdown:
    """One head: its part of the number, and inside its weights for the query and the first of its mixed values."""
    mixed = found.mixed[place].numpy()
    part = Terms("mixed", places(place[1:], len(mixed)), mixed, weights)
    keys = _keys(found, place)
    values = [_mixed(found, place, feature, keys) for feature in range(min(FEATURES, len(mixed)))]
    description, recorded = "its part: sum of w · mixed", float(mixed @ weights)
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


def _keys(found: UnrolledAttention, place: Index) -> list[Breakdown]:
    """The weight of every key."""
    q, mask = found.q[place].numpy(), found.mask[place].numpy()
    asked = [
        Terms("q", places(place[1:], len(q)), q, found.scale * k)
        for k in found.k[place[:2]].numpy()
    ]
    seen = {key: terms.sum + mask[key] for key, terms in enumerate(asked) if mask[key] > -math.inf}
    maximum = max(seen.values(), default=0.0)
    powers = {key: math.exp(score - maximum) for key, score in seen.items()}
    total = math.fsum(powers.values())
    opened = []
    for key, terms in enumerate(asked):
        cell, recorded = (*place, key), number_of(found.weights[(*place, key)])
        if key not in seen:
            opened.append(
                Breakdown(f"key {key}", "the mask hides it", cell, (), None, (), 0.0, recorded)
            )
            continue
        share = powers[key] / total
        names = ("q · k / sqrt(d)", "mask", "exp(score - greatest)", "its share")
        steps = tuple(zip(names, (terms.sum, float(mask[key]), powers[key], share), strict=True))
        description = "exp(score - greatest) / sum of all"
        opened.append(
            Breakdown(f"key {key}", description, cell, (terms,), None, steps, share, recorded)
        )
    return opened


def _mixed(
    found: UnrolledAttention, place: Index, feature: int, keys: list[Breakdown]
) -> Breakdown:
    """A feature of the mixed values."""
    v = found.v[place[:2]][:, feature].numpy()
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
        number_of(found.mixed[cell]),
    )
