"""Augmentation: random changes of the training images, new in every epoch (S07, S17).

flip      mirrors half of the images from left to right
crop      shifts each image by up to an eighth of each side and repeats the edge pixels
rotate    rotates each image by up to 15 degrees and repeats the edge pixels
scale     enlarges or shrinks each image around its center, by a factor of up to 1.33
mosaic    divides half of the images into four fields, and fills three of them with the
          same fields of other images of the batch
color     multiplies brightness, contrast and (color images) saturation by 0.8 to 1.2
hue       rotates the hue of each color image by up to 18 degrees of the color circle

Each function changes a whole batch of images with values from 0 to 1. All random
numbers come from one generator, which the loop derives from seed, epoch and step.
A mask gets the same random numbers as its image and keeps whole class numbers. Boxes
move with their image and are cut off at its edges; a box of which less than a fifth is
left is dropped. `rotate` is refused, because a box around a rotated box is larger than
its object. `mosaic` needs masks or boxes: a mosaic has no single class.

Shapes:   (batch, channel, height, width) -> the same; masks (batch, height, width)
Source:   flip and crop as He et al. 2016; color as Howard 2013; mosaic as Bochkovskiy
          et al. 2020, where the four images are also moved.
Example:  >>> x = torch.arange(6.0).reshape(1, 1, 2, 3)
          >>> generator = torch.Generator().manual_seed(1)
          >>> [flip(x, generator)[0, 0, 0].tolist() for _ in range(3)]
          [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, pi
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError

Name = Literal["flip", "crop", "rotate", "scale", "mosaic", "color", "hue"]
_SHIFT, _ANGLE, _SPREAD = 8, 15 * pi / 180, 0.2
_ZOOM, _HUE = log(4 / 3), 18 * pi / 180
_BRIGHTNESS = (0.299, 0.587, 0.114)
_MIN_VISIBLE = 0.2  # of the area of a box


@dataclass(frozen=True)
class Augment:
    """Applies several augmentations in order to the first input and to the masks.

    masks:    positions of the targets that are masks
    boxes:    positions of the targets that are padded boxes
    Raises:   TaskError for `rotate` with boxes, for `mosaic` without boxes and masks,
              and for `hue` with gray images.
    """

    names: tuple[Name, ...]
    masks: tuple[int, ...] = ()
    boxes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.boxes and "rotate" in self.names:
            raise TaskError(
                "input.augment: boxes cannot be rotated with their image",
                got=", ".join(self.names),
                allowed=", ".join(name for name in _KINDS if name not in ("rotate",)),
            )
        if "mosaic" in self.names and not self.boxes and not self.masks:
            raise TaskError(
                "input.augment=mosaic is for boxes and masks: a mosaic has no single class",
                got=", ".join(self.names),
                allowed=", ".join(name for name in _KINDS if name not in ("mosaic",)),
            )

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Returns the batch with changed images."""
        images, *rest = batch.inputs
        if "hue" in self.names and images.shape[1] != 3:
            raise TaskError(
                "input.augment=hue changes colors, and these images are gray",
                do="Leave it out, or set input.color=rgb",
            )
        targets = list(batch.targets)
        for name in self.names:
            state = generator.get_state()
            images = _KINDS[name](images, generator)
            for index in self.masks if name not in COLORS else ():
                same = Generator().set_state(state)
                targets[index] = _KINDS[name](targets[index].unsqueeze(1), same).squeeze(1)
            for index in self.boxes if name in MOVES_OF_BOXES else ():
                same = Generator().set_state(state)
                targets[index] = MOVES_OF_BOXES[name](targets[index], images.shape[2:], same)
        return replace(batch, inputs=(images, *rest), targets=tuple(targets))

    def describe(self) -> str:
        """Returns the names of the augmentations for tables and reports."""
        return f"{', '.join(self.names)} (only during training)"


