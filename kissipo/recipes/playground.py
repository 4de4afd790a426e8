"""Playground (S05, S11): five optimizers from the same starting points on four
surfaces, and the lecture's Lagrange multiplier.

Input     starting points: surface, optimizer, x, y (and l, the Lagrange multiplier)
Process   a point whose coordinates are the weights; sgd, momentum, adagrad, rmsprop and
          adam side by side
Output    the height at the end of each path, and the kind of that point

Command   kissipo fit playground      the paths are drawn in report.html
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"make": "surfaces", "batch_size": 1000, "split": {"validation": 0}},
        process={"net": "playground", "algorithm": "gradient_descent", "epochs": 2000},
        output={"number": "lowest", "scale": "none", "baselines": []},
    ),
    system="S11",
    data="starting points on a bowl, a saddle, two valleys and a Lagrange function",
    metric="rmse",
    band=(0.0, 1.0),
    expected="(4, 4) and (-4, -4) with l = -1/8 and 1/8",
    seconds=10,
    look=(
        "which optimizers leave the saddle, which end in the wrong valley, which path is straight"
    ),
    also={
        "S05": "kissipo fit playground",
    },
)
