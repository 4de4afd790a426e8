"""A folder of images, a folder per class: magnetic tiles, five defects or none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError

CLASSES = ["MT_Blowhole", "MT_Break", "MT_Crack", "MT_Fray", "MT_Free", "MT_Uneven"]


def fit(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> float:
    """Returns the accuracy and checks the confusion matrix against predictions."""
    assert main(["fit", str(folder), *words, "--out", "run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answers"][0]
    run = ki.open("run")
    pipeline = run.pipeline()
    test = pipeline.frame.take(pipeline.splits["test"])
    decided = [row[0].value for row in run.predict_all(list(test["image"].values))[0]]
    matrix = np.zeros((6, 6), dtype=int)
    for truth, predicted in zip(test["class"].texts(), decided, strict=True):
        matrix[CLASSES.index(str(truth)), CLASSES.index(predicted)] += 1
    assert answer["details"]["classes"] == CLASSES
    assert answer["details"]["confusion"] == matrix.tolist()
    assert answer["metrics"]["accuracy"] == pytest.approx(np.trace(matrix) / len(test))
    assert main(["evaluate", "run"]) == 0
    assert "true \\ predicted" in capsys.readouterr().out
    return float(answer["metrics"]["accuracy"])


def test_small_tiles_train_and_are_evaluated_per_class(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    content_of: Callable[[Path | str], Any],
    records_of: Callable[..., Any],
) -> None:
    for name in CLASSES:
        Path("tiles", name).mkdir(parents=True)
        for path in sorted((data / "magnetic-tile" / name).rglob("*.jpg"))[:20]:
            shutil.copy(path, Path("tiles", name))
    fit(Path("tiles"), capsys, "input.size=[16]", "epochs=1")
    (matrix,) = records_of(content_of("run/report.html"), "matrix")
    assert sorted(matrix["labels"]) == CLASSES


@pytest.mark.slow
def test_net_on_tiles_beats_the_majority_class(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = fit(data / "magnetic-tile", capsys, "input.size=[32]", "epochs=60")
    counts = [len(list((data / "magnetic-tile" / name).rglob("*.jpg"))) for name in CLASSES]
    assert accuracy > max(counts) / sum(counts) + 0.2


def test_changed_images_are_refused(data: Path) -> None:
    for name in CLASSES[:2]:
        Path("tiles", name).mkdir(parents=True)
        for path in sorted((data / "magnetic-tile" / name).rglob("*.jpg"))[:8]:
            shutil.copy(path, Path("tiles", name))
    ki.load("tiles", words={"input.size": [8], "process.epochs": 1}).fit(out="run")
    assert ki.open("run").evaluate()[0].net.metrics
    first, second = sorted(Path("tiles", CLASSES[0]).iterdir())[:2]
    shutil.copy(second, first)
    with pytest.raises(DataError, match="have changed since this run was trained"):
        ki.open("run").evaluate()
