"""Heat images: every level has its own color, so the numbers can be read back."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from kissipo.report.heat_image import GAP, Heat, heat_of, palette, quantized


def pixels(heat: Heat) -> np.ndarray:
    data = base64.b64decode(heat.address.split(",")[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def numbers(heat: Heat) -> np.ndarray:
    """The values that an image shows; NaN where there is none."""
    place = {tuple(color): index - 128 for index, color in enumerate(palette().tolist())}
    values = np.array(
        [[place.get(tuple(point), -128) for point in row] for row in pixels(heat).tolist()],
        dtype=float,
    )
    return np.where(values == -128, np.nan, values / 127 * heat.maximum)


def test_each_level_has_its_color_and_zero_is_white() -> None:
    colors = palette()
    assert colors.shape == (256, 3) and len(np.unique(colors, axis=0)) == 256
    assert colors[128].tolist() == [255, 255, 255]
    assert (
        colors[255][0] > colors[255][2] and colors[1][2] > colors[1][0]
    )  # red above zero, blue below


def test_a_plane_is_read_back_to_a_254th_of_the_maximum() -> None:
    states = np.random.default_rng(0).normal(size=(50, 20))  # time, unit
    heat = heat_of(states, ("time", "unit"))
    assert (heat.kind, heat.width, heat.height) == ("plane", 50, 20)
    np.testing.assert_allclose(numbers(heat), states.T, atol=heat.maximum / 254 + 1e-9)
    assert heat.maximum == np.abs(states).max() and "time from left to right" in heat.note


def test_maps_stand_side_by_side_in_one_scale() -> None:
    maps = np.random.default_rng(1).normal(size=(6, 5, 7))
    heat = heat_of(maps, ("channel", "height", "width"))
    values = numbers(heat)
    for number, channel in enumerate(maps):
        y, x = number // heat.columns * (5 + GAP), number % heat.columns * (7 + GAP)
        np.testing.assert_allclose(
            values[y : y + 5, x : x + 7], channel, atol=heat.maximum / 254 + 1e-9
        )
    assert "all 6 channels" in heat.note


def test_of_many_maps_the_first_are_shown_and_large_ones_are_averaged() -> None:
    maps = np.arange(64 * 128 * 128, dtype=np.float32).reshape(64, 128, 128)
    heat = heat_of(maps, ("channel", "height", "width"))
    assert (
        heat.per_item == 2 and heat.map_height == 64 and "the first 16 of 64 channels" in heat.note
    )
    assert numbers(heat)[0, 0] == pytest.approx(maps[0, :2, :2].mean(), abs=heat.maximum / 254)


def test_a_vector_is_a_strip_in_rows() -> None:
    values = np.linspace(-1, 1, 300)
    heat = heat_of(values, ("feature",))
    assert (heat.width, heat.height) == (128, 3) and "300 numbers" in heat.note
    np.testing.assert_allclose(numbers(heat).reshape(-1)[:300], values, atol=1 / 254 + 1e-9)


def test_nan_is_yellow_and_does_not_count() -> None:
    values, maximum = quantized(np.array([np.nan, np.inf, -np.inf, 2.0, -1.0]))
    assert values.tolist() == [-128, -128, -128, 127, -64] and maximum == 2.0
    heat = heat_of(np.array([np.nan, 2.0]), ("feature",))
    assert pixels(heat)[0, 0].tolist() == [255, 214, 0]
    assert quantized(np.array([np.nan]))[1] == 1.0


def test_a_grid_with_every_level_and_no_number_fits_in_a_png() -> None:
    maps = np.linspace(-1, 1, 2 * 20 * 20).reshape(2, 20, 20)
    maps[0, 0, 0] = np.nan
    heat = heat_of(maps, ("channel", "height", "width"))
    np.testing.assert_allclose(numbers(heat)[:20, :20], maps[0], atol=1 / 254 + 1e-9)


@pytest.mark.parametrize(
    "shape", [(), (0,), (0, 3), (2, 0, 4), (1,), (1, 1), (1, 1, 1), (2, 3, 4, 5)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, np.complex64])
def test_heat_image_accepts_any_shape_and_dtype(shape: tuple[int, ...], dtype: type) -> None:
    heat = heat_of(np.ones(shape, dtype=dtype), [f"axis {index}" for index in range(len(shape))])
    assert heat.address.startswith("data:image/png") and heat.width >= 1 and heat.height >= 1


def test_heat_image_shows_a_photo_unchanged() -> None:
    image = np.random.default_rng(2).uniform(size=(3, 9, 9)).astype(np.float32)
    heat = heat_of(image, ("channel", "height", "width"))
    assert heat.kind == "photo"
    np.testing.assert_allclose(pixels(heat) / 255, image.transpose(1, 2, 0), atol=1 / 500)


def test_a_large_image_is_made_smaller() -> None:
    heat = heat_of(
        np.full((1, 300, 400), 0.75, dtype=np.float32),
        ("channel", "height", "width"),
        points=30_000,
    )
    assert (heat.kind, heat.width, heat.height, heat.per_item) == ("photo", 200, 150, 2)
    assert (
        np.unique(pixels(heat)).tolist() == [191]
        and heat.note == "each point the mean of 2x2 pixels"
    )
