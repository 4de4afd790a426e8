"""Frozen lake (S42): cross slippery ice to a goal; sixteen states, four actions, of
which one in three moves as intended.

Input     the position, 0..15
Process   a table of Q-values, trained with Q-learning
Output    the best action at each position; baselines: value iteration, a random policy

Command   kissipo fit frozen-lake     reaches the goal in 73 of 100 episodes, like the
                                      optimal policy
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"environment": "FrozenLake-v1"},
        process={
            "net": "q_table",
            "algorithm": "q_learning",
            "episodes": 60000,
            "discount": 0.97,
            "epsilon_end": 0.5,
        },
        output="actions",
    ),
    system="S42",
    data="gymnasium's FrozenLake-v1, 4x4, slippery",
    metric="return",
    band=(0.65, 0.85),
    expected="the optimal policy, 0.73",
    seconds=12,
    look="the trained policy, equal to value iteration in every state that matters",
)
