"""Pixels: gray and color, arrays and files, one size; bytes come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from kissipo.codec.pixels import Pixels
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, image_column

DIGITS = (load_digits().images * 15).astype(np.uint8)[:50]
FLOWER = load_sample_image("flower.jpg")[:64, :96]


def frame_of(values: object) -> Frame:
    return Frame((image_column("image", values),))


def test_gray_images_become_one_channel_from_zero_to_one() -> None:
    codec = Pixels("image").fit(frame_of(DIGITS))
    assert (codec.size, codec.color) == ((8, 8), "grayscale")
    stored = codec.encode(frame_of(DIGITS))
    assert stored.dtype == torch.uint8
    np.testing.assert_allclose(
        codec.finish(stored).numpy(), DIGITS[:, None].astype(np.float32) / 255, rtol=1e-7
    )


def test_color_images_become_three_channels_in_front_and_come_back() -> None:
    both = np.stack([FLOWER, FLOWER[::-1]])
    codec = Pixels("image").fit(frame_of(both))
    assert codec.spec.shape == (3, 64, 96)
    assert np.array_equal(codec.encode(frame_of(both)).numpy(), both.transpose(0, 3, 1, 2))
    assert np.array_equal(
        codec.decode(codec.finish(codec.encode(frame_of(both))))["image"].values, both
    )


def test_files_are_converted_to_one_size_and_color(
    tmp_path: Path,
) -> None:
    for name, image in (("a", DIGITS[0]), ("b", DIGITS[1]), ("c", FLOWER)):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    paths = np.array([str(tmp_path / f"{name}.png") for name in "abc"], dtype=object)
    codec = Pixels("image", color="grayscale").fit(frame_of(paths))
    assert codec.size == (8, 8)
    encoded = codec.encode(frame_of(paths)).numpy()
    assert np.array_equal(encoded[0, 0], DIGITS[0])
    resized = Image.fromarray(FLOWER).convert("L").resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(encoded[2, 0], np.asarray(resized))
    assert codec.remarks(frame_of(paths)) == [
        "1 of 3 images resized to 8x8 (from 64x96)",
        "1 of 3 images converted to grayscale",
    ]


def test_large_images_become_a_square_of_max_side() -> None:
    assert Pixels("image", max_side=32).fit(frame_of(FLOWER[None])).size == (32, 32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no image "),
        (lambda path: path.write_bytes(b"no image"), " is corrupt or not an image: "),
        (lambda path: path.mkdir(), " is a folder. Allowed: the path of an image."),
    ],
    ids=["missing", "damaged", "folder"],
)
def test_invalid_image_is_refused_by_name(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "photo.png"
    make(path)  # type: ignore[operator]
    codec = Pixels("image", size=(8, 8), color="grayscale")
    with pytest.raises(DataError) as refused:
        codec.encode(frame_of(np.array([str(path)], dtype=object)))
    assert str(path) in str(refused.value)
    assert message in str(refused.value)
