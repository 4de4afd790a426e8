"""The chain rule with numbers: how a chosen weight of a small dense net moves the loss, factor by factor (S04).

For the lecture's net x -> z1 -> a1 -> z2 -> a2 -> z3 = y' and the loss L = (y' - y)² / 2:

dL/dw1[j,k] = (y' - y) · [ sum over i of w3[1,i] · s'(z2[i]) · w2[i,j] ] · s'(z1[j]) · x[k]

The bracket is what the layers above carry back to one unit; for any number of layers it is found layer by layer. Every
gradient that is told here is also asked of autograd.

Source:   Rumelhart, Hinton and Williams 1986.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_MOST_WEIGHTS = 64
_BENDS: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Sigmoid: lambda z: torch.sigmoid(z) * (1 - torch.sigmoid(z)),
    nn.Tanh: lambda z: 1 - torch.tanh(z) ** 2,
    nn.ReLU: lambda z: (z > 0).to(z.dtype),
    nn.Identity: torch.ones_like,
}


@dataclass(frozen=True)
class Factor:
    """One factor of the chain, with the terms that it is the sum of where it is a sum."""

    name: str
    value: float
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain:
    """The derivative of the loss by one weight.

    product:   of all factors
    autograd:  what torch says
    """

    weight: str
    factors: tuple[Factor, ...]
    product: float
    autograd: float

    def to_json(self) -> dict[str, Any]:
        """For the trace."""
        factors = [
            {"name": each.name, "value": each.value, "terms": list(each.terms)}
            for each in self.factors
        ]
        return {
            "weight": self.weight,
            "factors": factors,
            "product": self.product,
            "autograd": self.autograd,
        }


def chain_rule(net: nn.Module, x: Tensor, truth: Tensor) -> list[Chain]:
    """One chain for every weight, the first layer first; empty when the net is no small stack of dense layers with one answer.

    The loss is half the squared error of this one sample.

    x:      (1, feature)
    truth:  (1, 1)
    """
    layers = _dense_stack(net)
    if layers is None:
        return []
    values, gradients, inputs = _forward(layers, x.to(torch.float64).flatten(1)[0])
    error = values[-1] - truth.to(torch.float64).reshape(-1)
    gradients = _autograd(net, x, truth)
    carried = error * gradients[-1]
    chains: list[Chain] = []
    for at in reversed(range(len(layers))):
        weight = layers[at][0].weight.detach().to(torch.float64)
        chains = (
            _of_layer(layers, at, weight, error, carried, gradients, inputs[at], gradients[at])
            + chains
        )
        if at:
            carried = (carried @ weight) * gradients[at - 1]
    return chains


def _of_layer(
    layers: list[tuple[nn.Linear, nn.Module]],
    at: int,
    weight: Tensor,
    error: Tensor,
    carried: Tensor,
    gradients: list[Tensor],
    below: Tensor,
    gradient: Tensor,
) -> list[Chain]:
    """The chains of all weights of one layer; `carried` is dL/dz of its units."""
    chains = []
    names = "x" if at == 0 else f"a{at}"
    for unit in range(weight.shape[0]):
        for source in range(weight.shape[1]):
            factors = [Factor("(y' - y)", float(error[0]))]
            if at < len(layers) - 1:
                factors.append(_way_back(layers, at, unit, error, carried, gradients))
            if not isinstance(layers[at][1], nn.Identity):
                factors.append(Factor(f"f'(z{at + 1}[{unit + 1}])", float(gradients[at][unit])))
            factors.append(Factor(f"{names}[{source + 1}]", float(below[source])))
            product = 1.0
            for each in factors:
                product *= each.value
            chains.append(
                Chain(
                    f"w{at + 1}[{unit + 1},{source + 1}]",
                    tuple(factors),
                    product,
                    float(gradient[unit, source]),
                )
            )
    return chains


def _way_back(
    layers: list[tuple[nn.Linear, nn.Module]],
    at: int,
    unit: int,
    error: Tensor,
    carried: Tensor,
    gradients: list[Tensor],
) -> Factor:
    """dy'/da of a unit: the sum over the ways through the layer above, each with what is carried back to it."""
    above = layers[at + 1][0].weight.detach().to(torch.float64)
    back = _carried_without_error(layers, at + 1, gradients)
    terms = back * above[:, unit]
    told = []
    for i in range(len(terms)):
        if at + 1 == len(layers) - 1:
            told.append(f"w{at + 2}[{i + 1},{unit + 1}] = {float(above[i, unit]):.6g}")
            continue
        ahead = layers[at + 2][0].weight.detach()
        first = (
            f"w{at + 3}[1,{i + 1}] {float(ahead[0, i]):.6g} · " if at + 2 == len(layers) - 1 else ""
        )
        bend = f"f'(z{at + 2}[{i + 1}]) {float(gradients[at + 1][i]):.6g} · "
        told.append(
            f"{first}{bend}w{at + 2}[{i + 1},{unit + 1}] {float(above[i, unit]):.6g} = {float(terms[i]):.6g}"
        )
    return Factor("[sum of ways back]", float(terms.sum()), tuple(told))


def _carried_without_error(
    layers: list[tuple[nn.Linear, nn.Module]], at: int, gradients: list[Tensor]
) -> Tensor:
    """dy'/dz of the units of a layer."""
    back = gradients[-1]
    for number in range(len(layers) - 1, at, -1):
        back = (back @ layers[number][0].weight.detach().to(torch.float64)) * gradients[number - 1]
    return back


def _dense_stack(net: nn.Module) -> list[tuple[nn.Linear, nn.Module]] | None:
    """Linear layers, each with its bend; None when there is anything else, or too much to read."""
    if (
        not isinstance(net, nn.Sequential)
        or sum(each.numel() for each in net.parameters()) > _MOST_WEIGHTS
    ):
        return None
    layers: list[tuple[nn.Linear, nn.Module]] = []
    for layer in net:
        if isinstance(layer, nn.Linear):
            layers.append((layer, nn.Identity()))
        elif type(layer) in _BENDS and layers:
            layers[-1] = (layers[-1][0], layer)
        elif not isinstance(layer, nn.Flatten):
            return None
    return layers if layers and layers[-1][0].out_features == 1 else None


def _forward(
    layers: list[tuple[nn.Linear, nn.Module]], x: Tensor
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """What each layer gives, the slope of its bend there, and what it was given."""
    values, gradients, inputs = [], [], []
    for linear, bend in layers:
        inputs.append(x)
        z = linear.weight.detach().to(torch.float64) @ x
        z = z if linear.bias is None else z + linear.bias.detach().to(torch.float64)
        gradients.append(_BENDS[type(bend)](z))
        x = bend(z)
        values.append(x)
    return values, gradients, inputs


def _autograd(net: nn.Module, x: Tensor, truth: Tensor) -> list[Tensor]:
    """The gradient of every weight matrix, by torch, in double precision on a copy of the net."""
    from copy import deepcopy

    twin = deepcopy(net).to(torch.float64).eval()
    with torch.enable_grad():
        loss = (twin(x.to(torch.float64)) - truth.to(torch.float64)).square().sum() / 2
        weights = [layer.weight for layer in twin.modules() if isinstance(layer, nn.Linear)]
        return list(torch.autograd.grad(loss, weights))
