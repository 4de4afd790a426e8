"""Images side by side on the page of an x-ray, with captions."""

from collections.abc import Iterable, Sequence
from html import escape

from torch import Tensor

from kissipo.core.description import Image
from kissipo.report.overlay import overlaid
from kissipo.report.png import image_address


def strips(rows: Iterable[Sequence[Tensor]], captions: Sequence[str]) -> str:
    """Draws groups of images from 0 to 1, each (channel, height, width)."""
    figures = [
        f"<figure>{''.join(map(_drawn, row))}<figcaption>{escape(caption)}</figcaption></figure>"
        for row, caption in zip(rows, captions, strict=True)
    ]
    return f'<div class="gallery">{"".join(figures)}</div>'


def _drawn(image: Tensor) -> str:
    pixels = (overlaid(Image(image)) * 255).round().byte().permute(1, 2, 0).numpy()
    return f'<img src="{image_address(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)}" alt="">'
