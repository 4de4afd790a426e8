"""Spoken digits of a new speaker (S29): the voices of the test split were never heard.

Input     1,500 recordings of ten digits by six speakers; all recordings of a speaker
          are in one split. Frames of 32 ms, 24 mel bands from 100 Hz on, which do not
          resolve the pitch of a voice. What is 50 dB below the loudest energy of a
          recording counts as that, so that rooms of different noise look alike; the
          mean of each recording is removed, and with it loudness and microphone
Process   three convolutions over frames and bands, the maximum over time, dropout; Adam
          with a learning rate that rises to 0.003 and falls to zero
Output    ten logits -> softmax -> the most probable digit; baselines: logistic
          regression and 5 nearest neighbors on the same frames, majority class

Command   kissipo fit spoken-digits-new-speaker              one speaker is left out
          kissipo fit spoken-digits-new-speaker --folds 6    each speaker in turn
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "audio": "fsdd",
            "split": {"method": "random", "group": "speaker", "validation": 0.0},
            "augment": ["noise", "vocal_tract", "tempo"],
            "standardize": "recording_mean",
            "dynamic_range": 50.0,
            "mel_bands": 24,
            "min_frequency": 100.0,
            "batch_size": 32,
        },
        process={
            "net": "cnn",
            "filters": [24, 48, 64],
            "norm": True,
            "units": [],
            "dropout": 0.4,
            "epochs": 12,
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
    band=(0.55, 0.95),
    expected=(
        "84.3 % correct, the mean of six speakers who are each left out (75.6-95.6 %; the seed "
        "0 leaves george out: 75.6 %); logistic regression on the same frames 51.2 %, 5 nearest "
        "neighbors 44.3 %. With known voices, as in the official split, spoken-digits is 99.0 % "
        "correct: that split flatters"
    ),
    seconds=15,
    look="--folds 6: some speakers are much harder than others; the words that are confused",
    differs="the official split has every speaker in both parts",
)
