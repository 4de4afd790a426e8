"""Breakdown of layers with windows: convolution, transposed convolution and pooling.

convolution   y[f, p] = b[f] + sum over c, k of  w[f, c, k] · x[c, q]
              q = p · stride + k · dilation - padding
transposed    y[f, p] = b[f] + sum over c, k of  w[c, f, k] · x[c, q]
              q = (p + padding - k · dilation) / stride, where that is an integer
maximum       y[c, p] = max over k of x[c, p · stride + k · dilation - padding]
mean          y[c, p] = sum over k of x[c, p · stride + k - padding] / window size
adaptive      windows floor(p n / m) to ceil((p + 1) n / m) of n inputs for m outputs

Shapes:   (batch, channel, ...) with one, two or three spatial axes, or without the
          batch
Source:   LeCun et al. 1989; Dumoulin and Visin 2016, A guide to convolution arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeVar, cast

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
)

_PADS: dict[str, Literal["reflect", "edge", "wrap"]] = {
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
AdaptiveMean = nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d | nn.AdaptiveAvgPool3d
AdaptiveMaximum = nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d | nn.AdaptiveMaxPool3d
T = TypeVar("T")


def convolution(layer: Convolution, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.Conv1d, 2d or 3d."""
    axes = len(layer.kernel_size)
    lead, filter_, where = index[: -axes - 1], index[-axes - 1], index[-axes:]
    positions = []
    for axis, coordinate in enumerate(where):
        steps, apart = layer.kernel_size[axis], layer.dilation[axis]
        before, behind = _padding(layer, axis)
        places = np.arange(x.shape[axis - axes])
        if layer.padding_mode == "zeros":
            places = np.pad(places, (before, behind), constant_values=-1)
        else:
            places = np.pad(places, (before, behind), mode=_PADS[layer.padding_mode])
        positions.append(places[coordinate * layer.stride[axis] + apart * np.arange(steps)])
    per_group = layer.in_channels // layer.groups
    group = filter_ // (layer.out_channels // layer.groups)
    channels = group * per_group + np.arange(per_group)
    grid = _grid([channels, *positions])
    inside = (grid >= 0).all(axis=1)  # outside is the zero padding
    weights = _double(layer.weight[filter_]).reshape(-1)[inside]
    terms = _terms(x, lead, grid[inside], weights)
    zeros = int((~inside).sum())
    description = "b + sum of w · x" + (f"; {zeros} weights meet zero padding" if zeros else "")
    return summed("convolution", description, index, terms, _bias(layer, filter_))


