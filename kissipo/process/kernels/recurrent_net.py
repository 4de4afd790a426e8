"""A small recurrent net by the compiled kernels, without autograd.

ids or numbers -> embedding -> one recurrent layer -> pooling over time -> dropout
-> linear layer

Forward:   the outputs of a batch; steps of padding are not computed
Backward:  dL/dy of the outputs -> dL/dW of every weight

Autograd records nothing: the caller passes the gradient of the loss at the outputs. The
formulas are in native/recurrent_net.cpp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.process.kernels.dense import new_key
from kissipo.process.kernels.native import Kernels
from kissipo.process.kernels.recurrent import CELLS, SAVED_GATES

_CALL, _NET = struct.Struct("9q"), struct.Struct("26q")  # see native/kernels.h
_HEAD, _LAYER, _DIRECTION = struct.Struct("10q"), struct.Struct("16q"), struct.Struct("22q")
_POOLINGS = ("last", "max", "mean")
LossName = Literal["binary_cross_entropy", "squared_error", "cross_entropy"]
_LOSSES: tuple[str, ...] = get_args(LossName)
_UNKNOWN_ID, _UNKNOWN_CLASS = 1, 2
_POOLED = ("pooled", "mask", "dropped", "dpooled", "ties")
_MAX_SHAPES = 64  # whose structs are kept


@dataclass(frozen=True)
class RecurrentLayers:
    """The layers of the net.

    embedding:  None where the inputs are numbers (batch, time, feature)
    cell:       one layer, in one or both directions, batch axis first
    dropout:    probability with which a pooled value becomes zero
    padded:     whether steps whose id, or whose first feature, is 0 do not count
    patch:      steps of the inputs that are one step of the cell
    relative:   the variables that are answered relative to the last step, which is
                subtracted from the window; empty: the window is read as it is
    """

    embedding: nn.Embedding | None
    cell: nn.RNNBase
    pooling: Literal["last", "max", "mean"]
    dropout: float
    head: nn.Linear
    padded: bool = False
    patch: int = 1
    relative: tuple[int, ...] = ()

    @property
    def directions(self) -> int:
        """The number of directions."""
        return 2 if self.cell.bidirectional else 1

    @property
    def width(self) -> int:
        """The number of pooled values."""
        return self.directions * self.cell.hidden_size

    def weights(self) -> list[Tensor | None]:
        """The table, W_ih, W_hh, b_ih and b_hh of each direction, W and b."""
        own = cast(list[Tensor], self.cell._flat_weights)
        count = len(own) // self.directions
        missing: list[Tensor | None] = [None] * (4 - count)
        weights = [None if self.embedding is None else self.embedding.weight]
        for start in range(0, len(own), count):
            weights += [*own[start : start + count], *missing]
        return [*weights, self.head.weight, self.head.bias]


class RecurrentChain:
    """The net with the memory of its states and gradients.

    Each call overwrites what the call before it returned.

    Example:  >>> from kissipo.process.kernels.native import kernels
              >>> cell, head = nn.RNN(1, 2, batch_first=True), nn.Linear(2, 1)
              >>> layers = RecurrentLayers(None, cell, "last", 0.0, head)
              >>> chain = RecurrentChain(kernels(), layers)
              >>> x = torch.ones(4, 3, 1)
              >>> y = chain.forward(x)
              >>> chain.backward(x, torch.ones(4, 1))
              >>> torch.allclose(y, head(cell(x)[0][:, -1])), head.bias.grad.tolist()
              (True, [4.0])
    """

    def __init__(self, kernels: Kernels, layers: RecurrentLayers) -> None:
        self.kernels, self.layers = kernels, layers
        self._weights = layers.weights()
        self._gradients = [
            torch.zeros_like(weight) if weight is not None and weight.requires_grad else None
            for weight in self._weights
        ]
        self._trained = [
            (weight, gradient)
            for weight, gradient in zip(self._weights, self._gradients, strict=True)
            if weight is not None and gradient is not None
        ]
        self._version = 0  # of the gradient of the table
        self._addresses: list[int] = []
        self._memory = _Memory(layers, kernels, 0, 0)
        self._packed: dict[tuple[int, int], tuple[Tensor, bytes]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (row, unit) for x (row, step) or (row, step, feature), contiguous."""
        y, packed = self._arguments(x)
        self._check(self.kernels.recurrent_net_forward(self._call(x, self._key()) + packed), x)
        return y

    def backward(self, x: Tensor, dy: Tensor) -> None:
        """Set `grad` of all weights from dy (row, unit); x is that of `forward`."""
        self._clear_if_changed()
        _, packed = self._arguments(x)
        self.kernels.recurrent_net_backward(self._call(x, 0, dy.data_ptr()) + packed)
        for weight, gradient in self._trained:
            weight.grad = gradient

    def step(self, x: Tensor, targets: Tensor, loss: LossName) -> Tensor | None:
        """Compute the loss, and set `grad` of all weights.

        targets:  float32 or int64, as many as there are outputs; for the cross-entropy
                  int64, one per row

        None means that a class is not one of the outputs, and that nothing was set.
        """
        self._clear_if_changed()
        _, packed = self._arguments(x)
        address, value = targets.data_ptr(), torch.empty(())
        places = (address, 0) if targets.dtype is torch.float32 else (0, address)
        fields = (_LOSSES.index(loss), *places, value.data_ptr())
        call = self._call(x, self._key(), 0, *fields)
        status = self.kernels.recurrent_net_step(call + packed)
        self._check(status, x)
        if status == _UNKNOWN_CLASS:
            return None
        for weight, gradient in self._trained:
            weight.grad = gradient
        return value

    def _key(self) -> int:
        return new_key() if self.layers.dropout else 0

    def _check(self, status: int, x: Tensor) -> None:
        if status == _UNKNOWN_ID:
            assert self.layers.embedding is not None
            raise ShapeError(
                f"ids must be 0 to {self.layers.embedding.num_embeddings - 1}, "
                "the rows of the embedding",
                got=f"{x.min()} to {x.max()}",
            )

    def _clear_if_changed(self) -> None:
        """Clears the gradient of the table where others wrote to it."""
        table = self._gradients[0]
        if table is not None and table._version != self._version:
            self._clear(table)

    def _call(self, x: Tensor, key: int, dy: int = 0, *loss: int) -> bytes:
        address = x.data_ptr()
        inputs = (0, address) if self.layers.embedding is None else (address, 0)
        return _CALL.pack(*inputs, key, dy, *(loss or (0, 0, 0, 0)), torch.get_num_threads())

    def _arguments(self, x: Tensor) -> tuple[Tensor, bytes]:
        """The outputs, and the struct for this shape, packed anew where a weight has a
        new address."""
        addresses = _pointers(self._weights)
        if addresses != self._addresses:
            self._addresses, self._packed = addresses, {}
        batch, steps = x.shape[0], x.shape[1] // self.layers.patch
        entry = self._packed.get((batch, steps))
        if entry is None:
            entry = self._packed[batch, steps] = self._pack(batch, steps)
        return entry

    def _pack(self, batch: int, steps: int) -> tuple[Tensor, bytes]:
        if not self._memory.suits(batch, steps):
            self._memory, self._packed = _Memory(self.layers, self.kernels, batch, steps), {}
            if self._gradients[0] is not None:
                self._clear(self._gradients[0])
        elif len(self._packed) >= _MAX_SHAPES:
            self._packed = {}
        y = torch.empty(batch, self.layers.head.out_features)
        parts = self._memory.pack(self._weights, self._gradients, batch, steps, y)
        return y, b"".join(parts)

    def _clear(self, table: Tensor) -> None:
        """Sets the gradient of the table to 0; later only written rows are cleared."""
        table.zero_()
        self._memory.written[0] = 0
        self._version = table._version


