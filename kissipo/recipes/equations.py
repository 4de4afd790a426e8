"""A perceptron that solves linear equations (S03): 5 a + 2 b = 10 and a + 4 b = 11 give
a = 1 and b = 2.5.

Input     the coefficients of each equation, unscaled
Process   one linear layer without bias; gradient descent on the mean squared error
Output    the right side; the two weights solve the equations

Command   kissipo fit equations      weights 1 and 2.5
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"make": "equations", "batch_size": 2, "split": {"validation": 0}},
        process={
            "net": "linear",
            "bias": False,
            "optimizer": "sgd",
            "learning_rate": 0.03,
            "loss": "mean_squared_error",
            "epochs": 400,
            "early_stopping": {"patience": 0},
        },
        output={"number": "right side", "scale": "none", "baselines": ["mean"]},
    ),
    system="S03",
    data="two equations with two unknowns",
    metric="rmse",
    band=(0.0, 1e-3),
    expected="weights 1 and 2.5",
    seconds=1,
    look="the weights, which are the unknowns",
    differs="the same samples train and evaluate, as the task is to solve these equations",
)
