"""A table with all pixels of an image in a cell, as a much-used one of faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from kissipo.input.question import Question
from kissipo.input.sources.images import SOURCE as IMAGES
from kissipo.input.sources.images import Options
from kissipo.input.sources.signals import SOURCE as SIGNALS

ROWS, SIDE = 24, 8
PIXELS = np.random.default_rng(0).integers(0, 256, (ROWS, SIDE, SIDE))
FEELINGS = np.arange(ROWS) % 3
PARTS = ["Training"] * 16 + ["PublicTest"] * 4 + ["PrivateTest"] * 4


def faces(path: Path, parts: list[str] | None = PARTS, pixels: np.ndarray = PIXELS) -> str:
    lines = ["emotion,pixels" + (",Usage" if parts else "")]
    for row, image in enumerate(pixels):
        cells = [str(FEELINGS[row]), " ".join(map(str, image.ravel()))]
        lines.append(",".join([*cells, *(parts[row : row + 1] if parts else [])]))
    path.write_text("\n".join(lines))
    return str(path)


def test_pixels_in_a_cell_are_images_with_their_split(tmp_path: Path) -> None:
    file = faces(tmp_path / "faces.csv")
    task = IMAGES.infer(Question(file))
    assert task is not None
    assert task.output == {"category": "emotion"}
    reading = IMAGES.read(file, Options())
    assert np.array_equal(reading.frame["image"].values, PIXELS)
    assert reading.frame["emotion"].texts() == [str(label) for label in FEELINGS]
    assert reading.parts is not None
    rows = {part: numbers.tolist() for part, numbers in reading.parts.items()}
    assert rows == {
        "train": [*range(16)],
        "validation": [*range(16, 20)],
        "test": [*range(20, 24)],
    }


def test_pixels_without_a_split_are_images(tmp_path: Path) -> None:
    reading = IMAGES.read(faces(tmp_path / "faces.csv", None), Options())
    assert reading.parts is None
    assert reading.answer == "emotion"


def test_numbers_in_a_cell_that_are_no_pixels_stay_columns(tmp_path: Path) -> None:
    """Numbers above 255, or as many as no square has."""
    for number, pixels in enumerate((PIXELS + 300, PIXELS[:, :, :7])):
        file = faces(tmp_path / f"{number}.csv", pixels=pixels)
        assert IMAGES.infer(Question(file)) is None


@pytest.mark.parametrize("has_header", [True, False])
@pytest.mark.parametrize("name", ["iris", "wine", "digits", "breast_cancer"])
def test_plain_tables_are_neither_images_nor_signals(
    name: str, has_header: bool, tmp_path: Path
) -> None:
    data = getattr(datasets, f"load_{name}")()
    titles = [str(title) for title in data.feature_names]
    lines = [",".join([*titles, "label"])] if has_header else []
    file = tmp_path / f"{name}.csv"
    rows = zip(data.data.tolist(), data.target.tolist(), strict=True)
    lines += [",".join(map(str, [*row, label])) for row, label in rows]
    file.write_text("\n".join(lines))
    assert IMAGES.infer(Question(str(file))) is None
    assert SIGNALS.infer(Question(str(file))) is None


def test_sensors_that_measure_one_thing_are_not_signals(tmp_path: Path) -> None:
    """All columns are alike, whichever stand beside each other."""
    generator = np.random.default_rng(0)
    common = generator.normal(size=(200, 1))
    values = (common + 0.5 * generator.normal(size=(200, 20))).round(3)
    titles = ",".join([f"x{number}" for number in range(1, 21)] + ["label"])
    rows = [",".join(map(str, [*row, int(row[0] > 0)])) for row in values.tolist()]
    file = tmp_path / "sensors.csv"
    file.write_text("\n".join([titles, *rows]))
    assert SIGNALS.infer(Question(str(file))) is None
