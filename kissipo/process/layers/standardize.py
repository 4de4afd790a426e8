"""Standardization per image, so that the exposure of the camera does not matter.

y = (x - mean) / sqrt(variance + e)      per channel and image

An image of one constant value becomes zero.

Shapes:   (batch, channel, height, width) -> the same
Source:   the preprocessing of nnU-Net, Isensee et al. 2021.
Example:  >>> import torch
          >>> images = torch.tensor([0.1, 0.2, 0.5, 1.0]).reshape(2, 1, 1, 2)
          >>> Standardize()(images).round(decimals=2).flatten().tolist()
          [-1.0, 1.0, -1.0, 1.0]
"""

from torch import Tensor, nn

_MIN_VARIANCE = 1e-6


class Standardize(nn.Module):
    """A layer that computes (x - mean) / std for each image."""

    DESCRIPTION = "each image minus its mean, divided by its standard deviation"

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(dim=(2, 3), keepdim=True)
        return centered * (centered.square().mean(dim=(2, 3), keepdim=True) + _MIN_VARIANCE).rsqrt()
