"""Images and their masks in folders: pairs, findings and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.core.errors import DataError, TaskError, UserError
from kissipo.input.formats.images.image_folder import read_image_folder


def save(name: str, size: tuple[int, int] = (8, 8), *, marked: bool = True) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(size, dtype=np.uint8)
    pixels[2:5, 3:6] = 255 * marked
    Image.fromarray(pixels).save(name)


def pairs(folder: str, masks: str | None = None) -> list[tuple[str, str | None]]:
    frame = read_image_folder(Path(folder), masks=None if masks is None else Path(masks)).frame
    return list(zip(frame["image"].values.tolist(), frame["mask"].values.tolist(), strict=True))


def test_mask_folder_has_the_subfolders_of_the_images_or_none() -> None:
    for name in ("tiles/good/a.jpg", "tiles/bad/a.jpg", "tiles/bad/b.jpg"):
        save(name)
    for name in ("same/good/a.png", "same/bad/a_mask.png", "flat/b.png"):
        save(name)
    assert pairs("tiles", "same") == [
        ("tiles/bad/a.jpg", "same/bad/a_mask.png"),
        ("tiles/bad/b.jpg", None),
        ("tiles/good/a.jpg", "same/good/a.png"),
    ]
    assert pairs("tiles", "flat") == [
        ("tiles/bad/a.jpg", None),
        ("tiles/bad/b.jpg", "flat/b.png"),
        ("tiles/good/a.jpg", None),
    ]


def test_masks_replace_class_folders() -> None:
    for index in range(3):
        save(f"tiles/{index}.png")
        save(f"tiles/masks/{index}.png")
    reading = read_image_folder(Path("tiles"), masks=Path("tiles/masks"))
    assert reading.frame.names == ["image", "mask"]
    assert [str(column.values[1]) for column in reading.frame.columns] == [
        "tiles/1.png",
        "tiles/masks/1.png",
    ]


def test_masks_beside_their_images_are_found() -> None:
    for index in range(3):
        save(f"tiles/{index}.jpg")
        save(f"tiles/{index}.png")
    assert pairs("tiles") == [(f"tiles/{index}.jpg", f"tiles/{index}.png") for index in range(3)]


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ("nowhere", "there is no folder nowhere"),
        (
            "other",
            "no image of tiles has a mask in other; "
            "got images such as 0.jpg, 1 masks such as z.png",
        ),
        (
            "twice",
            "the image tiles/a/0.jpg has 2 masks; "
            "got twice/x/0.png, twice/y/0.png. Keep one of them",
        ),
    ],
)
def test_masks_without_a_unique_match_are_refused(masks: str, message: str) -> None:
    save("tiles/a/0.jpg")
    for name in ("other/z.png", "twice/x/0.png", "twice/y/0.png"):
        save(name)
    with pytest.raises(DataError) as refused:
        read_image_folder(Path("tiles"), masks=Path(masks))
    assert message in str(refused.value)


def tiles(count: int = 24) -> None:
    for index in range(count):
        save(f"tiles/{index}.jpg", (16, 16))
        save(f"tiles/{index}.png", (16, 16), marked=index % 3 > 0)


def task_of(**words: object) -> ki.Task:
    return ki.load(
        "tiles", words={"output": "mask", "process.filters": [4, 8], "epochs": 1, **words}
    )


def findings(task: ki.Task) -> list[str]:
    return [finding.describe() for finding in task.check()]


def test_empty_masks_are_counted() -> None:
    tiles()
    assert "PASS  24 masks, 8 of them are empty" in findings(task_of())


def test_missing_masks_must_be_set() -> None:
    tiles()
    for index in (3, 9):
        Path(f"tiles/{index}.png").unlink()
    with pytest.raises(
        DataError, match=r"2 images of 24 without a mask, such as tiles/15.jpg|such as tiles/3.jpg"
    ) as refused:
        task_of().fit()
    assert (
        "Set input.missing_masks=empty if they show nothing to be marked, "
        "else input.missing_masks=left_out" in str(refused.value)
    )
    assert len(task_of(missing_masks="empty").fit(out="empty").pipeline().frame) == 24
    assert len(task_of(missing_masks="left_out").fit(out="left").pipeline().frame) == 22


def test_masks_of_wrong_size_damaged_or_all_empty_are_refused() -> None:
    tiles()
    save("tiles/7.png", (16, 12))
    with pytest.raises(
        DataError,
        match=r"tiles/7.png is 16x12, its image 16x16. [Ss]ave each mask in the size of its image",
    ):
        task_of().fit()
    Path("tiles/7.png").write_bytes(Path("tiles/6.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"tiles/7.png is corrupt"):
        task_of().fit()
    for index in range(24):
        save(f"tiles/{index}.png", (16, 16), marked=False)
    with pytest.raises(DataError, match="none of 24 masks marks a pixel"):
        task_of().fit()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"output": "mask", "input.masks": "masks"}, "there is no folder masks"),
        (
            {"output": "mask", "process.net": "cnn"},
            "but this model has one output per image. Use process.net=unet",
        ),
        (
            {"output": "mask", "process.mixup": 0.2},
            "process.mixup mixes whole images, but each mask belongs to one image",
        ),
        (
            {"output": "mask", "process.loss": "mse"},
            "process.loss=mean_squared_error does not suit the answer mask",
        ),
        ({"output": "category", "process.net": "unet"}, "'unet' predicts a class for every pixel"),
        ({"output": "mask", "process.filters": [4] * 9}, "'unet' halves 16x16 8 times"),
    ],
)
def test_mask_task_errors_name_the_option(words: dict[str, object], message: str) -> None:
    tiles()
    for index in range(24):
        kind = "ab"[index % 2]
        save(f"sorted/{kind}/{index}.jpg", (16, 16))
        save(f"sorted/{kind}/{index}.png", (16, 16))
    folder = "sorted" if words["output"] == "category" else "tiles"
    with pytest.raises(UserError) as refused:
        ki.load(folder, words=words).show()
    assert message in str(refused.value)


def test_mask_output_needs_masks() -> None:
    for index in range(12):
        save(f"photos/{'ab'[index % 2]}/{index}.png")
    with pytest.raises(
        TaskError,
        match=(
            r"output.mask needs masks, and photos comes with none. Name their folder: "
            r"input.masks=FOLDER"
        ),
    ):
        ki.load("photos", words={"output": "mask"}).show()
    with pytest.raises(
        DataError, match=r"input.masks needs a folder of images, and digits is not a folder"
    ):
        ki.Task(input={"images": "digits", "masks": "photos"}, output="mask").show()


def test_masks_as_arrays() -> None:
    generator = np.random.default_rng(0)
    mask = generator.random((30, 12, 12)) > 0.7
    task = ki.Task(
        input={"images": (mask * 200).astype(np.uint8), "masks": mask, "batch_size": 8},
        process={"net": "unet", "filters": [4], "epochs": 1},
        output={"mask": "dot"},
    )
    run = task.fit(out="run")
    assert run.metrics["answers"][0]["details"]["classes"] == ["nothing", "dot"]
    written = Path("run/task.yaml").read_text(encoding="utf-8")
    assert "masks: null" in written
    assert "given in Python" in written
    with pytest.raises(
        DataError, match=r"input.masks does not fit the array of images; got masks \(30, 12\)"
    ):
        ki.Task(input={**dict(task.input), "masks": mask[:, 0]}, output="mask").show()


def test_resume_takes_images_and_masks_in_memory_from_the_task(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(20, 8, 8), dtype=np.uint8)
    task = ki.Task(
        input={"images": images, "masks": images > 128},
        process={"epochs": 1},
        output={"mask": "defect", "baselines": []},
    )
    first = task.fit(out=tmp_path / "run")
    assert ki.open(tmp_path / "run").task.input["masks"] is None
    again = task.fit(out=tmp_path / "run", resume=True)
    assert again.metrics["answers"] == first.metrics["answers"]
