"""Autoencoder: what goes in is pressed through a few numbers and built up again; what is ordinary comes out whole (S37).

code = f(... f(x))      y = W g(... g(code)) + b, through the same widths in the opposite order

Shapes:   any inputs -> (batch, feature), laid flat -> (batch, code) -> one row for each answer
Choices:  a bend after every layer but the code and the last.
Source:   Rumelhart, Hinton and Williams 1986; Hinton and Salakhutdinov 2006.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> window, again = TensorSpec("y", ("time", "variable"), (48, 1)), TensorSpec("y", ("horizon", "variable"), (48, 1))
          >>> sum(each.numel() for each in build((window,), (again,), Options(units=(32,), latent_dim=4)).parameters())
          3444
"""

from dataclasses import dataclass

from torch import nn

from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.heads import head
from kissipo.process.layers.stack import stack

ALGORITHM = "supervised"


@dataclass(frozen=True)
class Options:
    """The options of the autoencoder."""

    units: tuple[int, ...] = word(
        (64,), "number of units of each encoder layer; the decoder mirrors them", at_least=1
    )
    latent_dim: int = word(8, "size of the bottleneck (latent dimension)", at_least=1)
    activation: Activation = word("relu", "activation of each layer but the bottleneck")


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """The net for these ports."""
    join = ConcatFeatures(inputs)
    layers: list[nn.Module] = []
    width = join.width
    for units in options.units:
        layers += [nn.Linear(width, units), activation(options.activation)]
        width = units
    layers.append(nn.Linear(width, options.latent_dim))
    width = options.latent_dim
    for units in reversed(options.units):
        layers += [nn.Linear(width, units), activation(options.activation)]
        width = units
    return stack(join, *layers, head(width, outputs))
