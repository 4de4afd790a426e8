"""Q-table: one number for each state and action, looked up and not computed (S42).

Q(state, action) = the expected sum of rewards when all later actions are optimal

Shapes:   state ids (batch) -> values (batch, action)
Source:   Watkins 1989.
Raises:   ShapeError when the input is not a discrete state.
Example:  >>> import torch
          >>> from kissipo.core.tensor_spec import TensorSpec
          >>> state = TensorSpec("state", (), (), vocab_size=3)
          >>> action = TensorSpec("action", ("action",), (2,))
          >>> table = build((state,), (action,), Options())
          >>> table(torch.tensor([0, 2])).tolist()
          [[0.0, 0.0], [0.0, 0.0]]
"""

from dataclasses import dataclass

from torch import nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec

ALGORITHMS = ("q_learning", "sarsa", "value_iteration", "policy_iteration")


@dataclass(frozen=True)
class Options:
    """The options of the Q-table."""

    initial_q: float = option(0.0, "initial value of every entry of the Q-table")


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the table for this state and these actions."""
    if len(inputs) != 1 or inputs[0].axes or not inputs[0].vocab_size:
        raise ShapeError(
            "process step 'q_table' takes one discrete state",
            got=f"input step {inputs[0].describe()}",
        )
    table = nn.Embedding(inputs[0].vocab_size, outputs[0].size)
    nn.init.constant_(table.weight, options.initial_q)
    states, actions = table.weight.shape
    setattr(table, "DESCRIPTION", f"table of {states} states and {actions} actions")  # noqa: B010
    return table
