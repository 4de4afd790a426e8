"""Batch normalization: every channel of a batch is brought to mean 0 and deviation 1, then scaled and shifted as learned.

y = g (x - mean) / sqrt(variance + e) + b       while learning of the batch, when answering of all batches so far (running figures)

Shapes:   (batch, channel, height, width) -> the same
Choices:  arguments, parameters and state_dict of torch.nn.BatchNorm2d. The running figures are taken while learning, too, and stay
          as they are, where the weights are held (frozen), so that what is held answers as it did; and where a batch has a
          single value for each channel, which has no spread.
Source:   Ioffe and Szegedy 2015.
Example:  >>> import torch
          >>> BatchNorm(2).train()(torch.ones(1, 2, 1, 1)).flatten().tolist()
          [0.9999949932098389, 0.9999949932098389]
"""

from torch import Tensor, nn
from torch.nn.functional import batch_norm


class BatchNorm(nn.BatchNorm2d):
    """torch.nn.BatchNorm2d that can be held."""

    DESCRIPTION = "batch normalization"

    def forward(self, x: Tensor) -> Tensor:
        if self.training and (not self.weight.requires_grad or x.numel() == x.shape[1]):
            return batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)
