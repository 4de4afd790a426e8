"""Convolution explained (S12): the lecture's image of 6x6 and its two filters of 3x3, every product and every sum.

Input     an image of zeros and ones, or your own; three channels for a color image
Process   each filter at every place, with a stride and with padding; max-pooling; a 1x1 convolution over the two answers
Output    a feature map for each filter

Command   kissipo show convolution                       stride 1, the filter stays inside: 4x4
          kissipo show convolution stride=2 padding=same pool_size=1

Source:   the lecture's slides; padding as in Keras; three 3x3 against one 7x7 from Simonyan and Zisserman 2015.
Differs:  the lecture's color image is drawn without numbers; here green is the image mirrored, blue the image upside down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from kissipo.core.errors import TaskError
from kissipo.core.schema import word
from kissipo.inspect.conv_windows import (
    Numbers,
    Padding,
    Window,
    feature_map,
    max_pooling,
    receptive_field,
    windows,
    zeros_around,
)
from kissipo.inspect.explanation import Cell, Explanation, figure
from kissipo.inspect.trace import Step, Trace, steps_of
from kissipo.inspect.tracing.record import record

SYSTEM = "S12"
ABOUT = "6x6 image, two 3x3 filters: every product and sum"

IMAGE = (
    (1, 0, 0, 0, 0, 1),
    (0, 1, 0, 0, 1, 0),
    (0, 0, 1, 1, 0, 0),
    (1, 0, 0, 0, 1, 0),
    (0, 1, 0, 0, 1, 0),
    (0, 0, 1, 0, 1, 0),
)
FILTER_1 = ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))
FILTER_2 = ((-1, 1, -1), (-1, 1, -1), (-1, 1, -1))
_MOST = 16
_CHANNELS = (64, 128, 256, 512)


@dataclass(frozen=True)
class Options:
    """What can be changed."""

    stride: int = word(1, "by how many values the filter moves on", at_least=1)
    padding: Padding = word(
        "valid", "valid: the filter stays inside; same: zeros stand around the image"
    )
    pool_size: int = word(2, "side of the squares of max-pooling; 1: none", at_least=1)
    image: tuple[tuple[float, ...], ...] = word(IMAGE, "your own image, row by row")
    filter: tuple[tuple[float, ...], ...] | None = word(
        None, "your own filter, row by row, in place of the lecture's two"
    )


def explain(options: Options) -> Trace:
    """The way of the image through a net of these filters, and every sum on it."""
    image = _rows(options.image, "image")[None]
    filters = [FILTER_1, FILTER_2] if options.filter is None else [options.filter]
    weights = [_square(_rows(each, "filter"), image)[None] for each in filters]
    found = [
        tuple(windows(image, each, stride=options.stride, padding=options.padding))
        for each in weights
    ]
    maps = [feature_map(each) for each in found]
    if options.pool_size > min(maps[0].shape):
        given = f"{options.pool_size}, the feature map is {_size(maps[0])}"
        raise TaskError(
            "input.pool_size is larger than the feature map",
            given=given,
            allowed=f"1 to {min(maps[0].shape)}",
        )
    pooled = [max_pooling(each, options.pool_size) for each in maps]
    steps = _way(image, weights, options)
    pages = (
        _filters(image, weights),
        _every_window(found, options),
        _maps(maps, steps),
        *([_pooling(maps, pooled, options.pool_size)] if options.pool_size > 1 else []),
        _sizes(image.shape[-1], weights[0].shape[-1]),
        _channels(image[0], weights, options),
        _one_by_one(pooled),
        _sight(weights[0].shape[-1]),
    )
    return Trace(tuple(steps), explanation=pages)


def _way(image: Numbers, weights: list[Numbers], options: Options) -> list[Step]:
    """The same through torch's layers."""
    side, convolution = (
        weights[0].shape[-1],
        nn.Conv2d(1, len(weights), weights[0].shape[-1], options.stride, bias=False),
    )
    mixing = nn.Conv2d(len(weights), 1, 1)
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(np.stack(weights)))
        mixing.weight.fill_(1)
        nn.init.zeros_(mixing.bias)  # type: ignore[arg-type]
    (top, bottom), (left, right) = (
        zeros_around(n, side, options.stride, options.padding) for n in image.shape[1:]
    )
    around = [nn.ZeroPad2d((left, right, top, bottom))] if options.padding == "same" else []
    pool = [nn.MaxPool2d(options.pool_size)] if options.pool_size > 1 else []
    given = torch.from_numpy(image[None]).float()
    recording = record(nn.Sequential(*around, convolution, *pool, mixing), (given,))
    first = Step("input", "image", "as it came", image.shape[1:], value=image[0])
    last = Step(
        "output",
        "feature map",
        "the maps in one",
        tuple(recording.output.shape[1:]),
        value=recording.output[0].numpy(),
    )
    return [first, *steps_of(recording), last]


def _filters(image: Numbers, weights: list[Numbers]) -> Explanation:
    figures = (
        figure("image", image[0]),
        *(figure(f"filter {n}", each[0]) for n, each in enumerate(weights, 1)),
    )
    count = sum(each.size for each in weights)
    return Explanation(
        "The image and the filters", f"the filters are what is learned: {count} weights", figures
    )


def _every_window(found: list[tuple[Window, ...]], options: Options) -> Explanation:
    description = f"what lies under the filter times its weights, summed; stride {options.stride}, {options.padding}"
    return Explanation(
        "Every window",
        description,
        windows=tuple((f"filter {n}", each) for n, each in enumerate(found, 1)),
    )


