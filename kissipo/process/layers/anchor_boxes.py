"""Anchor boxes: the channels of a grid -> candidate boxes.

Every cell of the grid has one anchor box per pair of sides, at its center. The channels
of a cell are, per anchor box: four offsets, the logit of an object, the logits of the
classes. A candidate has its anchor box, the box at these offsets from it, and the
logits.

x = x_anchor + t_x w_anchor        w = w_anchor exp(t_w)        and so for y and h

Shapes:   (batch, anchor · (5 + class), row, column)
          -> (batch, row · column · anchor, 9 + class)
Choices:  Centers and sides are fractions of the width and the height of the image.
Source:   Ren et al., Faster R-CNN, 2015.
Example:  >>> AnchorBoxes(((0.5, 0.25),))(torch.zeros(1, 6, 1, 2))[0, :, :4].tolist()
          [[0.25, 0.5, 0.5, 0.25], [0.75, 0.5, 0.5, 0.25]]
"""

from math import exp

import torch
from torch import Tensor, nn

from kissipo.codec._boxes import MAX_LOG, boxes_at
from kissipo.core.protocols import Combined, Source


class AnchorBoxes(nn.Module):
    """A layer that lists the candidates of a grid, row by row.

    sides:  the width and the height of each anchor box, as fractions of the image
    """

    DESCRIPTION = "candidates: anchor boxes, boxes at the offsets, logits"

    def __init__(self, sides: tuple[tuple[float, float], ...]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        anchors = self.anchors(x)
        values = x.permute(0, 2, 3, 1).reshape(len(x), anchors.shape[1], -1)
        boxes = boxes_at(values[..., :4], anchors)
        return torch.cat([anchors.expand(len(x), -1, -1), boxes, values[..., 4:]], dim=-1)

    def anchors(self, x: Tensor) -> Tensor:
        """Returns the anchor boxes of a grid: center and sides, (1, candidate, 4)."""
        rows, columns = x.shape[2:]
        y = (torch.arange(rows, dtype=x.dtype, device=x.device) + 0.5) / rows
        across = (torch.arange(columns, dtype=x.dtype, device=x.device) + 0.5) / columns
        sides = torch.tensor(self.sides, dtype=x.dtype, device=x.device)
        parts = (across[None, :, None], y[:, None, None], sides[:, 0], sides[:, 1])
        expanded = [part.expand(rows, columns, len(self.sides)) for part in parts]
        return torch.stack(expanded, dim=-1).reshape(1, -1, 4)

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the anchor box, what moves and stretches it, or the logit."""
        row, candidate, feature = index
        if feature < 4:
            value = self.anchors(x)[0, candidate, feature]
            return [Source("anchor boxes", (0, candidate, feature), value)], "sum"
        place = self.place(row, candidate, feature, x)
        if feature >= 8:
            return [Source("input", place, x[place])], "sum"
        return self.explain_box(candidate, feature, x, place)

    def place(self, row: int, candidate: int, feature: int, x: Tensor) -> tuple[int, int, int, int]:
        """Returns which number of the grid a feature of a candidate comes from."""
        cell, anchor = divmod(candidate, len(self.sides))
        channel = anchor * (x.shape[1] // len(self.sides)) + feature - 4
        return row, channel, *divmod(cell, x.shape[3])

    def explain_box(
        self, candidate: int, feature: int, x: Tensor, place: tuple[int, int, int, int]
    ) -> tuple[list[Source], Combined]:
        """Returns the anchor box, and what moves or stretches it."""
        anchor_box = self.anchors(x)[0, candidate]
        own = Source("anchor boxes", (0, candidate, feature - 4), anchor_box[feature - 4])
        if feature < 6:
            return [own, Source("input", place, x[place], float(anchor_box[feature - 2]))], "sum"
        times = exp(max(-MAX_LOG, min(MAX_LOG, float(x[place]))))
        return [own, Source("exp(input)", place, times)], "product"
