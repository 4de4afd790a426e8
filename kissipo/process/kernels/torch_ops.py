"""The recurrent kernels as custom operators of torch, for torch.compile.

A graph that torch.compile captures has one node per layer for the forward pass and one
for the backward pass.
"""

from typing import Any

import torch
from torch import Tensor

from kissipo.core.errors import MachineError
from kissipo.process.kernels.native import forced_kernels, kernels
from kissipo.process.kernels.recurrent import (
    CELLS,
    LayerSpec,
    Results,
    SavedState,
    backward,
    by_direction,
    forward,
)
from kissipo.process.kernels.rows import equal_lengths


def _layer_spec(x: Tensor, weights: list[Tensor], cell: int, batch_first: bool) -> LayerSpec:
    library = kernels()
    if library is None:
        raise MachineError(
            "a compiled graph has a kernel that is not available",
            got=f"KISSIPO_KERNELS={forced_kernels()}",
            do="Use kernel='torch', or unset KISSIPO_KERNELS",
        )
    steps, batch = x.shape[:2][::-1] if batch_first else x.shape[:2]
    has_bias = len(weights) in (4, 8) and weights[2].dim() == 1
    return LayerSpec(
        cell=cell,
        features=x.shape[-1],
        units=weights[1].shape[1],
        directions=len(weights) // (4 if has_bias else 2),
        rows=equal_lengths(steps, batch, batch_first),
        kernels=library,
        reference=_refuse,
    )


def _refuse(*inputs: object) -> Results:
    raise NotImplementedError("second derivatives are not available under torch.compile")


def _with_biases(spec: LayerSpec, weights: list[Tensor]) -> list[Tensor | None]:
    """Four weights per direction, with None for a bias that is missing."""
    if len(weights) == 4 * spec.directions:
        return [*weights]
    pairs = (weights[start : start + 2] for start in range(0, len(weights), 2))
    return [weight for pair in pairs for weight in (*pair, None, None)]


@torch.library.custom_op("kissipo::recurrent", mutates_args=())
def recurrent(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    cell: int,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y, h_n, c_n of a layer, and the state that is saved for its backward pass."""
    spec = _layer_spec(x, weights, cell, batch_first)
    saved = _empty_saved_state(spec, x)
    by_side = by_direction(spec, _with_biases(spec, weights))
    y, h_n, c_n = forward(spec, x.contiguous(), h0, c0, by_side, SavedState(spec, saved))
    return y, h_n, c_n, saved


@recurrent.register_fake
def _(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: list[Tensor],
    cell: int,
    batch_first: bool,
) -> Any:
    spec = _layer_spec(x, weights, cell, batch_first)
    h_n = x.new_empty((spec.directions, spec.rows.batch, spec.units))
    c_n = torch.empty_like(h_n) if cell == CELLS["LSTM"] else x.new_empty(0)
    y = x.new_empty((*x.shape[:-1], spec.directions * spec.units))
    return y, h_n, c_n, _empty_saved_state(spec, x)


@torch.library.custom_op("kissipo::recurrent_backward", mutates_args=())
def recurrent_backward(
    gradients: list[Tensor],
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    y: Tensor,
    saved: Tensor,
    weights: list[Tensor],
    cell: int,
    batch_first: bool,
) -> list[Tensor]:
    """The gradients of x, h0, c0 and the weights; empty where a state is None."""
    spec = _layer_spec(x, weights, cell, batch_first)
    inputs = (x.contiguous(), h0, c0, y, *_with_biases(spec, weights))
    needed = [True, h0 is not None, c0 is not None, *(one is not None for one in inputs[4:])]
    output_gradients = [one if one.numel() else None for one in gradients]
    state = SavedState(spec, saved.clone())
    dx, dh0, dc0, *dw = backward(spec, inputs, output_gradients, needed, state)
    assert dx is not None
    states = [x.new_empty(0) if one is None else one for one in (dh0, dc0)]
    return [dx, *states, *(one for one in dw if one is not None)]


@recurrent_backward.register_fake
def _(
    gradients: list[Tensor], x: Tensor, h0: Tensor | None, c0: Tensor | None, *rest: Any
) -> list[Tensor]:
    _, _, weights, *_ = rest
    states = [x.new_empty(0) if one is None else torch.empty_like(one) for one in (h0, c0)]
    return [x.new_empty(x.shape), *states, *(torch.empty_like(weight) for weight in weights)]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, h0, c0, weights, cell, batch_first = inputs
    y, _, c_n, saved = output
    ctx.save_for_backward(x, h0, c0, y, saved, *weights)
    ctx.options = (cell, batch_first)
    ctx.mark_non_differentiable(saved, *([] if cell == CELLS["LSTM"] else [c_n]))


def _autograd_backward(ctx: Any, dy: Tensor, dh_n: Tensor, dc_n: Tensor, *_: object) -> object:
    x, h0, c0, y, saved, *weights = ctx.saved_tensors
    gradients = [x.new_empty(0) if one is None else one for one in (dy, dh_n, dc_n)]
    dx, dh0, dc0, *dw = recurrent_backward(gradients, x, h0, c0, y, saved, weights, *ctx.options)
    return dx, None if h0 is None else dh0, None if c0 is None else dc0, dw, None, None


recurrent.register_autograd(_autograd_backward, setup_context=_setup_context)


def _empty_saved_state(spec: LayerSpec, x: Tensor) -> Tensor:
    return x.new_empty(SavedState.size(spec))
