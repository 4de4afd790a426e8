"""Folders as found in the world: images beside their masks, and unusual images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.source_data import Reading
from kissipo.input.sources.images import SOURCE, Options
from kissipo.runs.check_data import check_data


def save(*folders: str, count: int = 3, color: bool = False, ending: str = ".png") -> None:
    """Writes images with the same names in each folder."""
    for folder in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = np.zeros((8, 8, 3) if color else (8, 8), dtype=np.uint8)
            pixels[number % 5 : number % 5 + 3, 2:6] = 255
            Image.fromarray(pixels).save(f"{folder}/{number}{ending}")


def pairs(folder: str) -> list[tuple[str, str]]:
    """Returns the images and their masks, with the paths below the folder."""
    frame = read_image_folder(Path(folder)).frame
    columns = (frame["image"].values.tolist(), frame["mask"].values.tolist())
    rows = zip(*columns, strict=True)
    return [tuple(str(Path(path).relative_to(folder)) for path in row) for row in rows]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images", "masks"),
        ("imgs", "labels"),
        ("JPEGImages", "SegmentationClass"),
        ("image", "mask"),
        ("Images", "Annotations"),
        ("img", "gt"),
    ],
)
def test_masks_inside_the_folders_of_a_split(images: str, masks: str) -> None:
    for part in ("train", "val", "test"):
        save(f"t/{part}/{images}", color=True, ending=".jpg")
        save(f"t/{part}/{masks}")
    reading = read_image_folder(Path("t"))
    assert pairs("t")[3] == (f"val/{images}/0.jpg", f"val/{masks}/0.png")
    assert {part: rows.tolist() for part, rows in (reading.parts or {}).items()} == {
        "train": [0, 1, 2],
        "validation": [3, 4, 5],
        "test": [6, 7, 8],
    }


def test_masks_beside_the_images_are_read_and_named() -> None:
    save("t/images", color=True)
    save("t/masks")
    reading = read_image_folder(Path("t"))
    assert pairs("t")[0] == ("images/0.png", "masks/0.png")
    assert reading.parts is None and reading.frame.names == ["image", "mask"]
    assert "PASS  masks holds 3 masks of the images in images -> " in "".join(
        finding.describe() for finding in reading.findings
    )


def test_folders_of_a_split_inside_images_and_masks() -> None:
    for part in ("train", "valid"):
        save(f"t/images/{part}", color=True)
        save(f"t/masks/{part}")
    reading = read_image_folder(Path("t"))
    assert pairs("t")[3] == ("images/valid/0.png", "masks/valid/0.png")
    assert (reading.parts or {})["validation"].tolist() == [3, 4, 5]


def test_images_without_masks_in_the_test_folder_are_left_out() -> None:
    save("t/train/images", "t/val/images", "t/test/images", color=True)
    save("t/train/masks", "t/val/masks")
    reading = read_image_folder(Path("t"))
    assert [len(rows) for rows in (reading.parts or {}).values()] == [3, 3]
    assert any("the folder test beside the split" in item.message for item in reading.findings)


def test_masks_of_a_split_are_trained_without_an_option() -> None:
    save("t/train/images", "t/test/images", color=True, count=8)
    save("t/train/masks", "t/test/masks", count=8)
    task = ki.load("t")
    run = task.fit(epochs=1, out="run")
    assert dict(task.output) == {"mask": None}
    assert ki.open("run").evaluate("t")[0].net.metrics == run.evaluate()[0].net.metrics


@pytest.mark.parametrize("folders", [("images", "masks"), ("photos", "labels")])
def test_color_photos_are_no_masks(folders: tuple[str, str]) -> None:
    save(*(f"t/{folder}" for folder in folders), color=True)
    with pytest.raises(DataError, match="are not classes: their files have the same names"):
        read_image_folder(Path("t"))


def test_gray_photos_are_no_masks() -> None:
    save("t/images")
    save("t/masks")
    for path in Path("t/masks").iterdir():
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3).save(path)
    with pytest.raises(DataError, match=r"Name both: kissipo fit t/images input\.masks=t/masks"):
        read_image_folder(Path("t"))


def test_other_names_in_folders_called_masks_stay_classes() -> None:
    save("t/images", color=True)
    save("t/masks", ending=".bmp")
    for path in Path("t/masks").iterdir():
        path.rename(path.with_stem(f"face-{path.stem}"))
    assert read_image_folder(Path("t")).answer == "class"
    assert not any(item.level == "FAIL" for item in check_data("t"))


def labeled(folder: str, rows: list[str], table: str = "labels.csv") -> None:
    """Writes twelve images 0.png, 1.png, ... and a table of their classes."""
    save(folder, count=12, color=True)
    Path(folder, table).write_text("\n".join(rows))


@pytest.mark.parametrize(
    ("titles", "file"),
    [
        ("filename,label", "{}.png"),
        ("id,breed", "{}"),
        ("label,path", "flat/{}.png"),
        ("image,class,site", "{}.png"),
        ("x,Category", "./{}.png"),
    ],
)
def test_table_of_labels_gives_the_classes_of_flat_images(titles: str, file: str) -> None:
    cells = {"site": "north"}
    rows = []
    for row in range(12):
        name = file.removeprefix("./").format(row)
        both = [name, "cat" if row % 2 else "dog"]
        both = both[::-1] if titles.startswith("label") else both
        rows.append(",".join([*both, *([cells["site"]] if "site" in titles else [])]))
    labeled("flat", [titles, *rows])
    reading = read_image_folder_of("flat")
    frame = reading.frame
    for path, label in zip(frame["image"].values, frame["class"].texts(), strict=True):
        assert label == ("cat" if int(Path(path).stem) % 2 else "dog")
    assert len(frame) == 12 and reading.answer == "class"


def read_image_folder_of(folder: str, **words: str) -> Reading:
    """Reads a folder as the source of images does."""
    return SOURCE.read(folder, Options(**words))


def test_images_and_rows_without_a_partner_are_left_out_and_said() -> None:
    labeled("flat", ["file,label", *(f"{row}.png,{'ab'[row % 2]}" for row in range(2, 15))])
    reading = read_image_folder_of("flat")
    texts = " ".join(finding.describe() for finding in reading.findings)
    assert len(reading.frame) == 10
    assert "2 images of 12 have no class in labels.csv, such as 0.png, 1.png -> left out" in texts
    assert "3 rows of labels.csv name no image of the folder" in texts


def test_table_of_labels_beside_folders_of_a_split() -> None:
    save("k/train", count=4, color=True)
    save("k/test", count=2, color=True)
    rows = [f"train/{row}.png,{'ab'[row % 2]}" for row in range(4)]
    Path("k/train_labels.csv").write_text("\n".join(["file,label", *rows, "test/1.png,b"]))
    reading = read_image_folder_of("k", labels="train_labels.csv")
    assert {part: rows.tolist() for part, rows in (reading.parts or {}).items()} == {
        "train": [0, 1, 2, 3],
        "test": [4],
    }
    assert reading.frame["class"].texts() == ["a", "b", "a", "b", "b"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["file,label", "x.png,a", "y.png,b"], "no column of .* names the images of flat"),
        (["file,size,kind", "1.png,3,a", "2.png,4,b"], "which column of .* is the class"),
    ],
)
def test_table_of_labels_that_does_not_fit_is_refused(rows: list[str], message: str) -> None:
    labeled("flat", rows)
    with pytest.raises(DataError, match=message):
        read_image_folder_of("flat")


def test_table_that_names_images_is_warned_of() -> None:
    labeled("flat", ["file,label", *(f"{row}.png,{'ab'[row % 2]}" for row in range(12))])
    texts = [item.describe() for item in check_data("flat/labels.csv", output="label")]
    assert any(
        "'file' names image files, such as '0.png' -> the images are not" in t for t in texts
    )


def test_boxes_in_text_files_are_not_taken_for_masks() -> None:
    for part in ("train", "valid"):
        save(f"yolo/{part}/images", color=True)
        Path(f"yolo/{part}/labels").mkdir()
        Path(f"yolo/{part}/labels/0.txt").write_text("0 .5 .5 .2 .2")
    with pytest.raises(DataError, match=r"hold no images.*boxes stand in a table boxes\.csv"):
        read_image_folder(Path("yolo"))


def test_unusual_images_are_decoded_and_said() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    for name in ("a", "b"):
        save(f"k/{name}", color=True)
        for ending in ("webp", "gif", "bmp", "tif"):
            photo.save(f"k/{name}/photo.{ending}")
        photo.convert("CMYK").save(f"k/{name}/ink.jpg")
        photo.convert("LA").save(f"k/{name}/clear.png")
        exif = Image.Exif()
        exif[0x0112] = 6
        photo.save(f"k/{name}/turned.jpg", exif=exif)
    texts = " ".join(item.describe() for item in check_data("k"))
    for words in ("all 20 images can be decoded", "CMYK", "transparent", "a palette", "EXIF"):
        assert words in texts
    assert "from 8x8 to 16x12" in texts


def test_folders_of_texts_that_may_be_classes_are_named(tmp_path: Path) -> None:
    root = tmp_path / "reviews"
    for part in ("train", "test"):
        for kind in ("pos", "neg"):
            (root / part / kind).mkdir(parents=True)
            for number in range(10):
                text = f"a {kind} review {part} {number}"
                (root / part / kind / f"{number}.txt").write_text(text, encoding="utf-8")
    (finding,) = [item for item in check_data(str(root)) if item.check == "folders"]
    assert finding.level == "WARN" and "in 4 folders of several texts: neg, pos" in finding.message
    assert "the columns text and class" in str(finding.action)
    for kind in ("train/pos", "test/pos"):
        for file in (root / kind).iterdir():
            file.rename(root / f"{kind.replace('/', '-')}-{file.name}")
    assert not [item for item in check_data(str(root)) if item.check == "folders"]
