"""Images from idx files, arrays, .npz files and class folders: equal values, errors."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kissipo.core.errors import DataError
from kissipo.input.formats.idx import read_idx
from kissipo.input.formats.images.image_files import files_below
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.source_data import Reading
from kissipo.input.sources.images import SOURCE, Options


def save(name: str, *, size: tuple[int, int] = (4, 4), gray: int = 9) -> None:
    """Saves an image of one gray value."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, gray).save(name)


def classes(reading: Reading) -> list[tuple[str, str | None]]:
    """Returns the path of every image below the folder, with its class."""
    frame = reading.frame
    names = [Path(path).relative_to(frame.origin).as_posix() for path in frame["image"].values]
    return list(zip(names, frame["class"].texts(), strict=True))


def test_idx_mnist_equals_its_raw_bytes(data: Path) -> None:
    folder = data / "mnist"
    reading = SOURCE.read(str(folder), Options())
    raw = {
        name: gzip.decompress((folder / f"{name}-ubyte.gz").read_bytes())
        for name in ("t10k-images-idx3", "t10k-labels-idx1")
    }
    assert reading.parts is not None and len(reading.frame) == 70_000
    test = reading.frame.take(reading.parts["test"])
    assert len(test) == 10_000
    assert test["image"].values.tobytes() == raw["t10k-images-idx3"][16:]
    assert test["class"].texts() == [str(label) for label in raw["t10k-labels-idx1"][8:]]


@pytest.mark.parametrize(
    ("kind", "code", "values"),
    [
        (0x08, "B", [0, 255]),
        (0x09, "b", [-1, 7]),
        (0x0B, "h", [-300, 2]),
        (0x0C, "i", [70_000, -1]),
        (0x0E, "d", [0.1, 2]),
    ],
)
def test_idx_every_data_type(kind: int, code: str, values: list[float]) -> None:
    content = bytes([0, 0, kind, 2]) + struct.pack(">II", 1, 2) + struct.pack(f">2{code}", *values)
    Path("some-idx").write_bytes(content)
    assert read_idx(Path("some-idx")).tolist() == [values]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG", "some-idx is not an idx file; got it begins with 89 50 4e 47."),
        (b"", "some-idx is not an idx file"),
        (
            bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]),
            "its header requires 11 bytes; got 10 bytes. Download it again.",
        ),
        (bytes([0, 0, 8, 9, 0, 0]), "some-idx is incomplete or damaged"),
    ],
)
def test_idx_invalid_file_is_refused(content: bytes, message: str) -> None:
    Path("some-idx").write_bytes(content)
    with pytest.raises(DataError) as refused:
        read_idx(Path("some-idx"))
    assert message in str(refused.value)


def test_folder_of_notes_beside_classes_is_left_out_and_named() -> None:
    for name in ("photos/good/a.png", "photos/poor/b.png"):
        save(name)
    Path("photos/meta").mkdir()
    Path("photos/meta/notes.txt").touch()
    reading = read_image_folder(Path("photos"))
    assert set(reading.frame["class"].categories) == {"good", "poor"}
    (finding,) = (item for item in reading.findings if item.check == "empty folders")
    assert finding.level == "WARN" and "photos/meta" in finding.message


def test_arrays_and_npz_give_equal_images() -> None:
    pixels = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    np.savez("some.npz", images=pixels, labels=["cat", "dog"])
    for value, options in [
        (pixels, Options(labels=["cat", "dog"])),
        (pixels / 255, Options(labels=np.array(["cat", "dog"]))),
        (pixels.astype(float), Options(labels=("cat", "dog"))),
        ("some.npz", Options()),
    ]:
        frame = SOURCE.read(value, options).frame
        np.testing.assert_array_equal(frame["image"].values, pixels)
        assert frame["class"].texts() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (np.zeros((3, 4)), None,
         "axes (image, height, width) or (image, height, width, channel); got the shape (3, 4)."),
        (np.zeros((3, 4, 4, 2)), None,
         "got the shape (3, 4, 4, 2). Allowed: 1, 3 or 4 channels, the channel axis last."),
        (np.zeros((0, 4, 4)), None,
         "the array of images contains no images; got the shape (0, 4, 4)."),
        (np.full((1, 2, 2), np.nan), None,
         "contains values that are not pixel values; got float64. Allowed: 0-255, or 0.0-1.0."),
        (np.full((1, 2, 2), 300), None,
         "contains values outside of the pixel range; got 300 to 300. Allowed: 0-255, or 0.0-1.0."),
        (np.zeros((3, 4, 4)), [1, 2],
         "the array of images and the labels differ in number; got 3 images, 2 labels."),
    ],
)  # fmt: skip
def test_arrays_of_invalid_images_are_refused(pixels: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError) as refused:
        SOURCE.read(pixels, Options(labels=labels))
    assert message in str(refused.value)


