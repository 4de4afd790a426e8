"""One recurrent layer, in one or both directions, by the compiled kernels.

(x, h0, c0, weights) -> (y, h_n, c_n), by the formulas in native/recurrent.cpp.

Forward saves gates and cells for backward in buffers whose memory is used again.
Backward replaces the gates by their gradients; a second backward through the same graph
(`retain_graph=True`) computes the gates anew. Second derivatives are left to the
reference, which torch differentiates.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kissipo.process.kernels.buffers import Buffer
from kissipo.process.kernels.native import Kernels, thread_count
from kissipo.process.kernels.rows import SequenceRows

CELLS = {"RNN_TANH": 0, "RNN_RELU": 1, "LSTM": 2, "GRU": 3}
WEIGHT_GATES = (1, 1, 4, 3)  # per cell, those of W_hh
SAVED_GATES = (1, 1, 4, 4)  # per cell; GRU saves the state part of its candidate too
PARALLEL_OPERATIONS = 2_000_000
_LAYER, _DIRECTION = struct.Struct("16q"), struct.Struct("22q")  # see native/kernels.h
_FLOAT_BYTES = 4

Weights = tuple[Tensor, Tensor, Tensor | None, Tensor | None]
Results = tuple[Tensor, Tensor, Tensor]
Tensors = Sequence[Tensor | None]
Reference = Callable[..., Results]


@dataclass(frozen=True)
class LayerSpec:
    """A layer without its weights and inputs.

    reference:  the same layer in plain torch: (x, h0, c0, *weights) -> (y, h_n, c_n)
    tokens:     if it is not 0, x are ids (...), and W_ih is a table
                (token, gate * unit) of the input parts with b_ih
    """

    cell: int
    features: int
    units: int
    directions: int
    rows: SequenceRows
    kernels: Kernels
    reference: Reference
    tokens: int = 0

    def shared_shape(self, x: Tensor) -> torch.Size:
        """The axes of x that y has too."""
        return x.shape if self.tokens else x.shape[:-1]

    @property
    def state_shape(self) -> tuple[int, int, int]:
        """(direction, batch, unit)."""
        return self.directions, self.rows.batch, self.units

    @property
    def threads(self) -> int:
        """The number of threads for this much work."""
        weights = WEIGHT_GATES[self.cell] * self.units * (self.features + self.units)
        operations = 2 * weights * self.rows.count * self.directions
        return thread_count(operations, PARALLEL_OPERATIONS)

    @property
    def padded_units(self) -> int:
        """The number of units, rounded up to whole vectors."""
        return self.kernels.padded(self.units)

    @property
    def saved_gates(self) -> int:
        """The number of gates that are saved per row."""
        return SAVED_GATES[self.cell]


def run_layer(
    spec: LayerSpec, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Tensors
) -> Results:
    """y, h_n, c_n of one layer.

    Shapes:   x (..., feature) -> y (..., unit * direction)
              h0, c0, h_n, c_n (direction, batch, unit); c_n is empty except for LSTM
    """
    inputs = (x, h0, c0, *weights)
    if torch.is_grad_enabled() and any(one is not None and one.requires_grad for one in inputs):
        results: Results = _Layer.apply(spec, *inputs)
        return results
    return forward(spec, x.contiguous(), h0, c0, by_direction(spec, weights), saved=None)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        spec: LayerSpec,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        *weights: Tensor | None,
    ) -> Results:
        x = x.contiguous()
        saved = SavedState(spec)
        y, h_n, c_n = forward(spec, x, h0, c0, by_direction(spec, weights), saved)
        ctx.spec, ctx.saved = spec, saved
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, y, *weights)
        if not c_n.numel():
            ctx.mark_non_differentiable(c_n)
        return y, h_n, c_n

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, dh_n: Tensor | None, dc_n: Tensor | None) -> Any:
        spec: LayerSpec = ctx.spec
        x, h0, c0, y, *weights = ctx.saved_tensors
        gradients, needed = (dy, dh_n, dc_n), ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            inputs = (x, h0, c0, *weights)
            return (None, *_backward_by_reference(spec, inputs, gradients, needed))
        saved: SavedState = ctx.saved
        if saved.used:
            saved = SavedState(spec)
            forward(spec, x, h0, c0, by_direction(spec, weights), saved)
        saved.used = True
        return (None, *backward(spec, (x, h0, c0, y, *weights), gradients, needed, saved))


class SavedState:
    """The gates and cells that forward saves for backward.

    For each direction the memory has first its gates and then its cells. It is a
    buffer, or the tensor that is passed.
    """

    def __init__(self, spec: LayerSpec, tensor: Tensor | None = None) -> None:
        self.used = False
        self.owner = Buffer(self.size(spec)) if tensor is None else tensor
        memory = self.owner.tensor if isinstance(self.owner, Buffer) else self.owner
        address = memory.data_ptr()
        stride = self.size(spec) // spec.directions * _FLOAT_BYTES
        gate_bytes = self.gate_size(spec) * _FLOAT_BYTES
        has_cells = spec.cell == CELLS["LSTM"]
        self.gates = [address + side * stride for side in range(spec.directions)]
        self.cells = [gates + gate_bytes if has_cells else 0 for gates in self.gates]

    @staticmethod
    def size(spec: LayerSpec) -> int:
        """The size of the memory in values of 32 bits."""
        cells = spec.rows.count * spec.padded_units if spec.cell == CELLS["LSTM"] else 0
        return spec.directions * (SavedState.gate_size(spec) + cells)

    @staticmethod
    def gate_size(spec: LayerSpec) -> int:
        """The size of one direction's gates, in values of 32 bits."""
        values = spec.rows.count * spec.padded_units * spec.saved_gates
        return values // spec.kernels.packed_values


