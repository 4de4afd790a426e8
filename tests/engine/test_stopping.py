"""The end of a fit: best weights, patience, linear init, NaN losses, signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kissipo.cli.main import main
from kissipo.core.algorithm import Algorithm
from kissipo.core.errors import DataError
from kissipo.core.protocols import FitCallback
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.fit import Fit, FitConfig, FitState
from kissipo.engine.stopping import Stopping
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Evaluation

NOTHING = TensorDataset((torch.zeros(8, 1),), (torch.zeros(8, 1),))


class Scripted(Algorithm):
    """An algorithm with weight = epoch, and given validation losses from epoch 0."""

    def __init__(self, losses: Sequence[float], *, start: str = "", loss: float = 1.0) -> None:
        self.net = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.net.weight)
        self.losses, self.start, self.training_loss = losses, start, torch.tensor(loss)

    def begin(self, train: Any) -> str:
        return self.start

    def step(self, batch: Any) -> Mapping[str, Tensor]:
        with torch.no_grad():
            self.net.weight += 1
        return {"loss": self.training_loss}

    def loss(self, outputs: Any, targets: Any) -> Tensor:
        return torch.tensor(self.losses[int(self.net.weight)])

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Qualities:
    """An answer with a given quality of each validation sample in every epoch."""

    monitor = "quality"
    spec = TensorSpec("quality", ("answer",), (1,))

    def __init__(self, algorithm: Scripted, qualities: Sequence[Sequence[float]]) -> None:
        self.algorithm, self.qualities = algorithm, qualities

    def predict(self, net: Any, inputs: Any, outputs: Tensor) -> Tensor:
        return outputs

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Any, Any]:
        return outputs.numpy(), targets.numpy()

    def watch(self, scores: Any, truth: Any) -> Evaluation:
        per_sample = np.array(self.qualities[int(self.algorithm.net.weight)], dtype=float)
        return Evaluation({"quality": float(per_sample.mean())}, per_sample=per_sample)


class Notes(FitCallback):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def on_note(self, text: str) -> None:
        self.notes.append(text)


def train(
    algorithm: Scripted,
    *,
    patience: int = 0,
    answers: Sequence[Any] = (),
    notes: Notes | None = None,
) -> FitState:
    config = FitConfig(epochs=len(algorithm.losses) - 1, batch=8, seed=0, patience=patience)
    callbacks = [notes] if notes else []
    answers = answers or [Qualities(algorithm, [[0] * 4] * len(algorithm.losses))]
    return Fit(
        algorithm.net,
        algorithm,
        config,
        train=NOTHING,
        validation=NOTHING,
        answers=answers,
        callbacks=callbacks,
    ).run()


@pytest.mark.parametrize(
    ("losses", "patience", "last", "best"),
    [
        ([9, 3, 2, 1], 0, 3, 3),
        ([9, 1, 2, 3, 4], 0, 4, 1),
        ([9, 1, 2, 3, 4], 2, 3, 1),
        ([9, 3, 4, 2, 5, 5, 5, 1], 3, 6, 3),
        ([9, 3, 3, 3], 2, 3, 1),
        ([1, 2, 2, 2], 1, 1, 0),
    ],
)
def test_early_stopping_restores_the_best_weights(
    losses: list[float], patience: int, last: int, best: int
) -> None:
    algorithm, notes = Scripted(losses), Notes()
    state = train(algorithm, patience=patience, notes=notes)
    assert (state.epoch, state.best_epoch, algorithm.net.weight.item()) == (last, best, best)
    assert [row.get("validation_loss") for row in state.history] == losses[: last + 1]
    early = f"stopped after epoch {last}: {patience} epochs without a lower validation loss"
    assert notes.notes == ([early] if last < len(losses) - 1 else [])


def test_without_validation_split_the_last_epoch_is_the_best() -> None:
    algorithm = Scripted([3, 1, 2, 3])
    state = Fit(algorithm.net, algorithm, FitConfig(epochs=3, batch=8, seed=0), train=NOTHING).run()
    assert (state.best_epoch, algorithm.net.weight.item()) == (3, 3)


@pytest.mark.parametrize(
    ("gains", "best"),
    [
        ([3, 1, 1, 3], 1),
        ([3, -2, 3, -2], 0),
        ([1, 0, 0, 0], 0),
        ([1, 1, 0, 0], 1),
        ([0, 0, 0, 0], 0),
    ],
)
def test_linear_init_is_kept_unless_the_gain_exceeds_a_standard_error(
    gains: list[float], best: int
) -> None:
    """Computed by hand.

    Gains 1 1 0 0 have mean 0.5 and standard error 0.577 / 2 = 0.289;
    1 0 0 0 have 0.25 and 0.5 / 2 = 0.25.
    """
    algorithm = Scripted([2, 1], start="solved")
    qualities = [[5] * 4, [5 + gain for gain in gains]]
    state = train(algorithm, answers=[Qualities(algorithm, qualities)])
    assert (state.best_epoch, algorithm.net.weight.item()) == (best, best)


def test_stop_at_the_linear_init_does_not_deny_that_the_loss_fell() -> None:
    algorithm, notes = Scripted([3, 2, 1, 1], start="solved"), Notes()
    answers = [Qualities(algorithm, [[5] * 4, [6, 5, 5, 5], [6, 5, 5, 5]])]
    state = train(algorithm, patience=2, notes=notes, answers=answers)
    assert (state.epoch, state.best_epoch) == (2, 0)
    assert notes.notes[-1] == (
        "stopped after epoch 2: no epoch was better than the start by more than chance; "
        "the start is kept"
    )


def test_random_init_is_replaced_for_any_lower_loss() -> None:
    algorithm = Scripted([2, 1])
    assert train(algorithm, answers=[Qualities(algorithm, [[5] * 4, [0] * 4])]).best_epoch == 1


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_nan_loss_raises_with_advice(loss: float) -> None:
    with pytest.raises(
        DataError,
        match=r"NaN or infinite in epoch 1: .*"
        r"Lower process\.learning_rate, set process\.clip_norm=1, or look at",
    ):
        train(Scripted([1, 1], loss=loss))


def test_diverging_training_ends_with_one_paragraph(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "digits", "optimizer=sgd", "learning_rate=1e30", "--quiet"]) == 2
    message = capsys.readouterr().err
    assert "the loss became NaN or infinite in epoch 1" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_waits_after_one_signal_and_restores_the_handlers(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)
    with Stopping() as stopping:
        assert not stopping.wished
        os.kill(os.getpid(), number)
        assert stopping.wished
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
