"""`kissipo tune`: its tables, and a paragraph for every slip."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kissipo.cli.main import main

TASK = ("tune", "digits", "epochs=1")


def test_tune_prints_the_trials_and_fit_trains_the_best(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--trials", "3", "--search", "units=[2],[32]", "--search", "dropout", "--out", "study")
    assert main([*TASK, *words, "--sampler", "random"]) == 0
    printed = capsys.readouterr()
    assert "3 trials" in printed.out and "the task as it is" in printed.out
    assert "trial 0 (the task as it is)" in printed.out and "accuracy" in printed.out
    assert "process.dropout" in printed.err and "0 to 0.5" in printed.err
    assert printed.err.count(" complete: validation loss ") == 3
    with Path("study/trials.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    assert {row["process.units"] for row in rows[1:]} <= {"[2]", "[32]"}
    assert main(["fit", "study/task.yaml", "--out", "run", "--quiet"]) == 0
    with Path("run/history.csv").open(encoding="utf-8") as file:
        values = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    best = min(float(row["validation_loss"]) for row in rows)
    assert min(values) == pytest.approx(best, rel=1e-6)


def test_options_of_the_command_line_are_not_searched(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["units=[4]", "process.learning_rate=0.01", "--trials", "1", "--out", "study"]
    assert main([*TASK, *words]) == 0
    table = capsys.readouterr().err.partition("Search space")[2]
    assert "input.batch_size" in table and "process.dropout" in table
    assert "process.units" not in table and "process.learning_rate" not in table


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("--trials 0", ["--trials must be an integer of at least 1", "got 0", "--trials 20"]),
        ("--trials many", ["invalid int value: 'many'"]),
        ("--workers 0", ["--workers must be an integer of at least 1", "got 0"]),
        ("--sampler tpee", ["no sampler; got 'tpee'", "random, tpe, hyperband", "'tpe'?"]),
        ("--search learnin_rate", ["'learnin_rate'", "Did you mean 'learning_rate'"]),
        ("--search process.unit", ["process.unit names no option", "'process.units'"]),
        (
            "--search learning_rate=-1..1",
            ["does not take: -1", "got -1 to 1", "Allowed: a number above 0", "Give a range"],
        ),
        ("--search dropout=0,2", ["does not take: 2", "of at least 0 and below 1"]),
        ("--search units=1.5..7", ["does not take: 1.5", "an integer of at least 1"]),
        ("--search learning_rate=0.1..0.01", ["the first number of a range is below"]),
        ("--search learning_rate=0..many", ["two numbers with two dots", "got 0..many"]),
        ("--search learning_rate=", ["has no values", "learning_rate=1e-4..1e-2"]),
        ("--search activation", ["needs values", "relu, tanh"]),
        ("--search loss=mse,mae", ["could not be compared", "--vary process.loss"]),
        ("--search net=ffn,cnn", ["another net", "--vary process.net"]),
        ("--search split.validation=0.1,0.2", ["other validation samples"]),
        ("--search early_stopping.patiense=1,2", ["Did you mean 'patience'?"]),
        ("--search output.baselines=a,b", ["another baselines", "kissipo compare"]),
        (
            "learning_rate=1 units=[1] dropout=0 batch_size=8 weight_decay=0",
            ["there is nothing to search", "process.units", "--search"],
        ),
        ("split.validation=0", ["no validation split", "input.split.validation=0.1"]),
    ],
)
def test_slips_are_explained(words: str, parts: list[str], refusal: Callable[..., str]) -> None:
    message = refusal(*TASK, *words.split())
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize(
    ("task", "part"),
    [
        ("frozen-lake", "learns in an environment"),
        ("pca", "process.algorithm=closed_form has no value of the validation split"),
        ("dcgan", "process.algorithm=adversarial has no value of the validation split"),
        ("convolution", "is a lesson and trains nothing"),
    ],
)
def test_tasks_without_a_monitor_are_refused(
    task: str, part: str, refusal: Callable[..., str]
) -> None:
    assert part in refusal("tune", task)


def test_folders_that_are_no_studies_are_refused(refusal: Callable[..., str]) -> None:
    Path("file").write_text("x", encoding="utf-8")
    Path("folder").mkdir()
    Path("folder/file").write_text("x", encoding="utf-8")
    for name in ("file", "folder"):
        assert f"{name} exists already" in refusal(*TASK, "--out", name)
        message = refusal(*TASK, "--out", name, "--resume")
        assert f"{name} is not the folder of a study" in message


def test_missing_optuna_is_named_with_its_extra() -> None:
    program = "import sys; sys.modules['optuna'] = None; from kissipo.cli.main import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{program}sys.exit(main({list(TASK)!r}))"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "python -m pip install 'kissipo[tune]'" in done.stderr
    assert done.stderr.count("\n") == 1 and not Path("runs").exists()
