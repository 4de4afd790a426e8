"""YOLO boxes: the channels of a grid -> boxes whose center stays in their cell.

b_x = sigmoid(t_x) + c_x        b_w = p_w exp(t_w)
b_y = sigmoid(t_y) + c_y        b_h = p_h exp(t_h)

(c_x, c_y) is the upper left corner of the cell, in cells, and (p_w, p_h) are the sides
of the anchor box. The channels of a cell are, per anchor box: t_x, t_y, t_w, t_h, the
logit of an object, the logits of the classes. A candidate has its anchor box, at the
center of the cell, then the box and the logits.

Shapes:   (batch, anchor · (5 + class), row, column)
          -> (batch, row · column · anchor, 9 + class)
Choices:  Boxes and anchor boxes are written as fractions of the image: b_x is divided
          by the number of columns. exp(t) is at most e^8, and at least e^-8.
Source:   Redmon and Farhadi, YOLO9000, 2016, figure 3; YOLOv3, 2018, figure 2.
Example:  >>> t = torch.zeros(1, 6, 1, 2)
          >>> YoloBoxes(((0.25, 0.5),))(t)[0, :, 4:8].tolist()
          [[0.25, 0.5, 0.25, 0.5], [0.75, 0.5, 0.25, 0.5]]
"""

from math import exp

import torch
from torch import Tensor

from kissipo.codec._boxes import MAX_LOG
from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.anchor_boxes import AnchorBoxes

_CENTER, _SIDES = 4, 6  # the first feature of these parts of a candidate


class YoloBoxes(AnchorBoxes):
    """A layer that lists the candidates of a grid, row by row.

    sides:  the width and the height of each anchor box, as fractions of the image
    """

    DESCRIPTION = "candidates: anchor boxes, b = sigmoid(t) + c and p exp(t), logits"

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is torch.bfloat16:  # which has no fractions of a pixel
            x = x.float()
        rows, columns = x.shape[2:]
        anchors = self.anchors(x)
        t = x.permute(0, 2, 3, 1).reshape(len(x), anchors.shape[1], -1)
        cells = anchors.new_tensor([columns, rows])
        corners = anchors[..., :2] - 0.5 / cells  # c_x and c_y, as fractions of the image
        centers = corners + t[..., :2].sigmoid() / cells
        sides = anchors[..., 2:] * t[..., 2:4].clamp(-MAX_LOG, MAX_LOG).exp()
        return torch.cat([anchors.expand(len(x), -1, -1), centers, sides, t[..., 4:]], dim=-1)

    def explain_box(
        self, candidate: int, feature: int, x: Tensor, place: tuple[int, int, int, int]
    ) -> tuple[list[Source], Combined]:
        """Returns the parts of b, with the number t that sigmoid or exp takes."""
        *_, y, across = place
        t = float(x[place])
        axis = "xywh"[feature - _CENTER]
        if feature < _SIDES:
            corner, cells = (across, x.shape[3]) if axis == "x" else (y, x.shape[2])
            inside = Source(f"sigmoid(t_{axis} = {t:.4g})", place, x[place].sigmoid(), 1 / cells)
            return [inside, Source(f"c_{axis}", (y, across), corner, 1 / cells)], "sum"
        anchor = candidate % len(self.sides)
        side = self.sides[anchor][feature - _SIDES]
        times = exp(max(-MAX_LOG, min(MAX_LOG, t)))
        return [
            Source(f"p_{axis}", (anchor,), side),
            Source(f"exp(t_{axis} = {t:.4g})", place, times),
        ], "product"
