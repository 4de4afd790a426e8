"""Breakdown of layers over one row of features: linear, norms, softmax, embedding.

linear      y_i = b_i + sum over j of w_ij x_j
norms       y_i = g_i (x_i - mean) / sqrt(variance + e) + b_i
            mean and variance over the row (layer norm), over a group of channels (group
            norm), or the running statistics (batch norm)
softmax     y_i = exp(x_i - m) / sum over j of exp(x_j - m)    m is the maximum of x
embedding   y_j = E[id, j]

Shapes:   (..., feature); norms of channels: (batch, channel, ...); embedding: ids (...)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.inspect.breakdown.breakdown import (
    Breakdown,
    CannotExplainError,
    Index,
    Numbers,
    Terms,
    number_of,
    summed,
    term,
)

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def linear(layer: nn.Linear, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.Linear."""
    lead, unit = index[:-1], index[-1]
    bias = None if layer.bias is None else number_of(layer.bias[unit])
    weights = layer.weight[unit].detach().double().numpy()
    return summed("linear", "b + sum of w · x", index, _row(x, lead, weights), bias)


def embedding(layer: nn.Embedding, ids: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.Embedding."""
    id_, feature = int(ids[index[:-1]]), index[-1]
    value = number_of(layer.weight[id_, feature])
    return summed(
        "embedding",
        f"feature {feature} of the row of id {id_}",
        index,
        term("weight", (id_, feature), value),
        None,
    )


def softmax(layer: nn.Softmax | nn.LogSoftmax, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.Softmax or nn.LogSoftmax."""
    if layer.dim is None:
        raise CannotExplainError("this softmax has no dim: its axis is unknown")
    axis = layer.dim % x.dim()
    others = list(index)
    places = []
    for position in range(x.shape[axis]):
        others[axis] = position
        places.append(tuple(others))
    values = np.array([number_of(x[place]) for place in places])
    powers = np.exp(values - values.max())
    total, own = math.fsum(powers), float(powers[index[axis]])
    steps = [
        ("the maximum x", float(values.max())),
        ("sum of all exp(x - maximum)", total),
        ("exp(x - maximum)", own),
        ("exp / sum", own / total),
    ]
    result = own / total
    if type(layer).__name__ == "LogSoftmax":
        result = float(values[index[axis]] - values.max()) - math.log(total)
        steps.append(("logarithm", result))
    terms = Terms("input", np.array(places), values, np.ones(len(values)))
    return Breakdown(
        "softmax", "exp(x) / sum of exp(x)", index, (terms,), None, tuple(steps), result
    )


def batch_norm(layer: BatchNorm, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.BatchNorm1d, 2d or 3d in eval mode."""
    if layer.running_mean is None or layer.running_var is None:
        raise CannotExplainError(
            "this norm has no running statistics: it depends on the whole batch"
        )
    channel = index[1]
    mean, variance = number_of(layer.running_mean[channel]), number_of(layer.running_var[channel])
    scale, shift = _scale_and_shift(layer, (channel,))
    return _normed(
        "batch normalization",
        index,
        term("input", index, number_of(x[index])),
        mean,
        variance,
        layer.eps,
        scale,
        shift,
    )


def layer_norm(layer: nn.LayerNorm, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.LayerNorm."""
    many = len(layer.normalized_shape)
    lead, own = index[:-many], index[-many:]
    values = x[lead].detach().double().numpy()
    places = np.array([(*lead, *place) for place in np.ndindex(values.shape)])
    scale, shift = _scale_and_shift(layer, own)
    return _of_values(
        "layer normalization", index, places, values, number_of(x[index]), layer.eps, scale, shift
    )


def group_norm(layer: nn.GroupNorm, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.GroupNorm."""
    size = layer.num_channels // layer.num_groups
    first = index[1] // size * size
    values = x[index[0], first : first + size].detach().double().numpy()
    places = np.array(
        [(index[0], first + place[0], *place[1:]) for place in np.ndindex(values.shape)]
    )
    scale, shift = _scale_and_shift(layer, (index[1],))
    return _of_values(
        "group normalization", index, places, values, number_of(x[index]), layer.eps, scale, shift
    )


def local_response(layer: nn.LocalResponseNorm, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.LocalResponseNorm.

    y = x / (k + alpha / n · sum of x² over n neighboring channels) ** beta
    """
    first = index[1] - layer.size // 2
    channels = [
        channel for channel in range(first, first + layer.size) if 0 <= channel < x.shape[1]
    ]
    places = [(index[0], channel, *index[2:]) for channel in channels]
    values = np.array([number_of(x[place]) for place in places])
    terms = Terms("input", np.array(places), values, values)
    by = (layer.k + layer.alpha / layer.size * terms.sum) ** layer.beta
    own = number_of(x[index])
    steps = (
        ("sum of squares", terms.sum),
        (f"({layer.k:g} + {layer.alpha:g} / {layer.size} · sum) ** {layer.beta:g}", by),
    )
    description = "x / (k + alpha / n · sum of squares of neighboring channels) ** beta"
    return Breakdown(
        "local response normalization",
        description,
        index,
        (terms,),
        None,
        (*steps, ("x / that", own / by)),
        own / by,
    )


def _row(x: Tensor, lead: Index, weights: Numbers) -> Terms:
    values = x[lead].detach().double().numpy()
    places = np.array([(*lead, place) for place in range(len(values))])
    return Terms("input", places, values, weights)


def _scale_and_shift(
    layer: BatchNorm | nn.LayerNorm | nn.GroupNorm, index: Index
) -> tuple[float, float]:
    """Returns the scale and the shift of a norm."""
    scale = 1.0 if layer.weight is None else number_of(layer.weight[index])
    bias = layer.bias
    return scale, 0.0 if bias is None else number_of(bias[index])


def _of_values(
    operation: str,
    index: Index,
    places: NDArray[np.int64],
    values: Numbers,
    own: float,
    epsilon: float,
    scale: float,
    shift: float,
) -> Breakdown:
    terms = Terms("input", places, values.reshape(-1), np.full(values.size, 1 / values.size))
    mean = terms.sum
    variance = math.fsum((values.reshape(-1) - mean) ** 2) / values.size
    return _normed(operation, index, terms, mean, variance, epsilon, scale, shift, own=own)


def _normed(
    operation: str,
    index: Index,
    terms: Terms,
    mean: float,
    variance: float,
    epsilon: float,
    scale: float,
    shift: float,
    *,
    own: float | None = None,
) -> Breakdown:
    x = float(terms.values[0]) if own is None else own
    normal = (x - mean) / math.sqrt(variance + epsilon)
    steps = (
        ("x", x),
        ("mean", mean),
        ("x - mean", x - mean),
        ("variance", variance),
        (f"/ sqrt(variance + {epsilon:g})", normal),
        (f"times {scale:.6g}", normal * scale),
        (f"plus {shift:.6g}", normal * scale + shift),
    )
    description = "scale · (x - mean) / sqrt(variance + e) + shift"
    return Breakdown(operation, description, index, (terms,), None, steps, normal * scale + shift)
