"""Backpropagation of small nets by the compiled kernels, without autograd.

y, dL/dy -> dL/dW of every layer, by one compiled function

In a small net, the records of autograd take longer than the computation itself. Two
kinds of nets can be computed this way: linear layers with relu and dropout, and one
recurrent layer, with an embedding before it and a pooling and a linear layer behind it.
All other nets use autograd, and so do all nets where the kernels are missing.

A net that knows its layers has the method `manual_backprop`; of a plain nn.Sequential
the layers are found here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrize

from kissipo.process.kernels.dense import DenseChain, DenseLayer
from kissipo.process.kernels.native import fallback_reason, kernels
from kissipo.process.kernels.recurrent_net import LossName, RecurrentChain, RecurrentLayers
from kissipo.process.layers.recurrent import Recurrent
from kissipo.process.layers.subtract_last import RelativeToLastValue
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
_MAX_STEPS = 1 << 20  # values of a batch of sequences; the memory grows with them
_LOSSES = (binary_cross_entropy, mean_squared_error, sparse_categorical_cross_entropy)
_GRADIENTS: dict[Loss, Gradient] = {module.loss: module.gradient for module in _LOSSES}
_KERNEL_LOSSES: dict[Loss, LossName] = {
    binary_cross_entropy.loss: "binary_cross_entropy",
    mean_squared_error.loss: "squared_error",
    sparse_categorical_cross_entropy.loss: "cross_entropy",
}


_GLOBAL_HOOKS = (
    torch_module._global_forward_hooks,
    torch_module._global_forward_pre_hooks,
    torch_module._global_backward_hooks,
    torch_module._global_backward_pre_hooks,
)


class ManualBackprop:
    """The base of all nets that compute their own gradients.

    modules:  all of the net; where one of them has a hook, autograd is used
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        modules = list(modules)
        self._hooks = [hooks for module in modules for hooks in _hooks_of(module)]
        self._parameters = [
            parameter for module in modules for parameter in module.parameters(recurse=False)
        ]

    def fits(self, *inputs: object) -> bool:
        """Returns whether the kernels can be used for these inputs."""
        if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or not inputs[0].is_cpu:
            return False
        if self._has_hooks() or not len(inputs[0]):
            return False
        needs_torch = torch.is_autocast_enabled("cpu") or fallback_reason()
        return not needs_torch and self._fits(inputs[0])

    def _has_hooks(self) -> bool:
        return (
            any(self._hooks)
            or any(map(bool, _GLOBAL_HOOKS))
            or any(
                parameter._backward_hooks or parameter._post_accumulate_grad_hooks
                for parameter in self._parameters
            )
        )

    def _fits(self, x: Tensor) -> bool:
        raise NotImplementedError

    def outputs(self, x: Tensor) -> Tensor:
        """Returns the outputs (row, ...); the next call overwrites them."""
        raise NotImplementedError

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        """Sets `grad` of each weight from the gradient of the loss at the outputs.

        x:  the inputs of the last call of `outputs`
        """
        raise NotImplementedError

    @torch.no_grad()
    def loss_and_backward(self, loss: Loss, x: Tensor, targets: Tensor) -> Tensor:
        """Returns the training loss and sets `grad` of each weight."""
        value, gradient = loss_and_gradient(loss, self.outputs(x), targets)
        self.backward(x, gradient)
        return value


@runtime_checkable
class ManualNet(Protocol):
    """A net that may compute its own gradients."""

    def manual_backprop(self) -> ManualBackprop | None:
        """Returns how, or None where autograd is needed."""
        ...


class FeedForward(ManualBackprop):
    """A chain of linear layers, or the sum of several chains (wide and deep).

    shape:  of one output of the net, if it is not one row of values
    """

    def __init__(
        self, net: nn.Module, chains: list[DenseChain], shape: tuple[int, ...] | None = None
    ) -> None:
        super().__init__(net.modules())
        self._chains, self._shape = chains, shape
        self._features = chains[0].layers[0].linear.in_features

    def _fits(self, x: Tensor) -> bool:
        is_small = x.dtype is torch.float32 and x.shape[0] <= _MAX_ROWS
        return is_small and x.numel() == x.shape[0] * self._features

    @torch.no_grad()
    def outputs(self, x: Tensor) -> Tensor:
        x = x.flatten(1).contiguous()
        y, *others = [chain.forward(x) for chain in self._chains]
        for other in others:
            y += other
        return y if self._shape is None else y.view(len(y), *self._shape)

    @torch.no_grad()
    def backward(self, x: Tensor, gradient: Tensor) -> None:
        x, gradient = x.flatten(1).contiguous(), gradient.contiguous()
        for chain in self._chains:
            chain.backward(x, gradient)


