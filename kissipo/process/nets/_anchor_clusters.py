"""Anchor boxes from the boxes of the training split: k-means with the distance 1 - IoU.

d(box, anchor) = 1 - IoU of both, with one center
anchor = the mean of the boxes whose nearest anchor it is

Shapes:   sides (box, 2), the width and the height of each box -> anchors (k, 2)
Choices:  k-means++ chooses the first anchors; the best of ten runs is kept, by the mean
          of the IoU of each box with its nearest anchor. A fixed seed makes it a
          function of the boxes. The anchors are sorted by their areas. Of more than
          20,000 boxes every n-th is taken.
Source:   Redmon and Farhadi, YOLO9000, 2016, section 2; k-means++: Arthur and
          Vassilvitskii 2007.
Example:  >>> sides = np.array([[10.0, 10], [12, 12], [50, 20], [54, 20]])
          >>> anchors, iou = anchor_clusters(sides, 2)
          >>> anchors.tolist(), round(iou, 3)
          ([[11.0, 11.0], [52.0, 20.0]], 0.898)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import TaskError

_RUNS, _STEPS, _MAX_BOXES = 10, 100, 20_000
Sides = NDArray[np.float64]


def anchor_clusters(sides: Sides, number: int) -> tuple[Sides, float]:
    """Returns the anchors, the smallest first, and the mean best IoU of the boxes."""
    sides = sides[:: 1 + len(sides) // _MAX_BOXES]
    generator = np.random.default_rng(0)
    runs = [_one_run(sides, number, generator) for _ in range(_RUNS)]
    anchors = max(runs, key=lambda some: mean_best_iou(sides, some))
    anchors = anchors[np.argsort(anchors.prod(axis=1), kind="stable")]
    return anchors, mean_best_iou(sides, anchors)


def check_pairs(name: str, pairs: Sequence[Sequence[float]]) -> None:
    """Refuses sides of anchor boxes that are no pairs.

    name:     the option that lists them
    Raises:   TaskError.
    """
    if any(len(pair) != 2 or min(pair) <= 0 for pair in pairs):
        raise TaskError(
            f"process.{name} lists the width and the height of each anchor box",
            got=str([list(pair) for pair in pairs]),
            allowed="pairs of numbers above 0, such as [[10, 13], [16, 30], [33, 23]]",
        )


def mean_best_iou(sides: Sides, anchors: Sides) -> float:
    """Returns the mean over the boxes of the IoU with the nearest anchor."""
    return float(shape_iou(sides, anchors).max(axis=1).mean())


def shape_iou(sides: Sides, others: Sides) -> Sides:
    """Returns the IoU of boxes with one center.

    Shapes:   (box, 2), (other, 2) -> (box, other)
    """
    shared = np.minimum(sides[:, None], others[None]).prod(axis=2)
    union = sides.prod(axis=1)[:, None] + others.prod(axis=1) - shared
    return np.asarray(shared / union)


def _one_run(sides: Sides, number: int, generator: np.random.Generator) -> Sides:
    anchors = sides[generator.integers(len(sides), size=1)]
    while len(anchors) < number:
        far = 1 - shape_iou(sides, anchors).max(axis=1)
        chances = far**2 / (far**2).sum() if far.any() else None  # all boxes are anchors
        anchors = np.concatenate([anchors, sides[generator.choice(len(sides), 1, p=chances)]])
    for _ in range(_STEPS):
        nearest = shape_iou(sides, anchors).argmax(axis=1)
        counts = np.bincount(nearest, minlength=number)[:, None]
        sums = np.stack([np.bincount(nearest, sides[:, axis], number) for axis in (0, 1)], axis=1)
        moved = np.where(counts > 0, sums / np.maximum(counts, 1), anchors)
        if np.array_equal(moved, anchors):
            break
        anchors = moved
    return anchors