def _maps(maps: list[Numbers], steps: list[Step]) -> Explanation:
    shape = "x".join(map(str, (len(maps), *maps[0].shape)))
    beside = next(step for step in steps if step.stage == "process" and step.parameters)
    same = np.allclose(np.stack(maps), beside.value)
    description = f"the sums in their places: {shape}" + (
        ", as torch's Conv2d gives them" if same else ", torch says otherwise"
    )
    return Explanation(
        "The feature maps",
        description,
        tuple(figure(f"filter {n}", each) for n, each in enumerate(maps, 1)),
    )


def _pooling(maps: list[Numbers], pooled: list[Numbers], side: int) -> Explanation:
    description = f"the greatest of each {side}x{side}: {_size(maps[0])} -> {_size(pooled[0])}, nothing to learn"
    return Explanation(
        "Max-pooling",
        description,
        tuple(figure(f"filter {n}", each) for n, each in enumerate(pooled, 1)),
    )


def _sizes(length: int, side: int) -> Explanation:
    """Every stride with every padding, for this image and this filter."""
    rows: list[tuple[Cell, ...]] = []
    ways: list[tuple[int, Padding]] = [(1, "valid"), (2, "valid"), (1, "same"), (2, "same")]
    for stride, padding in ways:
        before, behind = zeros_around(length, side, stride, padding)
        answers = (length + before + behind - side) // stride + 1
        rows.append(
            (
                stride,
                padding,
                f"{before} and {behind}",
                f"({length} + {before + behind} - {side}) / {stride} + 1",
                answers,
            )
        )
    titles = ("stride", "padding", "zeros before and behind", "rounded down", "answers a side")
    return Explanation(
        "Stride and padding",
        "(side + zeros - filter) / stride + 1 answers a side",
        titles=titles,
        rows=tuple(rows),
    )


def _channels(image: Numbers, weights: list[Numbers], options: Options) -> Explanation:
    """A filter of a color image has a layer for each channel; their sums are added."""
    color = np.stack([image, image[:, ::-1], image[::-1]])
    filters = np.concatenate([weights[0], weights[-1], weights[0]])
    found = windows(color, filters, stride=options.stride, padding=options.padding)
    names = ("red", "green", "blue")
    rows: list[tuple[Cell, ...]] = []
    for each in found[:4]:
        parts = [float(products.sum()) for products in each.products]
        rows.append((f"{each.row + 1}, {each.column + 1}", *parts, each.sum))
    figures = [figure(name, layer) for name, layer in zip(names, color, strict=True)]
    description = f"3 channels, a filter of 3x{filters.shape[1]}x{filters.shape[2]}: the sums of the channels are added, one map comes out"
    return Explanation(
        "Several channels",
        description,
        (*figures, figure("map", feature_map(found))),
        ("window", *names, "sum"),
        tuple(rows),
    )


def _one_by_one(pooled: list[Numbers]) -> Explanation:
    """One weight a channel: the maps, each times its weight, added."""
    sides: list[tuple[int, int]] = [(len(pooled), 1), (256, 64), (64, 256), (512, 512)]
    rows = tuple((into, out, f"{into} · {out} + {out}", into * out + out) for into, out in sides)
    figures = (
        *(figure(f"map {n}", each) for n, each in enumerate(pooled, 1)),
        figure("1 · each, added", np.sum(pooled, axis=0)),
    )
    titles = ("channels in", "channels out", "in · out + out", "weights")
    return Explanation(
        "1x1 convolution", "changes the number of channels, not the size", figures, titles, rows
    )


def _sight(side: int) -> Explanation:
    """Small filters one after the other against one that sees as much."""
    rows: list[tuple[Cell, ...]] = []
    for layers in (1, 2, 3):
        seen = receptive_field([(side, 1)] * layers)
        small, large = layers * side**2, seen**2
        counts = [f"{small * c * c:,} / {large * c * c:,}" for c in _CHANNELS[:2]]
        rows.append(
            (
                layers,
                f"{seen}x{seen}",
                f"{layers} · {side}² · C² = {small} C²",
                f"{seen}² · C² = {large} C²",
                *counts,
            )
        )
    titles = (
        "layers",
        "see",
        f"weights, {side}x{side} each",
        "one layer that sees as much",
        *(f"C = {c}" for c in _CHANNELS[:2]),
    )
    description = f"what one answer sees of the image, filters of {side}x{side} one after the other, C channels in and out"
    return Explanation("Receptive field", description, titles=titles, rows=tuple(rows))


def _rows(values: Any, name: str) -> Numbers:
    """Rows of equal length as an array.

    Raises:   TaskError for rows that differ, none at all, or too many to read.
    """
    lengths = {len(row) for row in values}
    if len(lengths) != 1 or not 0 < len(values) <= _MOST or not 0 < max(lengths) <= _MOST:
        given = f"{len(values)} rows of {', '.join(str(each) for each in sorted(lengths))} numbers"
        raise TaskError(
            f"input.{name} must be rows of equal length",
            given=given,
            allowed=f"1 to {_MOST} of each",
        )
    return np.array(values, dtype=np.float64)


def _square(weights: Numbers, image: Numbers) -> Numbers:
    if weights.shape[0] != weights.shape[1] or weights.shape[0] > min(image.shape[1:]):
        smallest = min(image.shape[1:])
        raise TaskError(
            "input.filter must be a square that fits the image",
            given=_size(weights),
            allowed=f"up to {smallest}x{smallest}",
        )
    return weights


def _size(values: Numbers) -> str:
    return "x".join(str(side) for side in values.shape)
