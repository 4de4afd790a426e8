"""S17: what was learned of many images helps where there are few: a net on MNIST goes on with five of each digit of another set."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from sklearn.datasets import load_digits

import kissipo as ki

NET = {
    "net": "cnn",
    "filters": [16, 32],
    "units": [64],
    "learning_rate": 0.003,
    "early_stopping": 0,
}


@pytest.mark.slow
def test_a_net_that_knows_mnist_learns_other_digits_from_few(data: Path) -> None:
    ki.Task(
        input={"images": "mnist", "batch_size": 64, "split": {"validation": 0.1}},
        process={**NET, "epochs": 1},
        output={"category": "digit", "baselines": ["majority"]},
    ).fit(out="mnist")
    digits = load_digits()
    few = {
        "images": (digits.images * 255 / 16).astype("uint8"),
        "labels": digits.target.astype(str),
        "size": 28,
        "batch": 8,
        "split": {"test": 0.97, "validation": 0.0},
    }

    def accuracy(seed: int, **words: Any) -> float:
        output = {"category": "class", "baselines": ["majority"]}
        run = ki.Task(input=few, process={**NET, "epochs": 20, **words}, output=output).fit(
            seed=seed
        )
        return float(run.metrics["answers"][0]["metrics"]["accuracy"])

    fresh = mean(accuracy(seed) for seed in range(3))
    known = mean(accuracy(seed, weights="mnist") for seed in range(3))
    held = mean(accuracy(seed, weights="mnist", freeze=["0", "3"]) for seed in range(3))
    assert known > fresh + 0.03
    assert held > fresh + 0.03
