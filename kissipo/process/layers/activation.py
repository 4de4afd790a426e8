"""Activation functions by name: without them two linear layers would be one.

relu max(0, x); tanh; sigmoid 1/(1+e^-x); gelu x·Φ(x); silu x·sigmoid(x); leaky_relu;
elu; identity.
"""

from typing import Literal

from torch import nn

Activation = Literal["relu", "tanh", "sigmoid", "gelu", "silu", "leaky_relu", "elu", "identity"]

# Monotonic: the larger of two values stays the larger one.
MONOTONIC = ("relu", "tanh", "sigmoid", "leaky_relu", "elu", "identity")

_LAYERS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "identity": nn.Identity,
}


def activation(name: Activation) -> nn.Module:
    """Returns a new layer of that name.

    Example:  >>> activation("relu")
              ReLU()
    """
    return _LAYERS[name]()
