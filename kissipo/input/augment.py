"""Augmentation: images changed at random while learning, so that no two epochs show the same ones (S07, S17).

flip      left and right exchanged, in half of the images
crop      moved by up to an eighth of each side; the rim is repeated
rotate    turned by up to 15 degrees; the rim is repeated
color    brightness, contrast and, of color images, saturation times 0.8 to 1.2

Whole batches at once, on images from 0 to 1. All dice come from one generator, which the loop makes of seed, epoch and step.
A mask moves as its image does, by the same dice, and stays made of whole class numbers.

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
    """Changes one after the other, of the first input and of the targets that are masks.

    masks:    which of the targets are
    """

    names: tuple[Name, ...]
    masks: tuple[int, ...] = ()

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its images changed."""
        images, *rest = batch.inputs
        targets = list(batch.targets)
        for name in self.names:
            state = generator.get_state()
            images = _KINDS[name](images, generator)
            for at in self.masks if name != "color" else ():
                same = Generator().set_state(state)
                targets[at] = _KINDS[name](targets[at].unsqueeze(1), same).squeeze(1)
        return replace(batch, inputs=(images, *rest), targets=tuple(targets))

    def describe(self) -> str:
        """In a few words."""
        return f"{', '.join(self.names)} (only while learning)"


def flip(x: Tensor, generator: Generator) -> Tensor:
    """Left and right exchanged in half of the images."""
    turned = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(turned, x.flip(3), x)


def crop(x: Tensor, generator: Generator) -> Tensor:
    """Each image moved by up to an eighth of its sides."""
    images = torch.arange(len(x))[:, None, None]
    rows, columns = (_moved(len(x), side, generator) for side in x.shape[2:])
    return x.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def rotate(x: Tensor, generator: Generator) -> Tensor:
    """Each image turned around its middle: numbers between their neighbors, class numbers from the nearest."""
    angle = _ANGLE * _both_ways(len(x), generator)
    height, width = x.shape[2:]
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros(len(x))
    turn = torch.stack(
        [cos, -sin * height / width, none, sin * width / height, cos, none], dim=1
    ).reshape(-1, 2, 3)
    places = functional.affine_grid(turn, list(x.shape), align_corners=False)
    if x.is_floating_point():
        return functional.grid_sample(x, places, padding_mode="border", align_corners=False)
    near = functional.grid_sample(
        x.float(), places, mode="nearest", padding_mode="border", align_corners=False
    )
    return near.to(x.dtype)


def color(x: Tensor, generator: Generator) -> Tensor:
    """Each image brighter or darker, with more or less contrast and color."""
    bright, contrast, saturation = (1 + _SPREAD * _both_ways(3 * len(x), generator)).reshape(
        3, -1, 1, 1, 1
    )
    x = x * bright
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = middle + contrast * (x - middle)
    if x.shape[1] == 3:
        gray = (x * torch.tensor(_BRIGHTNESS).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        x = gray + saturation * (x - gray)
    return x.clamp(0, 1)


def _moved(count: int, side: int, generator: Generator) -> Tensor:
    """For each image the places along one side from which its values come."""
    most = max(1, side // _SHIFT)
    shift = torch.randint(-most, most + 1, (count, 1), generator=generator)
    return (torch.arange(side) + shift).clamp(0, side - 1)


def _both_ways(count: int, generator: Generator) -> Tensor:
    """Numbers from -1 to 1."""
    return 2 * torch.rand(count, generator=generator) - 1


_KINDS: dict[Name, Callable[[Tensor, Generator], Tensor]] = {
    "flip": flip,
    "crop": crop,
    "rotate": rotate,
    "color": color,
}
