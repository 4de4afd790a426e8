"""The costs of compare: by hand, by the lecture, and in `kissipo compare --json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kissipo.cli.main import main
from kissipo.engine.run_folder import RunFolder
from kissipo.runs.compare import cost


def row(
    score: float, seconds: float, *, main: str = "accuracy", higher: bool = True
) -> dict[str, Any]:
    metrics = {main: {"mean": score}, "training seconds": {"mean": seconds}}
    return {"main": main, "higher_is_better": higher, "metrics": metrics}


def error(score: float, seconds: float) -> dict[str, Any]:
    return row(score, seconds, main="mae", higher=False)


def test_cost_matches_the_gru_of_the_lecture() -> None:
    """The GRU is 29.29 % faster; its ratios are 23.45, 27.69 and 26.95 % higher."""
    for share, higher in ((0.9548, 23.45), (0.9876, 27.69), (0.9819, 26.95)):
        result = cost(row(0.9 * share, 1000 / 1.2929), row(0.9, 1000))
        assert result["faster"] == pytest.approx(29.29)
        assert 100 * (result["performance_cost"] or 0) - 100 == pytest.approx(higher, abs=0.01)


@pytest.mark.parametrize(
    ("one", "first", "faster", "ratio"),
    [
        (row(0.8, 10), row(0.8, 10), 0, 1),
        (row(0.8, 20), row(0.4, 10), -50, 1),
        (
            error(5, 10),
            error(10, 10),
            0,
            2,
        ),  # half the error for the same seconds is worth twice as much
        (error(5, 10), error(5, 40), 300, 4),
        (error(0, 10), error(5, 10), 0, None),
        (error(5, 10), row(0.8, 10), 0, None),
        (row(nan, 10), row(0.8, 10), 0, None),
        (row(-3, 10, main="return"), row(5, 20, main="return"), 100, None),
        (row(0.8, 0), row(0.8, 10), None, None),
        (row(0.8, 10), row(0.8, 0), None, None),
    ],
)
def test_cost_matches_a_hand_calculation(
    one: Any, first: Any, faster: float | None, ratio: float | None
) -> None:
    result = cost(one, first)
    assert result["faster"] == (None if faster is None else pytest.approx(faster))
    assert result["performance_cost"] == (None if ratio is None else pytest.approx(ratio))


@pytest.mark.parametrize(
    ("task", "word", "turned"),
    [
        ("digits", "process.units=[8],[64]", False),
        ("equations", "process.learning_rate=0.1,0.2", True),
    ],
)
def test_compare_prints_the_cost_of_every_row(
    task: str, word: str, turned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", task, "epochs=2", "--vary", word, "--seeds", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    means = [{name: values["mean"] for name, values in row["metrics"].items()} for row in rows]
    for row, mean in zip(rows, means, strict=True):
        speed = means[0]["training seconds"] / mean["training seconds"]
        score = mean[row["main"]] / means[0][row["main"]]
        assert row["faster"] == pytest.approx(100 * speed - 100)
        assert row["performance_cost"] == pytest.approx(speed / score if turned else speed * score)
    assert (rows[0]["faster"], rows[0]["performance_cost"]) == (0, 1)
    assert rows[1]["seeds"] == [0, 1] and all("seed-" in run for run in rows[1]["runs"])


def test_learning_curves_have_a_band_over_the_seeds(
    content_of: Callable[[Path | str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["units=8", "epochs=3", "early_stopping=0", "baselines=[majority]"]
    vary = ["--vary", "process.learning_rate=0.01,0.1", "--seeds", "2", "--out", "both"]
    assert main(["compare", "digits", *words, *vary]) == 0
    assert "Learning curves: both/comparison.html" in capsys.readouterr().err
    table, first, _ = content_of("both/comparison.html")["sections"]
    assert (table["title"], first["title"]) == ("Comparison", "learning_rate=0.01")
    charts = {record["y_label"]: record for record in first["records"] if "band" in record}
    assert set(charts) == {"validation loss", "loss"}
    chart = charts["validation loss"]
    assert chart["band"] == ["lowest", "highest"]
    points = {line["name"]: [y for _, y in line["points"]] for line in chart["series"]}
    histories = [
        [row["validation_loss"] for row in RunFolder(folder).read_history()]
        for folder in sorted(Path("both/learning-rate-0-01").iterdir())
    ]
    one, other = np.asarray(histories)
    np.testing.assert_allclose(points["mean"], (one + other) / 2)
    np.testing.assert_allclose(points["lowest"], np.minimum(one, other))
    np.testing.assert_allclose(points["highest"], np.maximum(one, other))
