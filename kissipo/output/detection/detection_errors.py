"""Why a true box is missed, and why a detection is a false alarm: one cause for each.

A true box is missed when no detection with a score of at least the decision threshold
takes it at an IoU of 0.5. The first cause that applies is given:

suppressed      a candidate of its class reaches it with a sufficient score, but NMS
                removed it for a neighbor with a higher score
cut off         such a candidate came after the largest number that is kept
wrong class     a detection of another class reaches it
no anchor       no anchor box overlaps it with an IoU of at least 0.3
low score       a candidate of its class reaches it, with a lower score
taken           the only candidate that reaches it took another true box
poorly placed   no candidate of its class reaches it

A detection is a false alarm when it takes no true box:

doubled         it reaches a true box of its class that another detection took
wrong class     it reaches a true box of another class
poorly placed   it overlaps a true box of its class with an IoU of 0.1 to 0.5
background      none of these

To reach a box is to overlap it with an IoU of at least 0.5.

Shapes:   outputs (image, candidate, 9 + class); targets (image, box, 5); detections
          (image, detection, 6) -> causes (image, box, 3): the number of the cause, its
          measure, and the detection or class that it names; -1 where there is none
Source:   the limits of false alarms are those of Bolya et al., TIDE, 2020.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._boxes import with_corners
from kissipo.core.numpy_array import NumpyArray
from kissipo.output.decode.nms import box_iou, candidates, likely, suppress
from kissipo.output.metrics.box_matching import box_overlaps, image_parts, match_boxes

REACHES, NEAR, ANCHOR_FITS = 0.5, 0.1, 0.3
MISSES = (
    *("suppressed", "cut off", "wrong class", "no anchor", "low score", "taken"),
    "poorly placed",
)
FALSE_ALARMS = ("doubled", "wrong class", "poorly placed", "background")
_NONE = (-1.0, 0.0, -1.0)
Cause = tuple[float, float, float]


class Limits(NamedTuple):
    """The options of decoding on which the causes depend."""

    threshold: float
    iou_threshold: float
    max_detections: int
    top_k: int


class FollowedImage(NamedTuple):
    """The candidates of an image, and what became of each.

    place:    its number among the detections; -1: it is none
    remover:  the number of the detection that removed it; -1: none did
    overlap:  the IoU of both
    """

    anchors: NumpyArray
    boxes: NumpyArray
    scores: NumpyArray
    labels: NumpyArray
    place: NDArray[np.int64]
    remover: NDArray[np.int64]
    overlap: NDArray[np.float64]


def missed_causes(
    outputs: Tensor, targets: NumpyArray, detections: NumpyArray, limits: Limits
) -> NumpyArray:
    """Returns the cause of every true box that is missed: (image, box, 3)."""
    low = detections[..., 5] < limits.threshold
    decided = np.where(low[..., None], np.float32(-1), detections)
    matches = match_boxes(decided, targets, iou_thresholds=(REACHES,))[0, 0]
    causes = np.full((*targets.shape[:2], 3), _NONE, dtype=np.float32)
    for number, (some, wanted, taken) in enumerate(zip(outputs, targets, matches, strict=True)):
        missed = np.setdiff1d(np.flatnonzero(wanted[:, 0] >= 0), taken)
        if not len(missed):
            continue
        image = followed(some, limits)
        others = box_iou(decided[number, :, 1:5], wanted[missed, 1:])
        iou, anchor_iou = (
            box_iou(part, wanted[missed, 1:]) for part in (image.boxes, image.anchors)
        )
        for column, box in enumerate(missed.tolist()):
            own = np.where(image.labels == wanted[box, 0], iou[:, column], 0.0)
            other = np.where(
                (decided[number, :, 0] >= 0) & (decided[number, :, 0] != wanted[box, 0]),
                decided[number, :, 5] * (others[:, column] >= REACHES),
                0.0,
            )
            causes[number, box] = _missed(
                image, own, float(anchor_iou[:, column].max(initial=0.0)), other, limits.threshold
            )
    return causes


def followed(outputs: Tensor, limits: Limits) -> FollowedImage:
    """Returns the candidates of one image, with what NMS did with each."""
    outputs = outputs.detach().float()
    boxes, scores, labels = (part.numpy() for part in candidates(outputs))
    compared = likely(scores, limits.top_k)
    survivors, removers, overlaps = suppress(
        boxes[compared], scores[compared], labels[compared], iou_threshold=limits.iou_threshold
    )
    places = np.full(len(compared) + 1, -1)
    places[survivors[: limits.max_detections]] = np.arange(len(survivors))[: limits.max_detections]
    place, remover = np.full(len(scores), -1), np.full(len(scores), -1)
    overlap = np.zeros(len(scores))
    place[compared], remover[compared] = places[:-1], places[removers]
    overlap[compared] = overlaps
    anchors = with_corners(outputs[:, :4]).numpy()
    return FollowedImage(anchors, boxes, scores, labels, place, remover, overlap)


def _missed(
    image: FollowedImage, own: NumpyArray, anchor_iou: float, other: NumpyArray, threshold: float
) -> Cause:
    """Returns the cause of one missed box.

    own:    (candidate) its IoU with the box; 0 for another class
    other:  (detection) the score of those of another class that reach the box, else 0
    """
    is_decided = (image.place >= 0) & (image.scores >= threshold)
    reaching = np.where((own >= REACHES) & ~is_decided, image.scores, -1.0)
    best = int(reaching.argmax()) if len(reaching) else -1
    score = float(reaching[best]) if best >= 0 else -1.0
    if score >= threshold:
        if image.remover[best] >= 0:
            return _cause("suppressed", float(image.overlap[best]), int(image.remover[best]))
        return _cause("cut off", score)
    if other.max(initial=0.0) > 0:
        return _cause("wrong class", float(other.max()), int(other.argmax()))
    if anchor_iou < ANCHOR_FITS:
        return _cause("no anchor", anchor_iou)
    if score >= 0:
        return _cause("low score", score)
    nearest = float(own.max(initial=0.0))
    return _cause("taken" if nearest >= REACHES else "poorly placed", nearest)


def _cause(name: str, measure: float, which: int = -1) -> Cause:
    return float(MISSES.index(name)), measure, float(which)


def false_alarm_causes(
    detections: NumpyArray, targets: NumpyArray, *, threshold: float
) -> NumpyArray:
    """Returns the cause of every false alarm: (image, detection, 3), the number of the
    cause, the IoU with a true box, and the number of that box."""
    decided = np.where(detections[..., 5:] < threshold, np.float32(-1), detections)
    causes = np.full((*detections.shape[:2], 3), _NONE, dtype=np.float32)
    if not targets.shape[1]:
        causes[decided[..., 0] >= 0] = (FALSE_ALARMS.index("background"), 0, -1)
        return causes
    for part in image_parts(len(targets), detections.shape[1] * targets.shape[1]):
        causes[part] = _false_alarms(decided[part], targets[part])
    return causes


def _false_alarms(decided: NumpyArray, targets: NumpyArray) -> NumpyArray:
    """Returns the cause of every false alarm of some images."""
    causes = np.full((*decided.shape[:2], 3), _NONE, dtype=np.float32)
    matches = match_boxes(decided, targets, iou_thresholds=(REACHES,))[0, 0]
    same, any_class = box_overlaps(decided, targets), _overlaps_of_all(decided, targets)
    own, other = same.max(axis=-1), np.where(same < 0, any_class, -1.0)
    wrong = other.max(axis=-1)
    number = np.select(
        [own >= REACHES, wrong >= REACHES, own >= NEAR], [0, 1, 2], FALSE_ALARMS.index("background")
    )
    is_wrong = number == FALSE_ALARMS.index("wrong class")
    measure = np.where(is_wrong, wrong, np.maximum(own, 0))
    which = np.where(is_wrong, other.argmax(axis=-1), same.argmax(axis=-1))
    which = np.where(number == FALSE_ALARMS.index("background"), -1, which)
    false = (decided[..., 0] >= 0) & (matches < 0)
    causes[false] = np.stack([number, measure, which], axis=-1)[false]
    return causes


def _overlaps_of_all(detections: NumpyArray, targets: NumpyArray) -> NDArray[np.float64]:
    """Returns the IoU of each detection with each true box; -1: padding."""
    one, other = (np.where(some[..., :1] < 0, -1.0, some) for some in (detections, targets))
    one, other = one.copy(), other.copy()
    one[..., 0], other[..., 0] = np.minimum(one[..., 0], 0), np.minimum(other[..., 0], 0)
    return box_overlaps(one, other)


def count_causes(
    causes: NumpyArray, labels: NumpyArray, names: Sequence[str], *, num_classes: int
) -> dict[str, list[int]]:
    """Returns how often each cause applies, per class.

    Shapes:   causes (image, box, 3), labels (image, box)
    """
    return {
        name: [
            int(((causes[..., 0] == number) & (labels == label)).sum())
            for label in range(num_classes)
        ]
        for number, name in enumerate(names)
    }