class _Memory:
    """What forward saves for backward, and gradients of states, for so many rows."""

    def __init__(self, layers: RecurrentLayers, kernels: Kernels, batch: int, steps: int) -> None:
        self.layers, self.kernels = layers, kernels
        self.batch, self.rows = batch, batch * steps
        cell, self.is_lstm = CELLS[layers.cell.mode], layers.cell.mode == "LSTM"
        states = self.rows * kernels.padded(layers.cell.hidden_size)
        both, width = layers.directions, layers.width
        has_table = layers.embedding is not None
        features = layers.cell.input_size
        sizes = {
            "x": self.rows * features,
            "y": self.rows * width,
            "dy": self.rows * width,
            **{f"gates{side}": states * SAVED_GATES[cell] for side in range(both)},
            **{f"cells{side}": states * self.is_lstm for side in range(both)},
            **{f"dx{side}": self.rows * features * has_table for side in range(both)},
            "doutputs": batch * layers.head.out_features,
            **dict.fromkeys(_POOLED, batch * width),
        }
        self.floats = torch.empty(sum(map(_aligned, sizes.values())))
        self.counts = torch.empty(5 * (batch + 1) + 2 * self.rows + steps, dtype=torch.int64)
        self.written = torch.zeros(1 + self.rows * has_table, dtype=torch.int64)
        self.answered = torch.tensor(layers.relative, dtype=torch.int64)
        self.places = dict(zip(sizes, _addresses(self.floats, sizes.values()), strict=True))

    def suits(self, batch: int, steps: int) -> bool:
        """Whether the memory is large enough."""
        return batch <= self.batch and batch * steps <= self.rows

    def pack(
        self,
        weights: list[Tensor | None],
        gradients: list[Tensor | None],
        batch: int,
        steps: int,
        y: Tensor,
    ) -> Iterator[bytes]:
        """The struct RecurrentNet of native/kernels.h, but for its first fields."""
        layers, places = self.layers, self.places
        (table, *own, w, b), (dtable, *down, dw, db) = map(_pointers, (weights, gradients))
        embedding = layers.embedding
        tokens_in_table = 0 if embedding is None else embedding.num_embeddings
        padding = None if embedding is None else embedding.padding_idx
        counts = [self.counts.data_ptr() + 8 * batch * number for number in range(5)]
        offsets, tokens = counts[4], counts[4] + 8 * (steps + 1)
        dropout = round((1 - layers.dropout) * 2**32) if layers.dropout else 0
        yield _NET.pack(
            *(table, dtable, tokens_in_table, -1 if padding is None else padding, layers.padded),
            layers.cell.input_size // layers.patch if layers.relative else 0,
            *(len(layers.relative), self.answered.data_ptr()),
            *(_POOLINGS.index(layers.pooling), dropout),
            *(*counts[:4], offsets, tokens, self.written.data_ptr()),
            *(places[name] for name in ("doutputs", *_POOLED)),
            *(places["dx0"], places.get("dx1", 0), places["dy"]),
        )
        yield _HEAD.pack(
            *(layers.width, layers.head.out_features, 0, 0, w, b, 0, y.data_ptr(), dw, db)
        )
        cell = layers.cell
        yield _LAYER.pack(
            *(CELLS[cell.mode], cell.input_size, cell.hidden_size, steps, batch, 0),
            *(offsets, 0, 0, places["x"], 0, 0, layers.width, layers.directions, 1),
            self.kernels.parallel_for,
        )
        for side in range(2):
            yield self._direction(own, down, side, bool(dtable))

    def _direction(self, own: list[int], down: list[int], side: int, needs_dx: bool) -> bytes:
        if side >= self.layers.directions:
            return bytes(_DIRECTION.size)
        places, some = self.places, slice(4 * side, 4 * side + 4)
        shift = 4 * side * self.layers.cell.hidden_size  # bytes before its units in a row
        return _DIRECTION.pack(
            *(side, *own[some], 0, 0, 0, 0, places["y"] + shift),
            *(places[f"gates{side}"], places[f"cells{side}"] if self.is_lstm else 0),
            *(places["dy"] + shift, 0, 0, 0, 0),
            *(places[f"dx{side}"] if needs_dx else 0, *down[some]),
        )


def _aligned(count: int) -> int:
    """The count, rounded up to whole lines of the cache."""
    return -(-count // 16) * 16


def _addresses(floats: Tensor, sizes: object) -> Iterator[int]:
    address = floats.data_ptr()
    for size in cast("list[int]", sizes):
        yield address
        address += 4 * _aligned(size)


def _pointers(tensors: list[Tensor | None]) -> list[int]:
    return [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
