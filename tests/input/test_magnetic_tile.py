"""Magnetic tiles: the tile of each image by its name, checked against the images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.input.datasets.magnetic_tile import read, tiles_of

SIDE, REACH = 64, 3


@pytest.fixture(scope="module")
def frame(data: Path) -> Frame:
    if not (data / "magnetic-tile").is_dir():
        pytest.skip("the magnetic tiles are not here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KISSIPO_DATA", str(data))
        return read().frame


def detail(path: str) -> Any:
    """Returns the fine structure of a small copy, normalized to length 1.

    Exposure and slow changes of brightness are removed.
    """
    with Image.open(path) as image:
        light = np.log(
            np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=float)
            + 8
        )
    fine = gaussian_filter(light, 0.7) - gaussian_filter(light, 4)
    window = np.hanning(SIDE) ** 0.25
    fine = np.clip(fine / fine.std(), -3, 3) * window * window[:, None]
    fine -= fine.mean()
    return fine / np.linalg.norm(fine)


def correlations(details: Any) -> Any:
    """Returns the maximum correlation of each pair, shifted by up to three pixels."""
    waves = np.fft.rfft2(details)
    maximum = np.empty((len(details), len(details)), dtype=np.float32)
    for index, wave in enumerate(waves):
        moved = np.fft.irfft2(wave * waves.conj(), s=(SIDE, SIDE))
        moved = np.roll(moved, (REACH, REACH), axis=(1, 2))[:, : 2 * REACH + 1, : 2 * REACH + 1]
        maximum[index] = moved.reshape(len(details), -1).max(axis=1)
    return maximum


@pytest.mark.slow
def test_tiles_images_of_one_tile_are_correlated(frame: Frame) -> None:
    alike = correlations(np.stack([detail(path) for path in frame["image"].values]))
    tile = frame["tile"].values
    same = tile[:, None] == tile
    assert alike[~same].max() < 0.88
    assert np.median(alike[same & ~np.eye(len(tile), dtype=bool)]) > 0.8


def test_magnetic_tile_images_have_class_mask_and_tile(frame: Frame, data: Path) -> None:
    assert frame.names == ["image", "class", "mask", "tile"]
    files = sorted((data / "magnetic-tile").rglob("*.jpg"))
    assert sorted(frame["image"].values) == [str(path) for path in files]
    for image, mask, name in zip(
        frame["image"].values, frame["mask"].values, frame["class"].texts(), strict=True
    ):
        assert Path(mask) == Path(image).with_suffix(".png")
        assert Path(mask).is_file()
        assert Path(image).parent.name == name


def test_tiles_begin_where_the_exposure_falls_or_the_number_jumps() -> None:
    files = [
        f"exp{e}_num_{n}.jpg"
        for e, n in ((1, 100), (2, 120), (6, 500), (6, 510), (1, 530), (3, 931), (2, 110))
    ]
    kinds = ["MT_Crack"] * 6 + ["MT_Free"]
    tiles = ["tile 100", "tile 100", "tile 100", "tile 510", "tile 530", "tile 931", "tile 110"]
    assert tiles_of(kinds, files) == tiles
    order = [4, 6, 0, 3, 5, 2, 1]
    assert tiles_of([kinds[index] for index in order], [files[index] for index in order]) == [
        tiles[index] for index in order
    ]


def test_tiles_with_two_labels_are_one_tile() -> None:
    files = ["exp1_num_276355.jpg", "exp2_num_276373.jpg", "exp3_num_276387.jpg"]
    assert set(tiles_of(["MT_Crack", "MT_Break", "MT_Break"], files)) == {"tile 276355"}


def test_tiles_refuse_another_file_name() -> None:
    with pytest.raises(
        DataError,
        match=r"does not have a published name; got tile\.jpg. Allowed: expE_num_N\.jpg",
    ):
        tiles_of(["MT_Free"], ["tile.jpg"])


def test_tiles_are_not_divided_by_the_split(frame: Frame) -> None:
    words = {
        "input.size": [8],
        "input.split.group": "tile",
        "input.split.test": 0.25,
        "process.epochs": 1,
    }
    task = ki.Task(
        input={"images": "magnetic-tile"}, process={"net": "linear"}, output={"category": "class"}
    )
    run = task.with_words(words).fit(seed=3)
    split = json.loads((run.folder / "split.json").read_text(encoding="utf-8"))
    tile = dict(zip(frame["image"].values, frame["tile"].texts(), strict=True))
    folder = Path(frame["image"].values[0]).parents[1]
    tiles = {
        part: {tile[str(folder / file)] for file in files} for part, files in split["files"].items()
    }
    assert sum(map(len, split["files"].values())) == len(frame)
    assert not tiles["train"] & tiles["test"]
    assert not tiles["train"] & tiles["validation"]
    assert not tiles["validation"] & tiles["test"]
    pipeline = run.pipeline()
    for part, spans in split["rows"].items():
        rows = [
            range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)
            for span in spans.split(", ")
        ]
        assert [row - 1 for span in rows for row in span] == pipeline.splits[part].tolist()
        paths = pipeline.frame["image"].values[pipeline.splits[part]]
        assert [str(folder / file) for file in split["files"][part]] == paths.tolist()
