"""A gallery: pictures side by side, each, or each few that belong together, with a few words below."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from torch import Tensor

from kissipo.report.drawing import picture_address


def gallery(pictures: Iterable[Tensor], captions: Sequence[str], files: Sequence[Any] = ()) -> str:
    """Pictures from 0 to 1, each (channel, height, width); a file's name is told when the mouse rests on it."""
    return strips([[picture] for picture in pictures], captions, files)


def strips(rows: Iterable[Sequence[Tensor]], captions: Sequence[str], files: Sequence[Any] = ()) -> str:
    """Several pictures of one thing beside each other, and the words for them together."""
    shown = []
    for number, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        file = files[number] if files else None
        title = f' title="{escape(file)}"' if isinstance(file, str) else ""
        images = "".join(f'<img src="{_address(picture)}" alt=""{title}>' for picture in row)
        wide = f' style="width:{len(row) * 118 + 12}px"' if len(row) > 1 else ""
        shown.append(f"<figure{wide}>{images}<figcaption>{escape(caption)}</figcaption></figure>")
    return f'<div class="gallery">{"".join(shown)}</div>'


def _address(picture: Tensor) -> str:
    pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    return picture_address(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
