"""Canvas: text, lines and tensors in a PNG, for pages and notebooks without scripts.

The image is drawn with twice as many pixels as it has on the page, so that small text
stays sharp. Pillow's own font has the letters of English; for others a font of the
machine is taken, where there is one.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kissipo.core.numpy_array import NumpyArray

WIDTH = 640
PAGE, PANEL, LINE, TEXT, DIM = "#ffffff", "#f6f7f9", "#d9dde3", "#1b1f24", "#57606a"
SERIES = ("#0063a3", "#b84a00", "#00785a", "#a34b80", "#8a6400", "#2b7fb0")
_SCALE = 2
# from zero to the end of a scale: one hue, and the two hues around zero
_ONE = ((247, 251, 255), (107, 174, 214), (8, 69, 148))
_WARM = ((255, 255, 255), (239, 138, 98), (140, 13, 37))
_COLD = ((255, 255, 255), (103, 169, 207), (5, 48, 97))
_NOT_A_NUMBER = (255, 214, 0)
# fonts with more letters, on Linux, Windows and macOS
_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "msjh.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
)
_NO_LETTER = "\U0010ffff"
_SIGNS = {" ": "(space)", "\n": "(newline)", "\t": "(tab)"}
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class StillImage:
    """A PNG and the sentences that say the same."""

    png: bytes
    alt: str

    def to_html(self) -> str:
        """Returns the image as an HTML element that needs no other file."""
        data = base64.b64encode(self.png).decode()
        return f'<img width="{WIDTH}" alt="{escape(self.alt)}" src="data:image/png;base64,{data}">'


class Canvas:
    """An image on which one draws in pixels of the page, from the upper left."""

    def __init__(self, height: float, width: int = WIDTH) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * _SCALE, round(height * _SCALE)), PAGE)
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self,
        place: Point,
        text: str,
        *,
        size: int = 12,
        color: str = TEXT,
        anchor: str = "la",
        room: float = WIDTH,
        strong: bool = False,
    ) -> None:
        """Writes one line of text, shortened to the room in pixels.

        anchor:   as in Pillow: l, m, r and a (top), m, s (baseline)
        """
        line = shortened(text, size, room)
        self._draw.text(
            _scaled(place),
            line,
            fill=color,
            anchor=anchor,
            font=_font(line, size),
            stroke_width=0.4 if strong else 0,
            stroke_fill=color,
        )

    def lines(
        self, points: Sequence[Point], color: str, *, width: float = 2, dashed: bool = False
    ) -> None:
        """Draws the lines between points."""
        parts = _dashes(points) if dashed else [points]
        for part in parts:
            self._draw.line(
                [_scaled(point) for point in part],
                fill=color,
                width=round(width * _SCALE),
                joint="curve",
            )

    def dot(self, place: Point, color: str, *, radius: float = 3) -> None:
        """Draws a filled circle."""
        self._draw.circle(_scaled(place), radius * _SCALE, fill=color)

    def box(self, box: Box, fill: str | None = None, outline: str | None = None) -> None:
        """Draws a rectangle: left, top, right, bottom."""
        self._draw.rectangle([*_scaled(box[:2]), *_scaled(box[2:])], fill=fill, outline=outline)

    def pixels(self, box: Box, colors: NDArray[np.uint8]) -> None:
        """Draws an image (height, width, 3) into a box."""
        width, height = (
            max(1, round(side * _SCALE)) for side in (box[2] - box[0], box[3] - box[1])
        )
        small = colors.shape[1] <= width and colors.shape[0] <= height
        method = Image.Resampling.NEAREST if small else Image.Resampling.BOX
        resized = Image.fromarray(colors).resize((width, height), method)
        self.image.paste(resized, (round(box[0] * _SCALE), round(box[1] * _SCALE)))

    def still(self, alt: str) -> StillImage:
        """Returns the image with its alternative text."""
        file = io.BytesIO()
        self.image.save(file, "PNG", compress_level=6)
        return StillImage(file.getvalue(), alt)


def colors_of(array: NumpyArray) -> NDArray[np.uint8]:
    """Returns the color of each number (..., 3), on the scale of the viewer.

    One hue from zero to the maximum; with negative numbers blue below and red above
    zero. NaN is yellow.

    Example:  >>> colors_of(np.array([0.0, 2.0, np.nan])).tolist()
              [[247, 251, 255], [8, 69, 148], [255, 214, 0]]
              >>> colors_of(np.array([-2.0, 0.0])).tolist()
              [[5, 48, 97], [255, 255, 255]]
    """
    values = np.abs(array) if array.dtype.kind == "c" else np.asarray(array, dtype=np.float64)
    finite = np.isfinite(values)
    plain = np.where(finite, values, 0.0)
    share = np.abs(plain) / (np.abs(plain).max(initial=0.0) or 1.0)
    if plain.min(initial=0.0) < 0:
        warm = (plain > 0)[..., None]
        colors = np.where(warm, _between(_WARM, share), _between(_COLD, share))
    else:
        colors = _between(_ONE, share)
    colors[~finite] = _NOT_A_NUMBER
    return np.rint(colors).astype(np.uint8)


def visible(text: str) -> str:
    """Returns a token as one sees it in a line.

    Example:  >>> visible(" "), visible("a\\nb")
              ('(space)', 'a b')
    """
    return _SIGNS.get(text, " ".join(text.split()) if "\n" in text else text)


def shortened(text: str, size: int, room: float) -> str:
    """Returns the text, or its beginning that fits into the room, with three dots."""
    text = visible(text)
    if text_width(text, size) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(text[:middle] + "...", size) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "..."


def wrapped(words: Sequence[str], size: int, room: float, *, gap: str = " ") -> list[str]:
    """Returns the lines into which words are broken.

    Example:  >>> wrapped(["one", "two", "three"], 12, 60)
              ['one two', 'three']
    """
    lines = [""]
    for word in words:
        longer = lines[-1] + (gap if lines[-1] else "") + word
        if text_width(longer, size) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def text_width(text: str, size: int) -> float:
    """Returns the width of a line in pixels of the page."""
    return float(_font(text, size).getlength(text)) / _SCALE


def _between(stops: Sequence[tuple[int, int, int]], share: NumpyArray) -> NDArray[np.float64]:
    positions = np.linspace(0, 1, len(stops))
    parts = [np.interp(share, positions, [stop[part] for stop in stops]) for part in range(3)]
    return np.stack(parts, axis=-1)


def _scaled(place: Sequence[float]) -> tuple[float, float]:
    return place[0] * _SCALE, place[1] * _SCALE


def _dashes(points: Sequence[Point], length: float = 5) -> list[list[Point]]:
    """Returns the dashes of a straight line."""
    (x1, y1), (x2, y2) = points[0], points[-1]
    count = max(1, int(np.hypot(x2 - x1, y2 - y1) / length))
    stops = [
        (x1 + (x2 - x1) * step / count, y1 + (y2 - y1) * step / count) for step in range(count + 1)
    ]
    return [list(pair) for pair in zip(stops[::2], stops[1::2], strict=False)]


def _font(text: str, size: int) -> Font:
    """Returns the first font that has all letters of a text, or Pillow's own."""
    own = _load("", size)
    assert own is not None
    if text.isascii() or _has_letters("", text):
        return own
    for name in _FONTS:
        font = _load(name, size)
        if font is not None and _has_letters(name, text):
            return font
    return own


@lru_cache(maxsize=64)
def _load(name: str, size: int) -> Font | None:
    if not name:
        return ImageFont.load_default(size * _SCALE)
    try:
        return ImageFont.truetype(name, size * _SCALE)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _has_letters(name: str, text: str) -> bool:
    """Returns whether no letter is drawn as the box of a missing one."""
    font = _load(name, 12)
    if font is None:
        return False
    missing = bytes(font.getmask(_NO_LETTER))
    return all(bytes(font.getmask(letter)) != missing for letter in set(text) - {" "})
