"""Augmentation: equal to loops over images, SciPy and Pillow; training only.

It is a pure function of seed, epoch and step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy.ndimage import affine_transform
from torch import Generator, Tensor

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.core.seeds import torch_generator
from kissipo.input import augment
from kissipo.input.augment import Augment, Name

NAMES = get_args(Name)
SHAPES = [(40, 3, 12, 20), (7, 1, 28, 28), (3, 3, 1, 1), (1, 1, 5, 9)]


def images(shape: tuple[int, ...]) -> Tensor:
    torch.manual_seed(0)
    return torch.rand(shape)


def generator(seed: int = 1) -> Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_augment_keeps_shape_and_range_and_depends_on_the_generator(name: Name, shape: Any) -> None:
    x = images(shape)
    before, target = x.clone(), torch.arange(len(x))
    if name == "hue" and shape[1] != 3:
        with pytest.raises(TaskError, match=r"hue changes colors, and these images are gray"):
            Augment((name,))(Batch((x,), (target,)), generator())
        return
    if name == "mosaic":
        change = augment.mosaic(x, generator())
        assert change.shape == x.shape and set(change.flatten().tolist()) <= set(
            x.flatten().tolist()
        )
        return
    batch = Augment((name,))(Batch((x, target), (target,)), generator())
    changed_images = batch.inputs[0]
    assert changed_images.shape == x.shape and changed_images.dtype == x.dtype
    assert bool(((changed_images >= 0) & (changed_images <= 1)).all())
    assert torch.equal(x, before)
    assert batch.inputs[1] is target and batch.targets == (target,)
    assert torch.equal(
        changed_images, Augment((name,))(Batch((x, target), (target,)), generator()).inputs[0]
    )
    if x.numel() > 1000:
        assert not torch.equal(
            changed_images, Augment((name,))(Batch((x, target), (target,)), generator(2)).inputs[0]
        )


def test_flip_mirrors_half_of_the_images() -> None:
    x = images((400, 1, 4, 6))
    changed_images = augment.flip(x, generator())
    flipped = [bool((a == b.flip(2)).all()) for a, b in zip(changed_images, x, strict=True)]
    same = [bool((a == b).all()) for a, b in zip(changed_images, x, strict=True)]
    assert [not flag for flag in flipped] == same
    assert 150 < sum(flipped) < 250


def test_crop_is_a_window_of_the_padded_image() -> None:
    x = images((200, 3, 16, 24))
    changed_images = augment.crop(x, generator()).numpy()
    recorded = set()
    for image, moved in zip(x.numpy(), changed_images, strict=True):
        padded = np.pad(image, [(0, 0), (2, 2), (3, 3)], mode="edge")
        places = [(top, left) for top in range(5) for left in range(7)]
        fits = [
            place
            for place in places
            if np.array_equal(moved, padded[:, place[0] : place[0] + 16, place[1] :][:, :, :24])
        ]
        assert len(fits) == 1
        recorded.add(fits[0])
    assert len(recorded) == 35  # every place occurs


def test_rotate_equals_scipy() -> None:
    x = images((30, 2, 20, 32)).double()
    changed_images = augment.rotate(x.float(), generator()).double().numpy()
    angles = 15 * np.pi / 180 * (2 * torch.rand(30, generator=generator()) - 1).double().numpy()
    middle = np.array([(20 - 1) / 2, (32 - 1) / 2])
    for image, turned, angle in zip(x.numpy(), changed_images, angles, strict=True):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for channel, expected in zip(image, turned, strict=True):
            by_scipy = affine_transform(
                channel, turn, middle - turn @ middle, order=1, mode="nearest"
            )
            np.testing.assert_allclose(expected, by_scipy, atol=2e-5)
    assert np.abs(angles).max() > 13 * np.pi / 180


def test_color_equals_pillow() -> None:
    """Compares the factors with Pillow, which rounds to bytes in between."""
    x = 0.3 + 0.4 * images((6, 3, 10, 10))
    bright, contrast, saturation = (
        (1 + 0.2 * (2 * torch.rand(18, generator=generator()) - 1)).reshape(3, 6).tolist()
    )
    for number, changed_images in enumerate(augment.color(x, generator())):
        image = Image.fromarray((x[number] * 255).round().byte().permute(1, 2, 0).numpy())
        image = ImageEnhance.Brightness(image).enhance(bright[number])
        values = np.asarray(image, dtype=float)
        middle = values.mean()
        values = middle + contrast[number] * (
            values - middle
        )  # Pillow's middle is that of the brightness, rounded
        image = ImageEnhance.Color(Image.fromarray(values.round().astype(np.uint8))).enhance(
            saturation[number]
        )
        assert np.abs(np.asarray(image) - 255 * changed_images.permute(1, 2, 0).numpy()).max() < 3
    gray = images((4, 1, 8, 8))
    assert not torch.equal(augment.color(gray, generator()), gray)


def test_augment_changes_only_training_images_in_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded: list[Tensor] = []
    original = Augment.__call__

    def watch(self: Augment, batch: Batch, generator: Generator) -> Batch:
        changed = original(self, batch, generator)
        recorded.append(changed.inputs[0])
        return changed

    monkeypatch.setattr(Augment, "__call__", watch)
    words = {
        "process.epochs": 2,
        "process.early_stopping": 0,
        "input.batch_size": 200,
        "input.augment": ["flip", "crop"],
    }
    run = ki.load("digits", words=words).fit(seed=5, out="run")
    monkeypatch.undo()
    train = run.pipeline().datasets["train"]
    steps = -(-len(train) // 200)
    assert len(recorded) == 2 * steps + 3  # and three for the gallery of the report
    for number, changed_images in enumerate(recorded[: 2 * steps]):
        epoch, step = 1 + number // steps, number % steps
        order = torch.randperm(len(train), generator=torch_generator(5, "order", epoch))
        batch = train.batch(order[200 * step : 200 * (step + 1)])
        expected = Augment(("flip", "crop"))(batch, torch_generator(5, "augment", epoch, step))
        assert torch.equal(changed_images, expected.inputs[0])
        assert not torch.equal(changed_images, batch.inputs[0])


def test_augment_is_in_the_data_flow_and_in_the_report(
    content_of: Callable[[str], Any], records_of: Callable[..., Any]
) -> None:
    task = ki.load("digits", words={"process.epochs": 1, "input.augment": "rotate"})
    (step,) = [step for step in task.show().steps if step.name == "augment"]
    assert (step.stage, step.description, step.shape) == (
        "input",
        "rotate (only during training)",
        (1, 8, 8),
    )
    task.fit(out="run")
    content = content_of("run/report.html")
    (line,) = records_of(content, "line", "Augmentation")
    galleries = records_of(content, "gallery", "Augmentation")
    assert "augmented anew in every epoch: rotate (only during training)." in line["text"]
    addresses = [group[0]["image"] for item in galleries for group in item["groups"]]
    assert len(addresses) == len(set(addresses)) == 16
    assert [item["captions"][0] for item in galleries] == ["original"] * 4


def test_augment_unknown_name_is_refused() -> None:
    with pytest.raises(
        ki.UserError,
        match=r"input.augment must be one of flip, crop, rotate, scale, mosaic, color, hue, or a",
    ):
        ki.load("digits", words={"input.augment": ["flop"]}).show()


@pytest.mark.parametrize("name", ["flip", "crop", "rotate", "scale", "mosaic", "color"])
def test_augment_moves_a_mask_as_its_image(name: Name) -> None:
    """Marked pixels are bright and stay bright; class numbers stay whole."""
    mask = torch.zeros(20, 24, 30, dtype=torch.uint8)
    mask[:, 5:14, 3:15], mask[:, 15:20, 20:26] = 1, 3
    mask[10:] = mask[10:].flip(1)
    changed = Augment((name,), (1,))(
        Batch((mask.float()[:, None] / 3,), (torch.zeros(20), mask)),
        torch.Generator().manual_seed(2),
    )
    bright, moved = changed.inputs[0][:, 0], changed.targets[1]
    assert (moved.dtype, set(moved.unique().tolist())) == (torch.uint8, {0, 1, 3})
    inner = -torch.nn.functional.max_pool2d(
        -torch.nn.functional.max_pool2d((moved > 0).float(), 3, 1, 1), 3, 1, 1
    )
    rim = torch.nn.functional.max_pool2d((moved > 0).float(), 5, 1, 2) - inner * 0 > 0
    if name == "color":
        assert torch.equal(moved, mask)
    elif name in ("rotate", "scale"):
        assert bright[~rim].abs().max() < 1e-6  # far from what is marked nothing is bright
        assert ((bright - moved / 3).abs() < 0.34).float().mean() > 0.97
    else:
        torch.testing.assert_close(bright, moved / 3)
    assert name == "color" or not torch.equal(moved, mask)


@pytest.mark.parametrize("name", ["flip", "crop", "color"])
def test_augment_moves_boxes_as_their_image(name: Name) -> None:
    """One white rectangle per image; the white pixels say where its box is."""
    images, boxes = torch.zeros(60, 1, 24, 32), torch.zeros(60, 2, 5)
    boxes[..., 0] = -1
    places = torch.Generator().manual_seed(3)
    for row in range(50):  # the others have no box
        top, left = (int(torch.randint(1, side - 9, (1,), generator=places)) for side in (24, 32))
        images[row, :, top : top + 8, left : left + 7] = 1
        boxes[row, 0] = torch.tensor([2, left / 32, top / 24, (left + 7) / 32, (top + 8) / 24])
    batch = Batch((images,), (torch.zeros(60), boxes))
    changed = Augment((name,), boxes=(1,))(batch, generator())
    moved = changed.targets[1]
    assert torch.equal(changed.targets[0], batch.targets[0]) and torch.equal(
        batch.targets[1], boxes
    )
    assert torch.equal(moved[:, 1], boxes[:, 1]) and torch.equal(moved[50:], boxes[50:])
    for image, box in zip(changed.inputs[0][:50], moved[:50, 0], strict=True):
        rows, columns = ((image[0] > 0.5).any(dim=1 - axis).nonzero().flatten() for axis in (0, 1))
        expected = [2, columns[0] / 32, rows[0] / 24, (columns[-1] + 1) / 32, (rows[-1] + 1) / 24]
        assert box.tolist() == pytest.approx([float(value) for value in expected], abs=1e-6)
    assert name == "color" or not torch.equal(moved, boxes)


def coded(count: int) -> tuple[Tensor, Tensor]:
    """Returns images with two rectangles, each of its own brightness, and boxes."""
    x, boxes = torch.zeros(count, 1, 24, 32), torch.zeros(count, 2, 5)
    places = torch.Generator().manual_seed(5)
    for row in range(count):
        for number in range(2):
            left = int(torch.randint(1 + 16 * number, 9 + 16 * number, (1,), generator=places))
            top = int(torch.randint(1, 14, (1,), generator=places))
            x[row, 0, top : top + 9, left : left + 6] = (2 * row + number + 1) / 100
            corners = [left / 32, top / 24, (left + 6) / 32, (top + 9) / 24]
            boxes[row, number] = torch.tensor([2 * row + number, *corners])
    return x, boxes


def test_mosaic_boxes_are_around_the_pixels_that_are_left_of_their_objects() -> None:
    """The brightness of a pixel says to which object it belongs; a loop counts them."""
    x, boxes = coded(40)
    changed = Augment(("mosaic",), boxes=(0,))(Batch((x,), (boxes,)), generator(4))
    pixels, moved = changed.inputs[0][:, 0], changed.targets[0]
    fields = 0
    for image, own in zip(pixels, moved, strict=True):
        length = int((own[:, 0] >= 0).sum())
        assert (own[length:] == torch.tensor([-1.0, 0, 0, 0, 0])).all()
        listed = {int(box[0]): box[1:].tolist() for box in own[:length]}
        fields += len(listed) > 2
        objects = {round(float(value) * 100) - 1 for value in image.unique() if value > 0}
        for label in objects:
            rows, columns = ((image * 100).round() == label + 1).nonzero().T
            visible = len(rows) / 54
            if visible < 0.2:
                assert label not in listed
                continue
            expected = [columns.min() / 32, rows.min() / 24, (columns.max() + 1) / 32,
                        (rows.max() + 1) / 24]  # fmt: skip
            # of an object that is left in two fields, one box is listed last
            if visible * 54 == (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1):
                assert listed[label] == pytest.approx([float(v) for v in expected], abs=1e-6)
        assert set(listed) <= objects
    assert 5 < fields < 35  # about half of the images are mosaics
    assert moved.shape[1] == int((moved[..., 0] >= 0).sum(dim=1).max())


def test_scale_moves_boxes_as_their_image_by_hand() -> None:
    """A box of 10 to 30 of 40 pixels, enlarged by 1.2 around 20, goes from 8 to 32."""
    torch.testing.assert_close(
        augment._cut_off(torch.tensor([[[3.0, 0.25, 0.25, 0.75, 0.75]]]),
                         0.5 + 1.2 * (torch.tensor([[[0.25, 0.25, 0.75, 0.75]]]) - 0.5),
                         (0, 0, 1, 1)),
        torch.tensor([[[3.0, 8 / 40, 8 / 40, 32 / 40, 32 / 40]]]),
    )  # fmt: skip
    x, boxes = coded(40)
    bright = (x > 0).float()
    batch = Augment(("scale",), boxes=(0,))(Batch((bright,), (boxes,)), generator(4))
    count = 0
    for image, own in zip(batch.inputs[0][:, 0], batch.targets[0], strict=True):
        for label, left, top, right, bottom in own.tolist():
            if label < 0:
                continue
            inside = image[
                math.ceil(top * 24) : int(bottom * 24), math.ceil(left * 32) : int(right * 32)
            ]
            assert (inside > 0.5).float().mean() > 0.9
            image[math.floor(top * 24) - 1 : math.ceil(bottom * 24) + 1,
                  max(0, math.floor(left * 32) - 1) : math.ceil(right * 32) + 1] = 0  # fmt: skip
            count += 1
    assert count > 70
    zooms = augment._zooms(1000, generator())
    assert 0.75 <= zooms.min() < 0.8 and 1.28 < zooms.max() <= 4 / 3


def test_hue_rotates_colors_and_keeps_gray_and_brightness() -> None:
    x = 0.3 + 0.4 * images((20, 3, 8, 8))
    gray = x[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(augment.hue(gray, generator()), gray)
    changed = augment.hue(x, generator())
    weights = torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]
    torch.testing.assert_close((changed * weights).sum(dim=1), (x * weights).sum(dim=1))
    angles = augment._HUE * augment._uniform(20, generator())
    for image, moved, angle in zip(x, changed, angles.tolist(), strict=True):
        before, after = (_chroma(pixels) for pixels in (image, moved))
        turned = before * np.exp(1j * angle)
        np.testing.assert_allclose(after, turned, atol=1e-5)


def _chroma(pixels: Tensor) -> Any:
    """Returns the colors as complex numbers: 0.492 (B - Y) + 0.877 (R - Y) i."""
    red, green, blue = pixels.double().numpy()
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    return 0.492 * (blue - brightness) + 1j * 0.877 * (red - brightness)


def test_mosaic_without_boxes_and_masks_is_refused() -> None:
    with pytest.raises(TaskError, match=r"a mosaic has no single class; got flip, mosaic"):
        Augment(("flip", "mosaic"))


def test_crop_drops_a_box_that_leaves_its_image_and_rotate_is_refused() -> None:
    boxes = torch.tensor([[[1.0, 0.0, 0.0, 0.03, 0.03], [0.0, 0.3, 0.3, 0.6, 0.6]]])
    boxes = boxes.repeat(200, 1, 1)
    moved = augment.crop_boxes(boxes, (40, 40), generator())
    gone = moved[:, 0, 0] < 0
    assert 0 < gone.sum() < 200 and not moved[:, 0, 1:][gone].any()
    assert (moved[:, 1, 0] == 0).all()
    with pytest.raises(TaskError, match=r"boxes cannot be rotated .* got rotate\. Allowed: flip"):
        Augment(("rotate",), boxes=(0,))
