"""Chains of linear layers with relu and dropout by the compiled kernels.

Forward:   y = mask * relu(x W^T + b), layer after layer
Backward:  dL/dy of the last layer -> dL/dW and dL/db of every layer

Autograd records nothing: the caller passes the gradient of the loss at the outputs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.process.kernels.native import Kernels, thread_count

_CHAIN, _LAYER = struct.Struct("8q"), struct.Struct("10q")  # see native/kernels.h
_PARALLEL_PRODUCTS = 1_000_000


@dataclass(frozen=True)
class DenseLayer:
    """One linear layer, with relu and dropout behind it where they are asked for.

    dropout:  probability with which a value becomes zero; 0: there is no dropout
    """

    linear: nn.Linear
    relu: bool = False
    dropout: float = 0.0


class DenseChain:
    """A chain of layers with the memory of their outputs and gradients.

    Each call overwrites what the call before it returned.

    Example:  >>> from kissipo.process.kernels.native import kernels
              >>> linear = nn.Linear(3, 2)
              >>> x = torch.ones(4, 3)
              >>> chain = DenseChain(kernels(), [DenseLayer(linear)])
              >>> y = chain.forward(x)
              >>> chain.backward(x, torch.ones(4, 2))
              >>> torch.allclose(y, linear(x)), linear.bias.grad.tolist()
              (True, [4.0, 4.0])
    """

    def __init__(self, kernels: Kernels, layers: Sequence[DenseLayer]) -> None:
        self.kernels, self.layers = kernels, layers
        self._has_dropout = any(layer.dropout for layer in layers)
        weights = [
            weight for layer in layers for weight in (layer.linear.weight, layer.linear.bias)
        ]
        self._gradients = [
            torch.zeros_like(weight) if weight is not None and weight.requires_grad else None
            for weight in weights
        ]
        self._trained = [
            (weight, gradient)
            for weight, gradient in zip(weights, self._gradients, strict=True)
            if gradient is not None
        ]
        self._workspaces: dict[int, _Workspace] = {}
        self._addresses: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (row, unit) for x (row, feature), with a new mask for each call."""
        workspace = self._workspace(x)
        key = new_key() if self._has_dropout else 0
        self.kernels.dense_forward(self._arguments(workspace, x.data_ptr(), 0, 0, key))
        return workspace.y

    def backward(self, x: Tensor, dy: Tensor) -> None:
        """Set `grad` of all weights from dy (row, unit); x is that of `forward`."""
        workspace = self._workspace(x)
        addresses = (x.data_ptr(), dy.data_ptr(), workspace.gradients.data_ptr())
        self.kernels.dense_backward(self._arguments(workspace, *addresses, 0))
        for weight, gradient in self._trained:
            weight.grad = gradient

    def _arguments(self, workspace: _Workspace, *fields: int) -> bytes:
        threads = thread_count(workspace.products, _PARALLEL_PRODUCTS)
        counts = (workspace.rows, len(self.layers))
        header = _CHAIN.pack(*counts, *fields, threads, self.kernels.parallel_for)
        return header + workspace.layers

    def _workspace(self, x: Tensor) -> _Workspace:
        """The memory for this batch size; new where a weight has a new address."""
        addresses = [weight.data_ptr() for weight, _ in self._trained]
        if addresses != self._addresses:
            self._workspaces, self._addresses = {}, addresses
        rows = x.shape[0]
        if rows not in self._workspaces:
            self._workspaces[rows] = _Workspace(self.layers, self._gradients, rows)
        return self._workspaces[rows]


class _Workspace:
    """The memory for batches of one size, and the packed structs of all layers."""

    def __init__(
        self, layers: Sequence[DenseLayer], gradients: Sequence[Tensor | None], rows: int
    ) -> None:
        packed, widest = [], 0
        self.rows, self.products = rows, 0
        self.owned: list[Tensor] = []
        for index, layer in enumerate(layers):
            units, features = layer.linear.weight.shape
            self.y = torch.empty(rows, units)
            mask = torch.empty(rows * units if layer.dropout else 0)
            self.owned += [self.y, mask]
            keep_threshold = round((1 - layer.dropout) * 2**32) if layer.dropout else 0
            tensors = (
                *(layer.linear.weight, layer.linear.bias, mask, self.y),
                *gradients[2 * index : 2 * index + 2],
            )
            addresses = (_address(tensor) for tensor in tensors)
            packed.append(_LAYER.pack(features, units, layer.relu, keep_threshold, *addresses))
            self.products += rows * units * features
            widest = max(widest, units)
        self.layers = b"".join(packed)
        self.gradients = torch.empty(2 * rows * widest)


def new_key() -> int:
    """A random key: an odd number of 63 bits, drawn by torch's generator.

    So a run with the same seed, or a resumed one, draws the same masks.
    """
    return int(torch.empty((), dtype=torch.int64).random_().item()) | 1


def _address(tensor: Tensor | None) -> int:
    """The address of the data; 0 for None and for an empty tensor."""
    return 0 if tensor is None else tensor.data_ptr()
