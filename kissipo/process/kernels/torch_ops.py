"""The kernels as operators of torch, which `torch.compile` takes as they are: one opaque node a layer, forward and backward."""

from typing import Any

import torch
from torch import Tensor

from kissipo.process.kernels.native import kernels
from kissipo.process.kernels.recurrent import CELLS, Kept, Plan, Results, backward, by_direction, forward
from kissipo.process.kernels.rows import even_rows


def _plan(x: Tensor, weights: list[Tensor], cell: int, batch_first: bool) -> Plan:
    found = kernels()
    assert found is not None
    steps, batch = x.shape[:2][::-1] if batch_first else x.shape[:2]
    biased = len(weights) in (4, 8) and weights[2].dim() == 1
    directions = len(weights) // (4 if biased else 2)
    return Plan(
        cell, x.shape[-1], weights[1].shape[1], directions, even_rows(steps, batch, batch_first), found, _refuse
    )


def _refuse(*inputs: Any) -> Results:
    raise NotImplementedError("second derivatives are not available under torch.compile")


def _filled(plan: Plan, weights: list[Tensor]) -> list[Tensor | None]:
    return [*weights] if len(weights) == 4 * plan.directions else [
        each for at in range(0, len(weights), 2) for each in (*weights[at : at + 2], None, None)
    ]  # fmt: skip


@torch.library.custom_op("kissipo::recurrent", mutates_args=())
def recurrent(
    x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], cell: int, batch_first: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y, h_n, c_n of a layer, and what it keeps for its backward."""
    plan = _plan(x, weights, cell, batch_first)
    kept = _room(plan, x)
    x = x.contiguous()
    y, h_n, c_n = forward(plan, x, h0, c0, by_direction(plan, _filled(plan, weights)), Kept(plan, kept))
    return y, h_n, c_n, kept


@recurrent.register_fake
def _(x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor], cell: int, batch_first: bool) -> Any:
    plan = _plan(x, weights, cell, batch_first)
    state = (plan.directions, plan.rows.batch, plan.units)
    y = x.new_empty((*x.shape[:-1], plan.directions * plan.units))
    return y, x.new_empty(state), x.new_empty(state if cell == CELLS["LSTM"] else 0), _room(plan, x)


@torch.library.custom_op("kissipo::recurrent_backward", mutates_args=())
def recurrent_backward(
    gradients: list[Tensor],
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    y: Tensor,
    kept: Tensor,
    weights: list[Tensor],
    cell: int,
    batch_first: bool,
) -> list[Tensor]:
    """The gradients of x, h0, c0 and the weights; empty ones where there is no state."""
    plan = _plan(x, weights, cell, batch_first)
    saved = (x.contiguous(), h0, c0, y, *_filled(plan, weights))
    needed = [True, h0 is not None, c0 is not None, *(each is not None for each in saved[4:])]
    given = [each if each.numel() else None for each in gradients]
    found = backward(plan, saved, given, needed, Kept(plan, kept.clone()))
    states = [x.new_empty(0) if each is None else each for each in found[1:3]]
    return [*found[:1], *states, *(each for each in found[3:] if each is not None)]  # type: ignore[list-item]


@recurrent_backward.register_fake
def _(gradients: list[Tensor], x: Tensor, h0: Tensor | None, c0: Tensor | None, *rest: Any) -> list[Tensor]:
    _, _, weights, *_ = rest
    states = [x.new_empty(0) if each is None else torch.empty_like(each) for each in (h0, c0)]
    return [x.new_empty(x.shape), *states, *(torch.empty_like(each) for each in weights)]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, h0, c0, weights, cell, batch_first = inputs
    y, _, c_n, kept = output
    ctx.save_for_backward(x, h0, c0, y, kept, *weights)
    ctx.words = (cell, batch_first)
    ctx.mark_non_differentiable(kept, *([] if cell == CELLS["LSTM"] else [c_n]))


def _way_back(ctx: Any, dy: Tensor, dh_n: Tensor, dc_n: Tensor, *_: Any) -> Any:
    x, h0, c0, y, kept, *weights = ctx.saved_tensors
    gradients = [x.new_empty(0) if each is None else each for each in (dy, dh_n, dc_n)]
    found = recurrent_backward(gradients, x, h0, c0, y, kept, weights, *ctx.words)
    return (
        found[0],
        None if h0 is None else found[1],
        None if c0 is None else found[2],
        found[3:],
        None,
        None,
    )


recurrent.register_autograd(_way_back, setup_context=_remember)


def _room(plan: Plan, x: Tensor) -> Tensor:
    return x.new_empty(Kept.count(plan))
