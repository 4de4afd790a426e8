"""Lunar lander (S42): land a rocket between two flags with three engines.

Input     position, velocity, angle and angular velocity; whether the legs touch ground
Process   two hidden layers; deep Q-learning with targets of three rewards
Output    which engine fires; baseline: random engines

Command   kissipo fit lunar-lander     lands with a return above 200
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"environment": "LunarLander-v3"},
        process={
            "net": "ffn",
            "algorithm": "dqn",
            "units": [256, 256],
            "steps": 200_000,
            "learning_rate": 6.3e-4,
            "replay_batch": 128,
            "n_step": 3,
            "update_every": 128,
            "updates": 64,
            "target_every": 512,
            "exploration_fraction": 0.15,
            "epsilon_end": 0.05,
            "select_every": 2_500,
            "select_start": 100.0,
            "solved_return": 230.0,
        },
        output={"actions": None, "episodes": 100},
    ),
    system="S42",
    data="gymnasium's LunarLander-v3: 8 numbers, 4 actions, at most 1,000 steps",
    metric="return",
    band=(200, 320),
    expected="245 and 227 with the seeds 0 and 1; 200 counts as solved",
    seconds=150,
    look="the film: which engine has the largest value, and when",
    package="Box2D",
)
