"""Backward: the gradient of a loss at what every layer gave, for one sample; of the net nothing is changed.

The net is asked once more as a twin on the same weights, answering; every layer hands on a copy of what it gave, so that later
layers that write over it do not take its gradient away.

Example:  >>> import torch
          >>> net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU())
          >>> net.load_state_dict({"0.weight": torch.tensor([[3.0, 4.0]])})
          <All keys matched successfully>
          >>> found = gradients(net, (torch.ones(1, 2),), lambda output: output.square().sum() / 2)
          >>> [(each.layer, each.gradient.tolist()) for each in found]
          [('0', [[7.0]]), ('1', [[7.0]])]
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from kissipo.inspect.tracing.recording import is_step


@dataclass(frozen=True)
class Gradient:
    """Of a loss by what a layer gave in one of its calls, counted from 0; where the layer gave several tensors, by the first."""

    layer: str
    call: int
    gradient: Tensor


def gradients(
    net: nn.Module, inputs: tuple[Any, ...], loss: Callable[[Any], Tensor]
) -> list[Gradient]:
    """One for each call of a layer that is a step and that the loss depends on, in their order.

    loss:  from what the net gives to one number
    """
    with torch.inference_mode(False), torch.enable_grad():
        shared = {
            id(weight): nn.Parameter(weight.detach())
            for weight in net.parameters()
            if weight.is_floating_point()
        }
        twin = deepcopy(net, dict(shared)).eval()
        kept: list[tuple[str, Tensor]] = []
        for name, layer in twin.named_modules():
            if is_step(layer):
                layer.register_forward_hook(
                    partial(_keep, kept, name or type(layer).__name__.lower())
                )
        value = loss(twin(*tree_map_only(Tensor, torch.clone, inputs)))
        if not kept or not value.requires_grad:
            return []
        found = torch.autograd.grad(value, [tensor for _, tensor in kept], allow_unused=True)
    times: dict[str, int] = {}
    gives = []
    for (name, _), gradient in zip(kept, found, strict=True):
        times[name] = times.get(name, -1) + 1
        if gradient is not None:
            gives.append(Gradient(name, times[name], gradient))
    return gives


def _keep(
    kept: list[tuple[str, Tensor]], name: str, _layer: nn.Module, _given: Any, gives: Any
) -> Any:
    first = next((each for each in tree_leaves(gives) if isinstance(each, Tensor)), None)
    if first is None or not first.requires_grad:
        return gives
    kept.append((name, first))
    return tree_map_only(Tensor, torch.clone, gives)
