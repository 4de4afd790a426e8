"""The cost of a layer for one sample: its parameters and its multiplications (MACs).

Products of two activations count only in attention, and where a layer counts its own.
Everything is computed from shapes.

linear        inputs · outputs, at every position
convolution   kernel² · channels in / groups · channels out · h · w
recurrent     gates · units · (inputs + states), at every step, layer and direction;
              units · states for a projection
attention     queries · features² for queries and outputs,
              keys · features · (features of a key + features of a value),
              queries · keys · features for the scores, and as many for the mixed values
normalization one multiplication per value
embedding     0, as a row is looked up
others        0

Example:  >>> import torch
          >>> layer = nn.Conv2d(256, 128, 1)
          >>> x, y = torch.zeros(1, 256, 28, 28), torch.zeros(1, 128, 28, 28)
          >>> multiplications(layer, x, y) == 28 * 28 * 256 * 128
          True
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

from kissipo.core.protocols import multiplies_activations

_BY_FILTER = {f"conv{kind}{sides}d" for kind in ("", "_transpose") for sides in (1, 2, 3)}
_BY_ROW = {"linear", "matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm", "addmv"}
_NORMS = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
_CELLS = {  # the position of the weights among the arguments
    "rnn_tanh_cell": 2,
    "rnn_relu_cell": 2,
    "gru_cell": 2,
    "lstm_cell": 3,
}
_UNKNOWN = {
    "einsum",
    "tensordot",
    "bilinear",
    "cdist",
    "outer",
    "chain_matmul",
    "multi_head_attention_forward",
    "lstm",
    "gru",
}
_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def multiplications(layer: nn.Module, x: Any, y: Any, *more: Any) -> int:
    """Returns the number of multiplications of a layer for a batch of one sample.

    x, y:  the input and the output
    more:  other arguments of forward that the count depends on: key and value of
           attention
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features * layer.out_features * (y.numel() // layer.out_features)
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return layer.weight[0].numel() * y.numel()
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        return layer.weight[0].numel() * x.numel()
    if isinstance(layer, nn.RNNBase):
        return _recurrent(layer, _steps(layer, x))
    if isinstance(layer, nn.RNNCellBase):
        return (layer.weight_ih.numel() + layer.weight_hh.numel()) * (x.numel() // layer.input_size)
    if isinstance(layer, nn.MultiheadAttention):
        return _attention(layer, x, more[0] if more else x)
    if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):
        return int(y.numel())
    if multiplies_activations(layer):
        return layer.activation_products(y, x, *more)
    return 0


def parameters(layer: nn.Module) -> int:
    """Returns the number of parameters of a layer and its submodules."""
    return sum(parameter.numel() for parameter in layer.parameters())


def operation_multiplications(
    name: str, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> int | None:
    """Returns the number of multiplications of one operation for the whole batch.

    Products of two activations count like products with weights.

    inputs, output:  the shapes of the inputs and of the output
    Returns:       None where the number is unknown

    Example:  >>> shapes = [(1, 3, 8, 8), (4, 3, 3, 3)]
              >>> operation_multiplications("conv2d", shapes, (1, 4, 6, 6))
              3888
    """
    if name in _BY_FILTER and len(inputs) > 1:
        return prod(inputs[1][1:]) * prod(output if "transpose" not in name else inputs[0])
    if name in _BY_ROW and len(inputs) > 1:
        return inputs[1 if name in ("addmm", "baddbmm", "addmv") else 0][-1] * prod(output)
    if name in _NORMS:
        return prod(output)
    if name == "scaled_dot_product_attention":
        (*rows, queries, width), keys = inputs[0], inputs[1][-2]
        return prod(rows) * queries * keys * (width + inputs[2][-1])
    if name in _CELLS:
        weights = inputs[_CELLS[name] : _CELLS[name] + 2]
        return sum(map(prod, weights)) * (prod(inputs[0]) // inputs[0][-1])
    return None if name in _UNKNOWN else 0


def _steps(layer: nn.RNNBase, x: Any) -> int:
    if isinstance(x, Tensor):
        is_unbatched = x.is_floating_point() and x.dim() == 2
        return int(x.shape[1 if layer.batch_first and not is_unbatched else 0])
    return int(x.batch_sizes.numel())


def _recurrent(layer: nn.RNNBase, steps: int) -> int:
    directions = 2 if layer.bidirectional else 1
    states = layer.proj_size or layer.hidden_size
    total = 0
    for number in range(layer.num_layers):
        width = layer.input_size if number == 0 else states * directions
        total += directions * _GATES[layer.mode] * layer.hidden_size * (width + states)
    total += directions * layer.num_layers * layer.hidden_size * layer.proj_size
    return total * steps


def _attention(layer: nn.MultiheadAttention, query: Tensor, key: Tensor) -> int:
    features, axis = layer.embed_dim, 1 if layer.batch_first and query.dim() == 3 else 0
    queries, keys = query.numel() // features, key.numel() // layer.kdim  # of the whole batch
    num_keys = key.shape[axis] + (layer.bias_k is not None) + layer.add_zero_attn
    projections = 2 * queries * features + keys * (layer.kdim + layer.vdim)
    return int(features * (projections + 2 * queries * num_keys))
