"""What a layer costs for one sample: its weights and the multiplications by weights, counted from shapes.

linear        inputs · outputs, at every position          convolution   kernel² · channels in / groups · channels out · h · w
recurrent     gates · units · (inputs + units), at every step, layer and direction      embedding     0: a row is looked up
normalisation one multiplication a value                   everything else: none by weights

Example:  >>> import torch
          >>> layer = nn.Conv2d(256, 128, 1)
          >>> multiplications(layer, torch.zeros(1, 256, 28, 28), torch.zeros(1, 128, 28, 28)) == 28 * 28 * 256 * 128
          True
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def multiplications(layer: nn.Module, given: Any, gives: Any) -> int:
    """For a batch of one sample."""
    if isinstance(layer, nn.Linear):
        return layer.in_features * layer.out_features * (gives.numel() // layer.out_features)
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return layer.weight[0].numel() * gives.numel()
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        return layer.weight[0].numel() * given.numel()
    if isinstance(layer, nn.RNNBase):
        return _recurrent(layer, _steps(layer, given))
    if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):
        return int(gives.numel())
    return 0


def parameters(layer: nn.Module) -> int:
    """All weights and biases of a layer, those of its parts included."""
    return sum(parameter.numel() for parameter in layer.parameters())


def _steps(layer: nn.RNNBase, given: Any) -> int:
    if isinstance(given, Tensor):
        return int(given.shape[1 if layer.batch_first else 0])
    return int(given.batch_sizes.numel())


def _recurrent(layer: nn.RNNBase, steps: int) -> int:
    directions = 2 if layer.bidirectional else 1
    total = 0
    for number in range(layer.num_layers):
        width = layer.input_size if number == 0 else layer.hidden_size * directions
        total += directions * _GATES[layer.mode] * layer.hidden_size * (width + layer.hidden_size)
    return total * steps
