"""Batch normalization: mean 0 and variance 1 per channel, then a scale and a shift.

y = g (x - mean) / sqrt(variance + e) + b

Training uses the mean and variance of the batch; evaluation uses their running means.

Shapes:   (batch, channel, height, width) or (batch, channel, time) -> the same
Choices:  arguments, parameters and state_dict of torch.nn.BatchNorm2d, or 1d. In two
          cases the running statistics are used in training, too, and are not updated:
          for frozen weights, and for a batch with a single value per channel, which has
          no variance.
Source:   Ioffe and Szegedy 2015.
Example:  >>> import torch
          >>> BatchNorm(2).train()(torch.ones(1, 2, 1, 1)).flatten().tolist()
          [0.9999949932098389, 0.9999949932098389]
"""

from torch import Tensor, nn
from torch.nn.functional import batch_norm


class BatchNorm(nn.BatchNorm2d):
    """torch.nn.BatchNorm2d that can be frozen."""

    DESCRIPTION = "batch normalization"

    def forward(self, x: Tensor) -> Tensor:
        return _running(self, x) if _keeps_statistics(self, x) else super().forward(x)


class BatchNormOverTime(nn.BatchNorm1d):
    """torch.nn.BatchNorm1d that can be frozen."""

    DESCRIPTION = "batch normalization"

    def forward(self, x: Tensor) -> Tensor:
        return _running(self, x) if _keeps_statistics(self, x) else super().forward(x)


def _keeps_statistics(layer: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> bool:
    """Returns whether the running statistics are used in training, too."""
    return layer.training and (not layer.weight.requires_grad or x.numel() == x.shape[1])


def _running(layer: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    return batch_norm(
        x, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=layer.eps
    )
