"""Metrics of detections: average precision, precision and recall.

A detection is a true positive when it overlaps a target of its class with an IoU of at
least the threshold. In descending order of scores, each detection takes the free target
with the largest IoU; a target is taken once.

precision = true positives / detections       recall = true positives / targets
panoptic quality of an image = sum of the IoU of its true positives / (true positives
                               + half of the false positives and false negatives)
AP of a class = mean over the recalls 0, 0.01 ... 1 of the highest precision at that
                recall or more; 0 where that recall is not reached
mAP = mean of AP over the classes that have targets

Shapes:   detections (image, detection, 6): label, corners, score; targets (image, box,
          5): label, corners; padding has the label -1
Choices:  COCO's matching and its 101 recalls. VOC 2010 takes the area below all points
          of the same curve, and a detection whose best target is taken counts as false
          even if another target is free. The quality of an image without targets and
          detections is 1.
Source:   Lin et al., Microsoft COCO, 2014, and its evaluation code, pycocotools;
          Kirillov et al., Panoptic Segmentation, 2019.
Example:  >>> target = np.array([[[0, 0, 0, 0.5, 0.5]]])
          >>> boxes = np.array([[[0, 0, 0, 0.5, 0.4, 0.9], [0, 0, 0, 0.5, 0.5, 0.6]]])
          >>> average_precision(boxes, target, num_classes=1, iou_thresholds=(0.5, 0.9))
          array([[1. ],
                 [0.5]])
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from kissipo.codec._boxes import pairwise_iou

COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
_RECALLS = np.linspace(0, 1, 101)


def matched_iou(
    detections: NDArray[np.float32], targets: NDArray[np.float32], iou_thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """Returns the IoU of each detection of one image with its target; 0: it has none.

    Shapes:   detections (detection, 6) in descending order of scores, targets (box, 5),
              both without padding -> (detection, threshold)
    """
    result = np.zeros((len(detections), len(iou_thresholds)))
    if not len(detections) or not len(targets):
        return result
    boxes, others = (torch.from_numpy(some[:, 1:5]).double() for some in (detections, targets))
    overlaps = pairwise_iou(boxes, others).numpy()
    overlaps = overlaps * (detections[:, :1] == targets[:, 0])
    for column, threshold in enumerate(iou_thresholds):
        free = overlaps.copy()
        for row in range(len(detections)):
            best = free[row].argmax()
            if free[row, best] >= threshold:
                result[row, column] = free[row, best]
                free[:, best] = 0
    return result


def average_precision(
    detections: NDArray[np.float32],
    targets: NDArray[np.float32],
    *,
    num_classes: int,
    iou_thresholds: Sequence[float],
) -> NDArray[np.float64]:
    """Returns the average precision per threshold and class; nan without targets.

    Shapes:   -> (threshold, class)
    """
    predicted = [some[some[:, 0] >= 0] for some in detections]
    wanted = [some[some[:, 0] >= 0] for some in targets]
    pairs = zip(predicted, wanted, strict=True)
    hits = np.concatenate([matched_iou(*pair, iou_thresholds) > 0 for pair in pairs])
    flat, truth = np.concatenate(predicted), np.concatenate(wanted)
    order = np.argsort(-flat[:, 5], kind="stable")
    hits, labels = hits[order], flat[order, 0]
    result = np.full((len(iou_thresholds), num_classes), np.nan)
    for label in range(num_classes):
        count = int((truth[:, 0] == label).sum())
        for row in range(len(iou_thresholds)) if count else ():
            correct = hits[labels == label, row].cumsum()
            precision = correct / np.arange(1, len(correct) + 1)
            best = np.maximum.accumulate(precision[::-1])[::-1]
            reached = np.searchsorted(correct / count, _RECALLS, side="left")
            result[row, label] = np.append(best, 0)[reached].mean()
    return result


def count_matches(
    detections: NDArray[np.float32],
    targets: NDArray[np.float32],
    *,
    min_score: float,
    iou_threshold: float,
) -> NDArray[np.float64]:
    """Returns per image the true positives, the false positives, the false negatives,
    and the sum of the IoU of the true positives.

    Shapes:   -> (image, 4)
    """
    rows = []
    for predicted, wanted in zip(detections, targets, strict=True):
        predicted = predicted[(predicted[:, 0] >= 0) & (predicted[:, 5] >= min_score)]
        wanted = wanted[wanted[:, 0] >= 0]
        overlaps = matched_iou(predicted, wanted, (iou_threshold,))
        hits = int((overlaps > 0).sum())
        rows.append((hits, len(predicted) - hits, len(wanted) - hits, overlaps.sum()))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def panoptic_quality(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the quality of each image, whose matches are counted, from 0 to 1.

    Example:  >>> panoptic_quality(np.array([[2, 1, 1, 1.5], [0, 0, 0, 0]]))
              array([0.5, 1. ])
    """
    hits, false, missed, overlap = counts.T
    total = hits + (false + missed) / 2
    return np.where(total > 0, overlap / np.maximum(total, 0.5), 1.0)