def transposed(layer: Transposed, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.ConvTranspose1d, 2d or 3d."""
    axes = len(layer.kernel_size)
    lead, filter_, where = index[: -axes - 1], index[-axes - 1], index[-axes:]
    padding = cast(tuple[int, ...], layer.padding)
    steps: list[NDArray[np.int64]] = []
    positions: list[NDArray[np.int64]] = []
    for axis, coordinate in enumerate(where):
        k = np.arange(layer.kernel_size[axis])
        place, rest = np.divmod(
            coordinate + padding[axis] - k * layer.dilation[axis], layer.stride[axis]
        )
        inside = (rest == 0) & (place >= 0) & (place < x.shape[axis - axes])
        steps.append(k[inside])
        positions.append(place[inside])
    group, own = divmod(filter_, layer.out_channels // layer.groups)
    per_group = layer.in_channels // layer.groups
    channels = group * per_group + np.arange(per_group)
    grid, taps = _grid([channels, *positions]), _grid([channels, *steps])
    weights = _double(layer.weight[:, own])[tuple(taps.T)]
    return summed(
        "transposed convolution",
        "b + sum of w · x",
        index,
        _terms(x, lead, grid, weights),
        _bias(layer, filter_),
    )


def maximum(
    layer: nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d, x: Tensor, index: Index
) -> Breakdown:
    """Returns the breakdown of one value of nn.MaxPool1d, 2d or 3d."""
    axes = _axes(layer)
    size, stride, padding, apart = (
        _per_axis(option, axes)
        for option in (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    )
    positions = []
    for axis, coordinate in enumerate(index[-axes:]):
        places = coordinate * stride[axis] - padding[axis] + apart[axis] * np.arange(size[axis])
        positions.append(places[(places >= 0) & (places < x.shape[axis - axes])])
    return _maximum(x, index, axes, positions)


def mean(layer: nn.AvgPool1d | nn.AvgPool2d | nn.AvgPool3d, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.AvgPool1d, 2d or 3d."""
    axes = _axes(layer)
    size, stride, padding = (
        _per_axis(option, axes) for option in (layer.kernel_size, layer.stride, layer.padding)
    )
    positions, wide = [], []
    for axis, coordinate in enumerate(index[-axes:]):
        length = x.shape[axis - axes]
        first = coordinate * stride[axis] - padding[axis]
        places = np.arange(first, min(first + size[axis], length + padding[axis]))
        wide.append(len(places))
        positions.append(places[(places >= 0) & (places < length)])
    count = math.prod(wide if layer.count_include_pad else map(len, positions))
    return _mean(x, index, axes, positions, getattr(layer, "divisor_override", None) or count)


def adaptive_mean(layer: AdaptiveMean, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.AdaptiveAvgPool1d, 2d or 3d."""
    axes, positions = _axes(layer), _parts(layer, x, index)
    return _mean(x, index, axes, positions, math.prod(map(len, positions)))


def adaptive_maximum(layer: AdaptiveMaximum, x: Tensor, index: Index) -> Breakdown:
    """Returns the breakdown of one value of nn.AdaptiveMaxPool1d, 2d or 3d."""
    return _maximum(x, index, _axes(layer), _parts(layer, x, index))


def _maximum(
    x: Tensor, index: Index, axes: int, positions: Sequence[NDArray[np.int64]]
) -> Breakdown:
    grid = _grid([np.array([index[-axes - 1]]), *positions])
    terms = _terms(x, index[: -axes - 1], grid, np.ones(len(grid)))
    winner = int(terms.values.argmax())
    result = float(terms.values[winner])
    return Breakdown(
        "maximum",
        "the maximum x",
        index,
        (terms,),
        None,
        ((f"the maximum, {terms.source(winner)}", result),),
        result,
    )


def _mean(
    x: Tensor, index: Index, axes: int, positions: Sequence[NDArray[np.int64]], count: int
) -> Breakdown:
    grid = _grid([np.array([index[-axes - 1]]), *positions])
    terms = _terms(x, index[: -axes - 1], grid, np.full(len(grid), 1 / count))
    return summed("mean", f"sum of x / {count}", index, terms, None)


def _parts(
    layer: AdaptiveMean | AdaptiveMaximum, x: Tensor, index: Index
) -> list[NDArray[np.int64]]:
    axes = _axes(layer)
    positions = []
    for axis, (coordinate, size) in enumerate(
        zip(index[-axes:], _per_axis(layer.output_size, axes), strict=True)
    ):
        length = x.shape[axis - axes]
        parts = length if size is None else size
        positions.append(
            np.arange(coordinate * length // parts, -(-(coordinate + 1) * length // parts))
        )
    return positions


def _padding(layer: Convolution, axis: int) -> tuple[int, int]:
    if layer.padding == "valid":
        return 0, 0
    if layer.padding == "same":
        zeros = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
        return zeros // 2, zeros - zeros // 2
    padding = cast(tuple[int, ...], layer.padding)
    return padding[axis], padding[axis]


def _axes(layer: nn.Module) -> int:
    return int(type(layer).__name__[-2])


def _per_axis(option: T | tuple[T, ...], axes: int) -> tuple[T, ...]:
    return option if isinstance(option, tuple) else (option,) * axes


def _grid(lists: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Returns every combination of the positions; the last axis changes fastest."""
    if not all(map(len, lists)):
        return np.zeros((0, len(lists)), dtype=np.int64)
    return np.stack(np.meshgrid(*lists, indexing="ij"), axis=-1).reshape(-1, len(lists))


def _terms(x: Tensor, lead: Index, grid: NDArray[np.int64], weights: Numbers) -> Terms:
    if x.is_complex():
        raise CannotExplainError("complex numbers are not supported")
    values = x[lead].detach().numpy()[tuple(grid.T)].astype(np.float64)
    places = np.concatenate(
        [np.broadcast_to(np.array(lead, dtype=np.int64), (len(grid), len(lead))), grid], axis=1
    )
    return Terms("input", places, values, weights)


def _double(weight: Tensor) -> Numbers:
    values: Numbers = weight.detach().double().numpy()
    return values


def _bias(layer: Convolution | Transposed, channel: int) -> float | None:
    return None if layer.bias is None else number_of(layer.bias[channel])
