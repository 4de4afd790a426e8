"""One recurrent layer, in one or both directions, by the compiled kernels; gradients included.

What backward needs (gates, cells) is kept in buffers that are used again. Backward turns the gates into their gradients in
place; a second backward through the same graph (`retain_graph=True`) computes the gates anew. Second derivatives are left to the
reference, which torch differentiates itself.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kissipo.process.kernels.buffers import Buffer
from kissipo.process.kernels.native import Kernels
from kissipo.process.kernels.rows import Rows

CELLS = {"RNN_TANH": 0, "RNN_RELU": 1, "LSTM": 2, "GRU": 3}
_PLANES = (1, 1, 4, 4)
_GATES = (1, 1, 4, 3)
_WORTH_SHARING = 2_000_000
_LAYER, _DIRECTION = struct.Struct("16q"), struct.Struct("22q")

Weights = tuple[Tensor, Tensor, Tensor | None, Tensor | None]
Results = tuple[Tensor, Tensor, Tensor]
Reference = Callable[..., Results]


@dataclass(frozen=True)
class Plan:
    """All of a layer but its numbers.

    reference:  the same layer in plain torch: (x, h0, c0, *weights) -> (y, h_n, c_n)
    tokens:     with more than 0, x are ids (...), and in place of W_ih stands a table (token, gate * unit) of the input parts with b_ih
    """

    cell: int
    features: int
    units: int
    directions: int
    rows: Rows
    kernels: Kernels
    reference: Reference
    tokens: int = 0

    def lead(self, x: Tensor) -> torch.Size:
        """The axes of x that y has too."""
        return x.shape if self.tokens else x.shape[:-1]

    @property
    def threads(self) -> int:
        """As many as torch has, one where sharing costs more than the sums."""
        work = 2 * _GATES[self.cell] * self.units * (self.features + self.units) * self.rows.count * self.directions
        return torch.get_num_threads() if work >= _WORTH_SHARING else 1

    @property
    def wide(self) -> int:
        """Units filled up to whole vectors."""
        return self.kernels.wide(self.units)

    @property
    def planes(self) -> int:
        """How many planes of gates a row keeps."""
        return _PLANES[self.cell]


def run_layer(plan: Plan, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor | None]) -> Results:
    """y, h_n, c_n of one layer.

    Shapes:   x (..., feature) -> y (..., unit * direction); h0, c0, h_n, c_n (direction, batch, unit); c_n is empty but for LSTM
    """
    inputs = (x, h0, c0, *weights)
    if torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in inputs):
        results: Results = _Layer.apply(plan, *inputs)
        return results
    return forward(plan, x.contiguous(), h0, c0, by_direction(plan, weights), keep=None)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, plan: Plan, x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor | None
    ) -> Results:
        x = x.contiguous()
        keep = Kept(plan)
        y, h_n, c_n = forward(plan, x, h0, c0, by_direction(plan, weights), keep)
        ctx.plan, ctx.keep = plan, keep
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, y, *weights)
        if not c_n.numel():
            ctx.mark_non_differentiable(c_n)
        return y, h_n, c_n

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, dh_n: Tensor | None, dc_n: Tensor | None) -> Any:
        plan: Plan = ctx.plan
        x, h0, c0, y, *weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None, *_by_reference(plan, (x, h0, c0, *weights), (dy, dh_n, dc_n), ctx.needs_input_grad[1:]))
        keep: Kept = ctx.keep
        if keep.used:
            keep = Kept(plan)
            forward(plan, x, h0, c0, by_direction(plan, weights), keep)
        keep.used = True
        return (None, *backward(plan, (x, h0, c0, y, *weights), (dy, dh_n, dc_n), ctx.needs_input_grad[1:], keep))


class Kept:
    """What forward leaves for backward, for each direction gates and behind them cells: in a buffer, or in the tensor given."""

    def __init__(self, plan: Plan, given: Tensor | None = None) -> None:
        self.used = False
        self.owner = Buffer(self.count(plan)) if given is None else given
        first = self.owner.address if isinstance(self.owner, Buffer) else self.owner.data_ptr()
        apart = self.count(plan) // plan.directions * 4
        gates = self.gate_count(plan) * 4
        self.gates = [first + at * apart for at in range(plan.directions)]
        self.cells = [each + gates if plan.cell == CELLS["LSTM"] else 0 for each in self.gates]

    @staticmethod
    def count(plan: Plan) -> int:
        """How many numbers of 32 bits are left."""
        cells = plan.rows.count * plan.wide if plan.cell == CELLS["LSTM"] else 0
        return plan.directions * (Kept.gate_count(plan) + cells)

    @staticmethod
    def gate_count(plan: Plan) -> int:
        """How many of them are the gates of a direction; whole vectors, so they can be halved."""
        return plan.rows.count * plan.wide * plan.planes // plan.kernels.word


def by_direction(plan: Plan, weights: Sequence[Tensor | None]) -> list[Weights]:
    """W_ih, W_hh and the biases of each direction."""
    whole = [None if each is None else each.contiguous() for each in weights]
    return [tuple(whole[at : at + 4]) for at in range(0, 4 * plan.directions, 4)]  # type: ignore[misc]


def forward(
    plan: Plan, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Weights], keep: Kept | None
) -> Results:
    """One pass; with `keep` everything for the way back is left there."""
    lstm = plan.cell == CELLS["LSTM"]
    like = weights[0][1]
    make = like.new_empty if plan.rows.whole else like.new_zeros
    y = make((*plan.lead(x), plan.directions * plan.units))
    state = (plan.directions, plan.rows.batch, plan.units)
    h_n, c_n = like.new_empty(state), like.new_empty(state if lstm else 0)
    h0, c0 = _whole(h0), _whole(c0)
    parts = []
    for at, sides in enumerate(weights):
        gates = keep.gates[at] if keep is not None and plan.planes > 1 else 0
        cells = keep.cells[at] if keep is not None else 0
        here = at * plan.rows.batch * plan.units * 4
        final = (h_n.data_ptr() + here, _at(c_n, here) if lstm else 0, y.data_ptr() + at * plan.units * 4)
        parts.append((at, *_all(sides), _at(h0, here), _at(c0, here), *final, gates, cells, *[0] * 10))
    plan.kernels.forward(_layer(plan, x, y.shape[-1], parts))
    return y, h_n, c_n


def backward(
    plan: Plan, saved: Sequence[Any], gradients: Sequence[Tensor | None], needed: Sequence[bool], keep: Kept
) -> list[Tensor | None]:
    """The gradients of x, h0, c0 and the weights, None for those not needed; `keep` is used up."""
    x, h0, c0, y, *weights = saved
    dy, dh_n, dc_n = (_whole(each) for each in gradients)
    h0, c0 = _whole(h0), _whole(c0)
    make = torch.empty_like if plan.rows.whole else torch.zeros_like
    dx = [make(x) for _ in range(plan.directions)] if needed[0] else []
    state = (plan.directions, plan.rows.batch, plan.units)
    dh0 = y.new_empty(state) if needed[1] else None
    dc0 = y.new_empty(state) if needed[2] else None
    dw = [y.new_empty(each.shape) if each is not None and wanted else None
          for each, wanted in zip(weights, needed[3:], strict=True)]  # fmt: skip
    parts = []
    for at, sides in enumerate(by_direction(plan, weights)):
        here = at * plan.rows.batch * plan.units * 4
        behind = at * plan.units * 4
        parts.append(
            (
                *(at, *_all(sides), _at(h0, here), _at(c0, here), 0, 0, y.data_ptr() + behind),
                *(keep.gates[at], keep.cells[at], _at(dy, behind)),
                *(_at(dh_n, here), _at(dc_n, here), _at(dh0, here), _at(dc0, here)),
                *(dx[at].data_ptr() if dx else 0, *_all(dw[4 * at : 4 * at + 4])),
            )
        )
    plan.kernels.backward(_layer(plan, x, y.shape[-1], parts))
    whole_dx = None if not dx else dx[0] if len(dx) == 1 else dx[0].add_(dx[1])
    return [whole_dx, dh0, dc0, *dw]


def _by_reference(
    plan: Plan, inputs: Sequence[Tensor | None], gradients: Sequence[Tensor | None], needed: Sequence[bool]
) -> list[Tensor | None]:
    """Gradients that can be differentiated again."""
    results = plan.reference(*inputs)
    pairs = [(result, gradient) for result, gradient in zip(results, gradients, strict=True) if gradient is not None]
    wanted = [each for each, need in zip(inputs, needed, strict=True) if need and each is not None]
    found = iter(
        torch.autograd.grad(
            [result for result, _ in pairs],
            wanted,
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if need and each is not None else None for each, need in zip(inputs, needed, strict=True)]


def _layer(plan: Plan, x: Tensor, stride: int, parts: list[tuple[int, ...]]) -> bytes:
    rows = plan.rows
    head = _LAYER.pack(
        *(plan.cell, plan.features, plan.units, rows.steps, rows.batch, rows.count),
        *(rows.offsets.data_ptr(), _at(rows.first, 0), rows.apart, *_input(plan, x), stride),
        *(plan.directions, plan.threads, plan.kernels.parallel_for),
    )
    return b"".join((head, *(_DIRECTION.pack(*part) for part in parts)))


def _input(plan: Plan, x: Tensor) -> tuple[int, int, int]:
    return (0, x.data_ptr(), plan.tokens) if plan.tokens else (x.data_ptr(), 0, 0)


def _all(tensors: Sequence[Tensor | None]) -> list[int]:
    return [0 if each is None else each.data_ptr() for each in tensors]


def _whole(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _at(tensor: Tensor | None, offset: int) -> int:
    return 0 if tensor is None else tensor.data_ptr() + offset
