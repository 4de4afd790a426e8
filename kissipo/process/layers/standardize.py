"""Standardize: each image less its mean, over its deviation, so that the exposure of the camera does not matter.

y = (x - mean) / sqrt(variance + e)      for each channel of each image; an image of one value becomes zero

Shapes:   (batch, channel, height, width) -> the same
Source:   as nnU-Net prepares images, Isensee et al. 2021.
Example:  >>> import torch
          >>> dark, bright = torch.tensor([0.1, 0.2]), torch.tensor([0.5, 1.0])
          >>> Standardize()(torch.stack([dark, bright]).reshape(2, 1, 1, 2)).round(decimals=2).flatten().tolist()
          [-1.0, 1.0, -1.0, 1.0]
"""

from torch import Tensor, nn

_LEAST = 1e-6


class Standardize(nn.Module):
    """(x - mean) / deviation, image by image."""

    DESCRIPTION = "each image less its mean, over its deviation"

    def forward(self, x: Tensor) -> Tensor:
        rest = x - x.mean(dim=(2, 3), keepdim=True)
        return rest * (rest.square().mean(dim=(2, 3), keepdim=True) + _LEAST).rsqrt()
