"""Images of 16 bits: the range that they use becomes 0..1, at full resolution."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import kissipo as ki
from kissipo.codec._image import deep_pixels, open_mask
from kissipo.codec.pixels import Pixels
from kissipo.core.codec import restore, save
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, image_column

RNG = np.random.default_rng(0)


def png(values: Any) -> bytes:
    """Returns a PNG file of 16 bits: gray, gray and alpha, RGB, or RGBA."""
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def frame_of(*values: Any) -> Frame:
    """Returns a frame of files, one per array."""
    paths = np.empty(len(values), dtype=object)
    for number, some in enumerate(values):
        paths[number] = f"{number}.png"
        Path(paths[number]).write_bytes(png(some) if some.dtype == np.uint16 else b"")
        if some.dtype == np.uint8:
            Image.fromarray(some).save(paths[number])
    return Frame((image_column("image", paths),))


def drawn(low: int, high: int, shape: tuple[int, ...] = (6, 5)) -> Any:
    """Returns values that reach both ends."""
    values = RNG.integers(low, high + 1, shape).astype(np.uint16)
    values.reshape(-1)[[0, -1]] = low, high
    return values


RANGES = [
    (0, 4095, [0, 4095]),
    (0, 1023, [0, 1023]),
    (3, 16_383, [0, 16_383]),
    (0, 65_535, [0, 65_535]),
    (40, 3800, [0, 4095]),
    (0, 255, [0, 255]),
    (31_000, 34_000, [31_000, 34_000]),
]


@pytest.mark.parametrize(("low", "high", "limits"), RANGES)
def test_range_of_the_training_images_becomes_0_to_1(
    low: int, high: int, limits: list[int]
) -> None:
    values = [drawn(low, high), drawn(low, high)]
    frame = frame_of(*values)
    codec = Pixels("image").fit(frame)
    assert list(codec.value_range or ()) == limits
    encoded = codec.finish(codec.encode(frame))
    expected = (np.stack(values) - float(limits[0])) / (limits[1] - limits[0])
    np.testing.assert_allclose(encoded[:, 0].numpy(), expected, rtol=0, atol=1e-6)
    again = restore(json.loads(json.dumps(save(codec))))
    assert torch.equal(again.encode(frame), codec.encode(frame))


@pytest.mark.parametrize("channels", [3, 4])
def test_colors_of_12_bits_keep_their_resolution(channels: int) -> None:
    values = drawn(0, 4095, (6, 5, channels))
    if channels == 4:
        values[..., 3] = 65_535
    frame = frame_of(values)
    assert np.array_equal(deep_pixels("0.png"), values)
    codec = Pixels("image").fit(frame)
    assert codec.value_range == (0, 4095)
    expected = values[..., :3].transpose(2, 0, 1) / 4095
    np.testing.assert_allclose(codec.encode(frame)[0].numpy(), expected, atol=1e-6)
    gray = Pixels("image", color="grayscale").fit(frame)
    luma = (values[..., :3] / 4095) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray.encode(frame)[0, 0].numpy(), luma, atol=1e-6)


def test_transparent_pixels_of_16_bits_are_white() -> None:
    values = drawn(0, 4095, (6, 5, 4))
    values[..., 3] = 0
    frame = frame_of(values)
    assert Pixels("image").fit(frame).encode(frame).min() == 1


@pytest.mark.parametrize("order", ["<u2", ">u2"])
@pytest.mark.parametrize("compression", ["raw", "tiff_deflate", "tiff_lzw"])
def test_tiff_of_16_bits_is_read_whole(order: str, compression: str) -> None:
    values = drawn(0, 4095, (6, 5))
    if order == "<u2":
        Image.fromarray(values).save("a.tif", compression=compression)
    else:
        image = Image.frombytes("I;16B", (5, 6), values.astype(order).tobytes())
        image.save("a.tif", compression="raw")
    assert np.array_equal(deep_pixels("a.tif"), values)


def test_images_of_8_bits_among_those_of_16_keep_their_brightness() -> None:
    bytes_ = RNG.integers(0, 256, (6, 5), dtype=np.uint8)
    frame = frame_of(drawn(0, 4095), bytes_)
    encoded = Pixels("image").fit(frame).encode(frame)
    np.testing.assert_allclose(encoded[1, 0].numpy(), bytes_ / 255, atol=1e-6)


def test_images_of_8_bits_are_stored_as_bytes_as_before() -> None:
    frame = frame_of(*RNG.integers(0, 16, (2, 6, 5), dtype=np.uint8))
    codec = Pixels("image").fit(frame)
    assert (codec.value_range, codec.encode(frame).dtype) == (None, torch.uint8)
    assert codec.lazy_bytes == 30
    scaled = Pixels("image", value_range=(0, 15)).fit(frame)
    expected = codec.encode(frame).numpy() / 15
    np.testing.assert_allclose(scaled.encode(frame).numpy(), expected, atol=1e-6)


def photos(high: int, count: int = 12) -> None:
    """Writes squares and crosses of 16 bits that use values up to `high`."""
    for number in range(count):
        for name in ("square", "cross"):
            values = RNG.integers(0, high // 8, (12, 12))
            if name == "square":
                values[3:9, 3:9] = high
            else:
                values[5:7, 2:10] = values[2:10, 5:7] = high
            Path("photos", name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint16)).save(f"photos/{name}/{number}.png")


def checked(check: str) -> list[Finding]:
    return [item for item in ki.load("photos").check() if item.check == check]


def test_fit_evaluate_and_predict_scale_alike_and_say_so() -> None:
    photos(4000)
    (finding,) = checked("value range")
    assert finding.level == "PASS"
    assert "training images of 16 bits have values from 0 to 4000" in finding.message
    assert finding.action == "0..4095 becomes 0..1; input.value_range=[0,4095] changes it"
    words = {"process.epochs": 8, "output.baselines": ["majority"]}
    run = ki.load("photos", words=words).fit(out="run")
    assert run.task.input["value_range"] == (0, 4095)
    again = ki.open("run")
    x = again.encode(["photos/cross/0.png"])[1].everything().inputs[0]
    stored = np.asarray(Image.open("photos/cross/0.png")) / 4095
    np.testing.assert_allclose(x[0, 0].numpy(), stored, atol=1e-6)
    array = np.asarray(Image.open("photos/cross/0.png"))
    assert array.dtype == np.uint16
    assert np.array_equal(again.predict_proba(array), again.predict_proba("photos/cross/0.png"))
    assert again.evaluate()[0].net.metrics == run.evaluate()[0].net.metrics


def test_brighter_images_and_other_depths_are_remarked_by_predict() -> None:
    photos(1000)
    run = ki.load("photos", words={"process.epochs": 1}).fit(out="run")
    Image.fromarray(np.full((12, 12), 5000, dtype=np.uint16)).save("bright.png")
    assert (
        "1 of 1 images have values outside of 0 to 1023: clipped" in run.encode(["bright.png"])[2]
    )
    assert run.encode(["photos/cross/0.png"])[2] == []


def test_images_of_16_bits_outside_of_training_are_a_warning() -> None:
    bytes_ = frame_of(*RNG.integers(0, 256, (2, 6, 5), dtype=np.uint8))
    codec = Pixels("image").fit(bytes_)
    assert codec.fitted_findings(bytes_) == ()
    (finding,) = codec.fitted_findings(frame_of(drawn(0, 4095)))
    assert (finding.level, finding.action) == (
        "WARN",
        "if their white is less, set input.value_range=[0,4095] or the like",
    )
    assert finding.message == (
        "1 of 1 images have 16 bits, and the training images have 8: 65535 is read as white"
    )


def test_float_images_are_refused_with_a_remedy() -> None:
    photos(1000, count=3)
    Image.fromarray(np.full((12, 12), 0.5, dtype=np.float32)).save("photos/cross/float.tif")
    (failure,) = checked("damaged images")
    assert failure.level == "FAIL"
    assert failure.action.startswith("scale all images alike and save them with 16 bits")


def test_one_bright_pixel_is_a_warning() -> None:
    photos(1000)
    values = np.asarray(Image.open("photos/cross/0.png")).copy()
    for number in range(12):
        values[0, 0] = 65_535
        Image.fromarray(values).save(f"photos/cross/{number}.png")
        values[1, 1] = number
    (finding,) = checked("value range")
    assert finding.level == "WARN"
    assert "but 99% of the pixels of most images lie below" in finding.message


@pytest.mark.parametrize("limits", [[0], [5, 5], [9, 1], [0, 70_000]])
def test_wrong_ranges_are_refused(limits: list[int]) -> None:
    photos(1000, count=3)
    with pytest.raises(TaskError, match=r"input.value_range needs the pixel values"):
        ki.load("photos", words={"input.value_range": limits}).fit()


def test_masks_of_16_bits_have_classes_or_two_values() -> None:
    for name, values in (("classes", [0, 1, 7, 255]), ("two", [0, 4095, 0, 4095])):
        Image.fromarray(np.array([values], dtype=np.uint16)).save(f"{name}.png")
    assert np.asarray(open_mask("classes.png")).tolist() == [[0, 1, 7, 255]]
    assert np.asarray(open_mask("two.png")).tolist() == [[0, 255, 0, 255]]
    Image.fromarray(np.array([[0, 300, 301]], dtype=np.uint16)).save("ids.png")
    with pytest.raises(DataError, match=r"has values that are not numbers of classes"):
        open_mask("ids.png")
