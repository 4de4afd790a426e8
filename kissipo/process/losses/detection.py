"""Detection: the loss of candidate boxes against the padded boxes of each image.

L = sum over candidates of BCE(object)
    + sum over targets of smooth L1(offsets - offsets of the target) + CE(class)

Offsets are those from the anchor box, of the predicted box and of the target.

Each target is assigned to the free anchor box that overlaps it most; the target of
`object` is 1 there, and 0 elsewhere. Other anchor boxes that overlap a target with an
IoU of at least 0.5 have no loss.

Shapes:   outputs (batch, candidate, 9 + class): an anchor box, the predicted box, the
          logit of an object, the logits of the classes; targets (batch, box, 5): label
          and corners, where padding has the label -1
Choices:  The mean over the images of sums, so that an image without boxes needs no
          special rule. Where a target overlaps no anchor box, the nearest one is taken.
          Smooth L1 is quadratic below 1/9, as in Faster R-CNN's code and RetinaNet.
Source:   one anchor box per target and the ignored ones as in Redmon and Farhadi,
          YOLOv3, 2018; offsets and smooth L1 as in Girshick, Fast R-CNN, 2015.
Example:  >>> import torch
          >>> outputs = torch.zeros(1, 1, 11)
          >>> outputs[..., :8] = torch.tensor([0.5, 0.5, 0.4, 0.4] * 2)
          >>> target = torch.tensor([[[1.0, 0.3, 0.3, 0.7, 0.7]]])
          >>> round(loss(outputs, target).item(), 4)  # twice -log(1/2)
          1.3863
"""

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.codec._boxes import box_offsets, pairwise_iou, with_center, with_corners

SUITABLE_ANSWERS = ("boxes",)
_IGNORED, _NEARNESS, _BETA = 0.5, 1e-3, 1 / 9


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the loss; its gradient does not reach the anchor boxes."""
    targets = targets.to(outputs.dtype)
    anchors, present = outputs[..., :4].detach(), targets[..., 0] >= 0
    overlaps = pairwise_iou(with_corners(anchors), targets[..., 1:])
    overlaps = overlaps * present.unsqueeze(-2)
    assigned = _assigned(anchors, targets, overlaps, present)
    is_object = (assigned & present.unsqueeze(-2)).any(dim=-1)
    entropy = functional.binary_cross_entropy_with_logits(
        outputs[..., 8], is_object.to(outputs.dtype), reduction="none"
    )
    total = entropy.where(is_object | (overlaps.amax(-1) < _IGNORED), 0.0).sum()
    own = assigned.to(outputs.dtype).transpose(-1, -2) @ outputs  # (batch, box, 9 + class)
    own_anchors = own[..., :4].detach()
    offsets = box_offsets(own[..., 4:8], own_anchors)
    wanted = box_offsets(with_center(targets[..., 1:]), own_anchors)
    distance = functional.smooth_l1_loss(offsets, wanted, beta=_BETA, reduction="none")
    log_p = own[..., 9:].log_softmax(dim=-1)
    labels = targets[..., 0].clamp(min=0).long()
    surprise = -log_p.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return (total + (distance.sum(-1) + surprise).where(present, 0.0).sum()) / len(outputs)


def responsible(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the candidate that each target is assigned to: (batch, box)."""
    anchors, present = outputs[..., :4].detach(), targets[..., 0] >= 0
    overlaps = pairwise_iou(with_corners(anchors), targets[..., 1:]) * present.unsqueeze(-2)
    return _assigned(anchors, targets, overlaps, present).to(torch.uint8).argmax(dim=-2)


def _assigned(anchors: Tensor, targets: Tensor, overlaps: Tensor, present: Tensor) -> Tensor:
    """Returns which anchor box each target is assigned to.

    Shapes:   -> (batch, candidate, box) bool; True once per box, also of padding
    """
    centers = (targets[..., 1:3] + targets[..., 3:5]) / 2
    distances = (anchors[..., :2].unsqueeze(-2) - centers.unsqueeze(-3)).abs().sum(-1)
    fits = overlaps - _NEARNESS * distances
    taken = torch.zeros_like(fits[..., 0], dtype=torch.bool)
    numbers, columns = torch.arange(fits.shape[-2], device=fits.device), []
    for box in range(fits.shape[-1]):
        fit = fits[..., box].masked_fill(taken, -torch.inf)
        best = numbers == fit.argmax(dim=-1, keepdim=True)
        columns.append(best)
        taken = taken | (best & present[..., box : box + 1])
    return torch.stack(columns, dim=-1)
