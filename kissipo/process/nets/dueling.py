"""Dueling net: the value of a state, and the advantage of each action in it (S42).

h = f(... f(W_1 s + b_1) ...)        Q(s, a) = V(h) + A(h, a) - mean over b of A(h, b)

Most steps teach something about the state, whatever the action was: V learns it once
for all actions. The mean is subtracted, or V and A would not be determined.

Shapes:   state (batch, ...), flattened -> values (batch, action)
Source:   Wang et al. 2016 (the mean, not the maximum, as in their experiments).
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> state = TensorSpec("state", ("feature",), (4,))
          >>> action = TensorSpec("action", ("action",), (2,))
          >>> net = build((state,), (action,), Options(units=(8,)))
          >>> sum(parameter.numel() for parameter in net.parameters())
          67
"""

from dataclasses import dataclass

from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.stack import stack

ALGORITHMS = ("dqn",)


@dataclass(frozen=True)
class Options:
    """The options of the dueling net."""

    units: tuple[int, ...] = option((128, 128), "number of units of each hidden layer", minimum=1)
    activation: Activation = option("relu", "activation of each hidden layer")


class DuelingHead(nn.Module):
    """The value of a state and the advantages of its actions, added up."""

    def __init__(self, features: int, actions: int) -> None:
        super().__init__()
        self.value = nn.Linear(features, 1)
        self.advantage = nn.Linear(features, actions)

    def forward(self, hidden: Tensor) -> Tensor:
        """Returns Q (batch, action) for hidden features (batch, feature)."""
        advantages: Tensor = self.advantage(hidden)
        values: Tensor = self.value(hidden)
        return values + advantages - advantages.mean(1, keepdim=True)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these states and actions."""
    if len(outputs) != 1 or outputs[0].axes != ("action",):
        raise ShapeError(
            "process step 'dueling' computes the values of actions",
            got=f"output step {outputs[0].describe()}",
        )
    join = ConcatFeatures(inputs)
    layers: list[nn.Module] = []
    width = join.width
    for units in options.units:
        layers += [nn.Linear(width, units), activation(options.activation)]
        width = units
    return stack(join, *layers, DuelingHead(width, outputs[0].size))