class RecurrentBackprop(ManualBackprop):
    """A recurrent layer between an embedding and a linear layer.

    shape:  of one output of the net
    """

    def __init__(self, net: nn.Module, chain: RecurrentChain, shape: tuple[int, ...]) -> None:
        super().__init__(net.modules())
        self._net, self._chain, self._layers, self._shape = net, chain, chain.layers, shape
        self._suitable: dict[torch.Size, bool] = {}

    def _fits(self, x: Tensor) -> bool:
        if not self._net.training:
            return False
        dtype = torch.float32 if self._layers.embedding is None else torch.int64
        if x.shape not in self._suitable:
            self._suitable[x.shape] = self._suits(x)
        return x.dtype is dtype and self._suitable[x.shape]

    def _suits(self, x: Tensor) -> bool:
        """Returns whether the shape fits and torch's own layer is not faster for it."""
        layers, cell = self._layers, self._layers.cell
        assert isinstance(cell, Recurrent)
        if x.dim() != (3 if layers.embedding is None else 2) or x.numel() > _MAX_STEPS:
            return False
        if layers.embedding is not None:
            if cell.takes_ids(layers.embedding.num_embeddings, x.numel()):
                return False
        elif x.shape[1] % layers.patch or x.shape[2] * layers.patch != cell.input_size:
            return False
        sample = x.new_empty(
            (x.shape[0], x.shape[1] // layers.patch, cell.input_size), dtype=torch.float32
        )
        return cell.choose(sample)[0] == "fused"

    def outputs(self, x: Tensor) -> Tensor:
        return self._chain.forward(x.contiguous()).view(len(x), *self._shape)

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        self._chain.backward(x.contiguous(), gradient.contiguous())

    def loss_and_backward(self, loss: Loss, x: Tensor, targets: Tensor) -> Tensor:
        """Computes the losses that the kernels know in one call."""
        name = _KERNEL_LOSSES.get(loss)
        if name is not None and self._are_plain(targets, name):
            value = self._chain.step(x.contiguous(), targets, name)
            if value is not None:
                return value
        return super().loss_and_backward(loss, x, targets)

    def relative_to_last_value(self, net: RelativeToLastValue) -> RecurrentBackprop | None:
        """Returns the gradients of the net on windows relative to their last value."""
        if self._layers.padded or self._layers.embedding is not None:
            return None
        layers = replace(self._layers, relative=tuple(net.answered))
        return RecurrentBackprop(net, RecurrentChain(self._chain.kernels, layers), self._shape)

    def _are_plain(self, targets: Tensor, name: LossName) -> bool:
        """Returns whether the kernel reads targets of this type and shape."""
        width = 1 if name == "cross_entropy" else self._layers.head.out_features
        types = (torch.int64,) if name == "cross_entropy" else (torch.int64, torch.float32)
        return (
            targets.dtype in types
            and targets.is_contiguous()
            and targets.numel() == len(targets) * width
        )


class RelativeBackprop(ManualBackprop):
    """A net on windows that are relative to their last value."""

    def __init__(self, net: RelativeToLastValue, inner: ManualBackprop) -> None:
        super().__init__(net.modules())
        self._subtract_last, self._inner, self._answered = net.subtract_last, inner, net.answered
        self._shifted = torch.empty(0)

    def _fits(self, x: Tensor) -> bool:
        return x.dim() == 3 and self._inner._fits(x)

    def outputs(self, x: Tensor) -> Tensor:
        self._shifted = self._subtract_last.forward(x)
        return self._inner.outputs(self._shifted) + x[:, -1:, self._answered]

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        self._inner.backward(self._shifted, gradient)


def manual_backprop(net: nn.Module) -> ManualBackprop | None:
    """Returns how the net computes its own gradients, or None if autograd is needed."""
    if isinstance(net, ManualNet):
        return net.manual_backprop()
    if isinstance(net, RelativeToLastValue):
        inner = manual_backprop(net.net)
        if isinstance(inner, RecurrentBackprop):
            return inner.relative_to_last_value(net)
        return None if inner is None else RelativeBackprop(net, inner)
    return _feed_forward(net)


def recurrent_backprop(
    net: nn.Module, layers: RecurrentLayers, shape: tuple[int, ...]
) -> ManualBackprop | None:
    """Returns the gradients of a recurrent net, or None if its layers do not fit."""
    library, cell = kernels(), layers.cell
    fits = (
        library is not None
        and isinstance(cell, Recurrent)
        and not parametrize.is_parametrized(cell)
        and cell.num_layers == 1
        and not cell.proj_size
        and cell.batch_first
        and all(map(_is_usable, net.parameters()))
        and (layers.embedding is None or _is_plain_embedding(layers.embedding))
    )
    if not fits or library is None:
        return None
    return RecurrentBackprop(net, RecurrentChain(library, layers), shape)


def _feed_forward(net: nn.Module) -> FeedForward | None:
    """Returns the net as chains of linear layers, or None if it has other layers."""
    library = kernels()
    if library is None or not isinstance(net, nn.Sequential):
        return None
    flat, *layers = net
    if type(flat) is not nn.Flatten or not all(map(_is_plain, net.modules())):
        return None
    layers, shape = _without_unflatten(layers)
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
    return FeedForward(net, [DenseChain(library, chain) for chain in chains], shape)


def _without_unflatten(
    layers: list[nn.Module],
) -> tuple[list[nn.Module], tuple[int, ...] | None]:
    """Returns the layers without the one that reshapes the outputs, and their shape."""
    last = list(layers[-1]) if layers and isinstance(layers[-1], nn.Sequential) else layers[-1:]
    if len(last) < 2 or type(last[-1]) is not nn.Unflatten:
        return layers, None
    return [*layers[:-1], *last[:-1]], tuple(last[-1].unflattened_size)


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
    return _is_usable(weight) and weight.numel() <= _MAX_WEIGHTS


def _is_usable(weight: Tensor) -> bool:
    return weight.dtype is torch.float32 and weight.is_cpu and weight.is_contiguous()


def _is_plain_embedding(layer: nn.Embedding) -> bool:
    """Returns whether the gradient is a plain sum over the rows that are used."""
    return layer.max_norm is None and not layer.scale_grad_by_freq and not layer.sparse


def _is_plain(layer: nn.Module) -> bool:
    """Returns whether the layer has no hooks."""
    return not any(_hooks_of(layer))


def _hooks_of(layer: nn.Module) -> tuple[Sized, ...]:
    return (
        layer._forward_hooks,
        layer._forward_pre_hooks,
        layer._backward_hooks,
        layer._backward_pre_hooks,
    )
