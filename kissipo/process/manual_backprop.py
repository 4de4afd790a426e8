"""Direct: the slopes of a feed-forward net without autograd's records, which take longer than the sums of a small net.

y, dL/dy -> dL/dW of every layer, by one compiled function. What is not built of linear layers with relu and dropout goes the usual
way; so does all where the kernels are missing.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from kissipo.process.kernels.dense import DenseChain, DenseLayer
from kissipo.process.kernels.native import fallback_reason, kernels
from kissipo.process.layers.wide import WideAndDeep
from kissipo.process.losses import (
    binary_cross_entropy,
    mean_squared_error,
    sparse_categorical_cross_entropy,
)

Loss = Callable[[Tensor, Tensor], Tensor]
Gradient = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_MOST_WEIGHTS = 1_000_000  # in one layer
_MOST_ROWS = (
    128  # in a batch; in larger ones torch's products are as fast, or faster for few features
)
_WRITTEN_OUT = (binary_cross_entropy, mean_squared_error, sparse_categorical_cross_entropy)
_SLOPES: dict[Any, Gradient] = {module.loss: module.gradient for module in _WRITTEN_OUT}


class ManualBackprop:
    """A net as one chain of linear layers, or as the sum of several (wide and deep)."""

    def __init__(self, chains: list[DenseChain]) -> None:
        self._chains = chains
        self._features = chains[0].layers[0].linear.in_features

    def fits(self, x: Any) -> bool:
        """Whether these inputs can go the direct way just now."""
        if not isinstance(x, Tensor) or x.dtype is not torch.float32 or not x.is_cpu:
            return False
        if not 0 < x.shape[0] <= _MOST_ROWS:
            return False
        usual = torch.is_autocast_enabled("cpu") or fallback_reason()
        return x.numel() == x.shape[0] * self._features and not usual

    @torch.no_grad()
    def learn(self, loss: Loss, x: Tensor, targets: Tensor) -> Tensor:
        """The loss of the net while learning; its slope at each weight becomes the weight's `grad`."""
        x = x.flatten(1).contiguous()
        y, *others = [chain.forward(x) for chain in self._chains]
        for other in others:
            y += other
        value, gradient = loss_and_gradient(loss, y, targets)
        gradient = gradient.contiguous()
        for chain in self._chains:
            chain.backward(x, gradient)
        return value


def manual_backprop(net: nn.Module) -> ManualBackprop | None:
    """The direct way through this net; None where there is none."""
    found = kernels()
    if found is None or not isinstance(net, nn.Sequential):
        return None
    flat, *layers = net
    if type(flat) is not nn.Flatten or not all(map(_is_plain, net.modules())):
        return None
    parts = [layers]
    if len(layers) == 1 and isinstance(layers[0], WideAndDeep):
        deep = layers[0].deep
        parts = [
            [layers[0].wide],
            [*(deep if isinstance(deep, nn.Sequential) else [deep]), layers[0].head],
        ]
    links = [_links(part) for part in parts]
    return ManualBackprop([DenseChain(found, each) for each in links]) if all(links) else None


def loss_and_gradient(loss: Loss, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss and its slope at the outputs, by its own formula or by autograd."""
    if loss in _SLOPES:
        return _SLOPES[loss](outputs, targets)
    outputs = outputs.detach().requires_grad_()
    with torch.enable_grad():
        value = loss(outputs, targets)
    (gradient,) = torch.autograd.grad(value, outputs)
    return value.detach(), gradient


def _links(layers: list[nn.Module]) -> list[DenseLayer]:
    """The layers as the kernel knows them; empty where there is another one among them."""
    links: list[DenseLayer] = []
    for layer in layers:
        if type(layer) is nn.Linear and _is_small(layer.weight):
            links.append(DenseLayer(layer))
        elif type(layer) is nn.ReLU and links and not (links[-1].relu or links[-1].dropout):
            links[-1] = DenseLayer(links[-1].linear, relu=True)
        elif type(layer) is nn.Dropout and links and not links[-1].dropout and layer.p < 1:
            links[-1] = DenseLayer(links[-1].linear, links[-1].relu, layer.p)
        else:
            return []
    return links


def _is_small(weight: Tensor) -> bool:
    return (
        weight.dtype is torch.float32
        and weight.is_cpu
        and weight.is_contiguous()
        and weight.numel() <= _MOST_WEIGHTS
    )


def _is_plain(layer: nn.Module) -> bool:
    """Nobody listens to it."""
    return not (
        layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
    )
