"""The time estimate of a training, which is computed from the first steps."""

from __future__ import annotations

import pytest

from kissipo.cli.screen import Screen
from kissipo.cli.training_output import TrainingOutput
from kissipo.core.devices import threads
from kissipo.core.finding import counted

FACTS = {"epochs": 10, "steps": 100, "batch": 32, "samples": 3200}


def printed(capsys: pytest.CaptureFixture[str], looks: list[tuple[int, int, float]]) -> str:
    """Returns the printed text for some calls of on_progress."""
    output = TrainingOutput(Screen())
    output.on_start(FACTS)
    for epoch, step, seconds in looks:
        output.on_progress({**FACTS, "epoch": epoch, "step": step, "loss": 0.5, "seconds": seconds})
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("looks", "span"),
    [
        ([(1, 1, 0.5), (1, 11, 1.1)], "59 s"),
        ([(1, 1, 5.0), (1, 11, 6.0)], "2 min"),
        ([(1, 1, 0.0), (1, 11, 110.0)], "3.0 h"),
        ([(4, 50, 700.0), (4, 60, 701.0), (9, 1, 800.0)], "64 s"),
    ],
)
def test_time_estimate_counts_the_remaining_steps(
    looks: list[tuple[int, int, float]], span: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checks values computed by hand: 10 steps in 0.6 s give 59.3 s for 989 steps."""
    on = counted(threads(), "thread")
    assert printed(capsys, looks) == f"about {span} left for 10 epochs on {on}\n"


@pytest.mark.parametrize(
    "looks",
    [
        [(1, 1, 0.0)],
        [(1, 1, 0.0), (1, 5, 9.0)],
        [(1, 1, 0.0), (1, 90, 0.4)],
        [(1, 1, 0.0), (10, 100, 60.0)],
    ],
)
def test_time_estimate_needs_enough_steps(
    looks: list[tuple[int, int, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, looks) == ""


def test_reading_of_a_net_without_epochs_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks a quarter of the samples in 6 s, which leaves 18 s."""
    monkeypatch.setattr("kissipo.cli.training_output.perf_counter", iter(range(0, 90, 6)).__next__)
    output = TrainingOutput(Screen())
    output.on_start({"epochs": 0, "steps": 4, "batch": 256, "samples": 1024})
    for read in (256, 1024):
        output.on_read({"read": read, "samples": 1024, "seconds": read / 256 * 6})
    assert capsys.readouterr().err == "read 256 of 1,024 examples, about 18 s left\n"
