"""What a layer costs for one sample: its weights and the multiplications by weights (of attention also of scores), counted from shapes.

linear        inputs · outputs, at every position          convolution   kernel² · channels in / groups · channels out · h · w
recurrent     gates · units · (inputs + states), at every step, layer and direction; units · states for a projection
attention     queries · features² for queries and for answers, keys · features · (features of a key + of a value),
              queries · keys · features for the scores and as many for the values that they mix
normalization one multiplication a value       embedding     0: a row is looked up       everything else: none by weights

Example:  >>> import torch
          >>> layer = nn.Conv2d(256, 128, 1)
          >>> multiplications(layer, torch.zeros(1, 256, 28, 28), torch.zeros(1, 128, 28, 28)) == 28 * 28 * 256 * 128
          True
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

_BY_FILTER = {f"conv{kind}{sides}d" for kind in ("", "_transpose") for sides in (1, 2, 3)}
_BY_ROW = {"linear", "matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm", "addmv"}
_NORMS = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
_CELLS = {
    "rnn_tanh_cell": 2,
    "rnn_relu_cell": 2,
    "gru_cell": 2,
    "lstm_cell": 3,
}  # where the weights stand among what is read
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


def multiplications(layer: nn.Module, given: Any, gives: Any, *more: Any) -> int:
    """For a batch of one sample.

    more:  what its forward takes behind the first, where the count depends on it: of attention key and value
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features * layer.out_features * (gives.numel() // layer.out_features)
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return layer.weight[0].numel() * gives.numel()
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        return layer.weight[0].numel() * given.numel()
    if isinstance(layer, nn.RNNBase):
        return _recurrent(layer, _steps(layer, given))
    if isinstance(layer, nn.RNNCellBase):
        return (layer.weight_ih.numel() + layer.weight_hh.numel()) * (
            given.numel() // layer.input_size
        )
    if isinstance(layer, nn.MultiheadAttention):
        return _attention(layer, given, more[0] if more else given)
    if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):
        return int(gives.numel())
    return 0


def parameters(layer: nn.Module) -> int:
    """All weights and biases of a layer, those of its parts included."""
    return sum(parameter.numel() for parameter in layer.parameters())


def of_operation(name: str, reads: Sequence[tuple[int, ...]], gives: tuple[int, ...]) -> int | None:
    """Of one operation of torch, for the whole batch; products of two values that were computed count like those by weights.

    reads, gives:  shapes
    Returns:       none where it is not known how often it multiplies

    Example:  >>> of_operation("conv2d", [(1, 3, 8, 8), (4, 3, 3, 3)], (1, 4, 6, 6))
              3888
    """
    if name in _BY_FILTER and len(reads) > 1:
        return prod(reads[1][1:]) * prod(gives if "transpose" not in name else reads[0])
    if name in _BY_ROW and len(reads) > 1:
        return reads[1 if name in ("addmm", "baddbmm", "addmv") else 0][-1] * prod(gives)
    if name in _NORMS:
        return prod(gives)
    if name == "scaled_dot_product_attention":
        (*rows, queries, width), keys = reads[0], reads[1][-2]
        return prod(rows) * queries * keys * (width + reads[2][-1])
    if name in _CELLS:
        weights = reads[_CELLS[name] : _CELLS[name] + 2]
        return sum(map(prod, weights)) * (prod(reads[0]) // reads[0][-1])
    return None if name in _UNKNOWN else 0


def _steps(layer: nn.RNNBase, given: Any) -> int:
    if isinstance(given, Tensor):
        alone = given.is_floating_point() and given.dim() == 2
        return int(given.shape[1 if layer.batch_first and not alone else 0])
    return int(given.batch_sizes.numel())


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
    seen = key.shape[axis] + (layer.bias_k is not None) + layer.add_zero_attn
    projections = 2 * queries * features + keys * (layer.kdim + layer.vdim)
    return int(features * (projections + 2 * queries * seen))
