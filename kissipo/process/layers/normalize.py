"""Normalization of the channels as in the training of published weights.

y = (x - mean) / std

Shapes:   (batch, 3, height, width) of 0..1 -> the same
Source:   mean and std of the training images of ImageNet, as in every published recipe;
          the weights of GoogLeNet in torchvision were trained with images of -1..1.
Raises:   ShapeError when the image does not have three channels.
Example:  >>> import torch
          >>> normalize = Normalize(3, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
          >>> normalize(torch.ones(1, 3, 1, 1)).flatten().tolist()
          [1.0, 1.0, 1.0]
"""

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalize(nn.Module):
    """Normalizes every channel to mean 0 and standard deviation 1."""

    mean: Tensor
    std: Tensor
    DESCRIPTION = "minus the mean color, divided by the standard deviation"

    def __init__(
        self, channels: int, *, mean: tuple[float, ...] = _MEAN, std: tuple[float, ...] = _STD
    ) -> None:
        super().__init__()
        if channels != 3:
            raise ShapeError(
                "process.normalize takes color images",
                got=f"{channels} channels",
                do="Set input.color=rgb",
            )
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std
