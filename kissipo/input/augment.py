"""Augmentation: random changes of the training images, new in every epoch (S07, S17).

flip      mirrors half of the images from left to right
crop      shifts each image by up to an eighth of each side and repeats the edge pixels
rotate    rotates each image by up to 15 degrees and repeats the edge pixels
color     multiplies brightness, contrast and (color images) saturation by 0.8 to 1.2

Each function changes a whole batch of images with values from 0 to 1. All random
numbers come from one generator, which the loop derives from seed, epoch and step.
A mask gets the same random numbers as its image and keeps whole class numbers. Boxes
are flipped and shifted with their image, and cut off at its edges; `rotate` is refused,
because a box around a rotated box is larger than its object.

Shapes:   (batch, channel, height, width) -> the same; masks (batch, height, width)
Source:   flip and crop as He et al. 2016; color as Howard 2013.
Example:  >>> x = torch.arange(6.0).reshape(1, 1, 2, 3)
          >>> generator = torch.Generator().manual_seed(1)
          >>> [flip(x, generator)[0, 0, 0].tolist() for _ in range(3)]
          [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import pi
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError

Name = Literal["flip", "crop", "rotate", "color"]
_SHIFT, _ANGLE, _SPREAD = 8, 15 * pi / 180, 0.2
_BRIGHTNESS = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Augment:
    """Applies several augmentations in order to the first input and to the masks.

    masks:    positions of the targets that are masks
    boxes:    positions of the targets that are padded boxes
    Raises:   TaskError for `rotate` with boxes.
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

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Returns the batch with changed images."""
        images, *rest = batch.inputs
        targets = list(batch.targets)
        for name in self.names:
            state = generator.get_state()
            images = _KINDS[name](images, generator)
            for index in self.masks if name != "color" else ():
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
    """Shifts boxes as `crop` shifts their images; a box that leaves its image is
    dropped."""
    rows, columns = (_shifts(len(boxes), side, generator) for side in size)
    down, right = rows / size[0], columns / size[1]
    corners = (boxes[..., 1:] - torch.stack([right, down] * 2, dim=2)).clamp(0, 1)
    inside = (corners[..., 2:] > corners[..., :2]).all(dim=2, keepdim=True) & (boxes[..., :1] >= 0)
    empty = torch.tensor([-1.0, 0, 0, 0, 0]).to(boxes)
    return torch.cat([boxes[..., :1], corners], dim=2).where(inside, empty)


def rotate(x: Tensor, generator: Generator) -> Tensor:
    """Rotates each image around its center.

    Floating-point values are interpolated; class numbers come from the nearest pixel.
    """
    angle = _ANGLE * _uniform(len(x), generator)
    height, width = x.shape[2:]
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros(len(x))
    rotation = torch.stack(
        [cos, -sin * height / width, zero, sin * width / height, cos, zero], dim=1
    ).reshape(-1, 2, 3)
    grid = functional.affine_grid(rotation, list(x.shape), align_corners=False)
    if x.is_floating_point():
        return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    nearest = functional.grid_sample(
        x.float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    return nearest.to(x.dtype)


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
    "color": color,
}
MOVES_OF_BOXES: dict[Name, Callable[[Tensor, Sequence[int], Generator], Tensor]] = {
    "flip": flip_boxes,
    "crop": crop_boxes,
}
