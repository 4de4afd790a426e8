"""Masks in the forms in which people keep them, beside Pillow and numpy by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kissipo.codec.mask import VOID, MaskCodec
from kissipo.core.frame import Frame, image_column, strings


def paths(*files: str | None) -> Frame:
    values = np.empty(len(files), dtype=object)
    values[:] = files
    return Frame((image_column("mask", values),))


def test_soft_edge_of_a_mask_is_cut_at_half_brightness() -> None:
    steps = np.arange(0, 256, 4, dtype=np.uint8)
    Image.fromarray(np.tile(steps, (4, 1))).save("soft.png")
    codec = MaskCodec("crack", size=(4, 64)).fit(paths("soft.png"))
    assert (codec.classes, codec.values) == (("nothing", "crack"), None)
    assert (
        codec.encode(paths("soft.png"))[0].tolist()
        == np.tile((steps >= 128).astype(int), (4, 1)).tolist()
    )


def test_resized_pixel_has_the_the_majority_class() -> None:
    mask = np.zeros((4, 8), dtype=np.uint8)
    mask[:3, :2], mask[0, 4:6] = 255, 255  # 6 of 8 pixels of the first quarter, 2 of 8 of the third
    Image.fromarray(mask).save("m.png")
    codec = MaskCodec("crack", size=(1, 4)).fit(paths("m.png"))
    assert codec.encode(paths("m.png"))[0].tolist() == [[1, 0, 0, 0]]


def test_few_values_are_classes() -> None:
    Image.fromarray(np.array([[0, 7, 7], [3, 0, 7]], dtype=np.uint8)).save("a.png")
    Image.fromarray(np.array([[3, 3, 3], [0, 0, 0]], dtype=np.uint8)).save("b.png")
    frame = paths("a.png", "b.png", None)
    codec = MaskCodec("part", size=(2, 3)).fit(frame)
    assert codec.classes == ("nothing", "3", "7")
    encoded = codec.encode(frame)
    assert encoded.tolist() == [
        [[0, 2, 2], [1, 0, 2]],
        [[1, 1, 1], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]
    assert codec.decode(encoded)["mask"].values[0].tolist() == [[0, 7, 7], [3, 0, 7]]


def test_palette_index_is_the_class_and_255_is_void() -> None:
    image = Image.fromarray(np.array([[0, 1, 255], [2, 2, 255]], dtype=np.uint8), mode="P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [224, 224, 192] * 253)
    image.save("voc.png")
    codec = MaskCodec("thing", size=(2, 3)).fit(paths("voc.png"))
    assert codec.classes == ("nothing", "1", "2")
    assert codec.encode(paths("voc.png"))[0].tolist() == [[0, 1, VOID], [2, 2, VOID]]


def test_class_that_is_unseen_is_not_evaluated() -> None:
    Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).save("train.png")
    Image.fromarray(np.array([[9, 1, 0]], dtype=np.uint8)).save("test.png")
    codec = MaskCodec("part", size=(1, 3)).fit(paths("train.png"))
    assert codec.encode(paths("test.png"))[0].tolist() == [[VOID, 1, 0]]
    assert codec.remarks(paths("train.png", "test.png")) == [
        "pixels of the classes 9, which are not in the training split, are not evaluated"
    ]
    assert codec.remarks(paths("train.png")) == []


def test_marked_pixels_have_the_class_of_the_image() -> None:
    masks = np.zeros((3, 2, 2), dtype=np.uint8)
    masks[0, 0, 0] = masks[1, 1, 1] = 255
    frame = Frame((image_column("mask", masks), strings("class", ["scratch", "dent", "fine"])))
    codec = MaskCodec("class", by="class", size=(2, 2)).fit(frame)
    assert codec.classes == ("nothing", "dent", "scratch")
    assert codec.encode(frame).tolist() == [[[2, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0], [0, 0]]]


def test_resized_masks_keep_their_area(data: Path) -> None:
    """Areas beside those counted at full size by numpy alone."""
    files = sorted(str(path) for path in (data / "magnetic-tile" / "MT_Fray").glob("*.png"))
    codec = MaskCodec("defect", size=(96, 96)).fit(paths(*files))
    assert codec.classes == ("nothing", "defect")
    areas = codec.encode(paths(*files)).double().mean(dim=(1, 2)).numpy()
    whole = [float((np.asarray(Image.open(file)) >= 128).mean()) for file in files]
    assert areas == pytest.approx(whole, abs=0.005)
