"""Galleries: groups of images side by side, with captions."""

from collections.abc import Iterable, Sequence
from html import escape

from torch import Tensor

from kissipo.core.description import Gallery, Image, Lattice
from kissipo.report.drawing import image_address, lattice
from kissipo.report.overlay import color_name, overlaid

_IMAGE_WIDTH = 118


def gallery(record: Gallery) -> str:
    """Draws a gallery; the file name appears when the mouse rests on an image."""
    figures = []
    for number, (group, caption) in enumerate(zip(record.groups, record.captions, strict=True)):
        file = record.files[number] if record.files else None
        title = f' title="{escape(file)}"' if isinstance(file, str) else ""
        drawn = "".join(_drawn(item, title) for item in group)
        width = f' style="width:{len(group) * _IMAGE_WIDTH + 12}px"' if len(group) > 1 else ""
        figures.append(f"<figure{width}>{drawn}<figcaption>{escape(caption)}</figcaption></figure>")
    return f'{legend(record.classes)}<div class="gallery">{"".join(figures)}</div>'


def strips(
    rows: Iterable[Sequence[Tensor]], captions: Sequence[str], files: Sequence[object] = ()
) -> str:
    """Draws groups of images from 0 to 1, each (channel, height, width)."""
    return gallery(Gallery([[Image(image) for image in row] for row in rows], captions, files))


def legend(classes: Sequence[str]) -> str:
    """Returns the colors of the classes of masks; the first is the background."""
    parts = [
        f'<span style="color:{color_name(number)}">■</span> {escape(name)}'
        for number, name in enumerate(classes)
        if number
    ]
    return f"<p>{' &nbsp; '.join(parts)}</p>" if parts else ""


def _drawn(item: Image | Lattice, title: str) -> str:
    if isinstance(item, Lattice):
        return lattice(item)
    pixels = (overlaid(item) * 255).round().byte().permute(1, 2, 0).numpy()
    address = image_address(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return f'<img src="{address}" alt=""{title}>'
