"""RoI align: the part of a map of features below each box, as maps of one size.

A box is divided into side x side bins. Each bin is the mean of 2 x 2 points, in the
middle of its quarters. The value at a point is interpolated between the four nearest
cells, whose values belong to their centers.

point p of n cells          u = p · n - 1/2, clamped to 0 ... n - 1
value                       (1 - f) x[floor u] + f x[floor u + 1],    f = u - floor u
                            in both directions

Nothing is rounded to whole cells, as RoI pooling does, so a small shift of a box
changes its features a little.

Shapes:   map (batch, channel, height, width), boxes (batch, box, 4) center and sides,
          as fractions of the image -> (batch, box, channel, side, side)
Choices:  Beyond the border the value is that of the border. The gradient does not reach
          the boxes.
Source:   He, Gkioxari, Dollár and Girshick, Mask R-CNN, 2017.
Example:  >>> import torch
          >>> ramp = torch.arange(8.0).reshape(1, 1, 1, 8)  # 8 p - 1/2
          >>> middle = torch.tensor([[[0.5, 0.5, 0.5, 1.0]]])
          >>> RoIAlign(2)(ramp, middle)[0, 0, 0, 0].tolist()
          [2.5, 4.5]
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.protocols import Combined, Source

_POINTS = 2  # per bin and direction


class RoIAlign(nn.Module):
    """A layer that cuts maps of one size out of a map, by interpolation."""

    DESCRIPTION = "features below each box, interpolated at 2x2 points per bin"

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        batch, count = boxes.shape[:2]
        steps = self.side * _POINTS
        offsets = (torch.arange(steps, dtype=x.dtype, device=x.device) + 0.5) / steps - 0.5
        boxes = boxes.detach().to(x.dtype)
        across, down = (
            boxes[..., axis, None] + boxes[..., axis + 2, None] * offsets for axis in (0, 1)
        )
        grid = torch.stack(
            [
                across[:, :, None].expand(-1, -1, steps, -1),
                down[..., None].expand(-1, -1, -1, steps),
            ],
            dim=-1,
        )  # (batch, box, step, step, 2), fractions of the image
        points = functional.grid_sample(
            x,
            (2 * grid - 1).reshape(batch, count * steps, steps, 2),
            padding_mode="border",
            align_corners=False,
        )
        bins = functional.avg_pool2d(points, _POINTS)  # (batch, channel, box · side, side)
        return bins.unflatten(2, (count, self.side)).transpose(1, 2)

    def explain(
        self, index: tuple[int, ...], x: Tensor, boxes: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the cells around the points of a bin, with their weights."""
        row, box, channel, down, across = index
        weights: dict[tuple[int, ...], float] = {}
        for y, of_y in self._cells(down, boxes[row, box, 1::2].tolist(), x.shape[2]):
            for column, of_x in self._cells(across, boxes[row, box, 0::2].tolist(), x.shape[3]):
                place = (row, channel, y, column)
                weights[place] = weights.get(place, 0.0) + of_y * of_x
        return [
            Source("input", place, x[place], weight) for place, weight in weights.items() if weight
        ], "sum"

    def _cells(self, position: int, box: list[float], cells: int) -> list[tuple[int, float]]:
        """Returns the cells of a bin in one direction, with their weights."""
        center, length = box
        cells_of_points = []
        for point in range(_POINTS):
            step = (position * _POINTS + point + 0.5) / (self.side * _POINTS)
            u = min(max((center + length * (step - 0.5)) * cells - 0.5, 0.0), cells - 1.0)
            low = int(u)
            cells_of_points += [(low, (low + 1 - u) / _POINTS)]
            cells_of_points += [(low + 1, (u - low) / _POINTS)] if low + 1 < cells else []
        return cells_of_points

    def extra_repr(self) -> str:
        return f"side={self.side}"
