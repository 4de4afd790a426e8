"""Backpropagation of feed-forward nets by the compiled kernels, without autograd.

y, dL/dy -> dL/dW of every layer, by one compiled function

In a small net, the records of autograd take longer than the computation itself. A net
of linear layers with relu and dropout can be computed this way. All other nets use
autograd, and so do all nets where the kernels are missing.
"""

from collections.abc import Callable

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

_MAX_WEIGHTS = 1_000_000  # in one layer
_MAX_ROWS = 128  # in a batch; for larger ones torch's matrix products are as fast or faster
_LOSSES = (binary_cross_entropy, mean_squared_error, sparse_categorical_cross_entropy)
_GRADIENTS: dict[Loss, Gradient] = {module.loss: module.gradient for module in _LOSSES}


class ManualBackprop:
    """A chain of linear layers, or the sum of several chains (wide and deep)."""

    def __init__(self, chains: list[DenseChain]) -> None:
        self._chains = chains
        self._features = chains[0].layers[0].linear.in_features

    def fits(self, x: object) -> bool:
        """Returns whether the kernels can be used for these inputs."""
        if not isinstance(x, Tensor) or x.dtype is not torch.float32 or not x.is_cpu:
            return False
        if not 0 < x.shape[0] <= _MAX_ROWS:
            return False
        needs_torch = torch.is_autocast_enabled("cpu") or fallback_reason()
        return x.numel() == x.shape[0] * self._features and not needs_torch

    @torch.no_grad()
    def outputs(self, x: Tensor) -> Tensor:
        """Returns the outputs (row, unit); the next call overwrites them."""
        x = x.flatten(1).contiguous()
        y, *others = [chain.forward(x) for chain in self._chains]
        for other in others:
            y += other
        return y

    @torch.no_grad()
    def backward(self, x: Tensor, gradient: Tensor) -> None:
        """Sets `grad` of each weight from the gradient of the loss at the outputs.

        x:  the inputs of the last call of `outputs`
        """
        x, gradient = x.flatten(1).contiguous(), gradient.contiguous()
        for chain in self._chains:
            chain.backward(x, gradient)

    @torch.no_grad()
    def loss_and_backward(self, loss: Loss, x: Tensor, targets: Tensor) -> Tensor:
        """Returns the training loss and sets `grad` of each weight."""
        value, gradient = loss_and_gradient(loss, self.outputs(x), targets)
        self.backward(x, gradient)
        return value


def manual_backprop(net: nn.Module) -> ManualBackprop | None:
    """Returns the net as chains of linear layers, or None if it has other layers."""
    library = kernels()
    if library is None or not isinstance(net, nn.Sequential):
        return None
    flat, *layers = net
    if type(flat) is not nn.Flatten or not all(map(_is_plain, net.modules())):
        return None
    paths = [layers]
    if len(layers) == 1 and isinstance(layers[0], WideAndDeep):
        deep = layers[0].deep
        paths = [
            [layers[0].wide],
            [*(deep if isinstance(deep, nn.Sequential) else [deep]), layers[0].head],
        ]
    chains = [_dense_layers(path) for path in paths]
    if not all(chains):
        return None
    return ManualBackprop([DenseChain(library, chain) for chain in chains])


def loss_and_gradient(loss: Loss, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the loss and its gradient at the outputs, by a formula or by autograd."""
    if loss in _GRADIENTS:
        return _GRADIENTS[loss](outputs, targets)
    outputs = outputs.detach().requires_grad_()
    with torch.enable_grad():
        value = loss(outputs, targets)
    (gradient,) = torch.autograd.grad(value, outputs)
    return value.detach(), gradient


def _dense_layers(layers: list[nn.Module]) -> list[DenseLayer]:
    """Returns the layers for the kernel; the list is empty if one does not fit."""
    dense: list[DenseLayer] = []
    for layer in layers:
        if type(layer) is nn.Linear and _is_small(layer.weight):
            dense.append(DenseLayer(layer))
        elif type(layer) is nn.ReLU and dense and not (dense[-1].relu or dense[-1].dropout):
            dense[-1] = DenseLayer(dense[-1].linear, relu=True)
        elif type(layer) is nn.Dropout and dense and not dense[-1].dropout and layer.p < 1:
            dense[-1] = DenseLayer(dense[-1].linear, dense[-1].relu, layer.p)
        else:
            return []
    return dense


def _is_small(weight: Tensor) -> bool:
    return (
        weight.dtype is torch.float32
        and weight.is_cpu
        and weight.is_contiguous()
        and weight.numel() <= _MAX_WEIGHTS
    )


def _is_plain(layer: nn.Module) -> bool:
    """Returns whether the layer has no hooks."""
    return not (
        layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
    )
