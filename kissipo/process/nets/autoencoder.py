"""Autoencoder: a net that reproduces its input through a bottleneck (S37).

code = f(... f(x))      y = W g(... g(code)) + b, with the same widths in reverse order

Usual inputs are reproduced well, and unusual ones are not.

Shapes:   any inputs -> (batch, feature), flattened -> (batch, code) -> one row per
          output
Choices:  an activation after every layer but the bottleneck and the last one.
Source:   Rumelhart, Hinton and Williams 1986; Hinton and Salakhutdinov 2006.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> window = TensorSpec("y", ("time", "variable"), (48, 1))
          >>> target = TensorSpec("y", ("horizon", "variable"), (48, 1))
          >>> net = build((window,), (target,), Options(units=(32,), latent_dim=4))
          >>> sum(parameter.numel() for parameter in net.parameters())
          3444
"""

from dataclasses import dataclass

from torch import nn

from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.heads import head
from kissipo.process.layers.stack import stack

RECONSTRUCTS = True


@dataclass(frozen=True)
class Options:
    """The options of the autoencoder."""

    units: tuple[int, ...] = option(
        (64,), "number of units of each encoder layer; the decoder mirrors them", minimum=1
    )
    latent_dim: int = option(8, "size of the bottleneck (latent dimension)", minimum=1)
    activation: Activation = option("relu", "activation of each layer but the bottleneck")


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
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
