"""Non-maximum suppression (NMS): overlapping detections of one object -> the best.

While detections remain: take the one with the highest score, keep it, and remove it and
all others of its class that overlap it with an IoU of at least the threshold.

Shapes:   candidates (batch, candidate, 9 + class): an anchor box, the predicted box
          (center and sides, as fractions of the image), the logit of an object, the
          logits of the classes -> detections (batch, max_detections, 6)
Choices:  A candidate stands for its most probable class. The score is
          sigmoid(object) · softmax(classes). Candidates with a score below 0.05 are
          left out, as in RetinaNet, and so are those after the first `top_k`. Of equal
          scores the first one is taken. The chosen detection leaves the list together
          with its score, which a common form of the algorithm forgets.
Source:   greedy NMS, as in Girshick et al., R-CNN, 2014.
Example:  >>> boxes = torch.tensor([[0, 0, 4, 4], [0, 0, 4, 3], [2, 2, 4, 4]]) / 4
          >>> scores, labels = torch.tensor([0.8, 0.9, 0.7]), torch.zeros(3)
          >>> nms(boxes, scores, labels, iou_threshold=0.5)
          [1, 2]
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._boxes import with_corners
from kissipo.codec.boxes import PADDING
from kissipo.core.errors import DataError
from kissipo.core.numpy_array import NumpyArray

MIN_SCORE = 0.05
_BLOCK = 128  # detections whose overlaps are computed together


class Suppression(NamedTuple):
    """What NMS did with each detection.

    survivors:  the numbers of the detections that stay, the highest score first
    remover:    (detection) the number of the one that removed it; -1: none did
    overlap:    (detection) the IoU of both; 0 where it stays
    """

    survivors: list[int]
    remover: NDArray[np.int64]
    overlap: NDArray[np.float64]


def suppress(
    boxes: NumpyArray, scores: NumpyArray, labels: NumpyArray, *, iou_threshold: float
) -> Suppression:
    """Suppresses detections, one step for each that is kept.

    The overlaps of the next detections with all that are left are computed together.

    boxes, scores, labels:  (detection, 4), (detection), (detection)
    """
    left = np.argsort(-scores, kind="stable")
    survivors, remover, overlap = list[int](), np.full(len(left), -1), np.zeros(len(left))
    while len(left):
        iou = box_iou(boxes[left[:_BLOCK]], boxes[left])
        removes = (iou >= iou_threshold) & (labels[left[:_BLOCK], None] == labels[left])
        stays = np.ones(len(left), dtype=bool)
        for row, number in enumerate(left[:_BLOCK].tolist()):
            if stays[row]:
                survivors.append(number)
                stays[row] = False
                removed = np.flatnonzero(removes[row] & stays)
                if len(removed):
                    stays[removed] = False
                    remover[left[removed]], overlap[left[removed]] = number, iou[row, removed]
        left = left[stays]
    return Suppression(survivors, remover, overlap)


def box_iou(boxes: NumpyArray, others: NumpyArray) -> NumpyArray:
    """Returns the IoU of each box with each other box: (box, other)."""
    left, top, right, bottom = boxes.T[:, :, None]
    starts, tops, ends, bottoms = others.T[:, None]
    shared = (np.minimum(right, ends) - np.maximum(left, starts)).clip(0)
    shared *= (np.minimum(bottom, bottoms) - np.maximum(top, tops)).clip(0)
    one, other = ((some[:, 2:] - some[:, :2]).clip(0).prod(axis=1) for some in (boxes, others))
    whole = one[:, None] + other - shared
    iou: NumpyArray = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    return iou


def nms(boxes: Tensor, scores: Tensor, labels: Tensor, *, iou_threshold: float) -> list[int]:
    """Returns the positions of the detections that are kept, the highest score first.

    boxes, scores, labels:  (detection, 4), (detection), (detection)
    """
    parts = (part.numpy() for part in (boxes, scores, labels))
    return suppress(*parts, iou_threshold=iou_threshold).survivors


def candidates(outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the boxes, the scores and the labels of all candidates.

    Shapes:   (..., candidate, 9 + class)
              -> (..., candidate, 4) and two (..., candidate)
    """
    boxes = with_corners(outputs[..., 4:8]).clamp(0, 1)
    shares, labels = outputs[..., 9:].softmax(dim=-1).max(dim=-1)
    return boxes, outputs[..., 8].sigmoid() * shares, labels


def likely(scores: NumpyArray, top_k: int) -> NDArray[np.int64]:
    """Returns the numbers of the candidates that NMS compares, the highest score first.

    Example:  >>> likely(np.array([0.3, 0.9, 0.01, 0.9]), 2).tolist()
              [1, 3]
    """
    positions = np.flatnonzero(scores >= MIN_SCORE)
    return positions[np.argsort(-scores[positions], kind="stable")[:top_k]]


def detect(
    outputs: Tensor, *, iou_threshold: float, max_detections: int, top_k: int = 1000
) -> Tensor:
    """Returns the detections of each image, in descending order of their scores.

    A row has the label, the corners and the score; padding has the label -1.

    top_k:  the number of candidates of an image that NMS compares at most
    """
    outputs = outputs.detach().float()
    detections = torch.zeros(len(outputs), max_detections, 6)
    detections[..., 0] = PADDING
    for row, parts in enumerate(zip(*candidates(outputs), strict=True)):
        boxes, scores, labels = parts
        compared = torch.from_numpy(likely(scores.numpy(), top_k))
        boxes, scores, labels = boxes[compared], scores[compared], labels[compared]
        positions = nms(boxes, scores, labels, iou_threshold=iou_threshold)[:max_detections]
        columns = (labels[positions, None].float(), boxes[positions], scores[positions, None])
        detections[row, : len(positions)] = torch.cat(columns, dim=1)
    return detections


def refuse_nan(outputs: Tensor) -> None:
    """Refuses candidates that are not numbers.

    Raises:   DataError, as no score can be compared with them.
    """
    wrong = int(outputs.isnan().any(dim=-1).sum())
    if wrong:
        raise DataError(
            f"the net gives NaN for {wrong:,} of {outputs[..., 0].numel():,} candidates, so "
            "there is no score to compare",
            do="Train again with a smaller process.learning_rate, or check the weights",
        )
