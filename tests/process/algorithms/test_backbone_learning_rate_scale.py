"""A net whose head learns faster than the rest, beside torch's optimizers with groups of parameters; and on the way of a whole fit."""

from __future__ import annotations

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

STEPS, RATE, SHARE = 8, 0.02, 0.1
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


def learn(of: nn.Module, name: optim.Name, schedule: str) -> Supervised:
    options = Options(
        optimizer=name, learning_rate=RATE, schedule=schedule, backbone_learning_rate_scale=SHARE
    )  # type: ignore[arg-type]
    return Supervised(of, (loss,), options, total_steps=STEPS)


@every_optimizer
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_steps_are_those_of_torch_with_groups_and_go_on_to_the_same_bits(
    name: optim.Name, schedule: str, tmp_path: Path
) -> None:
    ours, theirs, cut = net(), net(), net()
    whole, first = learn(ours, name, schedule), learn(cut, name, schedule)
    whole.begin(None)  # type: ignore[arg-type]
    first.begin(None)  # type: ignore[arg-type]
    groups = [{"params": list(theirs[4].parameters())}, {"params": list(theirs[:4].parameters())}]
    witness = TORCHS[name]([{**group, "lr": RATE} for group in groups])
    for number, batch in enumerate(batches()):
        if number == 4:
            save_checkpoint(tmp_path, {"net": cut.state_dict(), "learn": first.state_dict()})
            found = load_checkpoint(tmp_path)
            assert found is not None
            cut = net()
            cut.load_state_dict(found[0]["net"])
            first = learn(cut, name, schedule)
            first.load_state_dict(found[0]["learn"])
        whole.step(batch)
        first.step(batch)
        rate = RATE * ((1 + cos(pi * number / STEPS)) / 2 if schedule == "cosine" else 1)
        for group, share in zip(witness.param_groups, (1.0, SHARE), strict=True):
            group["lr"] = rate * share
        witness.zero_grad()
        (theirs(batch.inputs[0]) - batch.targets[0]).square().mean().backward()
        witness.step()
    for own, other, again in zip(
        ours.parameters(), theirs.parameters(), cut.parameters(), strict=True
    ):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)
        assert torch.equal(again, own)


def test_what_is_held_is_in_no_group() -> None:
    of = net()
    of[0].requires_grad_(False)
    before = deepcopy(of.state_dict())
    one = learn(of, "adam", "constant")
    one.begin(None)  # type: ignore[arg-type]
    for batch in batches():
        one.step(batch)
    assert [len(group["params"]) for group in one.optimizer.param_groups] == [2, 2]
    changed = {key: not torch.equal(each, before[key]) for key, each in of.state_dict().items()}
    assert changed == {key: not key.startswith("0.") for key in before}


def test_a_fit_that_starts_from_another_run_changes_what_it_took_over_less() -> None:
    words = {
        "process.net": "cnn",
        "process.filters": [6],
        "process.units": [8],
        "process.epochs": 2,
        "process.early_stopping": 0,
        "output.baselines": ["majority"],
    }
    first = ki.load("digits", words=words).fit(out="first")

    def moved(out: str, **more: Any) -> tuple[Any, dict[str, float]]:
        run = ki.load("digits", words={**words, "process.weights": "first", **more}).fit(
            out=out, seed=1
        )
        start: dict[str, Tensor] = first.net.state_dict()
        return run, {
            key: float((each - start[key]).abs().mean())
            for key, each in run.net.state_dict().items()
        }

    whole, slow = (
        moved("whole")[1],
        moved("slow", **{"process.backbone_learning_rate_scale": 0.05})[1],
    )
    assert slow["0.weight"] < whole["0.weight"] / 3
    head = [key for key in slow if key.endswith("weight")][-1]
    assert slow[head] > whole[head] / 3
    told = (Path("slow") / "report.html").read_text(encoding="utf-8")
    assert "trainable parameters have 0.05 of the learning rate" in told


def test_it_is_refused_where_only_the_head_learns() -> None:
    task = ki.Task(
        input={"images": "digits"},
        process={"net": "linear", "backbone_learning_rate_scale": 0.1},
        output={"category": "digit"},
    )
    with pytest.raises(
        TaskError,
        match=r"process.backbone_learning_rate_scale: no weight but those of the head learns. Leave it out.",
    ):
        task.fit()
