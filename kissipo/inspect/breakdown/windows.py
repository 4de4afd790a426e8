"""What windows see: a cell of a convolution, of a transposed one, or of a pooling layer.

convolution   y[f, p] = b[f] + sum over c, k of  w[f, c, k] · x[c, p · stride + k · dilation - padding]
transposed    y[f, p] = b[f] + sum over c, k of  w[c, f, k] · x[c, (p + padding - k · dilation) / stride], where that is a place
greatest      y[c, p] = max over k of x[c, p · stride + k · dilation - padding]
mean          y[c, p] = sum over k of x[c, p · stride + k - padding], by the size of the window
adaptive      the parts floor(p · n / m) to ceil((p + 1) · n / m) of n values for m answers

Shapes:   (batch, channel, place ...) of one, two or three axes of places, with or without the batch
Source:   LeCun et al. 1989; Dumoulin and Visin 2016, A guide to convolution arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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

_PADS: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def convolution(layer: Any, x: Tensor, index: Index) -> Breakdown:
    """A cell of nn.Conv1d, 2d or 3d."""
    axes = len(layer.kernel_size)
    lead, filter_, where = index[: -axes - 1], index[-axes - 1], index[-axes:]
    seen = []
    for axis, at in enumerate(where):
        steps, apart = layer.kernel_size[axis], layer.dilation[axis]
        before, behind = _padding(layer, axis)
        places = np.arange(x.shape[axis - axes])
        if layer.padding_mode == "zeros":
            places = np.pad(places, (before, behind), constant_values=-1)
        else:
            places = np.pad(places, (before, behind), mode=_PADS[layer.padding_mode])
        seen.append(places[at * layer.stride[axis] + apart * np.arange(steps)])
    each = layer.in_channels // layer.groups
    group = filter_ // (layer.out_channels // layer.groups)
    channels = group * each + np.arange(each)
    grid = _grid([channels, *seen])
    inside = (grid >= 0).all(axis=1)  # behind the edge lie zeros
    weights = _double(layer.weight[filter_]).reshape(-1)[inside]
    terms = _terms(x, lead, grid[inside], weights)
    zeros = int((~inside).sum())
    description = "b + sum of w · x" + (
        f"; {zeros} weights lie on the zeros around" if zeros else ""
    )
    return summed("convolution", description, index, terms, _bias(layer, filter_))


def transposed(layer: Any, x: Tensor, index: Index) -> Breakdown:
    """A cell of nn.ConvTranspose1d, 2d or 3d."""
    axes = len(layer.kernel_size)
    lead, filter_, where = index[: -axes - 1], index[-axes - 1], index[-axes:]
    steps: list[NDArray[np.int64]] = []
    seen: list[NDArray[np.int64]] = []
    for axis, at in enumerate(where):
        k = np.arange(layer.kernel_size[axis])
        place, rest = np.divmod(
            at + layer.padding[axis] - k * layer.dilation[axis], layer.stride[axis]
        )
        inside = (rest == 0) & (place >= 0) & (place < x.shape[axis - axes])
        steps.append(k[inside])
        seen.append(place[inside])
    group, own = divmod(filter_, layer.out_channels // layer.groups)
    each = layer.in_channels // layer.groups
    channels = group * each + np.arange(each)
    grid, taps = _grid([channels, *seen]), _grid([channels, *steps])
    weights = _double(layer.weight[:, own])[tuple(taps.T)]
    return summed(
        "transposed convolution",
        "b + sum of w · x",
        index,
        _terms(x, lead, grid, weights),
        _bias(layer, filter_),
    )


def maximum(layer: Any, x: Tensor, index: Index) -> Breakdown:
    """A cell of nn.MaxPool1d, 2d or 3d."""
    axes = _axes(layer)
    size, stride, padding, apart = (
        _each(word, axes)
        for word in (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    )
    seen = []
    for axis, at in enumerate(index[-axes:]):
        places = at * stride[axis] - padding[axis] + apart[axis] * np.arange(size[axis])
        seen.append(places[(places >= 0) & (places < x.shape[axis - axes])])
    return _maximum(x, index, axes, seen)


def mean(layer: Any, x: Tensor, index: Index) -> Breakdown:
    """A cell of nn.AvgPool1d, 2d or 3d."""
    axes = _axes(layer)
    size, stride, padding = (
        _each(word, axes) for word in (layer.kernel_size, layer.stride, layer.padding)
    )
    seen, wide = [], []
    for axis, at in enumerate(index[-axes:]):
        length = x.shape[axis - axes]
        first = at * stride[axis] - padding[axis]
        places = np.arange(first, min(first + size[axis], length + padding[axis]))
        wide.append(len(places))
        seen.append(places[(places >= 0) & (places < length)])
    count = math.prod(wide if layer.count_include_pad else map(len, seen))
    return _mean(x, index, axes, seen, getattr(layer, "divisor_override", None) or count)


def adaptive_mean(layer: Any, x: Tensor, index: Index) -> Breakdown:
    """A cell of nn.AdaptiveAvgPool1d, 2d or 3d."""
    axes, seen = _axes(layer), _parts(layer, x, index)
    return _mean(x, index, axes, seen, math.prod(map(len, seen)))


def adaptive_greatest(layer: Any, x: Tensor, index: Index) -> Breakdown:
    """A cell of nn.AdaptiveMaxPool1d, 2d or 3d."""
    return _maximum(x, index, _axes(layer), _parts(layer, x, index))


def _maximum(x: Tensor, index: Index, axes: int, seen: Sequence[NDArray[np.int64]]) -> Breakdown:
    grid = _grid([np.array([index[-axes - 1]]), *seen])
    terms = _terms(x, index[: -axes - 1], grid, np.ones(len(grid)))
    winner = int(terms.values.argmax())
    result = float(terms.values[winner])
    return Breakdown(
        "greatest",
        "the greatest x",
        index,
        (terms,),
        None,
        ((f"the greatest, {terms.source(winner)}", result),),
        result,
    )


def _mean(
    x: Tensor, index: Index, axes: int, seen: Sequence[NDArray[np.int64]], count: int
) -> Breakdown:
    grid = _grid([np.array([index[-axes - 1]]), *seen])
    terms = _terms(x, index[: -axes - 1], grid, np.full(len(grid), 1 / count))
    return summed("mean", f"sum of x / {count}", index, terms, None)


def _parts(layer: Any, x: Tensor, index: Index) -> list[NDArray[np.int64]]:
    axes = _axes(layer)
    seen = []
    for axis, (at, asked) in enumerate(
        zip(index[-axes:], _each(layer.output_size, axes), strict=True)
    ):
        length = x.shape[axis - axes]
        parts = length if asked is None else asked
        seen.append(np.arange(at * length // parts, -(-(at + 1) * length // parts)))
    return seen


def _padding(layer: Any, axis: int) -> tuple[int, int]:
    if layer.padding == "valid":
        return 0, 0
    if layer.padding == "same":
        zeros = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
        return zeros // 2, zeros - zeros // 2
    return layer.padding[axis], layer.padding[axis]


def _axes(layer: nn.Module) -> int:
    return int(type(layer).__name__[-2])


def _each(word: Any, axes: int) -> tuple[Any, ...]:
    return word if isinstance(word, tuple) else (word,) * axes


def _grid(lists: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Every combination, the last one fastest."""
    if not all(map(len, lists)):
        return np.zeros((0, len(lists)), dtype=np.int64)
    return np.stack(np.meshgrid(*lists, indexing="ij"), axis=-1).reshape(-1, len(lists))


def _terms(x: Tensor, lead: Index, grid: NDArray[np.int64], weights: Numbers) -> Terms:
    if x.is_complex():
        raise CannotExplainError("complex numbers are not opened")
    values = x[lead].detach().numpy()[tuple(grid.T)].astype(np.float64)
    places = np.concatenate(
        [np.broadcast_to(np.array(lead, dtype=np.int64), (len(grid), len(lead))), grid], axis=1
    )
    return Terms("input", places, values, weights)


def _double(weight: Tensor) -> Numbers:
    found: Numbers = weight.detach().double().numpy()
    return found


def _bias(layer: Any, at: int) -> float | None:
    return None if layer.bias is None else number_of(layer.bias[at])
