"""Backward pass: the gradient of a loss by the output of every layer, for one sample.

The net is not changed: a copy with shared weights runs in eval mode. Every layer of the
copy passes on a clone of its output, so that in-place layers do not remove its
gradient.

Example:  >>> import torch
          >>> net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU())
          >>> net.load_state_dict({"0.weight": torch.tensor([[3.0, 4.0]])})
          <All keys matched successfully>
          >>> loss = lambda output: output.square().sum() / 2
          >>> results = gradients(net, (torch.ones(1, 2),), loss)
          >>> [(result.layer, result.gradient.tolist()) for result in results]
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
    """The gradient of a loss by the output of a layer, or by its first output tensor.

    call:  the index of the call of this layer, from 0
    """

    layer: str
    call: int
    gradient: Tensor


def gradients(
    net: nn.Module, inputs: tuple[object, ...], loss: Callable[[Any], Tensor]
) -> list[Gradient]:
    """Returns one gradient per call of a layer that the loss depends on, in order.

    loss:  computes one number from the outputs of the net
    """
    with torch.inference_mode(False), torch.enable_grad():
        shared = {
            id(weight): nn.Parameter(weight.detach())
            for weight in net.parameters()
            if weight.is_floating_point()
        }
        net_copy = deepcopy(net, dict(shared)).eval()
        outputs: list[tuple[str, Tensor]] = []
        for name, layer in net_copy.named_modules():
            if is_step(layer):
                layer.register_forward_hook(
                    partial(_keep, outputs, name or type(layer).__name__.lower())
                )
        value = loss(net_copy(*tree_map_only(Tensor, torch.clone, inputs)))
        if not outputs or not value.requires_grad:
            return []
        grads = torch.autograd.grad(value, [tensor for _, tensor in outputs], allow_unused=True)
    times: dict[str, int] = {}
    results = []
    for (name, _), gradient in zip(outputs, grads, strict=True):
        times[name] = times.get(name, -1) + 1
        if gradient is not None:
            results.append(Gradient(name, times[name], gradient))
    return results


def _keep(
    outputs: list[tuple[str, Tensor]], name: str, _layer: nn.Module, _args: object, output: object
) -> object:
    first = next((leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)), None)
    if first is None or not first.requires_grad:
        return output
    outputs.append((name, first))
    return tree_map_only(Tensor, torch.clone, output)
