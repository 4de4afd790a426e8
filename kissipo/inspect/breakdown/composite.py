"""A cell of a layer that says itself what its numbers are made of, as layers with layers in them do (core/protocols.py)."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np

from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import Source
from kissipo.inspect.breakdown.breakdown import Breakdown, Index, Terms
from kissipo.inspect.describe_layer import describe_layer


def told(layer: Any, inputs: tuple[Any, ...], index: Index) -> Breakdown:
    """What the layer says, in groups of where it comes from."""
    with eval_mode(layer):
        sources, how = layer.opens(index, *inputs)
    terms = tuple(
        _terms(of, list(found)) for of, found in groupby(sources, key=lambda each: each.of)
    )
    products = [float(product) for group in terms for product in group.products]
    if how == "product":
        result = math.prod(products)
    elif how == "greatest":
        result = max(products)
    else:
        result = math.fsum(products)
    steps = [] if how == "sum" else [("sum" if how == "relu" else how, result)]
    if how == "relu":
        result = max(0.0, result)
        steps.append((how, result))
    return Breakdown(
        type(layer).__name__.lower(),
        describe_layer(layer),
        index,
        terms,
        None,
        tuple(steps),
        result,
    )


def _terms(of: str, sources: list[Source]) -> Terms:
    places = np.array([each.place for each in sources], dtype=np.int64)
    values, weights = [float(each.value) for each in sources], [each.weight for each in sources]
    return Terms(of, places, np.array(values), np.array(weights), by_row=True)
