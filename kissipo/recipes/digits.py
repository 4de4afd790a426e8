"""Handwritten digits with a feed-forward net (S02), on a data set of scikit-learn.

Input     8x8 gray pixels, 0..1, flattened to 64 numbers
Process   linear 256, relu, dropout 0.4, linear 10; Adam; sparse categorical
          cross-entropy
Output    ten logits -> softmax -> the most probable digit

Command   kissipo fit digits          97-99 % correct in 5 seconds on two cores
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "digits", "batch_size": 32},
        process={
            "net": "ffn",
            "units": [256],
            "dropout": 0.4,
            "optimizer": "adam",
            "learning_rate": 0.003,
            "epochs": 80,
            "early_stopping": {"patience": 20},
        },
        output={"category": "digit"},
    ),
    system="S02",
    data="1,797 digits of 8x8 pixels, from scikit-learn",
    metric="accuracy",
    band=(0.97, 1.0),
    expected="97-99 % correct",
    seconds=5,
    look="logits -> probabilities -> digit in `kissipo show`; the worst errors in report.html",
    differs=(
        "the lecture has 60,000 digits of 28x28 pixels (see mnist); this small set "
        "needs more epochs and more dropout"
    ),
    also={
        "S01": "kissipo show digits",
        "S07": "kissipo compare digits --vary process.dropout=0,0.4",
        "S17": (
            "kissipo fit digits net=cnn filters=[25,50] padding=valid units=[100] "
            "input.size=28 weights=runs/mnist-cnn-1"
        ),
        "S45": "kissipo fit digits",
        "S46": "kissipo show digits --out digits.html",
        "S47": "kissipo fit digits",
        "S51": "kissipo compare digits --vary process.activation=relu,tanh",
    },
)
