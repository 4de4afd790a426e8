"""Overlays: a picture with what is marked on it, or with where a net looked.

Shapes:   picture (channel, height, width) from 0 to 1 -> (3, height, width)
"""

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.codec.mask import VOID

_COLOURS = torch.tensor(
    [[0.84, 0.37, 0.0], [0.0, 0.45, 0.70], [0.0, 0.62, 0.45], [0.80, 0.47, 0.65], [0.90, 0.62, 0.0], [0.34, 0.71, 0.91]]
)  # Okabe and Ito's, which all eyes tell apart
_COLD, _WARM = torch.tensor([0.15, 0.2, 0.5]), torch.tensor([1.0, 0.75, 0.1])
_TINT = 0.35


def marked(picture: Tensor, marks: Tensor) -> Tensor:
    """What is marked is tinted and has a rim in the colour of its class.

    marks:   (height, width) class numbers, 0 for nothing, 255 for what is not judged
    """
    shown = _coloured(picture)
    marks = marks.long()
    there = (marks > 0) & (marks < VOID)
    colours = _COLOURS[(marks - 1).clamp(min=0) % len(_COLOURS)].permute(2, 0, 1)
    inner = -functional.max_pool2d(-there[None, None].float(), 3, 1, 1)[0, 0] > 0
    share = torch.where(there & ~inner, 1.0, torch.where(there, _TINT, 0.0))
    return shown * (1 - share) + colours * share


def heated(picture: Tensor, heat: Tensor) -> Tensor:
    """Warm where the net looked, dark and cold where it did not.

    heat:    (height, width) from 0 to 1
    """
    grey = _coloured(picture).mean(dim=0, keepdim=True)
    colours = _COLD[:, None, None] * (1 - heat) + _WARM[:, None, None] * heat
    return (0.45 * grey + 0.55 * colours * (0.35 + 0.65 * grey)).clamp(0, 1)


def colour_name(number: int) -> str:
    """The colour of a class as a page writes it.

    Example:  >>> colour_name(1), colour_name(7) == colour_name(1)
              ('rgb(214, 94, 0)', True)
    """
    red, green, blue = (int(255 * float(part)) for part in _COLOURS[(number - 1) % len(_COLOURS)])
    return f"rgb({red}, {green}, {blue})"


def _coloured(picture: Tensor) -> Tensor:
    return picture.expand(3, -1, -1) if len(picture) == 1 else picture[:3]
