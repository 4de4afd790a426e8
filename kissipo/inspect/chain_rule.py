"""The chain rule with numbers: the gradient of each weight, factor by factor (S04).

For the lecture's net x -> z1 -> a1 -> z2 -> a2 -> z3 = y' and the loss L = (y' - y)² /
2:

dL/dw1[j,k] = (y' - y) · [ sum over i of w3[1,i] · s'(z2[i]) · w2[i,j] ]
              · s'(z1[j]) · x[k]

The bracket is the gradient dy'/da of one unit, computed backward layer by layer.
Autograd computes every gradient as well.

Source:   Rumelhart, Hinton and Williams 1986.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.json_object import JsonObject

_MAX_WEIGHTS = 64
_DERIVATIVES: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Sigmoid: lambda z: torch.sigmoid(z) * (1 - torch.sigmoid(z)),
    nn.Tanh: lambda z: 1 - torch.tanh(z) ** 2,
    nn.ReLU: lambda z: (z > 0).to(z.dtype),
    nn.Identity: torch.ones_like,
}


@dataclass(frozen=True)
class Factor:
    """One factor of the chain; if it is a sum, with its terms."""

    name: str
    value: float
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain:
    """The derivative of the loss by one weight.

    product:   the product of all factors
    autograd:  the gradient from torch
    """

    weight: str
    factors: tuple[Factor, ...]
    product: float
    autograd: float

    def to_json(self) -> JsonObject:
        """Returns the chain as JSON for the trace."""
        factors = [
            {"name": factor.name, "value": factor.value, "terms": list(factor.terms)}
            for factor in self.factors
        ]
        return {
            "weight": self.weight,
            "factors": factors,
            "product": self.product,
            "autograd": self.autograd,
        }


def chain_rule(net: nn.Module, x: Tensor, truth: Tensor) -> list[Chain]:
    """Returns one chain per weight, the first layer first.

    The loss is half the squared error of this one sample.

    x:        (1, feature)
    truth:    (1, 1)
    Returns:  an empty list when the net is not a small stack of dense layers with one
              output
    """
    layers = _dense_stack(net)
    if layers is None:
        return []
    values, derivatives, inputs = _forward(layers, x.to(torch.float64).flatten(1)[0])
    error = values[-1] - truth.to(torch.float64).reshape(-1)
    gradients = _autograd(net, x, truth)
    carried = error * derivatives[-1]
    chains: list[Chain] = []
    for index in reversed(range(len(layers))):
        weight = layers[index][0].weight.detach().to(torch.float64)
        chains = (
            _of_layer(
                layers, index, weight, error, carried, derivatives, inputs[index], gradients[index]
            )
            + chains
        )
        if index:
            carried = (carried @ weight) * derivatives[index - 1]
    return chains


def _of_layer(
    layers: list[tuple[nn.Linear, nn.Module]],
    index: int,
    weight: Tensor,
    error: Tensor,
    carried: Tensor,
    derivatives: list[Tensor],
    below: Tensor,
    gradient: Tensor,
) -> list[Chain]:
    """Returns the chains of all weights of a layer; `carried` is dL/dz of its units."""
    chains = []
    names = "x" if index == 0 else f"a{index}"
    for unit in range(weight.shape[0]):
        for source in range(weight.shape[1]):
            factors = [Factor("(y' - y)", float(error[0]))]
            if index < len(layers) - 1:
                factors.append(_backward_factor(layers, index, unit, error, carried, derivatives))
            if not isinstance(layers[index][1], nn.Identity):
                factors.append(
                    Factor(f"f'(z{index + 1}[{unit + 1}])", float(derivatives[index][unit]))
                )
            factors.append(Factor(f"{names}[{source + 1}]", float(below[source])))
            product = 1.0
            for factor in factors:
                product *= factor.value
            chains.append(
                Chain(
                    f"w{index + 1}[{unit + 1},{source + 1}]",
                    tuple(factors),
                    product,
                    float(gradient[unit, source]),
                )
            )
    return chains


def _backward_factor(
    layers: list[tuple[nn.Linear, nn.Module]],
    index: int,
    unit: int,
    error: Tensor,
    carried: Tensor,
    derivatives: list[Tensor],
) -> Factor:
    """Returns dy'/da of a unit: the sum over the units of the layer above."""
    above = layers[index + 1][0].weight.detach().to(torch.float64)
    back = _carried_without_error(layers, index + 1, derivatives)
    terms = back * above[:, unit]
    lines = []
    for i in range(len(terms)):
        if index + 1 == len(layers) - 1:
            lines.append(f"w{index + 2}[{i + 1},{unit + 1}] = {float(above[i, unit]):.6g}")
            continue
        ahead = layers[index + 2][0].weight.detach()
        first = (
            f"w{index + 3}[1,{i + 1}] {float(ahead[0, i]):.6g} · "
            if index + 2 == len(layers) - 1
            else ""
        )
        derivative = f"f'(z{index + 2}[{i + 1}]) {float(derivatives[index + 1][i]):.6g} · "
        lines.append(
            f"{first}{derivative}w{index + 2}[{i + 1},{unit + 1}] "
            f"{float(above[i, unit]):.6g} = {float(terms[i]):.6g}"
        )
    return Factor("[sum over paths]", float(terms.sum()), tuple(lines))


def _carried_without_error(
    layers: list[tuple[nn.Linear, nn.Module]], index: int, derivatives: list[Tensor]
) -> Tensor:
    """Returns dy'/dz of the units of a layer."""
    back = derivatives[-1]
    for number in range(len(layers) - 1, index, -1):
        back = (back @ layers[number][0].weight.detach().to(torch.float64)) * derivatives[
            number - 1
        ]
    return back


def _dense_stack(net: nn.Module) -> list[tuple[nn.Linear, nn.Module]] | None:
    """Returns the linear layers with their activations.

    Returns:  None for a net with other layers or too many weights
    """
    if (
        not isinstance(net, nn.Sequential)
        or sum(parameter.numel() for parameter in net.parameters()) > _MAX_WEIGHTS
    ):
        return None
    layers: list[tuple[nn.Linear, nn.Module]] = []
    for layer in net:
        if isinstance(layer, nn.Linear):
            layers.append((layer, nn.Identity()))
        elif type(layer) in _DERIVATIVES and layers:
            layers[-1] = (layers[-1][0], layer)
        elif not isinstance(layer, nn.Flatten):
            return None
    return layers if layers and layers[-1][0].out_features == 1 else None


def _forward(
    layers: list[tuple[nn.Linear, nn.Module]], x: Tensor
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Returns the outputs, derivatives of activations, and inputs of all layers."""
    values, derivatives, inputs = [], [], []
    for linear, activation in layers:
        inputs.append(x)
        z = linear.weight.detach().to(torch.float64) @ x
        z = z if linear.bias is None else z + linear.bias.detach().to(torch.float64)
        derivatives.append(_DERIVATIVES[type(activation)](z))
        x = activation(z)
        values.append(x)
    return values, derivatives, inputs


def _autograd(net: nn.Module, x: Tensor, truth: Tensor) -> list[Tensor]:
    """Returns the gradient of every weight matrix, from torch in double precision."""
    from copy import deepcopy

    net_copy = deepcopy(net).to(torch.float64).eval()
    with torch.enable_grad():
        loss = (net_copy(x.to(torch.float64)) - truth.to(torch.float64)).square().sum() / 2
        weights = [layer.weight for layer in net_copy.modules() if isinstance(layer, nn.Linear)]
        return list(torch.autograd.grad(loss, weights))
