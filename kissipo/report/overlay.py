"""Overlays: an image with its mask or its heat map.

Shapes:   image (channel, height, width) from 0 to 1 -> (3, height, width)
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.codec.mask import VOID
from kissipo.core.description import Image

_COLORS = torch.tensor(
    [
        [0.84, 0.37, 0.0],
        [0.0, 0.45, 0.70],
        [0.0, 0.62, 0.45],
        [0.80, 0.47, 0.65],
        [0.90, 0.62, 0.0],
        [0.34, 0.71, 0.91],
    ]
)  # Okabe and Ito's, which color-blind people can distinguish
_COLD, _WARM = torch.tensor([0.15, 0.2, 0.5]), torch.tensor([1.0, 0.75, 0.1])
_TINT = 0.35
_FRAMED_SIDE = 160  # pixels of an image with frames, at least


def marked(image: Tensor, mask: Tensor) -> Tensor:
    """The image with each class of the mask tinted and outlined in its color.

    mask:   (height, width) class numbers; 0 is background, 255 is not evaluated
    """
    pixels = _colored(image)
    mask = mask.long()
    marked_pixels = (mask > 0) & (mask < VOID)
    colors = _COLORS[(mask - 1).clamp(min=0) % len(_COLORS)].permute(2, 0, 1)
    inner = -functional.max_pool2d(-marked_pixels[None, None].float(), 3, 1, 1)[0, 0] > 0
    share = torch.where(marked_pixels & ~inner, 1.0, torch.where(marked_pixels, _TINT, 0.0))
    return pixels * (1 - share) + colors * share


def heated(image: Tensor, heat: Tensor) -> Tensor:
    """The image tinted by a heat map: warm is high, cold is low.

    heat:    (height, width) from 0 to 1
    """
    gray = _colored(image).mean(dim=0, keepdim=True)
    colors = _COLD[:, None, None] * (1 - heat) + _WARM[:, None, None] * heat
    return (0.45 * gray + 0.55 * colors * (0.35 + 0.65 * gray)).clamp(0, 1)


def framed(image: Tensor, boxes: Sequence[Sequence[float]]) -> Tensor:
    """The image with a frame around each box, in the color of its class.

    A small image is enlarged by a whole number, so that a frame is thin and hides few
    pixels; in a large one it has several pixels, so that it is seen when it is shrunk.

    boxes:   (box, 5) class number from 1, then corners as fractions of the sides
    """
    scale = max(1, -(-_FRAMED_SIDE // max(image.shape[1:])))
    pixels = _colored(image).repeat_interleave(scale, 1).repeat_interleave(scale, 2).clone()
    height, width = pixels.shape[1:]
    for number, *corners in torch.as_tensor(boxes).tolist():
        color = _COLORS[(int(number) - 1) % len(_COLORS)][:, None]
        left, right = (round(min(max(corners[i], 0), 1) * (width - 1)) for i in (0, 2))
        top, bottom = (round(min(max(corners[i], 0), 1) * (height - 1)) for i in (1, 3))
        for inset in range(max(1, round(max(height, width) / _FRAMED_SIDE))):
            rows = [min(top + inset, bottom), max(bottom - inset, top)]
            columns = [min(left + inset, right), max(right - inset, left)]
            pixels[:, rows, left : right + 1] = color[:, None]
            pixels[:, top : bottom + 1, columns] = color[:, None]
    return pixels


def overlaid(image: Image) -> Tensor:
    """The pixels of an image with its overlay."""
    pixels: Tensor = image.pixels
    if image.mask is not None:
        pixels = marked(pixels, torch.as_tensor(image.mask))
    if image.heat is not None:
        pixels = heated(pixels, image.heat)
    return pixels if image.boxes is None else framed(pixels, image.boxes)


def color_name(number: int) -> str:
    """The CSS color of a class.

    Example:  >>> color_name(1), color_name(7) == color_name(1)
              ('rgb(214, 94, 0)', True)
    """
    red, green, blue = class_color(number)
    return f"rgb({red}, {green}, {blue})"


def class_color(number: int) -> tuple[int, int, int]:
    """The color of a class as red, green and blue from 0 to 255."""
    red, green, blue = (int(255 * float(part)) for part in _COLORS[(number - 1) % len(_COLORS)])
    return red, green, blue


def _colored(image: Tensor) -> Tensor:
    return image.expand(3, -1, -1) if len(image) == 1 else image[:3]
