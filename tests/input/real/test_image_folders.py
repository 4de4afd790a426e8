"""Folders of images as people have them: splits, leftovers, kinds, names of classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.source_data import Reading
from kissipo.runs.check_data import check_data

RNG = np.random.default_rng(0)
Counts = dict[tuple[str, str], int]


def save(*names: str, count: int = 1) -> None:
    """Saves different images; a name ends with a slash where it is a folder."""
    for name in names:
        for number in range(count):
            path = Path(name, f"{number}.png") if name.endswith("/") else Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = RNG.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(path, "png")


def counts(reading: Reading) -> Counts:
    """Returns the number of images per part and class; '' without parts."""
    labels = reading.frame["class"].texts()
    part = [""] * len(labels)
    for name, rows in (reading.parts or {}).items():
        for row in rows.tolist():
            part[row] = name
    return dict(Counter((name, str(label)) for name, label in zip(part, labels, strict=True)))


def lines(reading: Reading) -> list[str]:
    return [finding.describe() for finding in reading.findings]


def findings(name: str, **words: object) -> list[Finding]:
    return ki.load(name, words=words).check()


SPLITS = [
    (("train", "val", "test"), ("train", "validation", "test")),
    (("Train", "Valid", "Test"), ("train", "validation", "test")),
    (("training", "validation", "testing"), ("train", "validation", "test")),
    (("training_set", "dev_set", "test_set"), ("train", "validation", "test")),
    (("seg_train/seg_train", "seg_test/seg_test"), ("train", "test")),
    (("train2017", "val2017"), ("train", "validation")),
    (("TRAIN", "TEST"), ("train", "test")),
    (("dataset/train", "dataset/eval"), ("train", "test")),
]


@pytest.mark.parametrize(("folders", "parts"), SPLITS, ids=[names[0][0] for names in SPLITS])
def test_split_folders_are_the_split(folders: tuple[str, ...], parts: tuple[str, ...]) -> None:
    for number, folder in enumerate(folders, start=2):
        save(f"photos/{folder}/cat/", f"photos/{folder}/dog/", count=number)
    save("photos/__MACOSX/cat/._0.png")
    reading = read_image_folder(Path("photos"))
    assert counts(reading) == {
        (part, name): number
        for number, part in enumerate(parts, start=2)
        for name in ("cat", "dog")
    }
    (line,) = [line for line in lines(reading) if "the split" in line]
    assert all(Path(folder).name in line for folder in folders)
    assert f"(train 4, {parts[1]} 6" in line
    assert "input.split_folders=false" in line
    joined = read_image_folder(Path("photos"), split_folders=False)
    assert joined.parts is None
    assert set(joined.frame["class"].categories) == {"cat", "dog"}


def test_split_folders_below_the_classes_are_the_split() -> None:
    for name in ("cat", "dog"):
        save(f"photos/{name}/train/", count=4)
        save(f"photos/{name}/test/", count=2)
    assert counts(read_image_folder(Path("photos"))) == {
        (part, name): count
        for part, count in (("train", 4), ("test", 2))
        for name in ("cat", "dog")
    }


def test_fit_never_learns_from_a_test_folder_and_draws_validation_from_train() -> None:
    for part, count in (("train", 12), ("test", 5)):
        save(f"photos/{part}/cat/", f"photos/{part}/dog/", count=count)
    run = ki.load("photos", words={"process.epochs": 1, "split.validation": 0.25}).fit(out="run")
    pipeline = run.pipeline()
    files = pipeline.frame["image"].values
    folders = {
        name: {Path(files[row]).parts[1] for row in rows} for name, rows in pipeline.splits.items()
    }
    assert folders == {"train": {"train"}, "validation": {"train"}, "test": {"test"}}
    assert {name: len(rows) for name, rows in pipeline.splits.items()} == {
        "train": 18,
        "validation": 6,
        "test": 10,
    }
    assert ki.open("run").evaluate()[0].net.metrics.keys() == run.evaluate()[0].net.metrics.keys()
    assert ki.open("run").evaluate("photos")[0].net.metrics == run.evaluate()[0].net.metrics


def test_classes_named_as_parts_stay_classes() -> None:
    save("vehicles/train/", "vehicles/bus/", "vehicles/car/", count=2)
    save("nested/train/day/", "nested/train/night/", "nested/bus/day/", "nested/car/", count=2)
    assert counts(read_image_folder(Path("vehicles"))) == {
        ("", name): 2 for name in ("train", "bus", "car")
    }
    assert counts(read_image_folder(Path("nested"))) == {
        ("", "train"): 4,
        ("", "bus"): 2,
        ("", "car"): 2,
    }


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/cat/", "train/dog/", "test/cat/", "test/bird/"],
         "the test folder of photos has the class 'bird', which the training folder has not"),
        (["train/Cat/", "train/dog/", "val/cat/", "val/dog/"],
         r"the validation folder of photos has the class 'cat' \(is it 'Cat'\?\)"),
        (["val/cat/", "val/dog/", "test/cat/", "test/dog/"],
         "none of them is the training folder. Rename the one to learn from to train"),
        (["train/", "test/"],
         "the folders test, train of photos hold images and no class folders"),
        (["images/", "masks/"],
         "are not classes: their files have the same names. "
         "Name both: kissipo fit photos/images input.masks=photos/masks"),
    ],
)  # fmt: skip
def test_folders_that_cannot_be_read_as_meant_are_refused(folders: list[str], message: str) -> None:
    save(*(f"photos/{folder}" for folder in folders), count=2)
    with pytest.raises(DataError, match=message):
        read_image_folder(Path("photos"))


def test_unlabeled_test_images_are_left_out_and_said() -> None:
    save("photos/train/cat/", "photos/train/dog/", count=3)
    save("photos/test/", count=4)
    reading = read_image_folder(Path("photos"))
    assert counts(reading) == {("", "cat"): 3, ("", "dog"): 3}
    (first, second) = lines(reading)
    assert first.startswith("WARN  the folder test beside the split folders holds 4 images")
    assert "kissipo predict RUN photos/test" in first
    assert "validation and test are drawn from train" in second


def test_split_folders_of_images_with_masks_are_the_split() -> None:
    for part in ("train", "val", "test"):
        save(f"images/{part}/", f"masks/{part}/", count=3)
    reading = read_image_folder(Path("images"), masks=Path("masks"))
    assert reading.frame.names == ["image", "mask"]
    assert {name: len(rows) for name, rows in (reading.parts or {}).items()} == {
        "train": 3,
        "validation": 3,
        "test": 3,
    }
    assert all(
        Path(image).parts[1:] == Path(mask).parts[1:]
        for image, mask in zip(*(column.values for column in reading.frame.columns), strict=True)
    )


LEFTOVERS = {
    "__MACOSX": ["photos/__MACOSX/cat/._0.png", "photos/cat/__MACOSX/0.png"],
    ".ipynb_checkpoints": [
        "photos/.ipynb_checkpoints/0.png",
        "photos/cat/.ipynb_checkpoints/1.png",
    ],
    "@eaDir": ["photos/@eaDir/0.png", "photos/cat/young/@eaDir/0.png"],
    "._0.png": ["photos/cat/._0.png", "photos/dog/._0.png"],
    "Thumbs.db": ["photos/cat/Thumbs.db", "photos/Thumbs.db"],
    "desktop.ini": ["photos/cat/desktop.ini", "photos/dog/Desktop.ini"],
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_leftovers_of_systems_are_skipped_at_every_depth_and_counted_once(name: str) -> None:
    save("photos/cat/", "photos/dog/", count=12)
    save(*LEFTOVERS[name])
    reading = read_image_folder(Path("photos"))
    assert counts(reading) == {("", "cat"): 12, ("", "dog"): 12}
    (line,) = lines(reading)
    assert line.startswith(f"PASS  2 hidden or system files and folders: {name}")
    assert line.endswith("-> skipped")


KINDS = {
    "IMG_0.HEIC": "HEIC photos (.heic)",
    "IMG_0.heif": "HEIC photos (.heif)",
    "DSC0.NEF": "camera raw files (.nef)",
    "a.dng": "camera raw files (.dng)",
    "logo.svg": "vector drawings (.svg)",
    "layers.psd": "Photoshop documents (.psd)",
    "scan.dcm": "DICOM images (.dcm)",
    "new.jxl": "JPEG XL images (.jxl)",
}


@pytest.mark.parametrize("name", KINDS)
def test_images_that_cannot_be_read_are_called_what_they_are(name: str) -> None:
    save("photos/cat/", "photos/dog/", count=6)
    for number in range(4):
        Path(f"photos/cat/{number}-{name}").write_bytes(b"x")
    failure = findings("photos")[0]
    assert (failure.level, failure.check) == ("FAIL", "unreadable images")
    assert failure.message == (
        f"4 of 16 images are {KINDS[name]}, which cannot be read here, such as photos/cat/0-{name}"
    )
    assert "or set input.skip_corrupt=true" in failure.action
    with pytest.raises(DataError, match="which cannot be read here"):
        ki.load("photos").fit(out="run")
    warning = findings("photos", skip_corrupt=True)[0]
    assert (warning.level, warning.action[:8]) == ("WARN", "left out")


def test_few_images_that_cannot_be_read_are_a_warning() -> None:
    save("photos/cat/", "photos/dog/", count=20)
    Path("photos/cat/a.heic").write_bytes(b"x")
    first = findings("photos")[0]
    assert (first.level, first.message[:26]) == ("WARN", "1 of 41 images are HEIC ph")


def test_heic_named_jpg_is_called_heic_and_predict_lists_it() -> None:
    save("photos/cat/", "photos/dog/", count=6)
    run = ki.load("photos", words={"process.epochs": 1}).fit(out="run")
    head = b"\0\0\0\x18ftypheic\0\0\0\0"
    Path("photos/cat/x.jpg").write_bytes(head)
    Path("photos/cat/y.heic").write_bytes(head)
    with pytest.raises(DataError, match=r"x.jpg cannot be read here: it is one of the HEIC photos"):
        run.predict_all(["photos/cat/x.jpg"])
    predictions = run.predict_folder("photos/cat")
    assert [image.file.name for image in predictions.unread] == ["x.jpg", "y.heic"]
    assert len(predictions.images) == 8


def test_wrong_and_missing_endings_are_read_by_content() -> None:
    for name in ("photos/cat/png.jpg", "photos/cat/none", "photos/dog/a.png", "photos/dog/b.bak"):
        save(name)
    reading = read_image_folder(Path("photos"))
    assert counts(reading) == {("", "cat"): 2, ("", "dog"): 1}
    assert lines(reading) == [
        "WARN  1 file in the class folders is an image by content but not by ending: "
        "photos/dog/b.bak -> left out; rename them to use them"
    ]


def test_class_names_that_differ_in_blanks_are_joined_and_in_case_stay_apart() -> None:
    save("photos/cat/", "photos/ cat /", "photos/Dog/", "photos/dog/", "photos/caf\u00e9/", count=2)
    save("photos/cafe\u0301/", count=3)
    reading = read_image_folder(Path("photos"))
    assert counts(reading) == {
        ("", "cat"): 4,
        ("", "Dog"): 2,
        ("", "dog"): 2,
        ("", "caf\u00e9"): 5,
    }
    (joined,) = lines(reading)
    assert joined.startswith("WARN  class folders differ only in blanks around their names")
    assert "' cat ' and 'cat'" in joined
    apart = [finding for finding in check_data("photos") if finding.check == "classes by case"]
    assert [finding.describe() for finding in apart] == [
        "WARN  some classes of 'class' differ only in case: Dog/dog -> "
        "kept as different classes; output.ignore_case=true joins them"
    ]


def test_empty_class_folders_are_said() -> None:
    save("photos/train/cat/", "photos/train/dog/", "photos/val/cat/", count=2)
    Path("photos/val/dog").mkdir()
    reading = read_image_folder(Path("photos"))
    assert "WARN  the class folder photos/val/dog contains no images -> left out" in lines(reading)
    assert any(
        "the validation folder has no images of the class dog" in line for line in lines(reading)
    )
    Path("photos/train/bird").mkdir()
    with pytest.raises(DataError, match="the class folder photos/train/bird contains no images"):
        read_image_folder(Path("photos"))
