"""Cartpole (S42): balance a pole on a cart by pushing the cart to the left or right.

Input     position and velocity of the cart, angle and angular velocity of the pole
Process   two hidden layers; deep Q-learning with a replay buffer and a target net
Output    the better push; baseline: random pushes

Command   kissipo fit cartpole     keeps the pole up for 154 to 500 of 500 steps
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"environment": "CartPole-v1"},
        process={
            "net": "ffn",
            "algorithm": "deep_q_learning",
            "units": [64, 64],
            "episodes": 300,
        },
        output={"actions": None, "episodes": 100},
    ),
    system="S42",
    data="gymnasium's CartPole-v1: 4 numbers, 2 actions, at most 500 steps",
    metric="return",
    band=(100, 500),
    expected="276, 500 and 154 with the seeds 0, 1 and 2; the maximum is 500",
    seconds=55,
    look="the mean return by episodes; random pushes keep the pole up for 22 steps",
)
