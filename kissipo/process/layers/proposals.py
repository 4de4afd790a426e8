"""Proposals: the boxes of a region proposal network that are worth a second look.

the candidates with the highest logits of an object -> their boxes, cut at the border
-> non-maximum suppression -> the first `count` that are left

Where fewer are left, the best of those that were suppressed follow, so that every image
has the same number of proposals.

Greedy suppression is found for all images at once: with the boxes in the order of their
logits, a box is kept if no kept box before it overlaps it too much. This is repeated
from "all are kept" until nothing changes. Then the kept ones are those of the loop that
takes one box after another.

Shapes:   (batch, candidate, 9): an anchor box, the predicted box, the logit of an
          object -> (batch, count, 4) center and sides, as fractions of the image
Choices:  No gradient passes: the second stage takes the boxes as they are.
Source:   Ren, He, Girshick and Sun, Faster R-CNN, 2015.
Example:  >>> centers, logits = torch.tensor([[0.3], [0.32], [0.7]]), torch.arange(3.0)
          >>> boxes = torch.cat([centers, torch.full((3, 3), 0.4)], dim=1)
          >>> rows = torch.cat([boxes, boxes, logits[:, None]], dim=1)
          >>> Proposals(3, 2, iou_threshold=0.7)(rows[None])[0, :, 0].tolist()
          [0.699999988079071, 0.3199999928474426]
"""

import torch
from torch import Tensor, nn

from kissipo.codec._boxes import pairwise_iou, with_center, with_corners

_OBJECT, _MIN_SIDE = 8, 1e-3


class Proposals(nn.Module):
    """A layer that chooses boxes.

    considered:     the number of candidates before suppression
    count:          the number of proposals per image
    iou_threshold:  a box that overlaps a better one as much is suppressed
    """

    DESCRIPTION = "the best boxes after non-maximum suppression"

    def __init__(self, considered: int, count: int, *, iou_threshold: float) -> None:
        super().__init__()
        self.considered, self.count, self.iou_threshold = considered, count, iou_threshold

    @torch.no_grad()
    def forward(self, candidates: Tensor) -> Tensor:
        logits = candidates[..., _OBJECT].float()
        logits, order = logits.topk(min(self.considered, logits.shape[1]), dim=1)
        boxes = candidates[..., 4:8].float()
        boxes = boxes.gather(1, order.unsqueeze(-1).expand(-1, -1, 4))
        corners = with_corners(boxes).clamp(0, 1)
        survives = survivors(corners, iou_threshold=self.iou_threshold)
        ranks = torch.arange(survives.shape[1], device=survives.device)
        ranks = ranks + survives.shape[1] * (~survives).long()  # the suppressed ones stand behind
        numbers = ranks.argsort(dim=1)[:, : self.count]
        proposals = with_center(corners.gather(1, numbers.unsqueeze(-1).expand(-1, -1, 4)))
        centers, sides = proposals[..., :2], proposals[..., 2:].clamp(min=_MIN_SIDE)
        return torch.cat([centers, sides], dim=-1).to(candidates.dtype)

    def extra_repr(self) -> str:
        return (
            f"considered={self.considered}, count={self.count}, iou_threshold={self.iou_threshold}"
        )


def survivors(corners: Tensor, *, iou_threshold: float) -> Tensor:
    """Returns which boxes greedy suppression keeps.

    Shapes:   (batch, box, 4) corners, the best box first -> (batch, box) bool
    """
    overlaps = (pairwise_iou(corners, corners) >= iou_threshold).triu(diagonal=1)
    survives = torch.ones_like(overlaps[:, 0])
    while True:
        following = ~(overlaps & survives.unsqueeze(-1)).any(dim=1)
        if survives.is_meta or torch.equal(following, survives):  # a meta tensor has no values
            return survives
        survives = following
