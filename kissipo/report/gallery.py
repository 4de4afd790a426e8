"""Images side by side on the page of an x-ray, with captions."""

from collections.abc import Iterable, Sequence
from html import escape

from torch import Tensor

from kissipo.report.image_address import address_of


def strips(rows: Iterable[Sequence[Tensor]], captions: Sequence[str]) -> str:
    """Draws groups of images from 0 to 1, each (channel, height, width)."""
    figures = [
        f"<figure>{''.join(map(_drawn, row))}<figcaption>{escape(caption)}</figcaption></figure>"
        for row, caption in zip(rows, captions, strict=True)
    ]
    return f'<div class="gallery">{"".join(figures)}</div>'


def _drawn(image: Tensor) -> str:
    return f'<img src="{address_of(image)}" alt="">'
