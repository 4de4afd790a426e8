"""Breakdown of a composite layer, which explains its values itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
from torch import nn

from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import ExplainingLayer, Source
from kissipo.inspect.breakdown.breakdown import Breakdown, Index, Terms
from kissipo.inspect.describe_layer import describe_layer


def explain_composite(layer: ExplainingLayer, inputs: tuple[Any, ...], index: Index) -> Breakdown:
    """Returns the explanation of the layer, in groups of one source each."""
    assert isinstance(layer, nn.Module)
    with eval_mode(layer):
        sources, how = layer.explain(index, *inputs)
    terms = tuple(
        _terms(of, list(group)) for of, group in groupby(sources, key=lambda source: source.of)
    )
    products = [float(product) for group in terms for product in group.products]
    combine: dict[str, Callable[[list[float]], float]] = {
        "product": math.prod,
        "sum": math.fsum,
        "relu": math.fsum,
    }
    result = combine.get(how, max)(products)
    steps: list[tuple[str, float]] = (
        [] if how == "sum" else [("sum" if how == "relu" else how, result)]
    )
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
    places = np.array([source.place for source in sources], dtype=np.int64)
    values, weights = (
        [float(source.value) for source in sources],
        [source.weight for source in sources],
    )
    return Terms(of, places, np.array(values), np.array(weights), by_row=True)
