"""Convolution explained (S12): every product and sum for the lecture's 6x6 image and
its two 3x3 filters.

Input     an image of zeros and ones, or your own; three channels for a color image
Process   each filter at every position, with stride and padding; max pooling; a 1x1
          convolution over the two feature maps
Output    one feature map per filter

Command   kissipo show convolution               stride 1, no padding: 4x4
          kissipo show convolution stride=2 padding=same pool_size=1

Source:   the lecture's slides; padding as in Keras; three 3x3 filters against one 7x7
          from Simonyan and Zisserman 2015.
Differs:  the lecture draws its color image without numbers; here green is the image
          mirrored, and blue the image upside down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from kissipo.core.errors import TaskError
from kissipo.core.schema import option
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
_MAX_SIDE = 16
_CHANNELS = (64, 128, 256, 512)


@dataclass(frozen=True)
class Options:
    """The options of the lesson."""

    stride: int = option(1, "step between two positions of the filter", minimum=1)
    padding: Padding = option("valid", "valid: no padding; same: zeros around the image")
    pool_size: int = option(2, "side of the squares of max pooling; 1: no pooling", minimum=1)
    image: tuple[tuple[float, ...], ...] = option(IMAGE, "your own image, row by row")
    filter: tuple[tuple[float, ...], ...] | None = option(
        None, "your own filter, row by row, instead of the lecture's two"
    )


def explain(options: Options) -> Trace:
    """Returns the trace of the image through a net of these filters, with every sum."""
    image = _rows(options.image, "image")[None]
    filters = [FILTER_1, FILTER_2] if options.filter is None else [options.filter]
    weights = [_square(_rows(values, "filter"), image)[None] for values in filters]
    filter_windows = [
        tuple(windows(image, values, stride=options.stride, padding=options.padding))
        for values in weights
    ]
    maps = [feature_map(members) for members in filter_windows]
    if options.pool_size > min(maps[0].shape):
        raise TaskError(
            "input.pool_size is larger than the feature map",
            got=f"{options.pool_size}, the feature map is {_size(maps[0])}",
            allowed=f"1 to {min(maps[0].shape)}",
        )
    pooled = [max_pooling(values, options.pool_size) for values in maps]
    steps = _trace_steps(image, weights, options)
    pages = (
        _filters(image, weights),
        _every_window(filter_windows, options),
        _maps(maps, steps),
        *([_pooling(maps, pooled, options.pool_size)] if options.pool_size > 1 else []),
        _sizes(image.shape[-1], weights[0].shape[-1]),
        _channels(image[0], weights, options),
        _one_by_one(pooled),
        _receptive_fields(weights[0].shape[-1]),
    )
    return Trace(tuple(steps), explanation=pages)


def _trace_steps(image: Numbers, weights: list[Numbers], options: Options) -> list[Step]:
    """Returns the steps of the same net in layers of torch."""
    side, convolution = (
        weights[0].shape[-1],
        nn.Conv2d(1, len(weights), weights[0].shape[-1], options.stride, bias=False),
    )
    mixing = nn.Conv2d(len(weights), 1, 1)
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(np.stack(weights)))
        mixing.weight.fill_(1)
        assert mixing.bias is not None
        mixing.bias.zero_()
    (top, bottom), (left, right) = (
        zeros_around(n, side, options.stride, options.padding) for n in image.shape[1:]
    )
    around = [nn.ZeroPad2d((left, right, top, bottom))] if options.padding == "same" else []
    pool = [nn.MaxPool2d(options.pool_size)] if options.pool_size > 1 else []
    x = torch.from_numpy(image[None]).float()
    recording = record(nn.Sequential(*around, convolution, *pool, mixing), (x,))
    first = Step("input", "image", "as it came", image.shape[1:], value=image[0])
    last = Step(
        "output",
        "feature map",
        "sum of the feature maps",
        tuple(recording.output.shape[1:]),
        value=recording.output[0].numpy(),
    )
    return [first, *steps_of(recording), last]


def _filters(image: Numbers, weights: list[Numbers]) -> Explanation:
    figures = (
        figure("image", image[0]),
        *(figure(f"filter {n}", values[0]) for n, values in enumerate(weights, 1)),
    )
    count = sum(values.size for values in weights)
    return Explanation(
        "The image and the filters", f"training changes the filters: {count} weights", figures
    )


def _every_window(filter_windows: list[tuple[Window, ...]], options: Options) -> Explanation:
    description = (
        f"the sum of the products of values and weights; stride {options.stride}, {options.padding}"
    )
    return Explanation(
        "Every window",
        description,
        windows=tuple((f"filter {n}", members) for n, members in enumerate(filter_windows, 1)),
    )


def _maps(maps: list[Numbers], steps: list[Step]) -> Explanation:
    shape = "x".join(map(str, (len(maps), *maps[0].shape)))
    beside = next(step for step in steps if step.stage == "process" and step.parameters)
    same = np.allclose(np.stack(maps), beside.value)
    description = f"the sums of all windows: {shape}" + (
        ", equal to torch's Conv2d" if same else ", not equal to torch's Conv2d"
    )
    return Explanation(
        "The feature maps",
        description,
        tuple(figure(f"filter {n}", values) for n, values in enumerate(maps, 1)),
    )


def _pooling(maps: list[Numbers], pooled: list[Numbers], side: int) -> Explanation:
    description = (
        f"the maximum of each {side}x{side} square: "
        f"{_size(maps[0])} -> {_size(pooled[0])}, no weights"
    )
    return Explanation(
        "Max-pooling",
        description,
        tuple(figure(f"filter {n}", values) for n, values in enumerate(pooled, 1)),
    )


def _sizes(length: int, side: int) -> Explanation:
    """Returns the output sizes of every stride and padding for this image and
    filter."""
    rows: list[tuple[Cell, ...]] = []
    cases: list[tuple[int, Padding]] = [(1, "valid"), (2, "valid"), (1, "same"), (2, "same")]
    for stride, padding in cases:
        before, behind = zeros_around(length, side, stride, padding)
        outputs = (length + before + behind - side) // stride + 1
        rows.append(
            (
                stride,
                padding,
                f"{before} and {behind}",
                f"({length} + {before + behind} - {side}) / {stride} + 1",
                outputs,
            )
        )
    titles = ("stride", "padding", "zeros before and behind", "rounded down", "outputs per side")
    return Explanation(
        "Stride and padding",
        "(side + zeros - filter) / stride + 1 outputs per side",
        titles=titles,
        rows=tuple(rows),
    )


def _channels(image: Numbers, weights: list[Numbers], options: Options) -> Explanation:
    """Explains filters of color images: one matrix per channel, whose sums are
    added."""
    color = np.stack([image, image[:, ::-1], image[::-1]])
    filters = np.concatenate([weights[0], weights[-1], weights[0]])
    color_windows = windows(color, filters, stride=options.stride, padding=options.padding)
    names = ("red", "green", "blue")
    rows: list[tuple[Cell, ...]] = []
    for window in color_windows[:4]:
        sums = [float(products.sum()) for products in window.products]
        rows.append((f"{window.row + 1}, {window.column + 1}", *sums, window.sum))
    figures = [figure(name, layer) for name, layer in zip(names, color, strict=True)]
    description = (
        f"3 channels, a filter of 3x{filters.shape[1]}x{filters.shape[2]}: "
        "the sums of the channels are added to one feature map"
    )
    return Explanation(
        "Several channels",
        description,
        (*figures, figure("map", feature_map(color_windows))),
        ("window", *names, "sum"),
        tuple(rows),
    )


def _one_by_one(pooled: list[Numbers]) -> Explanation:
    """Explains the 1x1 convolution: one weight per channel, and the sum of the
    products."""
    sides: list[tuple[int, int]] = [(len(pooled), 1), (256, 64), (64, 256), (512, 512)]
    rows = tuple((into, out, f"{into} · {out} + {out}", into * out + out) for into, out in sides)
    figures = (
        *(figure(f"map {n}", values) for n, values in enumerate(pooled, 1)),
        figure("1 · map 1 + ...", np.sum(pooled, axis=0)),
    )
    titles = ("channels in", "channels out", "in · out + out", "weights")
    return Explanation(
        "1x1 convolution", "changes the number of channels, not the size", figures, titles, rows
    )


def _receptive_fields(side: int) -> Explanation:
    """Compares stacked small filters with one filter of the same receptive field."""
    rows: list[tuple[Cell, ...]] = []
    for layers in (1, 2, 3):
        side_of_field = receptive_field([(side, 1)] * layers)
        small, large = layers * side**2, side_of_field**2
        counts = [f"{small * c * c:,} / {large * c * c:,}" for c in _CHANNELS[:2]]
        rows.append(
            (
                layers,
                f"{side_of_field}x{side_of_field}",
                f"{layers} · {side}² · C² = {small} C²",
                f"{side_of_field}² · C² = {large} C²",
                *counts,
            )
        )
    titles = (
        "layers",
        "receptive field",
        f"weights, {side}x{side} each",
        "one layer with the same field",
        *(f"C = {c}" for c in _CHANNELS[:2]),
    )
    description = (
        f"the part of the image that one output depends on: stacked {side}x{side} filters, "
        "C channels in and out"
    )
    return Explanation("Receptive field", description, titles=titles, rows=tuple(rows))


def _rows(values: Sequence[Sequence[float]], name: str) -> Numbers:
    """Returns rows of equal length as an array.

    Raises:   TaskError for rows of different lengths, no rows, or too many.
    """
    lengths = {len(row) for row in values}
    if len(lengths) != 1 or not 0 < len(values) <= _MAX_SIDE or not 0 < max(lengths) <= _MAX_SIDE:
        sizes = ", ".join(str(length) for length in sorted(lengths))
        raise TaskError(
            f"input.{name} must be rows of equal length",
            got=f"{len(values)} rows of {sizes} numbers",
            allowed=f"1 to {_MAX_SIDE} of each",
        )
    return np.array(values, dtype=np.float64)


def _square(weights: Numbers, image: Numbers) -> Numbers:
    if weights.shape[0] != weights.shape[1] or weights.shape[0] > min(image.shape[1:]):
        smallest = min(image.shape[1:])
        raise TaskError(
            "input.filter must be a square that fits the image",
            got=_size(weights),
            allowed=f"up to {smallest}x{smallest}",
        )
    return weights


def _size(values: Numbers) -> str:
    return "x".join(str(side) for side in values.shape)
