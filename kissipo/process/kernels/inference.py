"""Recurrent layers without gradients by the compiled kernels, with few steps of Python.

The packed weights of a layer are kept from call to call. At each call the kernel reads
all weights and compares their signature with that of the packed ones: a version counter
would miss weights that an optimizer or `.data` changed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, empty_like, nn

from kissipo.process.kernels.native import Kernels
from kissipo.process.kernels.recurrent import CELLS, PARALLEL_OPERATIONS, WEIGHT_GATES
from kissipo.process.kernels.rows import SequenceRows, equal_lengths

_CALL = struct.Struct("6q")  # see native/kernels.h
_LAYER, _DIRECTION, _POINTERS = struct.Struct("16q"), struct.Struct("22q"), struct.Struct("2q")
_SIGNATURE = 129
_MAX_SHAPES = 16  # of inputs, whose structs are kept


_Place = tuple[int, torch.dtype, bool]  # address, dtype, whether there are no gaps


@dataclass
class _Shape:
    """The struct for inputs of one shape, and the memory that it points to."""

    packed: bytes
    operations: int
    results: list[Tensor]  # y and the final states, whose memory is not used
    rows: SequenceRows
    hidden: list[Tensor]


@dataclass
class _Plan:
    """The packed weights of all layers, and structs for some shapes. One call at a time
    uses it."""

    kernels: Kernels
    places: list[_Place]  # of the weights
    packed: list[Tensor]
    signatures: list[Tensor]
    shapes: dict[tuple[int, ...], _Shape] = field(default_factory=dict)


_plans: WeakKeyDictionary[nn.Module, list[_Plan]] = WeakKeyDictionary()


Results = tuple[Tensor, Tensor] | tuple[Tensor, tuple[Tensor, Tensor]]


def run(cell: nn.RNNBase, x: Tensor, kernels: Kernels) -> Results | None:
    """y and the final states of all layers, as torch returns them, from states of 0.

    x:  contiguous float32 on the CPU, with the axes that the layer reads

    None means that the shape does not fit, or that a weight is not float32 on the CPU
    without gaps.

    Example:  >>> from kissipo.process.kernels.native import kernels
              >>> gru, x = nn.GRU(3, 4, 2), torch.ones(5, 2, 3)
              >>> y, h_n = run(gru, x, kernels())
              >>> torch.allclose(y, gru(x)[0]), h_n.shape
              (True, torch.Size([2, 2, 4]))
    """
    plans = _plans.get(cell)
    if plans is None:
        plans = _plans.setdefault(cell, [])
    weights = cast(list[Tensor], cell._flat_weights)
    places = [(weight.data_ptr(), weight.dtype, weight.is_contiguous()) for weight in weights]
    try:
        plan: _Plan | None = plans.pop()
    except IndexError:  # another thread computes now
        plan = None
    if plan is None or plan.places != places or plan.kernels is not kernels:
        if cell.proj_size or not all(map(_is_plain, weights)):
            return None
        plan = _new_plan(cell, kernels, places)
    shape = plan.shapes.get(x.shape)
    if shape is None:
        if not _suits(cell, x):
            plans.append(plan)
            return None
        shape = _new_shape(cell, plan, weights, x)
    y, h_n, *others = [empty_like(like) for like in shape.results]
    c_n = others[0] if others else None
    threads = torch.get_num_threads() if shape.operations >= PARALLEL_OPERATIONS else 1
    cells = 0 if c_n is None else c_n.data_ptr()
    fields = (x.data_ptr(), y.data_ptr(), h_n.data_ptr(), cells, threads)
    kernels.recurrent_infer(_CALL.pack(*fields, cell.num_layers) + shape.packed)
    plans.append(plan)
    return (y, h_n) if c_n is None else (y, (h_n, c_n))


def _suits(cell: nn.RNNBase, x: Tensor) -> bool:
    return x.dim() == 3 and x.shape[2] == cell.input_size and x.numel() > 0


def _new_plan(cell: nn.RNNBase, kernels: Kernels, places: list[_Place]) -> _Plan:
    """A plan without packed weights; the kernel packs them."""
    packed, signatures = [], []
    for layer in range(cell.num_layers):
        fields = (CELLS[cell.mode], _features(cell, layer), cell.hidden_size)
        size = kernels.packed_floats(_LAYER.pack(*fields, *[0] * 13))
        for _ in range(2 if cell.bidirectional else 1):
            packed.append(torch.empty(size))
            signatures.append(torch.zeros(_SIGNATURE, dtype=torch.int32))
    return _Plan(kernels, places, packed, signatures)


def _new_shape(cell: nn.RNNBase, plan: _Plan, weights: list[Tensor], x: Tensor) -> _Shape:
    steps, batch = x.shape[:2][::-1] if cell.batch_first else x.shape[:2]
    rows = equal_lengths(steps, batch, cell.batch_first)
    directions = 2 if cell.bidirectional else 1
    width, units = directions * cell.hidden_size, cell.hidden_size
    hidden = [torch.empty(rows.count * width) for _ in range(cell.num_layers - 1)]
    count = len(weights) // cell.num_layers // directions
    parts, operations = [], 0
    for layer in range(cell.num_layers):
        features = _features(cell, layer)
        fields = (
            *(CELLS[cell.mode], features, units, steps, batch, rows.count),
            *(rows.offsets.data_ptr(), 0 if rows.starts is None else rows.starts.data_ptr()),
            *(rows.time_stride, hidden[layer - 1].data_ptr() if layer else 0, 0, 0),
            *(width, directions, 1, plan.kernels.parallel_for),
        )
        parts.append(_LAYER.pack(*fields))
        first = layer * directions
        for side in range(2):
            if side >= directions:
                parts.append(bytes(_DIRECTION.size))
                continue
            start = (first + side) * count
            own = [weight.data_ptr() for weight in weights[start : start + count]]
            y = hidden[layer].data_ptr() + 4 * side * units if layer < len(hidden) else 0
            parts.append(_DIRECTION.pack(side, *own, *[0] * (4 - count), 0, 0, 0, 0, y, *[0] * 12))
        for tensors in (plan.packed, plan.signatures):
            pointers = [one.data_ptr() for one in tensors[first : first + directions]]
            parts.append(_POINTERS.pack(*pointers, *[0] * (2 - directions)))
        products = WEIGHT_GATES[CELLS[cell.mode]] * units * (features + units)
        operations = max(operations, 2 * products * rows.count * directions)
    states = (cell.num_layers * directions, batch, units)
    sizes = [(*x.shape[:2], width), states, *([states] if cell.mode == "LSTM" else [])]
    results = [torch.empty(size) for size in sizes]
    if len(plan.shapes) >= _MAX_SHAPES:
        plan.shapes.clear()
    shape = plan.shapes[x.shape] = _Shape(b"".join(parts), operations, results, rows, hidden)
    return shape


def _is_plain(weight: Tensor) -> bool:
    return weight.dtype is torch.float32 and weight.is_cpu and weight.is_contiguous()


def _features(cell: nn.RNNBase, layer: int) -> int:
    directions = 2 if cell.bidirectional else 1
    return directions * cell.hidden_size if layer else cell.input_size
