"""S41: Faster R-CNN on a person's own images, and on blood cells."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.cli.main import main

pytestmark = pytest.mark.usefixtures("one_thread")
LOSSES = ["rpn_objectness", "rpn_box", "class", "box"]
WORDS = {
    "process.net": "faster_rcnn",
    "process.width_multiplier": 0.25,
    "process.filters": 16,
    "process.proposals": 20,
    "process.epochs": 2,
    "output.baselines": ["no_boxes"],
}
OPTIONS = [f"{key}={json.dumps(value)}" for key, value in WORDS.items()]


def save(folder: str, count: int) -> None:
    """Writes gray images of 64x64 with a light square and a dark bar, and boxes."""
    Path(folder).mkdir()
    lines = ["file,label,x_min,y_min,x_max,y_max"]
    for number in range(count):
        generator = np.random.default_rng(number)
        image = generator.normal(120, 5, (64, 64))
        for label, light, (height, width) in (("square", 90, (20, 20)), ("bar", -90, (12, 36))):
            top, left = generator.integers(0, 64 - height), generator.integers(0, 64 - width)
            image[top : top + height, left : left + width] += light
            lines.append(f"{number:03}.png,{label},{left},{top},{left + width},{top + height}")
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(f"{folder}/{number:03}.png")
    Path(folder, "boxes.csv").write_text("\n".join(lines) + "\n")


def test_own_images_in_two_stages(capsys: pytest.CaptureFixture[str]) -> None:
    """The four losses have names; proposals, features and candidates are shown."""
    save("cells", 24)
    assert main(["fit", "cells", *OPTIONS, "--out", "run", "--quiet"]) == 0
    task = ki.Task.from_yaml(Path("run/task.yaml").read_text())
    assert (task.process["loss"], task.process["algorithm"]) == ("two_stage", "two_stage")
    assert np.array(task.process["anchor_boxes"]).shape == (9, 2)
    with Path("run/history.csv").open() as file:
        history = [row for row in csv.DictReader(file) if row["loss"]]
    for row in history:
        parts = sum(float(row[name]) for name in LOSSES)
        assert float(row["loss"]) == pytest.approx(parts, rel=1e-5)
    assert "rpn objectness" in Path("run/report.html").read_text()
    shapes = {
        step.name: tuple(step.shape) for step in ki.open("run").trace("cells/000.png").of("process")
    }
    assert shapes["rpn.candidates"] == (576, 9) and shapes["proposals"] == (20, 4)
    assert shapes["second.align"] == (20, 16, 7, 7) and shapes["second.candidates"] == (20, 11)
    for layer, index, text in (
        ("second.align", "0,0,3,3", "input"),
        ("rpn.candidates", "40,6", "exp(input)"),
        ("second.candidates", "3,8", "no object"),
    ):
        assert main(["xray", "run", "--layer", layer, "--index", index]) == 0
        assert text in capsys.readouterr().out
    assert main(["predict", "run", "cells/000.png", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["predictions"]
    assert isinstance(answer["label"]["boxes"], list)
    assert main(["show", "faster_rcnn"]) == 0
    assert "second.align" in capsys.readouterr().out
    assert main(["eject", "run/task.yaml", "--out", "script"]) == 2
    assert "does not write process.algorithm=two_stage yet" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(
    assert_killed_run_resumes: Callable[..., None],
) -> None:
    save("cells", 48)
    options = [*OPTIONS, "process.epochs=6"]
    assert_killed_run_resumes("cells", *options, KISSIPO_SAVE_EVERY="0", OMP_NUM_THREADS="1")


def test_wrong_options_are_refused(refusal: Callable[..., str]) -> None:
    save("cells", 16)
    fit = ("fit", "cells", "process.net=faster_rcnn")
    for words, message in (
        ("input.size=[100,64]", "got an image of 100x64. Allowed: a height and a width that 32"),
        ("process.backbone=cnn", "names no net that a detector can stand on; got 'cnn'"),
        ("process.anchors=[[1,2,3]]", "lists the width and the height of each anchor box"),
        ("process.label_smoothing=0.1", "process.label_smoothing does not suit"),
        ("process.proposals=0", "process.proposals must be an integer of at least 1"),
        ("process.algorithm=supervised", "two_stage"),
    ):
        assert message in refusal(*fit, words)


@pytest.mark.slow
def test_blood_cells_are_found_in_two_stages(data: Path) -> None:
    run = ki.load("blood-cells-two-stage").fit(out="run")
    (score,) = run.evaluate()
    assert score.net.metrics["map_50"] > 0.795
    assert all(
        score.net.metrics["map_50"] > baseline.metrics["map_50"] + 0.3
        for baseline in score.baselines.values()
    )