def flip(x: Tensor, generator: Generator) -> Tensor:
    """Mirrors half of the images from left to right."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def crop(x: Tensor, generator: Generator) -> Tensor:
    """Shifts each image by up to an eighth of its sides."""
    images = torch.arange(len(x))[:, None, None]
    rows, columns = (_shifted_indices(len(x), side, generator) for side in x.shape[2:])
    return x.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def flip_boxes(boxes: Tensor, size: Sequence[int], generator: Generator) -> Tensor:
    """Mirrors the boxes of the images that `flip` mirrors.

    Shapes:   (batch, box, 5) label and corners as fractions -> the same
    """
    mirrored = torch.rand(len(boxes), 1, 1, 1, generator=generator)[:, 0] < 0.5
    label, left, top, right, bottom = boxes.split(1, dim=2)
    flipped = torch.cat([label, 1 - right, top, 1 - left, bottom], dim=2)
    return boxes.where(~(mirrored & (label >= 0)), flipped)


def crop_boxes(boxes: Tensor, size: Sequence[int], generator: Generator) -> Tensor:
    """Shifts boxes as `crop` shifts their images."""
    rows, columns = (_shifts(len(boxes), side, generator) for side in size)
    down, right = rows / size[0], columns / size[1]
    moved = boxes[..., 1:] - torch.stack([right, down] * 2, dim=2)
    return _cut_off(boxes, moved, (0, 0, 1, 1))


def scale(x: Tensor, generator: Generator) -> Tensor:
    """Enlarges or shrinks each image around its center, and repeats the edge pixels."""
    zoom = _zooms(len(x), generator)
    zero = torch.zeros(len(x))
    changes = torch.stack([1 / zoom, zero, zero, zero, 1 / zoom, zero], dim=1)
    return _resampled(x, changes.reshape(-1, 2, 3))


def scale_boxes(boxes: Tensor, size: Sequence[int], generator: Generator) -> Tensor:
    """Enlarges or shrinks boxes as `scale` does their images."""
    zoom = _zooms(len(boxes), generator)[:, None, None]
    return _cut_off(boxes, 0.5 + zoom * (boxes[..., 1:] - 0.5), (0, 0, 1, 1))


def mosaic(x: Tensor, generator: Generator) -> Tensor:
    """Fills three of four fields of half of the images with those of other images."""
    others, row, column = _mosaic_plan(len(x), x.shape[2:], generator)
    upper = (torch.arange(x.shape[2]) < row)[:, None, :, None]
    left = (torch.arange(x.shape[3]) < column)[:, None, None, :]
    top = x.where(left, x[others[:, 0]])
    return top.where(upper, x[others[:, 1]].where(left, x[others[:, 2]]))


def mosaic_boxes(boxes: Tensor, size: Sequence[int], generator: Generator) -> Tensor:
    """Returns the boxes in the four fields of each image, cut off at the fields.

    Shapes:   (batch, box, 5) -> (batch, other box, 5), as many as the fullest image has
    """
    others, row, column = _mosaic_plan(len(boxes), size, generator)
    y, x = row / size[0], column / size[1]
    zero, one = torch.zeros_like(y), torch.ones_like(y)
    top_left = _cut_off(boxes, boxes[..., 1:], (zero, zero, x, y))
    fields = [(x, zero, one, y), (zero, y, x, one), (x, y, one, one)]
    parts = [
        _cut_off(boxes[others[:, number]], boxes[others[:, number], :, 1:], field)
        for number, field in enumerate(fields)
    ]
    together = torch.cat([top_left, *parts], dim=1)
    order = (together[..., 0] < 0).to(torch.uint8).argsort(dim=1, stable=True)
    together = together.gather(1, order[..., None].expand(-1, -1, 5))
    fullest = int((together[..., 0] >= 0).sum(dim=1).max())
    return together[:, : max(1, fullest)]


def rotate(x: Tensor, generator: Generator) -> Tensor:
    """Rotates each image around its center.

    Floating-point values are interpolated; class numbers come from the nearest pixel.
    """
    angle = _ANGLE * _uniform(len(x), generator)
    height, width = x.shape[2:]
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros(len(x))
    changes = torch.stack(
        [cos, -sin * height / width, zero, sin * width / height, cos, zero], dim=1
    )
    return _resampled(x, changes.reshape(-1, 2, 3))


def color(x: Tensor, generator: Generator) -> Tensor:
    """Changes brightness, contrast and saturation of each image."""
    bright, contrast, saturation = (1 + _SPREAD * _uniform(3 * len(x), generator)).reshape(
        3, -1, 1, 1, 1
    )
    x = x * bright
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = middle + contrast * (x - middle)
    if x.shape[1] == 3:
        gray = (x * torch.tensor(_BRIGHTNESS).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        x = gray + saturation * (x - gray)
    return x.clamp(0, 1)


def hue(x: Tensor, generator: Generator) -> Tensor:
    """Rotates the colors of each image around the axis of gray.

    Brightness stays, up to values that leave 0..1.
    """
    angle = _HUE * _uniform(len(x), generator)
    red, green, blue = _BRIGHTNESS
    # the two axes of color in which gray is 0, as weighted by ITU-R BT.601
    to_axes = torch.tensor([[red, green, blue], [1 - red, -green, -blue], [-red, -green, 1 - blue]])
    axis_u, axis_v = 0.877, 0.492  # of red minus and blue minus brightness
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros(len(x))
    one = zero + 1
    ratio = axis_v / axis_u
    rotation = torch.stack(
        [one, zero, zero, zero, cos, sin * ratio, zero, -sin / ratio, cos], dim=1
    ).reshape(-1, 3, 3)
    changes = torch.linalg.inv(to_axes) @ rotation @ to_axes
    turned = torch.bmm(changes, x.flatten(2)).reshape(x.shape)
    return turned.clamp(0, 1)


def _resampled(x: Tensor, changes: Tensor) -> Tensor:
    """Returns images whose pixels come from other places, and repeats the edge pixels.

    Floating-point values are interpolated; class numbers come from the nearest pixel.

    changes:  (batch, 2, 3) from a place in the new image to that in the old one, both
              from -1 to 1
    """
    grid = functional.affine_grid(changes, list(x.shape), align_corners=False)
    if x.is_floating_point():
        return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    nearest = functional.grid_sample(
        x.float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    return nearest.to(x.dtype)


def _cut_off(
    boxes: Tensor,
    moved: Tensor,
    field: tuple[Tensor | float, Tensor | float, Tensor | float, Tensor | float],
) -> Tensor:
    """Returns moved boxes cut off at the edges of a field; padding where too little of
    a box is left.

    moved:    (batch, box, 4) the corners after the move
    field:    x_min, y_min, x_max, y_max, each a number or (batch, 1)
    """
    left, top, right, bottom = (
        moved[..., number].clamp(
            torch.as_tensor(field[number % 2]), torch.as_tensor(field[2 + number % 2])
        )
        for number in range(4)
    )
    area = (moved[..., 2] - moved[..., 0]) * (moved[..., 3] - moved[..., 1])
    visible = (right - left) * (bottom - top)
    is_left = (boxes[..., 0] >= 0) & (visible > 0) & (visible >= _MIN_VISIBLE * area)
    cut = torch.stack([boxes[..., 0], left, top, right, bottom], dim=2)
    return cut.where(is_left[..., None], torch.tensor([-1.0, 0, 0, 0, 0]))


def _zooms(count: int, generator: Generator) -> Tensor:
    """Returns by how much each image is enlarged."""
    return (_ZOOM * _uniform(count, generator)).exp()


def _mosaic_plan(
    count: int, size: Sequence[int], generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns three other images for each image, and where the fields meet: the row and
    the column. Images that are no mosaic have all of their own field.

    Shapes:   (batch, 3), (batch, 1), (batch, 1)
    """
    is_mosaic = torch.rand(count, 1, generator=generator) < 0.5
    others = torch.randint(count, (count, 3), generator=generator)
    row, column = (
        (side * (0.25 + 0.5 * torch.rand(count, 1, generator=generator)))
        .long()
        .where(is_mosaic, torch.tensor(side))
        for side in size
    )
    return others, row, column


def _shifted_indices(count: int, side: int, generator: Generator) -> Tensor:
    """Returns for each image the source index of every pixel along one side."""
    return (torch.arange(side) + _shifts(count, side, generator)).clamp(0, side - 1)


def _shifts(count: int, side: int, generator: Generator) -> Tensor:
    """Returns by how many pixels each image is shifted along one side."""
    max_shift = max(1, side // _SHIFT)
    return torch.randint(-max_shift, max_shift + 1, (count, 1), generator=generator)


def _uniform(count: int, generator: Generator) -> Tensor:
    """Draws random numbers from -1 to 1."""
    return 2 * torch.rand(count, generator=generator) - 1


_KINDS: dict[Name, Callable[[Tensor, Generator], Tensor]] = {
    "flip": flip,
    "crop": crop,
    "rotate": rotate,
    "scale": scale,
    "mosaic": mosaic,
    "color": color,
    "hue": hue,
}
COLORS: tuple[Name, ...] = ("color", "hue")
MOVES_OF_BOXES: dict[Name, Callable[[Tensor, Sequence[int], Generator], Tensor]] = {
    "flip": flip_boxes,
    "crop": crop_boxes,
    "scale": scale_boxes,
    "mosaic": mosaic_boxes,
}
