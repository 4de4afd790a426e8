"""Two learning rates, for head and backbone, compared with torch's parameter groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from math import cos, pi
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.engine.checkpoint import load_checkpoint, save_checkpoint
from kissipo.process import optim
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.losses.mean_squared_error import loss

STEPS, LEARNING_RATE, SCALE = 8, 0.02, 0.1
TORCHS: dict[str, Any] = {
    "sgd": lambda groups: torch.optim.SGD(groups),
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, eps=1e-8),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, alpha=0.9, eps=1e-8),
    "adam": lambda groups: torch.optim.Adam(groups, eps=1e-8),
    "adamw": lambda groups: torch.optim.AdamW(groups, eps=1e-8, weight_decay=0.01),
}
every_optimizer = pytest.mark.parametrize("name", get_args(optim.Name))


def net() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2))


def batches() -> list[Batch]:
    generator = torch.Generator().manual_seed(2)
    return [
        Batch((torch.randn(6, 4, generator=generator),), (torch.randn(6, 2, generator=generator),))
        for _ in range(STEPS)
    ]


def build_algorithm(model: nn.Module, name: optim.Name, schedule: str) -> Supervised:
    options = Options(
        optimizer=name,
        learning_rate=LEARNING_RATE,
        schedule=schedule,
        backbone_learning_rate_scale=SCALE,
    )  # type: ignore[arg-type]
    return Supervised(model, (loss,), options, total_steps=STEPS)


@every_optimizer
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_learning_rate_scale_steps_equal_torch_and_resume_exactly(
    name: optim.Name, schedule: str, tmp_path: Path
) -> None:
    ours, by_torch, cut = net(), net(), net()
    whole, first = build_algorithm(ours, name, schedule), build_algorithm(cut, name, schedule)
    whole.begin(None)  # type: ignore[arg-type]
    first.begin(None)  # type: ignore[arg-type]
    groups = [
        {"params": list(by_torch[4].parameters())},
        {"params": list(by_torch[:4].parameters())},
    ]
    optimizer = TORCHS[name]([{**group, "lr": LEARNING_RATE} for group in groups])
    for number, batch in enumerate(batches()):
        if number == 4:
            save_checkpoint(tmp_path, {"net": cut.state_dict(), "learn": first.state_dict()})
            checkpoint = load_checkpoint(tmp_path)
            assert checkpoint is not None
            cut = net()
            cut.load_state_dict(checkpoint[0]["net"])
            first = build_algorithm(cut, name, schedule)
            first.load_state_dict(checkpoint[0]["learn"])
        whole.step(batch)
        first.step(batch)
        rate = LEARNING_RATE * ((1 + cos(pi * number / STEPS)) / 2 if schedule == "cosine" else 1)
        for group, share in zip(optimizer.param_groups, (1.0, SCALE), strict=True):
            group["lr"] = rate * share
        optimizer.zero_grad()
        (by_torch(batch.inputs[0]) - batch.targets[0]).square().mean().backward()
        optimizer.step()
    for own, other, again in zip(
        ours.parameters(), by_torch.parameters(), cut.parameters(), strict=True
    ):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)
        assert torch.equal(again, own)


def test_frozen_weights_are_in_no_parameter_group() -> None:
    model = net()
    model[0].requires_grad_(False)
    before = deepcopy(model.state_dict())
    one = build_algorithm(model, "adam", "constant")
    one.begin(None)  # type: ignore[arg-type]
    for batch in batches():
        one.step(batch)
    assert [len(group["params"]) for group in one.optimizer.param_groups] == [2, 2]
    changed = {
        key: not torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items()
    }
    assert changed == {key: not key.startswith("0.") for key in before}


def test_learning_rate_scale_changes_pretrained_weights_less(
    content_of: Callable[[Path | str], Any], records_of: Callable[..., Any]
) -> None:
    words = {
        "process.net": "cnn",
        "process.filters": [6],
        "process.units": [8],
        "process.epochs": 2,
        "process.early_stopping": 0,
        "output.baselines": ["majority"],
    }
    first = ki.load("digits", words=words).fit(out="first")

    def mean_changes(out: str, **more: Any) -> tuple[Any, dict[str, float]]:
        run = ki.load("digits", words={**words, "process.weights": "first", **more}).fit(
            out=out, seed=1
        )
        start: dict[str, Tensor] = first.net.state_dict()
        return run, {
            key: float((tensor - start[key]).abs().mean())
            for key, tensor in run.net.state_dict().items()
        }

    whole, slow = (
        mean_changes("whole")[1],
        mean_changes("slow", **{"process.backbone_learning_rate_scale": 0.05})[1],
    )
    assert slow["0.weight"] < whole["0.weight"] / 3
    head = [key for key in slow if key.endswith("weight")][-1]
    assert slow[head] > whole[head] / 3
    tables = json.dumps(records_of(content_of("slow/report.html"), "table"))
    assert "trainable parameters have 0.05 of the learning rate" in tables


def test_learning_rate_scale_is_refused_if_only_the_head_is_trained() -> None:
    task = ki.Task(
        input={"images": "digits"},
        process={"net": "linear", "backbone_learning_rate_scale": 0.1},
        output={"category": "digit"},
    )
    with pytest.raises(
        TaskError,
        match=(
            r"process.backbone_learning_rate_scale: only the head has trainable weights. "
            r"Leave it out."
        ),
    ):
        task.fit()
