"""What `kissipo eject` writes runs without kissipo and does what the task does: the same first step, the same score."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kissipo.cli.main import main
from kissipo.core.errors import NotBuiltError
from kissipo.export.script.part import filled, listed, path_line
from kissipo.export.script.script import eject
from kissipo.pipeline.recipes import all_recipes
from kissipo.runs.fit import Teller, fit
from kissipo.runs.load import load

ROOT = Path(__file__).parents[2]
SLOW = pytest.mark.slow

# words that shorten a task, and how far the scores of the same weights may lie apart
TASKS = {
    "digits": ({"epochs": 8}, 0.012),
    "equations": ({"epochs": 100}, 1e-3),
    "backprop": ({"epochs": 50}, 1e-3),
    "airline-dense-window": ({"epochs": 30}, 0.5),
    "airline-lstm-window": ({"epochs": 30}, 0.5),
    "sunspots": ({"epochs": 20}, 0.5),
}
LONG = {
    "airline-dense-step": ({"epochs": 30}, 0.5),
    "airline-lstm-step": ({"epochs": 30}, 0.5),
    "airline-lstm-features": ({"epochs": 30}, 0.5),
    "machine-temperature": ({"epochs": 2, "output.baselines": ["naive"]}, 5.0),
    "mnist": ({"epochs": 1, "output.baselines": ["majority"]}, 0.005),
    "mnist-cnn": ({"epochs": 1, "output.baselines": ["majority"]}, 0.005),
    "spam": ({"epochs": 2}, 0.006),
    "film-reviews": ({"epochs": 1, "output.baselines": ["majority"]}, 0.03),
    "characters": ({"epochs": 1}, 0.03),
    "etth1": ({"epochs": 1}, 0.01),
    "nyc-taxi": ({"epochs": 1, "output.baselines": ["naive"]}, 5.0),
    "go-dense": ({"epochs": 2, "output.baselines": ["majority"]}, 0.005),
    "go": ({"epochs": 1, "output.baselines": ["majority"]}, 0.01),
    "magnetic-tile": ({"epochs": 6, "output.baselines": ["majority"]}, 0.05),
    "magnetic-tile-masks": ({"epochs": 3, "output.baselines": ["empty_mask"]}, 0.02),
}
OTHERWISE = ("frozen-lake", "racing", "playground")  # which learn in another way


class FirstStep(Teller):
    """Hears the loss of the first step."""

    loss: float | None = None

    def on_progress(self, facts: Mapping[str, Any]) -> None:
        if self.loss is None:
            assert facts["step"] == 1
            self.loss = facts["loss"]


def run_script(source: str) -> tuple[float, float, str]:
    """The loss of the first step, the score and the measure that a script prints, where there is no kissipo."""
    Path("script.py").write_text(source, encoding="utf-8")
    assert "kissipo" not in re.sub(r'"/.*"', "", source)  # but for the paths of data
    done = subprocess.run([sys.executable, "-I", "script.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    measure, score = last.split(": ")
    return float(first.removeprefix("first step: loss ")), float(score), measure.split()[1]


def parameters(tasks: dict[str, Any], *marks: Any) -> list[Any]:
    return [pytest.param(name, *given, id=name, marks=marks) for name, given in tasks.items()]


@pytest.mark.parametrize(("name", "words", "apart"), [*parameters(TASKS), *parameters(LONG, SLOW)])
def test_the_script_does_what_the_task_does(
    name: str, words: dict[str, Any], apart: float, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the compiled layers draw dropout with dice of their own
    monkeypatch.setattr("kissipo.process.algorithms.supervised.direct", lambda net: None)
    task = load(name, words=words)
    loss, score, measure = run_script(eject(task, seed=3))
    heard = FirstStep()
    run = fit(task, seed=3, out="run", tellers=[heard])
    assert heard.loss == pytest.approx(loss, abs=1e-5)
    assert run.metrics["answers"][0]["metrics"][measure] == pytest.approx(score, abs=apart)


@pytest.mark.parametrize("name", [*TASKS, *(pytest.param(name, marks=SLOW) for name in LONG)])
def test_the_script_is_short_and_formatted(name: str, data: Path) -> None:
    source = eject(load(name))
    Path("script.py").write_text(source, encoding="utf-8")
    assert len(source.splitlines()) <= 250
    for command in (["ruff", "format", "--isolated", "--check"], ["ruff", "check", "--isolated", "--select", "F,I"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, "script.py"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
    places = [source.index(f"# {part}: ") for part in ("Input", "Process", "Output")]
    assert places == sorted(places)


@SLOW
def test_the_scripts_are_typed(data: Path) -> None:
    for name in (*TASKS, *LONG):
        Path(f"{name}.py".replace("-", "_")).write_text(eject(load(name)), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--allow-untyped-calls", "--ignore-missing-imports", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_built_in_task_is_written_or_refused() -> None:
    assert {*TASKS, *LONG, *OTHERWISE} == {name for name, _ in all_recipes()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *((name, {}) for name in OTHERWISE),
        ("nyc-taxi", {"process": {"net": "autoencoder", "epochs": 1}}),
        ("nyc-taxi", {"output.anomaly_labels": None}),
        ("nyc-taxi", {"output.false_alarm_rate": 0.03}),
        ("nyc-taxi", {"input.split.test": 0.01}),
        ("magnetic-tile", {"input.color": "rgb", "input.size": [8]}),
        ("magnetic-tile-masks", {"output.mask": "class", "input.size": [8]}),
        pytest.param("magnetic-tile-masks", {"input.size": [96], "input.split.validation": 0.7}, marks=SLOW),
        ("digits", {"output.negative_class": "3"}),
        ("digits", {"process.loss": "categorical_cross_entropy"}),
    ],
)
def test_what_is_not_written_yet_is_refused_in_one_sentence(name: str, words: dict[str, Any], data: Path) -> None:
    with pytest.raises(NotBuiltError, match="kissipo eject") as refused:
        eject(load(name, words=words))
    assert str(refused.value).count("\n") == 0


def test_records_of_games_are_refused() -> None:
    Path("records").mkdir()
    for column in "abcdefghij":
        Path(f"records/{column}.sgf").write_text(f"(;GM[1]SZ[19];B[{column}d];W[qd];B[jj])", encoding="utf-8")
    with pytest.raises(NotBuiltError, match="how these data are read"):
        eject(load("go-dense", words={"input.games": "records"}))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"process.mixup": 0.2}, "process.mixup"),
        ({"process.class_weights": "balanced"}, "process.class_weights"),
        ({"process.precision": "bfloat16"}, "process.precision"),
        ({"process.freeze": ["all but head"]}, "process.freeze"),
    ],
)
def test_a_word_that_no_script_follows_is_named(words: dict[str, Any], named: str) -> None:
    with pytest.raises(NotBuiltError, match=re.escape(named)):
        eject(load("digits", words=words))


def test_a_script_that_would_read_otherwise_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from kissipo.export.script.inputs import pictures

    monkeypatch.setattr(pictures, "_DIGITS", pictures._DIGITS.replace("255", "254"))
    with pytest.raises(NotBuiltError, match="it reads other samples in the train part"):
        eject(load("digits"))


def test_a_script_that_would_start_otherwise_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from kissipo.export.script import script

    monkeypatch.setattr(script, "_SCRIPT", script._SCRIPT.replace(">> 1", ">> 2"))
    with pytest.raises(NotBuiltError, match="the script would not do the same"):
        eject(load("digits"))


@pytest.mark.parametrize(
    "words",
    [
        pytest.param({"process.optimizer": "momentum", "process.schedule": "cosine"}, marks=SLOW),
        pytest.param({"process.optimizer": "adamw", "process.clip_norm": 1.0, "process.schedule": "step"}, marks=SLOW),
        pytest.param({"process.activation": "tanh", "input.batch_size": 4000, "stop.patience": 0}, marks=SLOW),
        {"process.ema": 0.9, "process.warmup": 0.3, "input.split.seed": 5, "output.eval_metric": "macro_f1"},
        pytest.param(
            {"process.ema": 0.95, "process.schedule": "one_cycle", "input.split.validation": 0, "stop.patience": 0},
            marks=SLOW,
        ),
        {"process.label_smoothing": 0.1, "process.l1": 1e-5, "process.l2": 1e-3, "process.schedule": "exponential"},
        {"input.augment": ["rotate", "flip", "color", "crop"], "output.eval_metric": "balanced_accuracy"},
    ],
)
def test_words_of_learning_are_followed(words: dict[str, Any]) -> None:
    task = load("digits", words={"epochs": 2, "dropout": 0.0, "output.baselines": ["majority"], **words})
    loss, score, measure = run_script(eject(task))
    heard = FirstStep()
    run = fit(task, out="run", tellers=[heard])
    assert measure == words.get("output.eval_metric", "accuracy")
    assert heard.loss == pytest.approx(loss, abs=1e-5)
    assert run.metrics["answers"][0]["metrics"][measure] == pytest.approx(score, abs=0.006)


TILES_ODD = {"input.size": [10], "process.filters": [4, 8, 16], "process.norm": False, "process.standardize": False}
TILES_APART = {"input.size": [20, 16], "input.split.group": None, "input.augment": [], "input.split.validation": 0.2}


@pytest.mark.parametrize(
    ("name", "words", "apart"),
    [
        ("go-dense", {"input.num_games": 8, "input.seed": 5, "input.split.seed": 3, "input.split.validation": 0}, 0.01),
        pytest.param("magnetic-tile-masks", {**TILES_ODD, "input.split.validation": 0.1}, 0.02, marks=SLOW),
        pytest.param("magnetic-tile", {**TILES_APART, "process.filters": [8, 16], "dropout": 0.0}, 0.05, marks=SLOW),
    ],
)
def test_words_of_reading_are_followed(name: str, words: dict[str, Any], apart: float, data: Path) -> None:
    task = load(name, words={"epochs": 2, "output.baselines": [], **words})
    loss, score, measure = run_script(eject(task))
    heard = FirstStep()
    run = fit(task, out="run", tellers=[heard])
    assert heard.loss == pytest.approx(loss, abs=1e-5)
    assert run.metrics["answers"][0]["metrics"][measure] == pytest.approx(score, abs=apart)


@pytest.fixture
def table() -> str:
    """A table of numbers and categories."""
    lines = ["size,weight,colour,kind,price"]
    for at in range(120):
        size, weight = (at * 37 % 101) / 10, (at * 53 % 89) / 7
        colour, kind = ("red", "green", "blue")[at % 3], "ab"[(size + weight > 11) != (at % 17 == 0)]
        lines.append(f"{size},{weight},{colour},{kind},{3 * size - weight + at % 5}")
    Path("table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "table.csv"


@pytest.mark.parametrize("start", [pytest.param("random", marks=SLOW), "linear"])
@pytest.mark.parametrize(
    ("asked", "measure", "apart"), [("kind", "accuracy", 0.05), ("colour", "accuracy", 0.05), ("price", "rmse", 0.1)]
)
def test_a_table_of_your_own(table: str, asked: str, measure: str, apart: float, start: str) -> None:
    words = {"process.init": start, "dropout": 0.0, "epochs": 20, "output.baselines": []}
    task = load(table, output=asked, words=words)
    source = eject(task)
    assert len(source.splitlines()) <= 250
    loss, score, told = run_script(source)
    heard = FirstStep()
    run = fit(task, out="run", tellers=[heard])
    assert told == measure
    assert heard.loss == pytest.approx(loss, abs=1e-5)
    assert run.metrics["answers"][0]["metrics"][measure] == pytest.approx(score, abs=apart)


def test_labels_of_two_classes_are_smoothed(table: str) -> None:
    task = load(table, output="kind", words={"process.label_smoothing": 0.2, "dropout": 0.0, "epochs": 3})
    loss, score, _ = run_script(eject(task))
    heard = FirstStep()
    run = fit(task, out="run", tellers=[heard])
    assert heard.loss == pytest.approx(loss, abs=1e-5)
    assert run.metrics["answers"][0]["metrics"]["accuracy"] == pytest.approx(score, abs=0.05)


def test_a_table_with_gaps_or_equal_rows_is_refused(table: str) -> None:
    whole = Path(table).read_text(encoding="utf-8")
    Path("gaps.csv").write_text(whole.replace("3.7,", ",", 1), encoding="utf-8")
    with pytest.raises(NotBuiltError, match="the script would not do the same"):
        eject(load("gaps.csv", output="kind", words={"process.init": "random"}))
    Path("twice.csv").write_text(whole + whole.splitlines()[1] + "\n", encoding="utf-8")
    with pytest.raises(NotBuiltError, match="rows repeat"):
        eject(load("twice.csv", output="kind", words={"process.init": "random"}))


def test_the_verb_prints_and_writes_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eject", "equations"]) == 0
    printed = capsys.readouterr().out
    assert main(["eject", "equations", "--out", "equations.py"]) == 0
    assert Path("equations.py").read_text(encoding="utf-8") == printed
    assert main(["eject", "equations", "--out", "no/such/folder.py"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_templates() -> None:
    assert filled("\n  def f():\n      $body\n", body=["return 1"]) == "def f():\n    return 1"
    assert filled("a\n  $none\nb", none=[]) == "a\nb"
    assert path_line("FILE", "/a") == 'FILE = Path("/a")'
    assert path_line("FILE", "/" + "a" * 90).splitlines()[0] == "FILE = Path("
    assert listed("NAMES", ('a"b',)) == 'NAMES = ["a\\"b"]'
