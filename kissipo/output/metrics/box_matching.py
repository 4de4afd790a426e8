"""Box matching: which target each detection of an image takes, by the rules of COCO.

In descending order of scores, each detection takes the free target of its class that it
overlaps most, if the IoU is at least the threshold. A target is taken once.

Some targets are ignored: they are no misses, and a detection that takes one is neither
a true nor a false positive. A detection takes an ignored target only where no other one
fits. A crowd is an ignored target that any number of detections may take; the overlap
with it is the share of the detection that lies inside.

Shapes:   detections (image, detection, 6): label, corners, score; targets (image, box,
          5): label, corners; padding has the label -1
Choices:  Of two targets with the same IoU the last one is taken, and of two detections
          with the same score the first one chooses first, as in pycocotools.
Source:   Lin et al., Microsoft COCO, 2014, and its evaluation code, pycocotools.
Example:  >>> targets = np.array([[[0, 0, 0, 0.5, 0.5], [0, 0.1, 0, 0.6, 0.5]]])
          >>> both = np.array([[[0, 0, 0, 0.5, 0.5, 0.9], [0, 0, 0, 0.5, 0.4, 0.8]]])
          >>> match_boxes(both, targets, iou_thresholds=(0.5,))[0, 0, 0].tolist()
          [0, 1]
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.numpy_array import NumpyArray

_ALMOST_ONE = 1 - 1e-10  # an IoU of 1 is rounded
_MAX_VALUES = 1 << 19  # of an array of one step


def match_boxes(
    detections: NumpyArray,
    targets: NumpyArray,
    *,
    iou_thresholds: Sequence[float],
    ignored: NDArray[np.bool_] | None = None,
    crowd: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Returns the number of the target that each detection takes; -1: none.

    Shapes:   ignored (case, image, box): each case ignores other targets;
              crowd (image, box) -> (threshold, case, image, detection)
    """
    count, length = targets.shape[:2]
    crowd = np.zeros((count, length), dtype=bool) if crowd is None else crowd
    ignored = crowd[None] if ignored is None else ignored | crowd
    lines = len(iou_thresholds) * len(ignored)
    taken = np.full((len(iou_thresholds), len(ignored), *detections.shape[:2]), -1)
    if not detections.shape[1] or not length:
        return taken
    thresholds = np.minimum(np.array(iou_thresholds), _ALMOST_ONE)[:, None, None, None]
    for part in image_parts(count, lines * max(length, detections.shape[1])):
        overlaps = box_overlaps(detections[part], targets[part], crowd[part])
        taken[:, :, part] = _matched(
            overlaps, detections[part, :, 5], thresholds, ignored[:, part], crowd[part]
        )
    return taken


def image_parts(count: int, values: int) -> Iterator[slice]:
    """Yields parts of the images, so that no array of a part becomes large.

    values:  of one image
    """
    step = max(1, _MAX_VALUES // max(1, values))
    for start in range(0, count, step):
        yield slice(start, start + step)


def _matched(
    overlaps: NDArray[np.float64],
    scores: NumpyArray,
    thresholds: NDArray[np.float64],
    ignored: NDArray[np.bool_],
    crowd: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Returns the matches of some images, all of which take one step at a time.

    Detections that overlap no target enough are left out of the steps.
    """
    images = np.arange(len(overlaps))
    relevant = (overlaps >= thresholds.min()).any(axis=-1)
    order = np.lexsort((-scores, ~relevant), axis=-1)
    shape = (len(thresholds), len(ignored), *overlaps.shape[:2])
    taken = np.full(shape, -1)
    free = np.ones((*shape[:3], overlaps.shape[2]), dtype=bool)
    for rank in range(int(relevant.sum(axis=1).max())):
        numbers = order[:, rank]
        overlap = overlaps[images, numbers]
        usable = free & (overlap >= thresholds)
        regular = usable & ~ignored
        usable = np.where(regular.any(axis=-1, keepdims=True), regular, usable)
        rated = np.where(usable, overlap, -1.0)
        best = rated.shape[-1] - 1 - rated[..., ::-1].argmax(axis=-1)
        place = best[..., None]
        hit = np.take_along_axis(usable, place, axis=-1)[..., 0]
        taken[..., images, numbers] = np.where(hit, best, -1)
        stays = ~hit | crowd[images, best]
        still = np.take_along_axis(free, place, axis=-1)[..., 0] & stays
        np.put_along_axis(free, place, still[..., None], axis=-1)
    return taken


def box_overlaps(
    detections: NumpyArray, targets: NumpyArray, crowd: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Returns the IoU of each detection with each target; -1: of another class.

    Shapes:   -> (image, detection, box)
    """
    boxes, others = (some[..., 1:5].astype(np.float64) for some in (detections, targets))
    one, other = boxes[:, :, None], others[:, None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = np.where((sides > 0).all(axis=-1), sides.prod(axis=-1), 0.0)
    own, their = (np.clip(some[..., 2:] - some[..., :2], 0, None) for some in (boxes, others))
    own, their = own.prod(axis=-1)[:, :, None], their.prod(axis=-1)[:, None]
    whole = own + their - shared
    if crowd is not None:
        whole = np.where(crowd[:, None], own, whole)
    overlaps = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    same = detections[:, :, None, 0] == targets[:, None, :, 0]
    return np.where(same & (targets[:, None, :, 0] >= 0), overlaps, -1.0)
