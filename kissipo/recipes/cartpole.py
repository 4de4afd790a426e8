"""Cartpole (S42): balance a pole on a cart by pushing the cart to the left or right.

Input     position and velocity of the cart, angle and angular velocity of the pole
Process   two hidden layers; deep Q-learning with a replay buffer and a target net;
          training stops when greedy episodes of its own show a solved task
Output    the better push; baseline: random pushes

Command   kissipo fit cartpole     keeps the pole up for 500 of 500 steps
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"environment": "CartPole-v1"},
        process={
            "net": "ffn",
            "algorithm": "dqn",
            "units": [128, 128],
            "steps": 50_000,
            "replay_batch": 128,
            "select_every": 256,
            "select_start": 150.0,
            "solved_return": 495.0,
        },
        output={"actions": None, "episodes": 100},
    ),
    system="S42",
    data="gymnasium's CartPole-v1: 4 numbers, 2 actions, at most 500 steps",
    metric="return",
    band=(475, 500),
    expected="500, 500, 500, 486 and 500 with the seeds 0 to 4; the maximum is 500",
    seconds=15,
    look="the film with the values of both pushes; random pushes keep the pole up for 23 steps",
)
