"""Racing (S42): the lecture's Markov decision process with three states and two
actions.

Input     the state of the car: cool, warm, overheated
Process   a table of Q-values, trained with Q-learning; random actions become rarer
Output    the better action in each state; baselines: value iteration, a random policy

Command   kissipo fit racing       fast when cool, slow when warm;
                                   Q(cool, fast) = 15.5 with discount 0.9
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"environment": "racing"},
        process={
            "net": "q_table",
            "algorithm": "q_learning",
            "episodes": 5000,
            "discount": 0.9,
            "epsilon_end": 0.5,
        },
        output="actions",
    ),
    system="S42",
    data="the lecture's car: cool, warm, overheated",
    metric="agreement",
    band=(1.0, 1.0),
    expected="the optimal policy",
    seconds=3,
    look="the trained Q-values beside those of value iteration: 15.5 and 14.5 by hand",
)
