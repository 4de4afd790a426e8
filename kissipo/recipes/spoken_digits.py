"""Spoken digits (S29): which digit a recording says, with log-mel and a GRU that reads
it in both directions.

Input     1,500 recordings of ten digits by six speakers, 8,000 Hz; frames of 32 ms
          every 10 ms, a Hann window, an FFT, 40 mel triangles, the logarithm; the
          recordings 0 to 4 of each digit and speaker are the official test split
Process   a GRU of 64 units in both directions, the mean of its outputs over time,
          dropout; Adam with a learning rate that rises to 0.003 and falls to zero
Output    ten logits -> softmax -> the most probable digit; baselines: logistic
          regression and 5 nearest neighbors on the same frames, majority class

Command   kissipo fit spoken-digits
          kissipo xray RUN 7_theo_1.wav    the sound, and one frame in numbers
          kissipo predict RUN long.wav     words in a long recording, with times
          kissipo fit spoken-digits net=cnn
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "audio": "fsdd",
            "split": {"validation": 0.0},
            "augment": ["tempo"],
            "batch_size": 16,
        },
        process={
            "net": "recurrent",
            "cell": "gru",
            "units": 64,
            "bidirectional": True,
            "pooling": "mean",
            "dropout": 0.3,
            "epochs": 25,
            "learning_rate": 0.003,
            "schedule": "one_cycle",
        },
        output={
            "category": "digit",
            "baselines": ["majority", "logistic_regression", "nearest_neighbors"],
        },
    ),
    system="S29",
    data="1,500 recordings of 8,000 Hz",
    metric="accuracy",
    band=(0.97, 0.997),
    expected=(
        "98.3-99.7 % correct over three seeds, 99.0 % on average; logistic regression on the same "
        "frames 94.3 %, 5 nearest neighbors 86.3 %. This split flatters: every voice was heard "
        "in training. With new voices, spoken-digits-new-speaker is 84.3 % correct"
    ),
    seconds=20,
    look=(
        "one frame from its samples to the numbers that the net reads; the sound around any "
        "frame; the gradients of both directions through time"
    ),
    differs=(
        "the authors give no net; a convolutional net on the same frames (net=cnn) is "
        "97.7 % correct (one seed)"
    ),
)
