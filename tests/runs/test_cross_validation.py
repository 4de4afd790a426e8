"""Cross-validation: every sample is evaluated once; the table shows means."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.runs.cross_validation import cross_validate

ROWS = 90


@pytest.fixture
def table() -> str:
    """Ninety rows of two classes and a price, in thirty houses."""
    lines = ["size,house,kind,price"]
    lines += [
        f"{row * 37 % 101},h{row // 3},{'ab'[row * 37 % 101 > 40]},{row * 53 % 89}"
        for row in range(ROWS)
    ]
    Path("table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "table.csv"


def rows_of(spans: str) -> set[int]:
    """Returns the numbers of a text such as 1-3, 7."""
    numbers: set[int] = set()
    for span in filter(None, spans.split(", ")):
        first, _, last = span.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


def test_folds_cover_every_row_and_the_metrics_are_their_means(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", table, "--output", "kind", "epochs=2", "drop=[house]", "split.seed=3"]
    assert main([*words, "--folds", "3", "--out", "runs", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [fold["run"] for fold in result["folds"]] == [f"runs/fold-{n}" for n in (1, 2, 3)]
    tests = []
    for fold in result["folds"]:
        run = Path(fold["run"])
        saved = json.loads((run / "metrics.json").read_text())["answers"][0]
        assert fold["metrics"] == saved["metrics"] and fold["baselines"] == saved["baselines"]
        assert (run / "report.html").exists()
        rows = {
            name: rows_of(spans)
            for name, spans in json.loads((run / "split.json").read_text())["rows"].items()
        }
        assert fold["samples"] == {name: len(part) for name, part in rows.items()}
        assert set.union(*rows.values()) == set(range(1, ROWS + 1))
        assert sum(fold["samples"].values()) == ROWS
        tests.append(rows["test"])
    assert set.union(*tests) == set(range(1, ROWS + 1)) and sum(map(len, tests)) == ROWS
    accuracies = [fold["metrics"]["accuracy"] for fold in result["folds"]]
    assert result["metrics"]["accuracy"] == {
        "mean": pytest.approx(mean(accuracies)),
        "std": pytest.approx(stdev(accuracies)),
        "min": min(accuracies),
        "max": max(accuracies),
    }
    forests = [fold["baselines"]["random forest"]["f1"] for fold in result["folds"]]
    assert result["baselines"]["random forest"]["f1"]["mean"] == pytest.approx(mean(forests))
    # the accuracy of all predictions is the mean, weighted by the rows of a fold
    sizes = [fold["samples"]["test"] for fold in result["folds"]]
    pooled = np.average(accuracies, weights=sizes)
    assert result["pooled"]["accuracy"] == pytest.approx(pooled)


def test_table_shows_the_net_the_pooled_predictions_and_the_baselines(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", table, "--output", "price", "epochs=1", "drop=[house]", "baselines=[mean]"]
    assert main([*words, "--folds", "2", "--out", "runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 folds (mean ± standard deviation)"
    assert lines[1].split() == ["model", "pooled", "mean"]
    assert lines[2].split()[0] == "rmse" and lines[2].count("±") == 2
    assert lines[-1] == "Runs: runs/fold-1, runs/fold-2"


def test_pooled_errors_of_a_number_are_in_its_unit_whatever_each_fold_scales_by(
    table: str,
) -> None:
    task = ki.load(table, output="price", words={"epochs": 1, "input.drop": ["house"]})
    result = cross_validate(task, 3, out="runs")
    squares = [
        fold["metrics"]["rmse"] ** 2 * fold["samples"]["test"] / ROWS for fold in result["folds"]
    ]
    assert result["pooled"]["rmse"] == pytest.approx(sum(squares) ** 0.5)
    assert len({json.dumps(run) for run in scalings("runs")}) == 3


def scalings(folder: str) -> list[Any]:
    """Returns the fitted answer of each run."""
    return [
        json.loads((run / "codecs.json").read_text())["answers"]
        for run in Path(folder).glob("fold-*")
    ]


def test_pooled_metrics_are_left_out_where_every_run_has_its_own_threshold(table: str) -> None:
    words = {
        "epochs": 1,
        "input.drop": ["house"],
        "output.negative_class": "a",
        "output.false_negative_cost": 5,
        "input.split.validation": 0.2,
    }
    result = cross_validate(ki.load(table, output="kind", words=words), 2, out="runs")
    assert "cost" in result["metrics"] and result["pooled"] == {}


def test_several_answers_have_the_metrics_of_each(table: str) -> None:
    words: dict[str, Any] = {
        "input.table": table,
        "input.drop": ["house"],
        "output": [{"category": "kind"}, {"number": "price"}],
        "epochs": 1,
    }
    result = cross_validate(ki.load({}, words=words), 2, out="runs")
    assert result["main"] == "kind accuracy"
    assert {"kind accuracy", "price rmse"} <= result["metrics"].keys() & result["pooled"].keys()
    assert "price rmse" in result["baselines"]["random forest"]


def test_houses_stay_together_in_every_fold(table: str) -> None:
    words = {"epochs": 1, "input.split.group": "house"}
    result = cross_validate(ki.load(table, output="kind", words=words), 3, out="runs")
    for fold in result["folds"]:
        splits = json.loads((Path(fold["run"]) / "split.json").read_text())["rows"]
        houses = [{(row - 1) // 3 for row in rows_of(spans)} for spans in splits.values()]
        assert sum(map(len, houses)) == ROWS // 3


def test_run_of_a_fold_is_evaluated_again_on_the_same_rows(table: str) -> None:
    task = ki.load(table, output="kind", words={"epochs": 1, "input.drop": ["house"]})
    result = task.cross_validate(2, seed=4, out="runs")
    run = ki.open("runs/fold-2")
    assert run.task.input["split"] == {"test": 0.2, "validation": 0.1, "folds": 2, "fold": 2}
    assert dict(run.evaluate()[0].net.metrics) == pytest.approx(result["folds"][1]["metrics"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sunspots", "--folds", "3"], "those of input.series do. Use `kissipo fit"),
        (["frozen-lake", "--folds", "3"], "those of input.environment do."),
        (["characters", "--folds", "3"], "those of input.text do."),
        (["table.csv", "--output", "kind", "--folds", "1"], "a number of at least 2; got 1."),
        (["table.csv", "--output", "kind", "--folds", "91"], "more folds than samples"),
        (["table.csv", "--output", "kind", "--folds", "2", "--resume"],
         "--folds cannot be combined with --resume."),
        (["table.csv", "--output", "kind", "--folds", "2", "--seeds", "2"],
         "a task is trained several times in one way; got --seeds and --folds. Give"),
    ],
)  # fmt: skip
def test_folds_that_cannot_be_are_refused_in_one_paragraph(
    arguments: list[str], message: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *arguments]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert not Path("runs").exists()
