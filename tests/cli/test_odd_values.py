"""Unusual values: names in brackets, undefined metrics, no test split, wide tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from kissipo.cli.main import main
from kissipo.cli.tables import format_answer
from kissipo.output.answer import Prediction

Out = pytest.CaptureFixture[str]


def wrong_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


def printed(capsys: Out, *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def read(text: str) -> Any:
    return json.loads(text, parse_constant=wrong_constant)


def write(
    name: str,
    header: str,
    *,
    rows: int = 60,
    classes: tuple[str, str] = ("no", "yes"),
    threshold: float = -9,
) -> None:
    """Returns a table with a class; the first number is at least `threshold`."""
    generator = np.random.default_rng(0)
    drawn = [(max(first, threshold), second) for first, second in generator.normal(size=(rows, 2))]
    lines = [f"{first:.3f},{second:.3f},{classes[int(first > 0)]}" for first, second in drawn]
    Path(name).write_text("\n".join([header, *lines, ""]), encoding="utf-8")


def test_names_in_brackets_are_names_everywhere(capsys: Out) -> None:
    write("odd.csv", '"speed [m/s]",[/],[red]kind', classes=("[b]no", "[/]yes"))
    assert main(["fit", "odd.csv", "--output", "[red]kind", "epochs=2", "--out", "run"]) == 0
    out, err = capsys.readouterr()
    assert "class 1 is '[b]no'" in err
    assert "speed [m/s]" in err
    assert "split       examples  [/]yes  [b]no" in err
    assert "\n[red]kind " in out
    assert "true \\ predicted  [/]yes  [b]no" in printed(capsys, "evaluate", "run")
    assert main(["predict", "run", "speed [m/s]=9", "[/]=fast"]) == 2
    assert "'fast' in row 1 of '[/]' is not a number" in capsys.readouterr().err
    for verb in (
        ["show", "run"],
        ["data", "check", "odd.csv"],
        ["compare", "run", "--vary", "process.learning_rate=0.1,0.2"],
    ):
        assert main(verb) == 0


def test_a_measure_without_a_value_is_null(capsys: Out) -> None:
    write("two.csv", "x,y,kind")
    write("one.csv", "x,y,kind", threshold=0.1)
    printed(capsys, "fit", "two.csv", "--output", "kind", "epochs=2", "--out", "run")
    metrics = read(printed(capsys, "evaluate", "run", "one.csv", "--json"))["answers"][0]["metrics"]
    assert metrics["roc_auc"] is None
    assert metrics["recall"] > 0
    row = next(
        line
        for line in printed(capsys, "evaluate", "run", "one.csv").splitlines()
        if line.startswith("model")
    )
    assert row.split()[5] == "-"


def test_an_error_in_percent_leaves_zeros_out(capsys: Out) -> None:
    write("gain.csv", "x,y,kind")
    rows = [line.split(",")[:2] for line in Path("gain.csv").read_text().splitlines()[1:]]
    gains = [max(0.0, float(first)) + 0.3 * (float(first) > 0) for first, _ in rows]
    lines = [f"{first},{second},{gain}" for (first, second), gain in zip(rows, gains, strict=True)]
    Path("gain.csv").write_text("\n".join(["x,y,gain", *lines, ""]))
    answer = read(
        printed(capsys, "fit", "gain.csv", "--output", "gain", "epochs=2", "--out", "run", "--json")
    )["answers"][0]
    # the mean is constant, and the gains of 0.3 and more bound its error in percent
    assert answer["baselines"]["mean"]["mape"] < 100 * max(gains) / 0.3
    Path("none.csv").write_text("x,y,gain\n1,2,0\n2,1,0\n")
    assert (
        read(printed(capsys, "evaluate", "run", "none.csv", "--json"))["answers"][0]["metrics"][
            "mape"
        ]
        is None
    )


def test_training_split_is_evaluated_without_a_test_split(capsys: Out) -> None:
    write("two.csv", "x,y,kind")
    split = ["input.split.test=0", "input.split.validation=0"]
    out = printed(capsys, "fit", "two.csv", "--output", "kind", "epochs=2", "--out", "run", *split)
    assert "evaluated on the training split: there is no test split" in out
    assert "Verdict:" in out


def test_evaluation_of_a_loaded_environment_run_is_unchanged(capsys: Out) -> None:
    fitted = read(printed(capsys, "fit", "racing", "--out", "run", "--json"))
    assert read(printed(capsys, "evaluate", "run", "--json"))["answers"] == fitted["answers"]
    out = printed(capsys, "evaluate", "run")
    assert "equal to value iteration" in out
    assert "agrees" in out


def test_a_wide_comparison_keeps_its_names_and_its_main_measure(capsys: Out) -> None:
    write("two.csv", "x,y,kind")
    command = [
        "compare",
        "two.csv",
        "--output",
        "kind",
        "epochs=1",
        "--vary",
        "process.units=[8],[16]",
        "--seeds",
        "2",
    ]
    assert main(command) == 0
    out, err = capsys.readouterr()
    above, titles, *rows = out.splitlines()
    assert [row.split()[0] for row in rows] == ["units=[8]", "±", "units=[16]", "±"]
    assert above.split() == ["training", "performance"]
    assert titles.split()[:5] == ["accuracy", "precision", "recall", "f1", "roc_auc"]
    assert "seconds" in titles
    assert "…" not in out
    # how many metrics have room depends on the digits of the measured speed
    assert ("log_loss" in titles) != ("log_loss: see --json" in err)


def test_format_answer_returns_one_line() -> None:
    assert format_answer(Prediction("\n", 0.25)) == "\\n\t0.2500"
    assert format_answer(Prediction("a\tb")) == "a\\tb"


def test_a_value_that_is_longer_than_any_name_of_a_file(
    capsys: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["fit", "digits", "epochs=1", "--quiet", "--out", "run"]) == 0
    capsys.readouterr()
    numbers = str([0.0] * 64)
    for arguments in (
        ["predict", "run", numbers],
        ["predict", "run", "--file", numbers],
        ["xray", "run", numbers],
        ["show", numbers],
        ["fit", numbers],
    ):
        assert main(arguments) == 2, arguments
        err = capsys.readouterr().err
        assert err.startswith("kissipo: '[0.0, 0.0, 0.0,"), arguments
        assert err.endswith("cannot be looked up: File name too long. Name a file.\n")
    monkeypatch.setattr("kissipo.cli.main._run", lambda _: (tmp_path / numbers).stat())
    assert main(["list"]) == 2
    assert "is too long for the name of a file. Name a file" in capsys.readouterr().err
