"""A text colored by a neuron: green for active, blue for inactive, with next tokens.

Below each token are the most probable next tokens, redder for a higher probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from kissipo.runs.xray.text import Xray

ACTIVE, QUIET, GUESS = (52, 190, 92), (92, 148, 255), (240, 72, 62)
_GROUND = (24, 26, 30)
_BARS = "▁▂▃▄▅▆▇█"
_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}


def colored(xray: Xray, *, width: int, bars: bool) -> Text:
    """Returns blocks of lines: the text, then the next tokens, the most probable first.

    bars:  shows the activation as a line of bars, for terminals without colors
    """
    output = Text()
    for columns in _lines(xray, width):
        _block(output, xray, columns, bars)
        output.append("\n")
    return output


def _block(output: Text, xray: Xray, columns: Sequence[tuple[int, int]], bars: bool) -> None:
    """Appends the lines of some columns, each (step, cells)."""
    for step, cells in columns:
        sign = " " if xray.units[step] == " " else _sign(xray.units[step])
        h = float(xray.activity[step])
        _cell(output, sign, cells, ACTIVE if h >= 0 else QUIET, abs(h))
    output.append("\n")
    if bars:
        for step, cells in columns:
            level = round((float(xray.activity[step]) + 1) / 2 * (len(_BARS) - 1))
            output.append(_BARS[min(max(level, 0), len(_BARS) - 1)] + " " * (cells - 1))
        output.append("\n")
    for rank in range(len(xray.top[0])):
        for step, cells in columns:
            unit, chance = xray.top[step][rank]
            _cell(output, _sign(unit), cells, GUESS, chance)
        output.append("\n")


def _lines(xray: Xray, width: int) -> Iterator[list[tuple[int, int]]]:
    """Yields lines of steps with their widths in cells; a line break ends a line."""
    gap = 1 if xray.kind == "words" else 0
    line: list[tuple[int, int]] = []
    used = 0
    for step, unit in enumerate(xray.units):
        cells = (
            max(cell_len(_sign(text)) for text in (unit, *(word for word, _ in xray.top[step])))
            + gap
        )
        if line and used + cells > width:
            yield line
            line, used = [], 0
        line.append((step, cells))
        used += cells
        if unit == "\n" and xray.units[step + 1 : step + 2] != ("\n",):
            yield line
            line, used = [], 0
    if line:
        yield line


def _cell(
    output: Text, text: str, cells: int, color: tuple[int, int, int], strength: float
) -> None:
    """Appends a text on its background color, padded to a width."""
    output.append(text, on_color(color, strength))
    output.append(" " * (cells - cell_len(text)))


def on_color(color: tuple[int, int, int], strength: float) -> Style:
    """Returns the style of a text on a color, from 0 (none) to 1."""
    opacity = min(1.0, strength)
    ground = tuple(round(a + (b - a) * opacity) for a, b in zip(_GROUND, color, strict=True))
    ink = "black" if opacity > 0.6 else "white"
    return Style.parse(f"{ink} on rgb({ground[0]},{ground[1]},{ground[2]})")


def _sign(unit: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in unit)
