"""Backpropagation by hand (S04): the lecture's net of 2-2-2-1 units, with the number of
every factor of the chain rule.

Input     four samples of two numbers, unscaled
Process   2 -> 2 -> 2 -> 1, sigmoid after each hidden layer, no biases;
          L = 1/(2n) sum (y' - y)²; gradient descent
Output    one number

Command   kissipo show backprop      the chain rule for every weight, beside autograd
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"make": "backprop", "batch_size": 4, "split": {"validation": 0}},
        process={
            "net": "ffn",
            "units": [2, 2],
            "activation": "sigmoid",
            "bias": False,
            "optimizer": "sgd",
            "learning_rate": 0.5,
            "loss": "half_mean_squared_error",
            "epochs": 1,
            "early_stopping": {"patience": 0},
        },
        output={"number": "y", "scale": "none", "baselines": ["mean"]},
    ),
    system="S04",
    data="four samples of two numbers",
    metric="rmse",
    band=(0.0, 0.6),
    expected="every factor equal to autograd",
    seconds=1,
    look="(y' - y) · [sum of w3 f'(z2) w2] · f'(z1) · x, with numbers, in `kissipo show`",
    differs="the lecture has one sample in letters; here x = (0.5, 1), y = 1",
)
