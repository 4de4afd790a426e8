"""Determinism: the seed determines the run, and the order of the samples per epoch."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev

import pytest
import torch
from torch import Tensor

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.engine.fit import Fit, FitConfig
from kissipo.output import sklearn_models
from kissipo.pipeline.experiment import build_experiment

TASKS = {
    "digits": ["digits", "epochs=3"],
    "series": ["sunspots", "net=recurrent", "units=8", "dropout=0.2", "epochs=3"],
    "environment": ["racing", "process.episodes=200", "learning_rate=0.1"],
}


@pytest.mark.parametrize("name", TASKS)
def test_seed_determines_the_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, seed in (("one", "7"), ("same", "7"), ("other", "8")):
        monkeypatch.setattr(sklearn_models, "_results", {})  # baselines are fitted again
        assert main(["fit", *TASKS[name], "--seed", seed, "--out", folder, "--quiet"]) == 0
    for file in ("metrics.json", "history.csv", "model.safetensors", "codecs.json", "task.yaml"):
        assert Path("one", file).read_bytes() == Path("same", file).read_bytes(), file
    for file in ("metrics.json", "history.csv", "model.safetensors"):
        assert Path("one", file).read_bytes() != Path("other", file).read_bytes(), file


def test_determinism_ignores_saving_interval_and_global_random_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = ki.load("digits", words={"process.epochs": 3})
    task.fit(out="one")
    monkeypatch.setenv("KISSIPO_SAVE_EVERY", "0")
    torch.rand(100)
    task.fit(out="other")
    for file in ("metrics.json", "history.csv", "model.safetensors"):
        assert Path("one", file).read_bytes() == Path("other", file).read_bytes(), file


class Witness(Algorithm):
    """A dataset that records its batches, and an algorithm that trains nothing."""

    def __init__(self) -> None:
        self.net = torch.nn.Linear(1, 1)
        self.batches: list[list[int]] = []

    def __len__(self) -> int:
        return 11

    def batch(self, index: Tensor | slice) -> Batch:
        assert isinstance(index, Tensor)
        self.batches.append(index.tolist())
        return Batch((index.float().unsqueeze(1),), (index,))

    def step(self, batch: Batch) -> dict[str, Tensor]:
        torch.rand(3)
        return {"loss": torch.tensor(1.0)}

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None: ...


def orders(seed: int, *, epochs: int = 3, batch: int = 4, shuffle: bool = True) -> list[list[int]]:
    """The order of the samples in every epoch."""
    witness = Witness()
    config = FitConfig(epochs, batch, seed, shuffle=shuffle)
    Fit(witness.net, witness, config, train=witness).run()  # type: ignore[arg-type]
    every = [position for batch in witness.batches for position in batch]
    return [every[start : start + 11] for start in range(0, len(every), 11)]


def test_order_is_a_pure_function_of_seed_and_epoch() -> None:
    torch.manual_seed(1)
    first = orders(0)
    torch.manual_seed(2)
    assert orders(0) == first == orders(0, epochs=5)[:3] == orders(0, batch=11)
    assert all(sorted(order) == list(range(11)) for order in first)
    assert len({tuple(order) for order in [*first, *orders(1)]}) == 6
    assert orders(0, shuffle=False) == [list(range(11))] * 3


def test_batches_are_full_except_the_last() -> None:
    witness = Witness()
    Fit(witness.net, witness, FitConfig(1, 4, 0), train=witness).run()  # type: ignore[arg-type]
    assert [len(batch) for batch in witness.batches] == [4, 4, 3]


def test_random_generators_are_independent_per_purpose() -> None:
    """Another net does not move the split, nor the split the first weights."""
    one, wide, part = (
        build_experiment(ki.load("digits", words=words), seed=5)
        for words in ({}, {"process.units": 64}, {"input.split.test": 0.3})
    )
    assert all(
        (one.pipeline.splits[name] == wide.pipeline.splits[name]).all()
        for name in ("train", "validation", "test")
    )
    assert all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(one.net.parameters(), part.net.parameters(), strict=True)
    )


def test_seeds_option_trains_one_run_per_seed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", *TASKS["digits"], "baselines=[majority]"]
    assert main([*words, "--seeds", "3", "--seed", "4", "--out", "several", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["seeds"] == [4, 5, 6]
    assert result["runs"] == [f"several/seed-{seed}" for seed in (4, 5, 6)]
    accuracies = [
        json.loads(Path(run, "metrics.json").read_text())["answers"][0]["metrics"]["accuracy"]
        for run in result["runs"]
    ]
    assert len(set(accuracies)) > 1
    assert result["metrics"]["accuracy"] == {
        "mean": mean(accuracies),
        "std": stdev(accuracies),
        "min": min(accuracies),
        "max": max(accuracies),
    }
    assert main([*words, "--seed", "5", "--out", "alone", "--quiet"]) == 0
    assert (
        Path("alone", "metrics.json").read_bytes()
        == Path("several", "seed-5", "metrics.json").read_bytes()
    )


@pytest.mark.parametrize("words", [["--seeds", "0"], ["--seeds", "2", "--resume"]])
def test_seeds_option_refuses_zero_and_resume(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "digits", *words]) == 2
    assert "--seeds needs a number of at least 1, without --resume" in capsys.readouterr().err
