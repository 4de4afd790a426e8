"""Explain any value of a layer's output: recompute it in double precision.

Shapes:   index with the batch axis; for a recurrent layer (time, unit) or
          (batch, time, unit) in the order of `output`; `number` selects a lower layer
Choices:  an unknown layer is refused by name; nothing is guessed.
Raises:   CannotExplainError for an unknown layer; IndexError for an index out of range.
Example:  >>> import torch
          >>> layer = nn.Linear(2, 1)
          >>> weight, bias = torch.tensor([[2.0, -1.0]]), torch.tensor([0.5])
          >>> layer.load_state_dict({"weight": weight, "bias": bias})
          <All keys matched successfully>
          >>> x = torch.tensor([[3.0, 4.0]])
          >>> value = explain_value(layer, (x,), layer(x), (0, 0))
          >>> value.terms[0].products.tolist(), value.bias, value.result, value.agrees
          ([6.0, -4.0], 0.5, 2.5, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from kissipo.core.protocols import explains
from kissipo.inspect.breakdown import attention, elementwise, gates, rows, windows
from kissipo.inspect.breakdown.breakdown import Breakdown, CannotExplainError, Index, number_of
from kissipo.inspect.breakdown.composite import explain_composite
from kissipo.inspect.unroll import Opaque, Unrolled, UnrolledAttention, unroll, unroll_attention

Apart = TypeVar("Apart", Unrolled, UnrolledAttention)
Explainer = Callable[[Any, Tensor, Index], Breakdown]

EXPLAINERS: dict[tuple[type[nn.Module], ...], Explainer] = {
    (nn.Linear,): rows.linear,
    (nn.Conv1d, nn.Conv2d, nn.Conv3d): windows.convolution,
    (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d): windows.transposed,
    (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d): windows.maximum,
    (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d): windows.mean,
    (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d): windows.adaptive_mean,
    (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d): windows.adaptive_maximum,
    (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d): rows.batch_norm,
    (nn.LayerNorm,): rows.layer_norm,
    (nn.GroupNorm,): rows.group_norm,
    (nn.LocalResponseNorm,): rows.local_response,
    (nn.Embedding,): rows.embedding,
    (nn.Softmax, nn.LogSoftmax): rows.softmax,
    tuple(elementwise.ACTIVATIONS): elementwise.activation,
}
CARRYING = (
    nn.Flatten,
    nn.Unflatten,
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
)


def explain_value(
    layer: nn.Module,
    inputs: tuple[Any, ...],
    output: Any,
    index: Index,
    *,
    number: int | None = None,
    name: str = "",
) -> Breakdown:
    """Returns the breakdown of one value of `output`, computed from `inputs`.

    number:  the index of the layer in a stacked recurrent layer; None for the last one
    """
    if isinstance(layer, nn.RNNBase):
        return recurrent_cell(
            layer, unroll(layer, inputs, output), output, index, number=number, name=name
        )
    if isinstance(layer, nn.MultiheadAttention):
        return attention_cell(
            layer, unroll_attention(layer, inputs, output), output, index, name=name
        )
    if not isinstance(output, Tensor):
        raise CannotExplainError(f"{type(layer).__name__} returns no tensor")
    index = _inside(index, tuple(output.shape))
    if explains(layer):
        breakdown = explain_composite(layer, inputs, index)
    elif isinstance(layer, CARRYING):
        breakdown = elementwise.carried(layer, inputs[0], index, tuple(output.shape))
    else:
        explainer = next(
            (function for kinds, function in EXPLAINERS.items() if isinstance(layer, kinds)), None
        )
        if explainer is None:
            raise CannotExplainError(f"the layer {type(layer).__name__} is unknown")
        breakdown = explainer(layer, inputs[0], index)
    return replace(breakdown, recorded=number_of(output[index]), layer=name)


def recurrent_cell(
    layer: nn.RNNBase,
    unrolled: Unrolled | Opaque,
    output: Any,
    index: Index,
    *,
    number: int | None = None,
    name: str = "",
) -> Breakdown:
    """Returns the breakdown of one unit of a recurrent layer, with all gates."""
    recurrent = _unrolled(unrolled)
    states = padded(layer, output[0])
    last = layer.num_layers - 1
    number = last if number is None else _inside((number,), (layer.num_layers,))[0]
    index = _inside(index, tuple(states.shape))
    row, step = (
        (0, index[0]) if states.dim() == 2 else index[:2] if layer.batch_first else index[1::-1]
    )
    breakdown = gates.unit(
        recurrent,
        layer.hidden_size,
        number=number,
        row=row,
        step=step,
        position=index[-1],
        cell=index,
        relu=layer.mode == "RNN_RELU",
    )
    return replace(
        breakdown, recorded=number_of(states[index]) if number == last else None, layer=name
    )


def attention_cell(
    layer: nn.MultiheadAttention,
    unrolled: UnrolledAttention | Opaque,
    output: Any,
    index: Index,
    *,
    name: str = "",
) -> Breakdown:
    """Returns the breakdown of one value of an unrolled attention, with all heads."""
    heads, values = _unrolled(unrolled), output[0]
    index = _inside(index, tuple(values.shape))
    row, query = (
        (0, index[0]) if values.dim() == 2 else index[:2] if layer.batch_first else index[1::-1]
    )
    breakdown = attention.number(heads, layer, row, query, index[-1], index)
    return replace(breakdown, recorded=number_of(values[index]), layer=name)


def explainable_output(layer: nn.Module, output: Any) -> object:
    """Returns the part of a layer's output that can be explained.

    These are the states of a recurrent layer, the values of attention, or the output.
    """
    if isinstance(layer, nn.RNNBase):
        return padded(layer, output[0])
    return output[0] if isinstance(layer, nn.MultiheadAttention) else output


def padded(layer: nn.RNNBase, states: Tensor | PackedSequence) -> Tensor:
    """Returns the states of a recurrent layer; packed ones are padded."""
    if isinstance(states, PackedSequence):
        padded_states: Tensor = pad_packed_sequence(states, batch_first=layer.batch_first)[0]
        return padded_states
    return states


def _unrolled(unrolled: Apart | Opaque) -> Apart:
    if isinstance(unrolled, Opaque):
        raise CannotExplainError(unrolled.why)
    return unrolled


def _inside(index: Index, shape: tuple[int, ...]) -> Index:
    if len(index) != len(shape) or not all(
        0 <= position < length for position, length in zip(index, shape, strict=True)
    ):
        raise IndexError(f"the index {index} is out of range for the shape {shape}")
    return tuple(int(position) for position in index)
