"""A gallery: images, or groups of images, side by side with captions."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from torch import Tensor

from kissipo.report.drawing import image_address


def gallery(images: Iterable[Tensor], captions: Sequence[str], files: Sequence[Any] = ()) -> str:
    """Images from 0 to 1, each (channel, height, width); the file name appears when the mouse rests on the image."""
    return strips([[image] for image in images], captions, files)


def strips(
    rows: Iterable[Sequence[Tensor]], captions: Sequence[str], files: Sequence[Any] = ()
) -> str:
    """Groups of images side by side with one caption per group."""
    html = []
    for number, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        file = files[number] if files else None
        title = f' title="{escape(file)}"' if isinstance(file, str) else ""
        images = "".join(f'<img src="{_address(image)}" alt=""{title}>' for image in row)
        wide = f' style="width:{len(row) * 118 + 12}px"' if len(row) > 1 else ""
        html.append(f"<figure{wide}>{images}<figcaption>{escape(caption)}</figcaption></figure>")
    return f'<div class="gallery">{"".join(html)}</div>'


def _address(image: Tensor) -> str:
    pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
    return image_address(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
