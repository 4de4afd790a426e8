"""COCO's evaluation of boxes: AP over 10 IoU thresholds, per size of object, and AR.

AP of a class = mean over the recalls 0, 0.01 ... 1 of the highest precision at that
                recall or more; 0 where that recall is not reached
mAP           = mean of AP over the classes that have targets, and over the thresholds
                0.50, 0.55 ... 0.95
AR at 10      = mean over classes and thresholds of the recall of the 10 detections of a
                class in an image with the highest scores

Small objects have at most 32² pixels, large ones at least 96²; the others are medium.
Targets of other sizes are ignored, and so are detections of other sizes that take none.

Shapes:   detections (image, detection, 6): label, corners, score; targets (image, box,
          5): label, corners; padding has the label -1; crowd (image, box);
          size (2) or (image, 2): height and width of the images in pixels
Choices:  The area is that of the box. `pycocotools` takes the area of the segmentation
          where the file has one.
Source:   Lin et al., Microsoft COCO, 2014, and its evaluation code, pycocotools.
Example:  >>> target = np.array([[[0, 0, 0, 0.5, 0.5]]])
          >>> boxes = np.array([[[0, 0, 0, 0.5, 0.4, 0.9], [0, 0, 0, 0.5, 0.5, 0.6]]])
          >>> result = coco_evaluation(boxes, target, num_classes=1, size=(100, 100))
          >>> numbers = coco_summary(result)
          >>> [round(numbers[name], 2) for name in ("map_50_95", "map_50", "ar_1")]
          [0.85, 1.0, 0.7]
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kissipo.core.numpy_array import NumpyArray
from kissipo.output.metrics.box_matching import match_boxes

COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
MAX_DETECTIONS = (1, 10, 100)  # of a class in an image
AREAS = {"all": (0.0, 1e10), "small": (0.0, 1024.0), "medium": (1024.0, 9216.0)}
AREAS["large"] = (9216.0, 1e10)
_RECALLS = np.linspace(0, 1, 101)
_DECIMALS = 3  # of areas in pixels, whose corners are rounded fractions


class CocoEvaluation(NamedTuple):
    """What COCO's evaluation measures; nan for a class without targets.

    precision:  (threshold, class, area) AP of at most the last number of detections
    recall:     (threshold, class, area, number of detections)
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def coco_evaluation(
    detections: NumpyArray,
    targets: NumpyArray,
    *,
    num_classes: int,
    size: ArrayLike,
    crowd: NDArray[np.bool_] | None = None,
    iou_thresholds: Sequence[float] = COCO_THRESHOLDS,
    max_detections: Sequence[int] = MAX_DETECTIONS,
) -> CocoEvaluation:
    """Returns AP and recall per threshold, class, range of areas and number of
    detections."""
    limits = np.array(list(AREAS.values()))[:, :, None, None]
    crowd = np.zeros(targets.shape[:2], dtype=bool) if crowd is None else crowd
    ignored, outside = (_is_outside(_pixels(some, size), limits) for some in (targets, detections))
    ignored = ignored | crowd
    taken = match_boxes(
        detections, targets, iou_thresholds=iou_thresholds, ignored=ignored, crowd=crowd
    )
    ranks = _ranks(detections, num_classes)
    shape = (len(iou_thresholds), num_classes, len(AREAS))
    precision, recall = np.full(shape, np.nan), np.full((*shape, len(max_detections)), np.nan)
    for label in range(num_classes):
        wanted = ((targets[..., 0] == label) & ~ignored).sum(axis=(1, 2))
        image, number = np.nonzero((detections[..., 0] == label) & (ranks < max(max_detections)))
        image, number = _by_score(detections, image, number)
        own = taken[:, :, image, number]
        for area in np.flatnonzero(wanted):
            into = own[:, area]
            hit = into >= 0
            skipped = np.where(hit, ignored[area, image, into], outside[area, image, number])
            hit &= ~skipped
            precision[:, label, area] = interpolated_precision(hit, ~skipped & ~hit, wanted[area])
            for place, max_count in enumerate(max_detections):
                counted = hit[:, ranks[image, number] < max_count].sum(axis=1)
                recall[:, label, area, place] = counted / wanted[area]
    return CocoEvaluation(precision, recall)


def coco_summary(result: CocoEvaluation) -> dict[str, float]:
    """Returns the 12 numbers that pycocotools prints; nan without any such target.

    result:   of the usual thresholds and numbers of detections
    """
    precision, recall = result
    names = list(AREAS)[1:]
    return {
        "map_50_95": average_of(precision[..., 0]),
        "map_50": average_of(precision[0, :, 0]),
        "map_75": average_of(precision[5, :, 0]),
        **{f"map_{name}": average_of(precision[..., n]) for n, name in enumerate(names, 1)},
        **{f"ar_{count}": average_of(recall[:, :, 0, n]) for n, count in enumerate(MAX_DETECTIONS)},
        **{f"ar_{name}": average_of(recall[..., n, -1]) for n, name in enumerate(names, 1)},
    }


def interpolated_precision(
    hits: NDArray[np.bool_], false: NDArray[np.bool_], wanted: int
) -> NDArray[np.float64]:
    """Returns per row the mean precision at 101 recalls.

    hits, false:  (threshold, detection) in descending order of scores
    wanted:       the number of targets, at least 1
    """
    right = hits.cumsum(axis=1)
    precision = right / np.maximum(right + false.cumsum(axis=1), 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.pad(best, ((0, 0), (0, 1)))
    reached = [np.searchsorted(row / wanted, _RECALLS, side="left") for row in right]
    return np.array([row[place].mean() for row, place in zip(best, reached, strict=True)])


def _ranks(detections: NumpyArray, num_classes: int) -> NDArray[np.int64]:
    """Returns the place of each detection among those of its class in its image."""
    order = np.argsort(-detections[..., 5], axis=1, kind="stable")
    labels = np.take_along_axis(detections[..., 0], order, axis=1)
    ranks = np.zeros(labels.shape, dtype=np.int64)
    for label in range(num_classes):
        own = labels == label
        ranks[own] = (own.cumsum(axis=1) - 1)[own]
    result = np.empty_like(ranks)
    np.put_along_axis(result, order, ranks, axis=1)
    return result


def _by_score(
    detections: NumpyArray, image: NDArray[np.int64], number: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the places of some detections in descending order of their scores."""
    order = np.argsort(-detections[image, number, 5], kind="stable")
    return image[order], number[order]


def _pixels(boxes: NumpyArray, size: ArrayLike) -> NDArray[np.float64]:
    """Returns the areas of boxes in pixels: (1, image, box)."""
    corners = boxes[..., 1:5].astype(np.float64)
    sides = (corners[..., 2:] - corners[..., :2]).prod(axis=-1)
    whole = np.broadcast_to(np.asarray(size, dtype=np.float64).prod(axis=-1), len(boxes))
    return np.round(sides * whole[:, None], _DECIMALS)[None]


def _is_outside(areas: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.bool_]:
    outside: NDArray[np.bool_] = (areas < limits[:, 0]) | (areas > limits[:, 1])
    return outside


def average_of(values: NDArray[np.float64]) -> float:
    """Returns the mean over the classes that have targets; nan where none has."""
    finite = values[~np.isnan(values)]
    return float(finite.mean()) if finite.size else float("nan")
