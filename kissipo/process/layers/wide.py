"""Wide and deep: a linear path beside the hidden layers; the output is their sum.

The linear path models what is linear, and the hidden layers learn only the rest. The
last layer of the deep path starts at zero, so at first the whole net is linear.

Where an input is a text of ids with weights, the linear path has a layer per input. It
reads each number, each class of an id and each term, and does not read embeddings.

Shapes:   (batch, feature) -> (batch, output)
Source:   Cheng et al., Wide & Deep Learning for Recommender Systems, 2016.
Example:  >>> import torch
          >>> deep = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
          >>> net = WideAndDeep(deep, nn.Linear(8, 2), 3)
          >>> bool((net(torch.ones(1, 3)) == net.wide(torch.ones(1, 3))).all())
          True
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.sparse_linear import SparseLinear


class WideAndDeep(nn.Module):
    """The sum of a linear and a deep path."""

    DESCRIPTION = "sum of the linear and the deep path"

    def __init__(self, deep: nn.Module, head: nn.Linear, features: int) -> None:
        super().__init__()
        self.wide = nn.Linear(features, head.out_features)
        self.deep, self.head = deep, head
        for parameter in head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        wide: Tensor = self.wide(x)
        return wide + self.head(self.deep(x))

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the values of both paths."""
        wide, deep = self.wide(x)[index], self.head(self.deep(x))[index]
        return [Source("wide", index, wide), Source("deep", index, deep)], "sum"


class Bias(nn.Module):
    """Adds a bias."""

    DESCRIPTION = "bias"

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the input and the bias."""
        bias = self.bias.detach()[index[-1:]]
        return [Source("input", index, x[index]), Source("bias", index[-1:], bias)], "sum"


class WideInputs(nn.Module):
    """A linear layer per input; their outputs and a bias are added.

    Sequences of tokens or of numbers have no layer.

    places:  the numbers of the inputs that have a layer
    """

    DESCRIPTION = "sum of a linear layer per input"

    def __init__(self, specs: tuple[TensorSpec, ...], outputs: int) -> None:
        super().__init__()
        layers = {place: _linear(spec, outputs) for place, spec in enumerate(specs)}
        self.places = tuple(place for place, layer in layers.items() if layer is not None)
        self.layers = nn.ModuleList([layer for layer in layers.values() if layer is not None])
        self.bias = Bias(outputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        total: Tensor = self.layers[0](inputs[self.places[0]])
        for layer, place in zip(self.layers[1:], self.places[1:], strict=True):
            total = total + layer(inputs[place])
        biased: Tensor = self.bias(total)
        return biased

    def weights(self) -> tuple[Tensor, ...]:
        """Returns the weights of each layer as (feature, output): of a number, of a
        class, of a term."""
        return tuple(map(_weight, self.layers))

    @torch.no_grad()
    def set_weights(self, weight: Tensor, bias: Tensor) -> None:
        """Sets the weights (output, feature) of all inputs, and the bias."""
        sizes = [len(own) for own in self.weights()]
        for own, part in zip(self.weights(), weight.split(sizes, dim=1), strict=True):
            own.copy_(part.T)
        self.bias.bias.copy_(bias)

    def explain(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[list[Source], Combined]:
        """Returns the outputs of the layers and the bias."""
        sources = [Source("bias", index[1:], self.bias.bias.detach()[index[1:]])]
        for number, place in enumerate(self.places):
            value = self.layers[number](inputs[place])[index]
            sources.append(Source(f"layers.{number}", index, value))
        return sources, "sum"


class WideAndDeepInputs(nn.Module):
    """The sum of a linear and a deep path, which read several inputs.

    join:  makes a row of features of the inputs, for the deep path
    """

    DESCRIPTION = "sum of the linear and the deep path"

    def __init__(self, wide: WideInputs, join: nn.Module, deep: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.wide, self.join, self.deep, self.head = wide, join, deep, head
        for parameter in head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, *inputs: Tensor) -> Tensor:
        wide: Tensor = self.wide(*inputs)
        return wide + self.head(self.deep(self.join(*inputs)))

    def explain(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[list[Source], Combined]:
        """Returns the values of both paths."""
        wide = self.wide(*inputs)[index]
        deep = self.head(self.deep(self.join(*inputs)))[index]
        return [Source("wide", index, wide), Source("head", index, deep)], "sum"


def _linear(spec: TensorSpec, outputs: int) -> nn.Module | None:
    """Returns the linear layer of one input, without a bias, which starts at zero."""
    if spec.is_weighted_bag:
        return SparseLinear(spec.vocab_size, outputs)
    if spec.vocab_size:
        return _zero(nn.Embedding(spec.vocab_size, outputs)) if not spec.axes else None
    if spec.is_padded_sequence:
        return None
    return nn.Sequential(nn.Flatten(), _zero(nn.Linear(spec.size, outputs, bias=False)))


def _weight(layer: nn.Module) -> Tensor:
    """Returns the weights (feature, output) of a layer that `_linear` made."""
    if isinstance(layer, nn.Sequential):
        return cast(nn.Linear, layer[1]).weight.T
    assert isinstance(layer, SparseLinear | nn.Embedding), layer
    return layer.weight


def _zero(layer: nn.Embedding | nn.Linear) -> nn.Module:
    nn.init.zeros_(layer.weight)
    return layer
