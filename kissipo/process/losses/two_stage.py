"""The losses of a two-stage detector: object or not, the box, and the class.

of one stage, over the candidates that are drawn:
objectness   the mean of BCE(object)
box          the sum of smooth L1(offsets - offsets of the target) over the positive
             ones, divided by the number of all that are drawn
class        the sum of CE(class) over the positive ones, divided by the same number

               positive, by IoU of the anchor box      negative      drawn
first stage    at least 0.7, or the best of a target   below 0.3     256, half positive
second stage   at least 0.5                            below 0.5     all

In the second stage the anchor box is the proposal. There -log of a softmax over "no
object" and the classes is BCE(object) + CE(class), as the net derives both logits from
it. So its class loss is that of the paper. The offsets of the second stage are divided
by 0.1, 0.1, 0.2 and 0.2, their usual sizes.

`loss` is that of the second stage: the class loss plus the box loss. It is the loss on
the validation split.

Shapes:   outputs (batch, candidate, 9 + class): an anchor box, the predicted box, the
          logit of an object, the logits of the classes; targets (batch, box, 5): label
          and corners, where padding has the label -1
Choices:  The means are taken over the images of a batch, each with its own candidates.
          Smooth L1 is quadratic below 1/9.
Source:   Ren, He, Girshick and Sun, Faster R-CNN, 2015; the second stage as in
          Girshick, Fast R-CNN, 2015.
Example:  >>> outputs = torch.zeros(1, 1, 11)
          >>> outputs[..., :8] = torch.tensor([0.5, 0.5, 0.4, 0.4] * 2)
          >>> target = torch.tensor([[[1.0, 0.3, 0.3, 0.7, 0.7]]])
          >>> round(loss(outputs, target).item(), 4)  # twice -log(1/2)
          1.3863
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.codec._boxes import (
    OFFSET_SIZES,
    box_offsets,
    pairwise_iou,
    with_center,
    with_corners,
)

SUITABLE_ANSWERS = ("boxes",)
_BETA = 1 / 9


@dataclass(frozen=True)
class Stage:
    """Which candidates of a stage are positive, negative and drawn.

    positive:  the minimum IoU with a target
    negative:  the IoU with every target below which a candidate is negative
    best:      whether the best candidate of each target is positive, too
    drawn:     the number of candidates that are drawn; None: all
    scale:     what the offsets are divided by
    """

    positive: float
    negative: float
    best: bool = False
    drawn: int | None = None
    scale: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


FIRST = Stage(positive=0.7, negative=0.3, best=True, drawn=256)
SECOND = Stage(positive=0.5, negative=0.5, scale=OFFSET_SIZES)


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the loss of the second stage."""
    objectness, box, of_class = stage_losses(outputs, targets, SECOND)
    return objectness + box + of_class


def stage_losses(outputs: Tensor, targets: Tensor, stage: Stage) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the losses of the logit of an object, the box and the class.

    Candidates without classes have a class loss of zero.
    """
    targets = targets.to(outputs.dtype)
    anchors, present = outputs[..., :4].detach(), targets[..., 0] >= 0
    overlaps = pairwise_iou(with_corners(anchors), targets[..., 1:])
    overlaps = overlaps.masked_fill(~present.unsqueeze(-2), -1.0)
    best, own = overlaps.max(dim=-1)
    positive = best >= stage.positive
    if stage.best:
        of_target = overlaps.amax(dim=-2, keepdim=True)
        positive = positive | ((overlaps == of_target) & (of_target > 0)).any(dim=-1)
    negative = (best < stage.negative) & ~positive
    if stage.drawn is not None:
        positive = _drawn(positive, torch.full_like(best[..., :1], stage.drawn // 2))
        left = stage.drawn - positive.sum(dim=-1, keepdim=True)
        negative = _drawn(negative, left)
    count = (positive | negative).sum(dim=-1).clamp(min=1).to(outputs.dtype)  # (batch)
    entropy = functional.binary_cross_entropy_with_logits(
        outputs[..., 8], positive.to(outputs.dtype), reduction="none"
    )
    objectness = entropy.where(positive | negative, 0.0).sum(dim=-1)
    target = targets.gather(-2, own.unsqueeze(-1).expand(*own.shape, 5))
    scale = outputs.new_tensor(stage.scale)
    offsets = box_offsets(outputs[..., 4:8], anchors) / scale
    wanted = box_offsets(with_center(target[..., 1:]), anchors) / scale
    distance = functional.smooth_l1_loss(offsets, wanted, beta=_BETA, reduction="none")
    box = distance.sum(dim=-1).where(positive, 0.0).sum(dim=-1)
    of_class = torch.zeros_like(box)
    if outputs.shape[-1] > 9:
        log_p = outputs[..., 9:].log_softmax(dim=-1)
        labels = target[..., :1].clamp(min=0).long()
        surprise = -log_p.gather(-1, labels).squeeze(-1)
        of_class = surprise.where(positive, 0.0).sum(dim=-1)
    objectness, box, of_class = ((part / count).mean() for part in (objectness, box, of_class))
    return objectness, box, of_class


def _drawn(mask: Tensor, count: Tensor) -> Tensor:
    """Returns at most so many of the true values of each row, drawn at random.

    Shapes:   mask (row, candidate) bool, count (row, 1) -> (row, candidate) bool
    """
    order = torch.rand(mask.shape, device=mask.device).masked_fill(~mask, 2.0)
    return mask & (order.argsort(dim=-1).argsort(dim=-1) < count)
