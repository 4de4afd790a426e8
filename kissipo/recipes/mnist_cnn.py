"""MNIST with the lecture's convolutional net (S13): two 3x3 convolutions with max
pooling, 100 relu, 10 softmax.

Input     28x28 gray pixels, 0..1, as an image; the official 10,000 test digits
Process   25 filters of 3x3, 2x2 max pooling, relu; 50 filters of 3x3, 2x2 max pooling,
          relu; flatten, linear 100, relu, linear 10; Adam with a learning rate that
          rises to 0.003 and falls to zero; sparse categorical cross-entropy; batches of
          64
Output    ten logits -> softmax -> the most probable digit

Command   kissipo fit mnist-cnn      99.2-99.3 % correct after 5 epochs
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "mnist", "batch_size": 64, "split": {"validation": 0.1}},
        process={
            "net": "cnn",
            "filters": [25, 50],
            "padding": "valid",
            "units": [100],
            "optimizer": "adam",
            "learning_rate": 0.003,
            "schedule": "one_cycle",
            "epochs": 5,
            "early_stopping": {"patience": 0},
        },
        output={"category": "digit"},
    ),
    system="S13",
    data="60,000 + 10,000 digits of 28x28 pixels",
    metric="accuracy",
    band=(0.988, 0.994),
    expected="99.2-99.3 % correct",
    seconds=45,
    look=(
        "1x28x28 -> 25x13x13 -> 50x5x5 -> 100 -> 10: 137,660 parameters; the "
        "misclassified digits in report.html"
    ),
    differs=(
        "a tenth of the training digits is the validation split, which chooses the "
        "best epoch; the learning rate rises and falls"
    ),
    also={
        "S14": "kissipo show vgg16",
        "S15": "kissipo show inception",
        "S16": "kissipo show resnet50",
    },
)
