"""Acrobot (S42): swing two linked rods up to a line by moving the joint between them.

Input     sine and cosine of the two angles, and the angular velocities
Process   two hidden layers; deep Q-learning with targets of three rewards
Output    the torque: left, none, right; baseline: random torques

Command   kissipo fit acrobot     reaches the line after fewer than 100 steps
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"environment": "Acrobot-v1"},
        process={
            "net": "ffn",
            "algorithm": "dqn",
            "units": [128, 128],
            "steps": 60_000,
            "learning_rate": 1e-3,
            "replay_batch": 128,
            "n_step": 3,
            "update_every": 128,
            "updates": 64,
            "target_every": 512,
            "exploration_fraction": 0.2,
            "epsilon_end": 0.05,
            "select_every": 2_500,
            "select_start": -150.0,
        },
        output={"actions": None, "episodes": 100},
    ),
    system="S42",
    data="gymnasium's Acrobot-v1: 6 numbers, 3 actions, at most 500 steps",
    metric="return",
    band=(-100, -60),
    expected="-91 and -83 with the seeds 0 and 1; -100 counts as solved",
    seconds=30,
    look="the film: the rods swing back and forth until they have enough energy",
)
