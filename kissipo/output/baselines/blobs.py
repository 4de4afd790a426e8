"""Blobs: boxes of the median size of a class, where the pixels have its color.

The color of a class is a linear regression: from the channels of a pixel, less their
medians in the image, and the sizes of these differences -> 1 near the center of a box
of the class, 0 outside all boxes of it. A blob is a place where the mean inside a
box of the median size, less the mean around it, is the highest near by. That
difference, as a share of the largest in training, is the score.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "blobs"
_MAX_IMAGES, _MAX_PIXELS, _MAX_BOXES = 40, 200_000, 60
_CORE, _AROUND, _APART = 0.5, 1.25, 0.5  # sides of boxes, as shares of the median ones
_MIN_SCORE = 0.05
Sides = tuple[float, float]


def predict(data: BaselineData) -> Scores | None:
    """Returns the detections; None where no training image has a box."""
    truth = data.train.truth[:_MAX_IMAGES]
    labels = truth[..., 0]
    if not (labels >= 0).any():
        return None
    train, test = (_features(some.inputs[0].numpy()) for some in (data.train, data.test))
    train = train[:_MAX_IMAGES]
    classes = []
    for label in np.unique(labels[labels >= 0]).astype(int).tolist():
        boxes = truth[labels == label][:, 1:]
        height, width = np.median(boxes[:, 3] - boxes[:, 1]), np.median(boxes[:, 2] - boxes[:, 0])
        color = _color(train, truth, label)
        largest = max(_differences(image @ color, (height, width)).max() for image in train[:20])
        classes.append((label, color, (float(height), float(width)), max(float(largest), 1e-9)))
    rows = [[box for some in classes for box in _blobs(image, *some)] for image in test]
    result = np.full((len(rows), _MAX_BOXES, 6), 0, dtype=np.float32)
    result[..., 0] = -1
    for row, boxes in enumerate(rows):
        some = sorted(boxes, key=lambda box: -box[-1])[:_MAX_BOXES]
        if some:
            result[row, : len(some)] = some
    return result


def _features(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns differences from the median and sizes: (image, row, column, feature)."""
    values = images.transpose(0, 2, 3, 1)
    apart = values - np.median(values, axis=(1, 2), keepdims=True)
    return np.concatenate([apart, np.abs(apart), np.ones_like(apart[..., :1])], axis=-1)


def _color(images: NDArray[np.float32], truth: Scores, label: int) -> NDArray[np.float64]:
    """Returns the weights of the features of a class."""
    height, width = images.shape[1:3]
    inside = np.zeros(images.shape[:3], dtype=bool)
    usable = np.ones_like(inside)
    for image, boxes in enumerate(truth):
        for _, left, top, right, bottom in boxes[boxes[:, 0] == label]:
            usable[image][_part(top, bottom, height, 1), _part(left, right, width, 1)] = False
            core = _part(top, bottom, height, _CORE), _part(left, right, width, _CORE)
            inside[image][core] = True
    pixels = images[usable | inside]
    wanted = inside[usable | inside]
    step = max(1, len(pixels) // _MAX_PIXELS)
    pixels, wanted = pixels[::step].astype(np.float64), wanted[::step].astype(np.float64)
    weights = np.where(wanted > 0, 0.5 / max(1, wanted.sum()), 0.5 / max(1, (1 - wanted).sum()))
    roots = np.sqrt(weights)[:, None]
    result: NDArray[np.float64] = np.linalg.lstsq(pixels * roots, wanted * roots[:, 0], rcond=None)[
        0
    ]
    return result


def _part(low: float, high: float, size: int, share: float) -> slice:
    """Returns the middle share of an interval in pixels."""
    middle, half = (low + high) / 2 * size, (high - low) / 2 * size * share
    return slice(max(0, round(middle - half)), max(round(middle - half) + 1, round(middle + half)))


def _differences(values: NDArray[np.float64], sides: Sides) -> NDArray[np.float64]:
    """Returns the mean of a box around each pixel, less that of the surrounding."""
    inner = [max(1, round(side * size)) for side, size in zip(sides, values.shape, strict=True)]
    outer = [round(_AROUND * side) + 1 for side in inner]
    means = [ndimage.uniform_filter(values, some, mode="nearest") for some in (inner, outer)]
    share = inner[0] * inner[1] / (outer[0] * outer[1])
    result: NDArray[np.float64] = means[0] - (means[1] - share * means[0]) / (1 - share)
    return result


def _blobs(
    image: NDArray[np.float32],
    label: int,
    color: NDArray[np.float64],
    sides: Sides,
    largest: float,
) -> list[tuple[float, ...]]:
    """Returns the detections of one class in one image."""
    height, width = image.shape[:2]
    difference = _differences(image @ color, sides) / largest
    window = [
        max(1, round(_APART * side * size))
        for side, size in zip(sides, (height, width), strict=True)
    ]
    peaks = (difference == ndimage.maximum_filter(difference, window)) & (difference > _MIN_SCORE)
    half_height, half_width = sides[0] / 2, sides[1] / 2
    boxes = []
    for row, column in np.argwhere(peaks):
        y, x = (row + 0.5) / height, (column + 0.5) / width
        corners = (x - half_width, y - half_height, x + half_width, y + half_height)
        score = min(float(difference[row, column]), 1.0)
        boxes.append((label, *np.clip(corners, 0, 1).tolist(), score))
    return boxes