def by_direction(spec: LayerSpec, weights: Tensors) -> list[Weights]:
    """W_ih, W_hh and the biases of each direction."""
    tensors = [_contiguous(weight) for weight in weights]
    starts = range(0, 4 * spec.directions, 4)
    return [tuple(tensors[start : start + 4]) for start in starts]  # type: ignore[misc]


def forward(
    spec: LayerSpec,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Weights],
    saved: SavedState | None,
) -> Results:
    """One forward pass; what backward needs is written to `saved`."""
    lstm = spec.cell == CELLS["LSTM"]
    like = weights[0][1]
    new = like.new_empty if spec.rows.fill else like.new_zeros
    y = new((*spec.shared_shape(x), spec.directions * spec.units))
    h_n = like.new_empty(spec.state_shape)
    c_n = like.new_empty(spec.state_shape if lstm else 0)
    h0, c0 = _contiguous(h0), _contiguous(c0)
    parts = []
    for side, own_weights in enumerate(weights):
        gates = saved.gates[side] if saved is not None and spec.saved_gates > 1 else 0
        cells = saved.cells[side] if saved is not None else 0
        unit = side * spec.units * _FLOAT_BYTES  # bytes before this direction's units in y
        state = unit * spec.rows.batch  # and before its states
        parts.append(
            (
                *(side, *_addresses(own_weights), _address(h0, state), _address(c0, state)),
                *(_address(h_n, state), _address(c_n, state) if lstm else 0, _address(y, unit)),
                *(gates, cells, *[0] * 10),
            )
        )
    spec.kernels.forward(_arguments(spec, x, y.shape[-1], parts))
    return y, h_n, c_n


def backward(
    spec: LayerSpec,
    inputs: Sequence[Any],
    gradients: Tensors,
    needed: Sequence[bool],
    saved: SavedState,
) -> list[Tensor | None]:
    """The gradients of x, h0, c0 and the weights, None for those that are not needed.

    `inputs` are x, h0, c0, y and the weights; the gates in `saved` are overwritten.
    """
    x, h0, c0, y, *weights = inputs
    dy, dh_n, dc_n = (_contiguous(gradient) for gradient in gradients)
    h0, c0 = _contiguous(h0), _contiguous(c0)
    new_like = torch.empty_like if spec.rows.fill else torch.zeros_like
    dx = [new_like(x) for _ in range(spec.directions)] if needed[0] else []
    dh0 = y.new_empty(spec.state_shape) if needed[1] else None
    dc0 = y.new_empty(spec.state_shape) if needed[2] else None
    dw = [
        y.new_empty(weight.shape) if weight is not None and is_needed else None
        for weight, is_needed in zip(weights, needed[3:], strict=True)
    ]
    parts = []
    for side, own_weights in enumerate(by_direction(spec, weights)):
        unit = side * spec.units * _FLOAT_BYTES
        state = unit * spec.rows.batch
        parts.append(
            (
                *(side, *_addresses(own_weights), _address(h0, state), _address(c0, state)),
                *(0, 0, _address(y, unit), saved.gates[side], saved.cells[side]),
                *(_address(dy, unit), _address(dh_n, state), _address(dc_n, state)),
                *(_address(dh0, state), _address(dc0, state)),
                *(dx[side].data_ptr() if dx else 0, *_addresses(dw[4 * side : 4 * side + 4])),
            )
        )
    spec.kernels.backward(_arguments(spec, x, y.shape[-1], parts))
    dx_sum = None if not dx else dx[0] if len(dx) == 1 else dx[0].add_(dx[1])
    return [dx_sum, dh0, dc0, *dw]


def _backward_by_reference(
    spec: LayerSpec, inputs: Tensors, gradients: Tensors, needed: Sequence[bool]
) -> list[Tensor | None]:
    """The gradients as tensors that can be differentiated again."""
    results = spec.reference(*inputs)
    pairs = [
        (result, gradient)
        for result, gradient in zip(results, gradients, strict=True)
        if gradient is not None
    ]
    differentiated = [
        one for one, need in zip(inputs, needed, strict=True) if need and one is not None
    ]
    computed = iter(
        torch.autograd.grad(
            [result for result, _ in pairs],
            differentiated,
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [
        next(computed) if need and one is not None else None
        for one, need in zip(inputs, needed, strict=True)
    ]


def _arguments(
    spec: LayerSpec, x: Tensor, y_stride: int, directions: list[tuple[int, ...]]
) -> bytes:
    """The struct Layer of native/kernels.h."""
    rows = spec.rows
    x_and_ids = (0, x.data_ptr()) if spec.tokens else (x.data_ptr(), 0)
    header = _LAYER.pack(
        *(spec.cell, spec.features, spec.units, rows.steps, rows.batch, rows.count),
        *(_address(rows.offsets), _address(rows.starts), rows.time_stride),
        *(*x_and_ids, spec.tokens, y_stride),
        *(spec.directions, spec.threads, spec.kernels.parallel_for),
    )
    return b"".join((header, *(_DIRECTION.pack(*fields) for fields in directions)))


def _addresses(tensors: Tensors) -> list[int]:
    return [_address(tensor) for tensor in tensors]


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _address(tensor: Tensor | None, offset: int = 0) -> int:
    """The address of the data, `offset` bytes further on; 0 for None."""
    return 0 if tensor is None else tensor.data_ptr() + offset
