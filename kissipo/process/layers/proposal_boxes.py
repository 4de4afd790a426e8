"""Proposal boxes: the offsets and logits of proposals -> candidate boxes.

x = x_proposal + 0.1 o_x w_proposal        w = w_proposal exp(0.2 o_w)       so y and h
object = log sum exp(z_1 ... z_n) - z_0    z_0: the logit of "no object"

So sigmoid(object) · softmax(z_1 ... z_n) is the softmax over all n + 1 logits.

Shapes:   proposals (batch, proposal, 4) center and sides, offsets (batch, proposal, 4),
          logits (batch, proposal, 1 + class) -> (batch, proposal, 9 + class): the
          proposal, the box, the logit of an object, the logits of the classes
Choices:  The factors 0.1 and 0.2 are the usual sizes of the offsets.
Source:   Girshick, Fast R-CNN, 2015; the factors are those of its code.
Example:  >>> import torch
          >>> proposal = torch.tensor([[[0.5, 0.5, 0.2, 0.2]]])
          >>> offsets, logits = torch.zeros(1, 1, 4), torch.zeros(1, 1, 3)
          >>> row = ProposalBoxes()(proposal, offsets, logits)[0, 0]
          >>> round(row[8].sigmoid().item(), 4)  # two classes of three
          0.6667
"""

from math import exp

import torch
from torch import Tensor, nn

from kissipo.codec._boxes import MAX_LOG, OFFSET_SIZES, boxes_at
from kissipo.core.protocols import Combined, Source


class ProposalBoxes(nn.Module):
    """A layer that lists the candidates of the second stage of a detector."""

    DESCRIPTION = "candidates: proposals, boxes at the offsets, logits"

    def forward(self, proposals: Tensor, offsets: Tensor, logits: Tensor) -> Tensor:
        boxes = boxes_at(offsets * offsets.new_tensor(OFFSET_SIZES), proposals)
        classes = logits[..., 1:]
        is_object = classes.logsumexp(dim=-1, keepdim=True) - logits[..., :1]
        return torch.cat([proposals, boxes, is_object, classes], dim=-1)

    def explain(
        self, index: tuple[int, ...], proposals: Tensor, offsets: Tensor, logits: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns a number of the proposal, what moves or stretches it, or logits."""
        row, number, feature = index
        if feature < 4:
            return [Source("proposals", index, proposals[index])], "sum"
        own = (row, number, feature - 4)
        if feature < 6:
            side = float(proposals[row, number, feature - 2])
            return [
                Source("proposals", own, proposals[own]),
                Source("offsets", own, offsets[own], OFFSET_SIZES[feature - 4] * side),
            ], "sum"
        if feature < 8:
            offset = float(offsets[own]) * OFFSET_SIZES[feature - 4]
            times = exp(max(-MAX_LOG, min(MAX_LOG, offset)))
            return [
                Source("proposals", own, proposals[own]),
                Source("exp(offset)", own, times),
            ], "product"
        if feature == 8:
            nothing = (row, number, 0)
            together = logits[row, number, 1:].logsumexp(dim=-1)
            return [
                Source("log sum exp(classes)", (row, number, 1), together),
                Source("no object", nothing, logits[nothing], -1.0),
            ], "sum"
        place = (row, number, feature - 8)
        return [Source("logits", place, logits[place])], "sum"
