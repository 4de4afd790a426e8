"""Normalize: colors as the published weights of photographs saw them: less the mean of their channel, over its deviation.

y = (x - mean) / deviation

Shapes:   (batch, 3, height, width) of 0..1 -> the same
Source:   mean and deviation over ImageNet's training images, as every published recipe says them; GoogLeNet's weights in torchvision
          came from another library and saw -1..1.
Raises:   ShapeError when the image has not three channels.
Example:  >>> import torch
          >>> Normalize(3, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))(torch.ones(1, 3, 1, 1)).flatten().tolist()
          [1.0, 1.0, 1.0]
"""

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalize(nn.Module):
    """Normalizes every channel to about zero."""

    mean: Tensor
    std: Tensor
    DESCRIPTION = "less the mean color, over the deviation"

    def __init__(
        self, channels: int, *, mean: tuple[float, ...] = _MEAN, std: tuple[float, ...] = _DEVIATION
    ) -> None:
        super().__init__()
        if channels != 3:
            raise ShapeError(
                "process.normalize takes color images",
                given=f"{channels} channels",
                do="Say input.color=rgb",
            )
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(std).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std
