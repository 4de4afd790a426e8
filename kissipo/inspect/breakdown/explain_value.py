"""Any cell of what a layer gives, opened: recomputed in double precision from the numbers that the layer was given.

Shapes:   index with the axis of the batch; of a recurrent layer (time, unit) or (batch, time, unit) as `output` has its axes, and with
          `number` a unit of a layer below the last one
Choices:  what no opener knows is refused by name; nothing is guessed.
Raises:   CannotOpenError for a layer that no opener knows; IndexError for a cell that is not there.
Example:  >>> import torch
          >>> layer = nn.Linear(2, 1)
          >>> layer.load_state_dict({"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.tensor([0.5])})
          <All keys matched successfully>
          >>> x = torch.tensor([[3.0, 4.0]])
          >>> found = explain_value(layer, (x,), layer(x), (0, 0))
          >>> found.terms[0].products.tolist(), found.bias, found.result, found.agrees
          ([6.0, -4.0], 0.5, 2.5, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from kissipo.core.protocols import opens
from kissipo.inspect.breakdown import attention, elementwise, gates, rows, windows
from kissipo.inspect.breakdown.breakdown import Breakdown, CannotExplainError, Index, number_of
from kissipo.inspect.breakdown.composite import told
from kissipo.inspect.unroll import Opaque, Unrolled, UnrolledAttention, unroll, unroll_attention

Apart = TypeVar("Apart", Unrolled, UnrolledAttention)
Explainer = Callable[[Any, Tensor, Index], Breakdown]

OPENERS: dict[tuple[type[nn.Module], ...], Explainer] = {
    (nn.Linear,): rows.linear,
    (nn.Conv1d, nn.Conv2d, nn.Conv3d): windows.convolution,
    (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d): windows.transposed,
    (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d): windows.maximum,
    (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d): windows.mean,
    (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d): windows.adaptive_mean,
    (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d): windows.adaptive_greatest,
    (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d): rows.batch_norm,
    (nn.LayerNorm,): rows.layer_norm,
    (nn.GroupNorm,): rows.group_norm,
    (nn.LocalResponseNorm,): rows.local_response,
    (nn.Embedding,): rows.embedding,
    (nn.Softmax, nn.LogSoftmax): rows.softmax,
    tuple(elementwise.BENDS): elementwise.activation,
}
CARRIES = (
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
    """One number of `output`, which the layer gave for `inputs` while answering.

    number:  of a recurrent layer: which of those that stand on each other, counted from 0; else the last one
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
        raise CannotExplainError(f"{type(layer).__name__} gives no tensor")
    index = _inside(index, tuple(output.shape))
    if opens(layer):
        found = told(layer, inputs, index)
    elif isinstance(layer, CARRIES):
        found = elementwise.carried(layer, inputs[0], index, tuple(output.shape))
    else:
        opener = next((each for kinds, each in OPENERS.items() if isinstance(layer, kinds)), None)
        if opener is None:
            raise CannotExplainError(f"no opener knows the layer {type(layer).__name__}")
        found = opener(layer, inputs[0], index)
    return replace(found, recorded=number_of(output[index]), layer=name)


def recurrent_cell(
    layer: nn.RNNBase,
    unrolled: Unrolled | Opaque,
    output: Any,
    index: Index,
    *,
    number: int | None = None,
    name: str = "",
) -> Breakdown:
    """One unit of a recurrent layer that has been expanded, with all its gates."""
    found = _taken_apart(unrolled)
    states = padded(layer, output[0])
    last = layer.num_layers - 1
    number = last if number is None else _inside((number,), (layer.num_layers,))[0]
    index = _inside(index, tuple(states.shape))
    row, step = (
        (0, index[0]) if states.dim() == 2 else index[:2] if layer.batch_first else index[1::-1]
    )
    opened = gates.unit(
        found,
        layer.hidden_size,
        number=number,
        row=row,
        step=step,
        at=index[-1],
        cell=index,
        relu=layer.mode == "RNN_RELU",
    )
    return replace(
        opened, recorded=number_of(states[index]) if number == last else None, layer=name
    )


def attention_cell(
    layer: nn.MultiheadAttention,
    unrolled: UnrolledAttention | Opaque,
    output: Any,
    index: Index,
    *,
    name: str = "",
) -> Breakdown:
    """One number of an attention that has been expanded, with all its heads."""
    found, given = _taken_apart(unrolled), output[0]
    index = _inside(index, tuple(given.shape))
    row, query = (
        (0, index[0]) if given.dim() == 2 else index[:2] if layer.batch_first else index[1::-1]
    )
    opened = attention.number(found, layer, row, query, index[-1], index)
    return replace(opened, recorded=number_of(given[index]), layer=name)


def what_is_opened(layer: nn.Module, output: Any) -> Any:
    """What of a layer's output has cells: the states of a recurrent one, the values of attention, else all of it."""
    if isinstance(layer, nn.RNNBase):
        return padded(layer, output[0])
    return output[0] if isinstance(layer, nn.MultiheadAttention) else output


def padded(layer: nn.RNNBase, states: Tensor | PackedSequence) -> Tensor:
    """What a recurrent layer gives at every step; packed ones with the batch first where the layer has it so."""
    if isinstance(states, PackedSequence):
        found: Tensor = pad_packed_sequence(states, batch_first=layer.batch_first)[0]
        return found
    return states


def _taken_apart(unrolled: Apart | Opaque) -> Apart:
    if isinstance(unrolled, Opaque):
        raise CannotExplainError(unrolled.why)
    return unrolled


def _inside(index: Index, shape: tuple[int, ...]) -> Index:
    if len(index) != len(shape) or not all(
        0 <= at < length for at, length in zip(index, shape, strict=True)
    ):
        raise IndexError(f"there is no cell {index} in {shape}")
    return tuple(int(at) for at in index)
