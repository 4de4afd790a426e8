"""MNIST with the lecture's net (S02): flatten, 128 relu, dropout 0.2, 10 softmax; Adam;
5 epochs.

Input     28x28 gray pixels, 0..1, flattened to 784 numbers; the official 10,000 test
          digits
Process   linear 128, relu, dropout 0.2, linear 10; Adam 0.001; sparse categorical
          cross-entropy; batches of 32
Output    ten logits -> softmax -> the most probable digit

Command   kissipo fit mnist          97.5-98 % correct after 5 epochs (97.7 % in Keras'
                                     tutorial)
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "mnist", "batch_size": 32, "split": {"validation": 0.1}},
        process={
            "net": "ffn",
            "units": [128],
            "dropout": 0.2,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "epochs": 5,
            "early_stopping": {"patience": 0},
        },
        output={"category": "digit"},
    ),
    system="S02",
    data="60,000 + 10,000 digits of 28x28 pixels",
    metric="accuracy",
    band=(0.97, 0.985),
    expected="97.5-98 % correct",
    seconds=10,
    look="784 -> 128 -> 10: 101,770 parameters; the misclassified digits in report.html",
    differs=(
        "a tenth of the training digits is the validation split, which chooses the best epoch"
    ),
)
