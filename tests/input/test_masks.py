"""Images and their masks in folders: which belong together, what is told, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.core.errors import DataError, TaskError, UserError
from kissipo.input.formats.image_folder import read_image_folder


def save(name: str, size: tuple[int, int] = (8, 8), *, marked: bool = True) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(size, dtype=np.uint8)
    pixels[2:5, 3:6] = 255 * marked
    Image.fromarray(pixels).save(name)


def pairs(folder: str, masks: str | None = None) -> list[tuple[str, str | None]]:
    frame = read_image_folder(Path(folder), masks=None if masks is None else Path(masks)).frame
    return list(zip(frame["image"].values.tolist(), frame["mask"].values.tolist(), strict=True))


def test_a_folder_of_masks_is_built_like_that_of_the_images_or_flat() -> None:
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


def test_with_masks_images_need_no_class_and_the_folder_of_masks_is_none() -> None:
    for at in range(3):
        save(f"tiles/{at}.png")
        save(f"tiles/masks/{at}.png")
    reading = read_image_folder(Path("tiles"), masks=Path("tiles/masks"))
    assert reading.frame.names == ["image", "mask"]
    assert [str(each.values[1]) for each in reading.frame.columns] == [
        "tiles/1.png",
        "tiles/masks/1.png",
    ]


def test_masks_that_lie_beside_their_images_are_found() -> None:
    for at in range(3):
        save(f"tiles/{at}.jpg")
        save(f"tiles/{at}.png")
    assert pairs("tiles") == [(f"tiles/{at}.jpg", f"tiles/{at}.png") for at in range(3)]


@pytest.mark.parametrize(
    ("masks", "told"),
    [
        ("nowhere", "there is no folder nowhere"),
        (
            "other",
            "no image of tiles has a mask in other; got images such as 0.jpg, 1 masks such as z.png",
        ),
        (
            "twice",
            "the image tiles/a/0.jpg has 2 masks; got twice/x/0.png, twice/y/0.png. Keep one of them",
        ),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks: str, told: str) -> None:
    save("tiles/a/0.jpg")
    for name in ("other/z.png", "twice/x/0.png", "twice/y/0.png"):
        save(name)
    with pytest.raises(DataError) as refused:
        read_image_folder(Path("tiles"), masks=Path(masks))
    assert told in str(refused.value)


def tiles(count: int = 24) -> None:
    for at in range(count):
        save(f"tiles/{at}.jpg", (16, 16))
        save(f"tiles/{at}.png", (16, 16), marked=at % 3 > 0)


def asked(**words: object) -> ki.Task:
    return ki.load(
        "tiles", words={"output": "mask", "process.filters": [4, 8], "epochs": 1, **words}
    )


def findings(task: ki.Task) -> list[str]:
    return [each.describe() for each in task.check()]


def test_masks_are_counted_and_those_that_mark_nothing_too() -> None:
    tiles()
    assert "PASS  24 masks, 8 of them mark nothing" in findings(asked())


def test_images_without_a_mask_are_asked_about() -> None:
    tiles()
    for at in (3, 9):
        Path(f"tiles/{at}.png").unlink()
    with pytest.raises(
        DataError, match=r"2 images of 24 without a mask, such as tiles/15.jpg|such as tiles/3.jpg"
    ) as refused:
        asked().fit()
    assert (
        "Say input.missing_masks=empty if there is nothing on them to be marked, else input.missing_masks=left_out"
        in str(refused.value)
    )
    assert len(asked(missing_masks="empty").fit(out="empty").pipeline().frame) == 24
    assert len(asked(missing_masks="left_out").fit(out="left").pipeline().frame) == 22


def test_a_mask_of_another_size_a_damaged_one_and_masks_that_mark_nothing_are_refused() -> None:
    tiles()
    save("tiles/7.png", (16, 12))
    with pytest.raises(
        DataError,
        match=r"tiles/7.png is 16x12, its image 16x16. Save them alike|-> save them alike|save them alike",
    ):
        asked().fit()
    Path("tiles/7.png").write_bytes(Path("tiles/6.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"tiles/7.png is damaged"):
        asked().fit()
    for at in range(24):
        save(f"tiles/{at}.png", (16, 16), marked=False)
    with pytest.raises(DataError, match="none of 24 masks marks anything"):
        asked().fit()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"output": "mask", "input.masks": "masks"}, "there is no folder masks"),
        (
            {"output": "mask", "process.net": "cnn"},
            "and this net answers an image as a whole. Use process.net=unet",
        ),
        (
            {"output": "mask", "process.mixup": 0.2},
            "process.mixup mixes whole images, but each mask belongs to one image",
        ),
        (
            {"output": "mask", "process.loss": "mse"},
            "process.loss=mean_squared_error does not suit the answer mask",
        ),
        ({"output": "category", "process.net": "unet"}, "'unet' answers a class for every pixel"),
        ({"output": "mask", "process.filters": [4] * 9}, "'unet' halves 16x16 8 times"),
    ],
)
def test_slips_are_told_in_words_of_the_pipeline(words: dict[str, object], told: str) -> None:
    tiles()
    for at in range(24):
        kind = "ab"[at % 2]
        save(f"sorted/{kind}/{at}.jpg", (16, 16))
        save(f"sorted/{kind}/{at}.png", (16, 16))
    folder = "sorted" if words["output"] == "category" else "tiles"
    with pytest.raises(UserError) as refused:
        ki.load(folder, words=words).show()
    assert told in str(refused.value)


def test_without_masks_a_mask_cannot_be_asked_for() -> None:
    for at in range(12):
        save(f"photos/{'ab'[at % 2]}/{at}.png")
    with pytest.raises(
        TaskError,
        match=r"output.mask needs masks, and photos comes with none. Name their folder: input.masks=FOLDER",
    ):
        ki.load("photos", words={"output": "mask"}).show()
    with pytest.raises(
        DataError, match=r"input.masks goes with a folder of images, and digits is none"
    ):
        ki.Task(input={"images": "digits", "masks": "photos"}, output="mask").show()


def test_arrays_of_images_and_masks() -> None:
    generator = np.random.default_rng(0)
    marks = generator.random((30, 12, 12)) > 0.7
    task = ki.Task(
        input={"images": (marks * 200).astype(np.uint8), "masks": marks, "batch_size": 8},
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
        ki.Task(input={**dict(task.input), "masks": marks[:, 0]}, output="mask").show()
