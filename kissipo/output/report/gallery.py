"""A gallery: pictures side by side, each with a few words below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from torch import Tensor

from kissipo.output.report.drawing import picture_address


def gallery(pictures: Tensor, captions: Sequence[str], files: Sequence[Any] = ()) -> str:
    """Pictures from 0 to 1, (picture, channel, height, width); a file's name is told when the mouse rests on it."""
    shown = []
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
        address = picture_address(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        file = files[number] if files else None
        title = f' title="{escape(file)}"' if isinstance(file, str) else ""
        shown.append(f'<figure><img src="{address}" alt=""{title}><figcaption>{escape(caption)}</figcaption></figure>')
    return f'<div class="gallery">{"".join(shown)}</div>'
