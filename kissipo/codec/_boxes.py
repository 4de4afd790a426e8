"""Boxes in an image as tensors: their overlap, and their offsets from anchor boxes.

A box has the corners x_min, y_min, x_max, y_max. An anchor box has a center and sides
(x, y, w, h). All of them are fractions of the width and the height of the image.

offsets = (x_center - x) / w, (y_center - y) / h, log(width / w), log(height / h)

Shapes:   boxes (..., 4), anchors (..., 4), offsets (..., 4)
Source:   the offsets are those of Girshick et al., R-CNN, 2014.
Example:  >>> anchor = torch.tensor([0.5, 0.5, 0.2, 0.2])
          >>> box = torch.tensor([0.4, 0.4, 0.8, 0.6])
          >>> [round(value, 3) for value in box_offsets(box, anchor).tolist()]
          [0.5, 0.0, 0.693, 0.0]
          >>> torch.allclose(boxes_at(box_offsets(box, anchor), anchor), box)
          True
"""

import torch
from torch import Tensor

_TINY, _MAX_LOG = 1e-6, 8.0


def box_offsets(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Returns the offsets of boxes from their anchor boxes."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=_TINY)
    centers = (boxes[..., :2] + boxes[..., 2:]) / 2
    shifts = (centers - anchors[..., :2]) / anchors[..., 2:]
    return torch.cat([shifts, (sides / anchors[..., 2:]).log()], dim=-1)


def boxes_at(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Returns the boxes at these offsets; the inverse of `box_offsets`."""
    centers = anchors[..., :2] + offsets[..., :2] * anchors[..., 2:]
    sides = anchors[..., 2:] * offsets[..., 2:].clamp(max=_MAX_LOG).exp()
    return torch.cat([centers - sides / 2, centers + sides / 2], dim=-1)


def anchor_corners(anchors: Tensor) -> Tensor:
    """Returns anchor boxes as corners."""
    centers, halves = anchors[..., :2], anchors[..., 2:] / 2
    return torch.cat([centers - halves, centers + halves], dim=-1)


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
