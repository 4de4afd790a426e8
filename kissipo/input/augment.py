"""Augmentation: pictures changed at random while learning, so that no two epochs show the same ones (S07, S17).

flip      left and right exchanged, in half of the pictures
crop      moved by up to an eighth of each side; the rim is repeated
rotate    turned by up to 15 degrees; the rim is repeated
colour    brightness, contrast and, of colour pictures, saturation times 0.8 to 1.2

Whole batches at once, on pictures from 0 to 1. All dice come from one generator, which the loop makes of seed, epoch and step.
A mask moves as its picture does, by the same dice, and stays made of whole class numbers.

Shapes:   (batch, channel, height, width) -> the same; masks (batch, height, width)
Source:   flip and crop as He et al. 2016; colour as Howard 2013.
Example:  >>> x = torch.arange(6.0).reshape(1, 1, 2, 3)
          >>> dice = torch.Generator().manual_seed(1)
          >>> [flip(x, dice)[0, 0, 0].tolist() for _ in range(3)]
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

    def __call__(self, batch: Batch, dice: Generator) -> Batch:
        """The batch with its pictures changed."""
        pictures, *rest = batch.inputs
        targets = list(batch.targets)
        for name in self.names:
            state = dice.get_state()
            pictures = _KINDS[name](pictures, dice)
            for at in self.masks if name != "color" else ():
                same = Generator().set_state(state)
                targets[at] = _KINDS[name](targets[at].unsqueeze(1), same).squeeze(1)
        return replace(batch, inputs=(pictures, *rest), targets=tuple(targets))

    def tell(self) -> str:
        """In a few words."""
        return f"{', '.join(self.names)} (only while learning)"


def flip(x: Tensor, dice: Generator) -> Tensor:
    """Left and right exchanged in half of the pictures."""
    turned = torch.rand(len(x), 1, 1, 1, generator=dice) < 0.5
    return torch.where(turned, x.flip(3), x)


def crop(x: Tensor, dice: Generator) -> Tensor:
    """Each picture moved by up to an eighth of its sides."""
    pictures = torch.arange(len(x))[:, None, None]
    rows, columns = (_moved(len(x), side, dice) for side in x.shape[2:])
    return x.permute(0, 2, 3, 1)[pictures, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def rotate(x: Tensor, dice: Generator) -> Tensor:
    """Each picture turned around its middle: numbers between their neighbours, class numbers from the nearest."""
    angle = _ANGLE * _both_ways(len(x), dice)
    height, width = x.shape[2:]
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros(len(x))
    turn = torch.stack([cos, -sin * height / width, none, sin * width / height, cos, none], dim=1).reshape(-1, 2, 3)
    places = functional.affine_grid(turn, list(x.shape), align_corners=False)
    if x.is_floating_point():
        return functional.grid_sample(x, places, padding_mode="border", align_corners=False)
    near = functional.grid_sample(x.float(), places, mode="nearest", padding_mode="border", align_corners=False)
    return near.to(x.dtype)


def color(x: Tensor, dice: Generator) -> Tensor:
    """Each picture brighter or darker, with more or less contrast and colour."""
    bright, contrast, saturation = (1 + _SPREAD * _both_ways(3 * len(x), dice)).reshape(3, -1, 1, 1, 1)
    x = x * bright
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = middle + contrast * (x - middle)
    if x.shape[1] == 3:
        grey = (x * torch.tensor(_BRIGHTNESS).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        x = grey + saturation * (x - grey)
    return x.clamp(0, 1)


def _moved(count: int, side: int, dice: Generator) -> Tensor:
    """For each picture the places along one side from which its values come."""
    most = max(1, side // _SHIFT)
    shift = torch.randint(-most, most + 1, (count, 1), generator=dice)
    return (torch.arange(side) + shift).clamp(0, side - 1)


def _both_ways(count: int, dice: Generator) -> Tensor:
    """Numbers from -1 to 1."""
    return 2 * torch.rand(count, generator=dice) - 1


_KINDS: dict[Name, Callable[[Tensor, Generator], Tensor]] = {
    "flip": flip,
    "crop": crop,
    "rotate": rotate,
    "color": color,
}
