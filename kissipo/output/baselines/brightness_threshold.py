"""Brightness threshold: masks the pixels that are darker, or brighter, than the others.

The threshold has the maximum overlap on the training masks. The median brightness of
each image is subtracted, so exposure does not matter. With several classes, all masked
pixels get the most frequent class.
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.mask import VOID
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import resized

NAME = "brightness threshold"
_THRESHOLDS = 100


def predict(data: BaselineData) -> Scores | None:
    """Returns the class of every pixel; None when all training masks are empty."""
    train, test = (_contrast(split.inputs[0].numpy()) for split in (data.train, data.test))
    truth = resized(data.train.truth, train.shape[1:])
    counts = np.bincount(truth.reshape(-1), minlength=VOID + 1)[1:VOID]
    if not counts.any():
        return None
    target, valid = (truth > 0) & (truth < VOID), truth < VOID
    thresholds = np.quantile(train, np.linspace(0, 1, _THRESHOLDS))
    overlaps = [
        [_overlap(sign * train > sign * limit, target, valid) for limit in thresholds]
        for sign in (-1, 1)
    ]
    side, index = np.unravel_index(np.argmax(overlaps), (2, _THRESHOLDS))
    sign = (-1, 1)[side]
    mask = (sign * test > sign * thresholds[index]) * np.uint8(1 + counts.argmax())
    return resized(mask.astype(np.uint8), data.test.truth.shape[1:])


def _contrast(images: NDArray[np.float32]) -> NDArray[np.float32]:
    gray = images.mean(axis=1)
    return gray - np.median(gray, axis=(1, 2), keepdims=True)


def _overlap(
    predicted: NDArray[np.bool_], target: NDArray[np.bool_], valid: NDArray[np.bool_]
) -> float:
    intersection = int((predicted & target).sum())
    union = int(((predicted | target) & valid).sum())
    return intersection / union if union else 0.0
