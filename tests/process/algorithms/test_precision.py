"""Training in bfloat16, compared with torch's autocast.

A resumed run is exact, and processors without bfloat16 are refused.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.devices import multiplies_bfloat16
from kissipo.core.errors import MachineError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.checkpoint import load_checkpoint, save_checkpoint
from kissipo.engine.fit import Fit, FitConfig
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.pipeline.experiment import build_experiment
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.channels_last import to_channels_last
from kissipo.process.losses.sparse_categorical_cross_entropy import loss
from kissipo.process.nets import cnn, ffn, googlenet, recurrent

CLASSES = (TensorSpec("kind", ("class",), (3,)),)
IMAGE = TensorSpec("image", ("channel", "height", "width"), (3, 32, 32))
NETS: dict[str, Any] = {
    "cnn": lambda: cnn.build(
        (IMAGE,), CLASSES, cnn.Options((8, 8), norm=True, units=(8,), dropout=0.2)
    ),
    "ffn": lambda: ffn.build((IMAGE,), CLASSES, ffn.Options(units=(16,), dropout=0.2)),
    "googlenet": lambda: googlenet.build(
        (IMAGE,), CLASSES, googlenet.Options(width_multiplier=0.1)
    ),
    "recurrent": lambda: recurrent.build(
        (TensorSpec("x", ("time", "feature"), (32, 96)),), CLASSES, recurrent.Options(units=16)
    ),
}
RECURRENT = pytest.param(
    "recurrent",
    marks=pytest.mark.skipif(
        not multiplies_bfloat16(), reason="torch has no bfloat16 LSTM for this processor"
    ),
)
every_net = pytest.mark.parametrize(
    "name", [name if name != "recurrent" else RECURRENT for name in NETS]
)


def samples(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    y = torch.randint(0, 3, (24,), generator=generator)
    x = torch.rand(24, 3, 32, 32, generator=generator) + 0.5 * y.view(-1, 1, 1, 1)
    return (x.flatten(1).view(24, 32, 96) if name == "recurrent" else x), y


def net(name: str) -> nn.Module:
    torch.manual_seed(1)
    return to_channels_last(NETS[name]())  # type: ignore[no-any-return]


def loss_of(model: nn.Module, dataset: TensorDataset) -> float:
    """Returns the loss of a net in float32."""
    in_float32, training = dataset.everything(), model.training
    with torch.inference_mode():
        value = float(cross_entropy(model.eval()(*in_float32.inputs), in_float32.targets[0]))
    model.train(training)
    return value


def build_algorithm(model: nn.Module, precision: str) -> Supervised:
    options = Options(
        optimizer="momentum", learning_rate=0.01, precision=precision, schedule="cosine"
    )  # type: ignore[arg-type]
    return Supervised(model, (loss,), options, total_steps=12)


@pytest.mark.parametrize("name", ["cnn", "ffn", RECURRENT])
def test_bfloat16_steps_equal_autocast(name: str) -> None:
    x, y = samples(name)
    ours, by_torch, in_float32 = net(name), net(name), net(name)
    ours_algorithm, float32_algorithm = (
        Supervised(
            model,
            (loss,),
            Options(optimizer="sgd", learning_rate=0.1, precision=precision),
            total_steps=3,
        )  # type: ignore[arg-type]
        for model, precision in ((ours, "bfloat16"), (in_float32, "float32"))
    )
    losses = []
    for algorithm in (float32_algorithm, ours_algorithm):
        torch.manual_seed(7)
        algorithm.begin(None)  # type: ignore[arg-type]
        losses = [float(algorithm.step(Batch((x,), (y,)))["loss"]) for _ in range(3)]
    torch.manual_seed(7)
    optimizer = torch.optim.SGD(by_torch.parameters(), 0.1)
    for value in losses:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            outputs = by_torch(x)
        expected = cross_entropy(outputs.float(), y)
        expected.backward()
        optimizer.step()
        assert value == pytest.approx(float(expected.detach()), rel=1e-6)
    for own, other, full in zip(
        ours.parameters(), by_torch.parameters(), in_float32.parameters(), strict=True
    ):
        assert own.dtype is torch.float32
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)
        assert not torch.equal(own, full)


@every_net
def test_bfloat16_training_lowers_the_loss_and_resumes_exactly(name: str, tmp_path: Path) -> None:
    x, y = samples(name)
    dataset = TensorDataset((x,), (y,))

    def fit(steps: int, state: dict[str, Any] | None = None, precision: str = "bfloat16") -> Fit:
        model = net(name)
        torch.manual_seed(5)
        one = Fit(
            model,
            build_algorithm(model, precision),
            FitConfig(steps // 3, 8, 0),
            train=dataset,
            save=None,
        )
        if state is not None:
            one.load_state_dict(state)
        return one

    longer = fit(90)
    before = loss_of(longer.net, dataset)
    longer.run()
    assert loss_of(longer.net, dataset) < before
    whole = fit(12)
    whole.run()
    cut = fit(12)
    cut.config = FitConfig(2, 8, 0)
    cut.run()
    cut.state.done = False
    save_checkpoint(tmp_path, cut.state_dict())
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint is not None
    rest = fit(12, checkpoint[0])
    rest.run()
    full = fit(12, precision="float32")
    full.run()
    for own, other in zip(rest.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(own, other)
        assert own.dtype is torch.float32
    assert any(
        not torch.equal(own, exact)
        for own, exact in zip(whole.net.parameters(), full.net.parameters(), strict=True)
    )


def test_bfloat16_is_refused_by_a_processor_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kissipo.runs.fit.multiplies_bfloat16", lambda: False)
    with pytest.raises(
        MachineError, match=r"process.precision=bfloat16 needs a processor with bfloat16 arithmetic"
    ):
        ki.load("digits", words={"process.precision": "bfloat16"}).fit(out="run")
    assert not Path("run").exists()


@pytest.mark.skipif(not multiplies_bfloat16(), reason="this processor does not multiply bfloat16")
def test_bfloat16_as_an_option_of_a_task() -> None:
    words = {"process.precision": "bfloat16", "process.epochs": 3, "output.baselines": ["majority"]}
    run = ki.load("digits", words=words).fit(out="run")
    full = ki.load("digits", words=words | {"process.precision": "float32"}).fit(out="full")
    assert run.metrics["answers"][0]["metrics"]["accuracy"] > 0.8
    assert run.task.process["precision"] == "bfloat16"
    assert not torch.equal(next(run.net.parameters()), next(full.net.parameters()))
    with Path("run", "history.csv").open(encoding="utf-8") as rows:
        best_loss = min(float(row["validation_loss"]) for row in csv.DictReader(rows))
    validation = build_experiment(run.task).pipeline.datasets["validation"]
    assert best_loss == pytest.approx(
        loss_of(run.net, validation), rel=1e-5
    )  # evaluated in float32
    assert "precision: bfloat16" in Path("run", "task.yaml").read_text()
