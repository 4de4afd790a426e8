"""Connected components: the box around each group of pixels unlike the median.

A pixel differs when its brightness is further from the median of its image than a
threshold. Groups are connected at edges; those of less than 0.5% of the pixels are left
out. Of 20 thresholds, the one with the largest F1 score on the training images at an
IoU of 0.5 is used. All boxes have the most frequent class; the score of a box is the
share of its pixels that differ.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.metrics.detection import matched_iou

NAME = "connected components"
_THRESHOLDS, _MIN_SHARE, _MAX_IMAGES, _IOU = 20, 0.005, 200, 0.5


def predict(data: BaselineData) -> Scores | None:
    """Returns the detections; None where no training image has a box."""
    truth = data.train.truth
    labels = truth[..., 0][truth[..., 0] >= 0].astype(int)
    if not len(labels):
        return None
    frequent = int(np.bincount(labels).argmax())
    train, test = (_contrast(some.inputs[0].numpy()) for some in (data.train, data.test))
    train, truth = train[:_MAX_IMAGES], truth[:_MAX_IMAGES]
    thresholds = np.quantile(train, np.linspace(0.5, 0.99, _THRESHOLDS))
    best = max(thresholds, key=lambda threshold: _f1(train, truth, threshold))
    detections = [_boxes(image, best, frequent) for image in test]
    result = np.zeros((len(detections), max(map(len, detections), default=0), 6), dtype=np.float32)
    result[..., 0] = -1
    for row, boxes in enumerate(detections):
        result[row, : len(boxes)] = boxes
    return result


def _contrast(images: NDArray[np.float32]) -> NDArray[np.float32]:
    gray = images.mean(axis=1)
    return np.abs(gray - np.median(gray, axis=(1, 2), keepdims=True))


def _boxes(contrast: NDArray[np.float32], threshold: float, label: int) -> NDArray[np.float32]:
    """Returns the detections of one image, in descending order of their scores."""
    marked = contrast > threshold
    height, width = marked.shape
    components, count = ndimage.label(marked)
    areas = np.bincount(components.reshape(-1), minlength=count + 1)[1:]
    rows = []
    for area, (y, x) in zip(areas, ndimage.find_objects(components), strict=True):
        if area >= _MIN_SHARE * marked.size:
            corners = (x.start / width, y.start / height, x.stop / width, y.stop / height)
            whole = (x.stop - x.start) * (y.stop - y.start)
            rows.append((label, *corners, area / whole))
    rows.sort(key=lambda row: -row[-1])
    return np.array(rows, dtype=np.float32).reshape(-1, 6)


def _f1(images: NDArray[np.float32], truth: Scores, threshold: float) -> float:
    """Returns the F1 score of the boxes, without regard to their classes."""
    hits = total = 0
    for image, padded in zip(images, truth, strict=True):
        detections = _boxes(image, threshold, 0)
        targets = padded[padded[:, 0] >= 0] * np.array([0, 1, 1, 1, 1])
        hits += int((matched_iou(detections, targets, (_IOU,)) > 0).sum())
        total += len(detections) + len(targets)
    return 2 * hits / total if total else 0.0
