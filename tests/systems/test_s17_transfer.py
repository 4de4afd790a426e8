"""S17: transfer learning from MNIST to another set with five images per digit."""

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
def test_pretrained_net_needs_few_digits(data: Path) -> None:
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
        "batch_size": 8,
        "split": {"test": 0.97, "validation": 0.0},
    }

    def accuracy(seed: int, **words: Any) -> float:
        output = {"category": "class", "baselines": ["majority"]}
        run = ki.Task(input=few, process={**NET, "epochs": 20, **words}, output=output).fit(
            seed=seed
        )
        return float(run.metrics["answers"][0]["metrics"]["accuracy"])

    fresh = mean(accuracy(seed) for seed in range(3))
    pretrained = mean(accuracy(seed, weights="mnist") for seed in range(3))
    frozen = mean(accuracy(seed, weights="mnist", freeze=["0", "3"]) for seed in range(3))
    assert pretrained > fresh + 0.03
    assert frozen > fresh + 0.03
