"""Metrics of detections: average precision, precision and recall, quality of an image.

A detection is a true positive when it takes a target (`box_matching.py`).

precision = true positives / detections       recall = true positives / targets
panoptic quality of an image = sum of the IoU of its true positives / (true positives
                               + half of the false positives and false negatives)
AP and mAP: as of COCO (`coco.py`); those of Pascal VOC are in `voc.py`

Shapes:   detections (image, detection, 6): label, corners, score; targets (image, box,
          5): label, corners; padding has the label -1
Choices:  The quality of an image without targets and detections is 1.
Source:   Kirillov et al., Panoptic Segmentation, 2019.
Example:  >>> target = np.array([[[0, 0, 0, 0.5, 0.5]]])
          >>> boxes = np.array([[[0, 0, 0, 0.5, 0.4, 0.9], [0, 0, 0, 0.5, 0.5, 0.6]]])
          >>> average_precision(boxes, target, num_classes=1, iou_thresholds=(0.5, 0.9))
          array([[1. ],
                 [0.5]])
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.numpy_array import NumpyArray
from kissipo.output.metrics.box_matching import box_overlaps, image_parts, match_boxes
from kissipo.output.metrics.coco import interpolated_precision


def matched_iou(
    detections: NumpyArray, targets: NumpyArray, iou_thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """Returns the IoU of each detection of one image with its target; 0: it has none.

    Shapes:   detections (detection, 6), targets (box, 5) -> (detection, threshold)
    """
    return matched_overlaps(detections[None], targets[None], iou_thresholds)[:, 0].T


def matched_overlaps(
    detections: NumpyArray, targets: NumpyArray, iou_thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """Returns the IoU of each detection with its target; 0: it has none.

    Shapes:   -> (threshold, image, detection)
    """
    taken = match_boxes(detections, targets, iou_thresholds=iou_thresholds)[:, 0]
    if not targets.shape[1]:
        return np.zeros(taken.shape)
    result = np.zeros(taken.shape)
    for part in image_parts(len(targets), detections.shape[1] * targets.shape[1]):
        overlaps, some = box_overlaps(detections[part], targets[part]), taken[:, part]
        image, number = np.ogrid[: len(overlaps), : overlaps.shape[1]]
        own = overlaps[image, number, np.maximum(some, 0)]
        result[:, part] = np.where(some >= 0, own, 0.0)
    return result


def average_precision(
    detections: NumpyArray,
    targets: NumpyArray,
    *,
    num_classes: int,
    iou_thresholds: Sequence[float],
) -> NDArray[np.float64]:
    """Returns the average precision of COCO per threshold and class; nan without
    targets.

    Shapes:   -> (threshold, class)
    """
    hits = match_boxes(detections, targets, iou_thresholds=iou_thresholds)[:, 0] >= 0
    labels, scores = detections[..., 0].reshape(-1), detections[..., 5].reshape(-1)
    order = np.argsort(-scores, kind="stable")
    labels, hits = labels[order], hits.reshape(len(hits), -1)[:, order]
    result = np.full((len(iou_thresholds), num_classes), np.nan)
    for label in range(num_classes):
        count, own = int((targets[..., 0] == label).sum()), hits[:, labels == label]
        if count:
            result[:, label] = interpolated_precision(own, ~own, count)
    return result


def count_matches(
    detections: NumpyArray, targets: NumpyArray, *, min_score: float, iou_threshold: float
) -> NDArray[np.float64]:
    """Returns per image the true positives, the false positives, the false negatives,
    and the sum of the IoU of the true positives.

    Shapes:   -> (image, 4)
    """
    decided = (detections[..., 0] >= 0) & (detections[..., 5] >= min_score)
    detections = np.where(decided[..., None], detections, -1.0)
    overlaps = matched_overlaps(detections, targets, (iou_threshold,))[0]
    hits = (overlaps > 0).sum(axis=1)
    missed = (targets[..., 0] >= 0).sum(axis=1) - hits
    counts = [hits, decided.sum(axis=1) - hits, missed, overlaps.sum(axis=1)]
    return np.stack(counts, axis=1).astype(np.float64)


def f1_by_threshold(
    detections: NumpyArray, targets: NumpyArray, *, iou_threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the different scores, the highest first, and the F1 where each is the
    threshold.

    Example:  >>> target = np.array([[[0, 0, 0, 0.5, 0.5], [0, 0.5, 0.5, 1, 1]]])
              >>> rows = [[0, 0, 0, 0.5, 0.4, 0.9], [0, 0.8, 0, 1, 0.5, 0.6]]
              >>> f1 = f1_by_threshold(np.array([rows]), target, iou_threshold=0.5)[1]
              >>> f1.round(3).tolist()
              [0.667, 0.5]
    """
    hits = match_boxes(detections, targets, iou_thresholds=(iou_threshold,))[0, 0] >= 0
    present = detections[..., 0] >= 0
    scores, hits = detections[present][:, 5], hits[present]
    order = np.argsort(-scores, kind="stable")
    right = hits[order].cumsum()
    wanted = int((targets[..., 0] >= 0).sum())
    f1 = 2 * right / np.maximum(np.arange(1, len(right) + 1) + wanted, 1)
    scores = scores[order].astype(np.float64)
    is_last = np.append(scores[:-1] > scores[1:], True)[: len(scores)]  # of equal scores
    return scores[is_last], f1[is_last]


def best_threshold(
    detections: NumpyArray, targets: NumpyArray, *, iou_threshold: float
) -> tuple[float, float]:
    """Returns the threshold with the highest F1, and that F1; 0 where there is none.

    It lies halfway between two scores and has three decimals.

    Example:  >>> target = np.array([[[0, 0, 0, 0.5, 0.5], [0, 0.5, 0.5, 1, 1]]])
              >>> rows = [[0, 0, 0, 0.5, 0.4, 0.9], [0, 0.8, 0, 1, 0.5, 0.6]]
              >>> best_threshold(np.array([rows]), target, iou_threshold=0.5)
              (0.75, 0.6666666666666666)
    """
    scores, f1 = f1_by_threshold(detections, targets, iou_threshold=iou_threshold)
    if not f1.any():
        return 0.0, 0.0
    best = int(f1.argmax())
    lower = scores[best + 1] if best + 1 < len(scores) else scores[best]
    return round(float(scores[best] + lower) / 2, 3), float(f1[best])


def panoptic_quality(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the quality of each image, whose matches are counted, from 0 to 1.

    Example:  >>> panoptic_quality(np.array([[2, 1, 1, 1.5], [0, 0, 0, 0]]))
              array([0.5, 1. ])
    """
    hits, false, missed, overlap = counts.T
    total = hits + (false + missed) / 2
    return np.where(total > 0, overlap / np.maximum(total, 0.5), 1.0)
