"""S50: images as arrays: gray, color, resize, threshold and filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

import kissipo as ki
from kissipo.cli.main import main
from kissipo.lessons.image_basics import GRAY


def figures(title: str, **words: Any) -> dict[str, Any]:
    (page,) = [
        item
        for item in ki.load("image-basics", words=words).show().explanation
        if item.title == title
    ]
    return {figure.name: figure.values for figure in page.figures}


def test_gray_and_color_are_the_arrays_of_the_lecture() -> None:
    pages = {page.title: page for page in ki.load("image-basics").show().explanation}
    assert [row[1] for row in pages["Gray"].rows] == ["(2, 2)", "(2, 2, 1)", "(1, 2, 2)"]
    assert pages["Gray"].rows[1][2] == "[[[1], [2]], [[3], [4]]]"
    assert pages["Color"].rows[0][1:] == (
        "(2, 2, 3)",
        "[[[1, 2, 3], [3, 4, 5]], [[5, 6, 7], [7, 8, 9]]]",
    )
    assert figures("Color")["red"].tolist() == [[1, 3], [5, 7]]


def test_resizing_is_the_weighted_mean_of_what_an_answer_covers() -> None:
    """Bilinear from 5 to 3: triangles of half a width of 5/3 around 5/6, 15/6, 25/6."""
    centers, scale = (np.arange(3) + 0.5) * 5 / 3, 5 / 3
    weights = np.clip(1 - abs((np.arange(5) + 0.5)[None] - centers[:, None]) / scale, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    expected = weights @ np.array(GRAY) @ weights.T
    assert np.abs(figures("Resize")["after"] - expected).max() <= 1


@pytest.mark.parametrize("threshold", [0, 160, 255])
def test_the_threshold_is_that_of_pillow(threshold: int) -> None:
    expected = Image.fromarray(np.array(GRAY, dtype=np.uint8)).point(
        lambda level: 255 if level > threshold else 0
    )
    assert np.array_equal(figures("Threshold", threshold=threshold)["after"], np.asarray(expected))


def test_own_file_goes_through_the_same_steps(capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    trace = ki.load(
        "image-basics", words={"image": "photo.png", "size": 6, "threshold": 100}
    ).show()
    gray = Image.open("photo.png").convert("L")
    assert [step.shape for step in trace.steps] == [(40, 30, 3), (40, 30), (6, 6), (6, 6), (6, 6)]
    assert np.array_equal(trace.steps[1].value, np.asarray(gray))
    assert np.array_equal(
        trace.steps[2].value, np.asarray(gray.resize((6, 6), Image.Resampling.BILINEAR))
    )
    edge = ImageFilter.Kernel((3, 3), (0, -1, 0, -1, 4, -1, 0, -1, 0), 1)
    small = Image.fromarray(np.asarray(trace.steps[2].value))
    filtered = figures("Filters", image="photo.png", size=6)["edge"]
    assert np.array_equal(filtered[1:-1, 1:-1], np.asarray(small.filter(edge))[1:-1, 1:-1])
    assert main(["show", "image-basics", "image=nowhere.jpg"]) == 2
    assert "there is no image nowhere.jpg" in capsys.readouterr().err
    Path("text.jpg").write_text("no image")
    assert main(["show", "image-basics", "image=text.jpg"]) == 2
