"""Frozen lake (S42): find the way over slippery ice by trying; sixteen states, four actions, one step in three goes as meant.

Input     the field one stands on, 0..15
Process   a table of values, learned by Q-learning
Output    the best action on each field, beside value iteration and a random policy

Command   kissipo fit frozen-lake     reaches the goal in 73 of 100 episodes, as the best policy does
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
    expected="the best policy, 0.73",
    seconds=12,
    look="the learned policy agrees with value iteration in every state that matters",
)
