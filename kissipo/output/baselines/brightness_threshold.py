"""Brightness threshold: what is darker, or brighter, than the rest of its image is marked, by the one limit that fits best in training.

Brightness is counted from the median of each image, so that exposure does not matter. Of several classes, what is marked is of the
one with most pixels.
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.mask import VOID
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import at_size

NAME = "brightness threshold"
_LIMITS = 100


def answer(case: Case) -> Scores | None:
    """Class numbers of all pixels; None when training marks nothing."""
    train, test = (_contrast(part.inputs[0].numpy()) for part in (case.train, case.test))
    truth = at_size(case.train.truth, train.shape[1:])
    counts = np.bincount(truth.reshape(-1), minlength=VOID + 1)[1:VOID]
    if not counts.any():
        return None
    marked, judged = (truth > 0) & (truth < VOID), truth < VOID
    limits = np.quantile(train, np.linspace(0, 1, _LIMITS))
    overlaps = [
        [_overlap(sign * train > sign * limit, marked, judged) for limit in limits]
        for sign in (-1, 1)
    ]
    side, at = np.unravel_index(np.argmax(overlaps), (2, _LIMITS))
    sign = (-1, 1)[side]
    found = (sign * test > sign * limits[at]) * np.uint8(1 + counts.argmax())
    return at_size(found.astype(np.uint8), case.test.truth.shape[1:])


def _contrast(images: NDArray[np.float32]) -> NDArray[np.float32]:
    gray = images.mean(axis=1)
    return gray - np.median(gray, axis=(1, 2), keepdims=True)


def _overlap(
    found: NDArray[np.bool_], marked: NDArray[np.bool_], judged: NDArray[np.bool_]
) -> float:
    both = int((found & marked).sum())
    either = int(((found | marked) & judged).sum())
    return both / either if either else 0.0
