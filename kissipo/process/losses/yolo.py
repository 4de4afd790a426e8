"""YOLO's loss: box and label of the responsible candidates, and what is an object.

L = sum over targets of coordinates + CE(class)
    + sum over candidates of BCE(object)

giou:     2 (1 - generalized IoU of box and target)
squared:  5 ((b_x - x)² / p_w² + (b_y - y)² / p_h²
             + (sqrt(b_w) - sqrt(w))² / p_w + (sqrt(b_h) - sqrt(h))² / p_h)

Responsible for a target is the anchor box whose sides fit it best, by the IoU with one
center, in the cell with the center of the target. `object` is 1 there and 0 elsewhere;
other candidates whose box overlaps a target by more than `ignore_iou` have no loss.

Shapes:   outputs (batch, candidate, 9 + class): an anchor box, the predicted box, the
          logit of an object, the logits of the classes; targets (batch, box, 5): label
          and corners, where padding has the label -1
Choices:  The mean over the images of sums. Squared errors are measured in sides p of
          the anchor box, so that small objects count as much as large ones; the factor
          5 and the square roots are those of the lecture and of YOLOv1. Two targets
          with one responsible candidate both pull at it. Many targets are taken in
          parts, so that 20,000 in an image fit into memory.
Source:   Redmon et al., YOLO, 2016, equation 3; Redmon and Farhadi, YOLOv3, 2018;
          Rezatofighi et al., Generalized Intersection over Union, 2019.
Example:  >>> import torch
          >>> outputs = torch.zeros(1, 1, 11)
          >>> outputs[..., :8] = torch.tensor([0.5, 0.5, 0.4, 0.4] * 2)
          >>> target = torch.tensor([[[1.0, 0.3, 0.3, 0.7, 0.7]]])
          >>> round(loss(outputs, target).item(), 4)  # twice -log(1/2)
          1.3863
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.codec._boxes import generalized_iou, with_center, with_corners

SUITABLE_ANSWERS = ("boxes",)
_GIOU, _SQUARED = 2.0, 5.0  # the weights of the box
_PAIRS = 2**22  # of candidates and targets that are compared at once
_MIN_AREA = 1e-12


def loss(
    outputs: Tensor,
    targets: Tensor,
    *,
    probabilities: bool = False,
    coordinates: Literal["giou", "squared"] = "giou",
    ignore_iou: float = 0.5,
) -> Tensor:
    """Returns the loss; its gradient does not reach the anchor boxes."""
    targets = targets.to(outputs.dtype)
    present, corners = targets[..., 0] >= 0, targets[..., 1:]
    with torch.no_grad():
        responsible, overlaps = _compared(outputs[..., :8], corners, present)
    index = responsible.unsqueeze(-1).expand(*responsible.shape, outputs.shape[-1])
    own = outputs.gather(-2, index)  # (batch, box, 9 + class)
    if coordinates == "giou":
        distance = _GIOU * (1 - generalized_iou(with_corners(own[..., 4:8]), corners))
    else:
        distance = _SQUARED * _squared(own[..., :4].detach(), own[..., 4:8], with_center(corners))
    log_p = own[..., 9:].log_softmax(dim=-1)
    labels = targets[..., 0].clamp(min=0).long()
    surprise = -log_p.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    logits = outputs[..., 8]
    counts = torch.zeros_like(logits).scatter_add(-1, responsible, present.to(logits.dtype))
    is_object = counts > 0
    entropy = functional.binary_cross_entropy_with_logits(
        logits, is_object.to(logits.dtype), reduction="none"
    )
    total = entropy.where(is_object | (overlaps <= ignore_iou), 0.0).sum()
    return (total + (distance + surprise).where(present, 0.0).sum()) / len(outputs)


def responsible(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the number of the responsible candidate of each target: (batch, box)."""
    with torch.no_grad():
        return _compared(outputs[..., :8], targets[..., 1:], targets[..., 0] >= 0)[0]


def _squared(anchors: Tensor, boxes: Tensor, targets: Tensor) -> Tensor:
    """Returns the squared errors of centers and of square roots of sides."""
    sides = anchors[..., 2:]
    centers = ((boxes[..., :2] - targets[..., :2]) / sides).square()
    roots = [some[..., 2:].clamp(min=_MIN_AREA).sqrt() for some in (boxes, targets)]
    return (centers + (roots[0] - roots[1]).square() / sides).sum(dim=-1)


def _compared(candidates: Tensor, corners: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the responsible candidate of each target, and the largest IoU of the box
    of each candidate with any target.

    The candidates stand along the last axis, where torch goes through them fastest.

    Shapes:   candidates (batch, candidate, 8), corners (batch, box, 4)
              -> (batch, box), (batch, candidate)
    """
    columns = candidates.transpose(-1, -2).contiguous().unsqueeze(-2).unbind(-3)
    overlaps = torch.zeros_like(candidates[..., 0])
    if not corners.shape[-2]:
        return torch.zeros_like(corners[..., 0], dtype=torch.long), overlaps
    numbers, size = [], max(1, _PAIRS // max(1, candidates[..., 0].numel()))
    for some, are_present in zip(corners.split(size, -2), present.split(size, -1), strict=True):
        numbers.append(_responsible(columns[:4], with_center(some)))
        overlap = _overlaps(columns[4:], some).where(are_present.unsqueeze(-1), 0.0)
        overlaps = torch.maximum(overlaps, overlap.amax(dim=-2))
    return torch.cat(numbers, dim=-1), overlaps


def _responsible(anchors: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Returns the number of the candidate that is responsible for each target.

    Of the candidates with the sides that fit best, it is the nearest, so the one in
    whose cell the center of the target is.

    anchors:  the centers and the sides, each (batch, 1, candidate)
    """
    (x, y, w, h), (to_x, to_y, to_w, to_h) = anchors, targets.unsqueeze(-1).unbind(-2)
    shared = torch.minimum(w, to_w) * torch.minimum(h, to_h)
    fit = shared / (w * h + to_w * to_h - shared).clamp(min=_MIN_AREA)
    distance = (x - to_x).square() + (y - to_y).square()
    is_best = fit == fit.amax(dim=-1, keepdim=True)
    return distance.where(is_best, torch.inf).argmin(dim=-1)


def _overlaps(boxes: Sequence[Tensor], corners: Tensor) -> Tensor:
    """Returns the IoU of every box with every target, (batch, target, candidate).

    boxes:    the centers and the sides, each (batch, 1, candidate)
    """
    (x, y, w, h), (left, top, right, bottom) = boxes, corners.unsqueeze(-1).unbind(-2)
    across = torch.minimum(x + w / 2, right) - torch.maximum(x - w / 2, left)
    down = torch.minimum(y + h / 2, bottom) - torch.maximum(y - h / 2, top)
    shared = across.clamp(min=0) * down.clamp(min=0)
    return shared / (w * h + (right - left) * (bottom - top) - shared).clamp(min=_MIN_AREA)