@pytest.mark.parametrize("content", [b"garbage", b"PK\x03\x04garbage", b""])
def test_npz_invalid_file_is_refused(content: bytes) -> None:
    Path("some.npz").write_bytes(content)
    with pytest.raises(
        DataError,
        match=r"some.npz is not a readable .npz file of numbers. Write it with numpy.savez",
    ):
        SOURCE.read("some.npz", Options())


def test_npz_pickled_array_is_refused() -> None:
    np.savez("some.npz", images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"some.npz is not a readable .npz file of numbers"):
        SOURCE.read("some.npz", Options())


def test_image_folder_is_read_recursively_in_order_of_names() -> None:
    for name in (
        "photos/good/b.png",
        "photos/good/a.PNG",
        "photos/bad/deep/c.png",
        "photos/bad/.hidden.png",
        "photos/.git/x.png",
    ):
        save(name)
    reading = read_image_folder(Path("photos"))
    assert classes(reading) == [
        ("bad/deep/c.png", "bad"),
        ("good/a.PNG", "good"),
        ("good/b.png", "good"),
    ]
    assert [finding.describe() for finding in reading.findings] == [
        "PASS  2 hidden or system files and folders: .hidden.png, .git -> skipped"
    ]


def test_image_folder_reports_skipped_files() -> None:
    for name in ("photos/good/a.png", "photos/bad/b.png", "photos/loose.png"):
        save(name)
    Path("photos/good/notes.txt").write_text("x")
    reading = read_image_folder(Path("photos"))
    assert len(reading.frame) == 2
    assert [finding.describe() for finding in reading.findings] == [
        "WARN  1 file in the class folders is not an image -> left out",
        "WARN  1 image outside the class folders -> left out: they have no class",
    ]


def test_image_folder_masks_are_not_images(data: Path) -> None:
    reading = read_image_folder(data / "magnetic-tile")
    assert all(name.endswith(".jpg") for name, _ in classes(reading))
    assert len(reading.frame) == len(list((data / "magnetic-tile").rglob("*.jpg")))
    masks = len(list((data / "magnetic-tile").rglob("*.png")))
    message = (
        f"WARN  {masks} images (.png) share the name of a .jpg image beside them: "
        "they look like masks -> only output.mask"
    )
    assert any(finding.describe().startswith(message) for finding in reading.findings)


def test_every_folder_of_images_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train/good/a", "train/bad/deep/b", "test/good/c", "test/bad/d", "odd/e"):
        save(f"photos/{name}.png")
    Path("photos/meta").mkdir()
    Path("photos/meta/list.txt").write_text("a")
    Path("photos/train/good/loop").symlink_to(Path("photos").absolute())
    read: list[str] = []
    scandir = os.scandir

    def recorded(path: Any) -> Any:
        read.append(str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", recorded)
        reading = read_image_folder(Path("photos"))
    assert sorted(read) == sorted(folder for folder, *_ in os.walk("photos"))
    assert len(reading.frame) == 4
    inside = [Path(place, name) for place, _, names in os.walk("photos") for name in names]
    files = files_below(Path("photos"))
    assert [*files.images, *files.others] == [
        *sorted(path for path in inside if path.suffix == ".png"),
        Path("photos/meta/list.txt"),
    ]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([],
         "photos must contain one folder per class; got no folders. Sort the images into folders "
         "such as photos/good"),
        (["photos/a.png"],
         "photos must contain one folder per class; got 1 images and no folders."),
        (["photos/good/a.png", "photos/bad/x.bin"],
         "the class folder photos/bad contains no images. Allowed: files ending in .jpg"),
    ],
)  # fmt: skip
def test_image_folder_without_classes_or_images_is_refused(images: list[str], message: str) -> None:
    Path("photos").mkdir()
    for name in images:
        save(name) if name.endswith("png") else (Path(name).parent.mkdir(), Path(name).touch())
    with pytest.raises(DataError) as refused:
        read_image_folder(Path("photos"))
    assert message in str(refused.value)
