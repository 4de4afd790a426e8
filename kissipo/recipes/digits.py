"""Handwritten digits with a feed-forward net (S02): the first net of every lecture, on digits that ship with scikit-learn.

Input     8x8 gray pixels, 0..1, laid flat to 64 numbers
Process   linear 256, relu, dropout 0.4, linear 10; Adam; sparse categorical cross-entropy
Output    ten logits -> softmax -> the likeliest digit

Command   kissipo fit digits          97-99 % right in a quarter of a minute on two cores
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
    expected="97-99 % right",
    seconds=5,
    look="logits -> probabilities -> digit in `kissipo show`; the worst mistakes in report.html",
    differs="the lecture has 28x28 pixels and 60,000 digits: see mnist; here more epochs and more dropout make up for the smaller set",
)
