"""Boxes in an image as tensors: corners and centers, overlaps, offsets from anchors.

A target has the corners x_min, y_min, x_max, y_max. An anchor box and the box that a
net predicts have a center and sides (x, y, w, h). All of them are fractions of the
width and the height of the image.

offsets = (x_box - x) / w, (y_box - y) / h, log(w_box / w), log(h_box / h)

Shapes:   corners (..., 4), boxes and anchors with center and sides (..., 4), offsets
          (..., 4)
Choices:  The logarithms are clamped to 8, so that no box is infinite or has no side.
Source:   the offsets are those of Girshick et al., R-CNN, 2014.
Example:  >>> anchor = torch.tensor([0.5, 0.5, 0.2, 0.2])
          >>> box = with_center(torch.tensor([0.4, 0.4, 0.8, 0.6]))
          >>> [round(value, 3) for value in box_offsets(box, anchor).tolist()]
          [0.5, 0.0, 0.693, 0.0]
          >>> torch.allclose(boxes_at(box_offsets(box, anchor), anchor), box)
          True
"""

import torch
from torch import Tensor

MAX_LOG = 8.0  # of the side of a box, divided by that of its anchor box
OFFSET_SIZES = (0.1, 0.1, 0.2, 0.2)  # usual offsets of an object from a proposal of it
_TINY = 1e-6


def box_offsets(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Returns the offsets of boxes from anchor boxes, all with center and sides."""
    shifts = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return torch.cat([shifts, (boxes[..., 2:].clamp(min=_TINY) / anchors[..., 2:]).log()], dim=-1)


def boxes_at(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Returns the boxes at these offsets, with center and sides."""
    centers = anchors[..., :2] + offsets[..., :2] * anchors[..., 2:]
    sides = anchors[..., 2:] * offsets[..., 2:].clamp(-MAX_LOG, MAX_LOG).exp()
    return torch.cat([centers, sides], dim=-1)


def with_corners(boxes: Tensor) -> Tensor:
    """Returns the corners of boxes with center and sides."""
    centers, halves = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centers - halves, centers + halves], dim=-1)


def with_center(corners: Tensor) -> Tensor:
    """Returns the center and the sides of boxes with corners."""
    low, high = corners[..., :2], corners[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def generalized_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Returns the generalized IoU of each box with the other box at the same place.

    giou = iou - (area of the smallest box around both, without both) / its area

    Boxes that do not overlap have the IoU 0 however far they are apart; this is -1 for
    the farthest, so its gradient always leads them to each other.

    Shapes:   corners (..., 4), (..., 4) -> (...)
    Source:   Rezatofighi et al., Generalized Intersection over Union, 2019.
    Example:  >>> one = torch.tensor([0.0, 0.0, 0.4, 0.4])
              >>> round(generalized_iou(one, one + 0.2).item(), 4)
              -0.0794
    """
    shared = _area(
        torch.maximum(boxes[..., :2], others[..., :2]),
        torch.minimum(boxes[..., 2:], others[..., 2:]),
    )
    around = _area(
        torch.minimum(boxes[..., :2], others[..., :2]),
        torch.maximum(boxes[..., 2:], others[..., 2:]),
    ).clamp(min=_TINY**2)
    areas = [_area(some[..., :2], some[..., 2:]) for some in (boxes, others)]
    union = (areas[0] + areas[1] - shared).clamp(min=_TINY**2)
    return shared / union - (around - union) / around


def _area(low: Tensor, high: Tensor) -> Tensor:
    sides = (high - low).clamp(min=0)
    return sides[..., 0] * sides[..., 1]  # the gradient of `prod` costs far more


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Returns the intersection over union of each box with each other box.

    Shapes:   (..., box, 4), (..., other, 4) -> (..., box, other)
    Example:  >>> one = torch.tensor([[0.0, 0.0, 0.4, 0.4]])
              >>> round(pairwise_iou(one, one + 0.2).item(), 4)  # 0.04 of 0.28
              0.1429
    """
    one, other = boxes.unsqueeze(-2), others.unsqueeze(-3)
    low = torch.maximum(one[..., :2], other[..., :2])
    high = torch.minimum(one[..., 2:], other[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(some[..., 2:] - some[..., :2]).clamp(min=0).prod(-1) for some in (one, other)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=_TINY**2)
