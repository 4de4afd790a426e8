"""Racing (S42): the lecture's Markov decision process: three states, two actions, and when to be slow.

Input     the state of the car: cool, warm, overheated
Process   a table of values, learned by Q-learning from driving at random more and more seldom
Output    the better action in each state, beside value iteration and a random policy

Command   kissipo fit racing          fast when cool, slow when warm; Q(cool, fast) = 15.5 with discount 0.9
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
    expected="the best policy",
    seconds=3,
    look="the learned values beside those of value iteration: 15.5 and 14.5 by hand",
)
