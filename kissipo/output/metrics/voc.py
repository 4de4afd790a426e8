"""Pascal VOC's evaluation of boxes: AP at one IoU, with 11 recalls or the whole area.

A detection is compared with the target of its class that it overlaps most. In
descending order of scores it is a true positive when the IoU is at least the threshold
and no detection before it took that target; else it is a false positive.

AP of VOC 2007 = mean over the recalls 0, 0.1 ... 1 of the highest precision at that
                 recall or more
AP since 2010  = the area below the curve of these highest precisions

Shapes:   detections (image, detection, 6): label, corners, score; targets (image, box,
          5): label, corners; padding has the label -1; ignored (image, box): targets
          that are called difficult, which count neither as misses nor as hits
Choices:  Sides are differences of corners; VOC's own code adds one pixel.
Source:   Everingham et al., The Pascal Visual Object Classes Challenge, 2010, and its
          development kit, VOCevaldet.m.
Example:  >>> target = np.array([[[0, 0, 0, 0.5, 0.5], [0, 0.5, 0.5, 1, 1]]])
          >>> boxes = np.array([[[0, 0, 0, 0.5, 0.4, 0.9], [0, 0, 0, 0.5, 0.5, 0.6]]])
          >>> voc_average_precision(boxes, target, num_classes=1)
          array([0.5])
          >>> voc_average_precision(boxes, target, num_classes=1, points=11).round(4)
          array([0.5455])
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.numpy_array import NumpyArray
from kissipo.output.metrics.box_matching import box_overlaps, image_parts

_ELEVEN = np.arange(11) / 10


def voc_average_precision(
    detections: NumpyArray,
    targets: NumpyArray,
    *,
    num_classes: int,
    iou_threshold: float = 0.5,
    points: Literal[11] | None = None,
    ignored: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Returns the average precision per class; nan without targets.

    points:  11 for the rule of VOC 2007, None for the whole area
    """
    ignored = np.zeros(targets.shape[:2], dtype=bool) if ignored is None else ignored
    image, number = np.nonzero(detections[..., 0] >= 0)
    order = np.argsort(-detections[image, number, 5], kind="stable")
    image, number = image[order], number[order]
    best, overlap = _nearest(detections, targets, image, number)
    reaches = overlap >= iou_threshold
    skipped = reaches & (ignored[image, best] if targets.shape[1] else False)
    hits = reaches & ~skipped & _is_first(image * max(1, targets.shape[1]) + best, reaches)
    labels = detections[image, number, 0]
    result = np.full(num_classes, np.nan)
    for label in range(num_classes):
        wanted = int(((targets[..., 0] == label) & ~ignored).sum())
        own = (labels == label) & ~skipped
        if wanted:
            result[label] = _average(hits[own], wanted, points)
    return result


def _nearest(
    detections: NumpyArray,
    targets: NumpyArray,
    image: NDArray[np.int64],
    number: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the target that each detection overlaps most, and the IoU of both."""
    if not targets.shape[1]:
        return np.zeros(len(image), dtype=np.int64), np.full(len(image), -1.0)
    best = np.zeros(detections.shape[:2], dtype=np.int64)
    overlap = np.zeros(detections.shape[:2])
    for part in image_parts(len(targets), detections.shape[1] * targets.shape[1]):
        overlaps = box_overlaps(detections[part], targets[part])
        best[part], overlap[part] = overlaps.argmax(axis=-1), overlaps.max(axis=-1)
    return best[image, number], overlap[image, number]


def _is_first(places: NDArray[np.int64], reaches: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns which of the reaching detections is the first one at its target."""
    first = np.zeros(len(places), dtype=bool)
    positions = np.flatnonzero(reaches)
    _, earliest = np.unique(places[positions], return_index=True)
    first[positions[earliest]] = True
    return first


def _average(hits: NDArray[np.bool_], wanted: int, points: Literal[11] | None) -> float:
    """Returns the average precision of detections in descending order of scores."""
    right = hits.cumsum()
    recall, precision = right / wanted, right / np.arange(1, len(hits) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    if points is None:
        steps = np.diff(recall, prepend=0.0)
        return float((steps * best[:-1]).sum())
    return float(best[np.searchsorted(recall, _ELEVEN - 1e-12, side="left")].mean())
