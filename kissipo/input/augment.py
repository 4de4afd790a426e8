"""Augmentation: random changes of the training images, new in every epoch (S07, S17).

flip      mirrors half of the images from left to right
crop      shifts each image by up to an eighth of each side and repeats the edge pixels
rotate    rotates each image by up to 15 degrees and repeats the edge pixels
color     multiplies brightness, contrast and (color images) saturation by 0.8 to 1.2

Each function changes a whole batch of images with values from 0 to 1. All random
numbers come from one generator, which the loop derives from seed, epoch and step.
A mask gets the same random numbers as its image and keeps whole class numbers.

Shapes:   (batch, channel, height, width) -> the same; masks (batch, height, width)
Source:   flip and crop as He et al. 2016; color as Howard 2013.
Example:  >>> x = torch.arange(6.0).reshape(1, 1, 2, 3)
          >>> generator = torch.Generator().manual_seed(1)
          >>> [flip(x, generator)[0, 0, 0].tolist() for _ in range(3)]
          [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from kissipo.core.batch import Batch

Name = Literal["flip", "crop", "rotate", "color"]
_SHIFT, _ANGLE, _SPREAD = 8, 15 * pi / 180, 0.2
_BRIGHTNESS = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Augment:
    """Applies several augmentations in order to the first input and to the masks.

    masks:    positions of the targets that are masks
    """

    names: tuple[Name, ...]
    masks: tuple[int, ...] = ()

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
    max_shift = max(1, side // _SHIFT)
    shift = torch.randint(-max_shift, max_shift + 1, (count, 1), generator=generator)
    return (torch.arange(side) + shift).clamp(0, side - 1)


def _uniform(count: int, generator: Generator) -> Tensor:
    """Draws random numbers from -1 to 1."""
    return 2 * torch.rand(count, generator=generator) - 1


_KINDS: dict[Name, Callable[[Tensor, Generator], Tensor]] = {
    "flip": flip,
    "crop": crop,
    "rotate": rotate,
    "color": color,
}
