"""Breakdown of elementwise layers: activations, and layers that only move values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from kissipo.inspect.breakdown.breakdown import (
    Breakdown,
    CannotExplainError,
    Index,
    number_of,
    term,
)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _gelu(layer: nn.GELU, x: float) -> float:
    if layer.approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * math.erfc(-x / math.sqrt(2))


def _elu(layer: nn.ELU, x: float) -> float:
    return x if x > 0 else float(layer.alpha) * math.expm1(x)


def _softplus(layer: nn.Softplus, x: float) -> float:
    return (
        x
        if x * layer.beta > layer.threshold
        else math.log1p(math.exp(x * layer.beta)) / float(layer.beta)
    )


ACTIVATIONS: dict[type[nn.Module], tuple[str, Callable[[Any, float], float]]] = {
    nn.ReLU: ("max(0, x)", lambda _, x: max(0.0, x)),
    nn.ReLU6: ("min(max(0, x), 6)", lambda _, x: min(max(0.0, x), 6.0)),
    nn.Tanh: ("tanh(x)", lambda _, x: math.tanh(x)),
    nn.Sigmoid: ("1 / (1 + exp(-x))", lambda _, x: _sigmoid(x)),
    nn.GELU: ("x · Φ(x)", _gelu),
    nn.SiLU: ("x · sigmoid(x)", lambda _, x: x * _sigmoid(x)),
    nn.LeakyReLU: (
        "x, or a · x if x is negative",
        lambda layer, x: x if x >= 0 else x * float(layer.negative_slope),
    ),
    nn.ELU: ("x, or a · (exp(x) - 1) if x is negative", _elu),
    nn.Softplus: ("log(1 + exp(x))", _softplus),
}


def activation(layer: nn.Module, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of an activation."""
    description, function = ACTIVATIONS[type(layer)]
    value = number_of(x[index])
    result = function(layer, value)
    name = type(layer).__name__.lower()
    return Breakdown(
        name, description, index, (term("input", index, value),), None, ((name, result),), result
    )


def carried(layer: nn.Module, x: Tensor, index: Index, shape: tuple[int, ...]) -> Breakdown:
    """Returns the breakdown of one value of a layer that only moves values.

    These are flatten, unflatten, identity, and dropout in eval mode.
    """
    if x.numel() != math.prod(shape):
        raise CannotExplainError("it has more or fewer outputs than inputs")
    place = tuple(
        int(position)
        for position in np.unravel_index(np.ravel_multi_index(index, shape), tuple(x.shape))
    )
    value = number_of(x[place])
    return Breakdown(
        "carried", "the same value", index, (term("input", place, value),), None, (), value
    )
