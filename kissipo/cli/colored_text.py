"""A text colored by a neuron in the terminal: green active, blue not; below each unit what is expected next, the redder the surer."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from kissipo.runs.xray.text import Xray

ACTIVE, QUIET, GUESS = (52, 190, 92), (92, 148, 255), (240, 72, 62)
_GROUND = (24, 26, 30)
_BARS = "▁▂▃▄▅▆▇█"
_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}


def colored(seen: Xray, *, width: int, bars: bool) -> Text:
    """Blocks of lines, each as wide as the screen: the text, then the guesses, the likeliest first.

    bars:  where there are no colors, a line of bars tells the activity
    """
    told = Text()
    for columns in _lines(seen, width):
        _block(told, seen, columns, bars)
        told.append("\n")
    return told


def _block(told: Text, seen: Xray, columns: Sequence[tuple[int, int]], bars: bool) -> None:
    """The lines of some columns, each (step, cells)."""
    for step, cells in columns:
        shown = " " if seen.units[step] == " " else _sign(seen.units[step])
        h = float(seen.activity[step])
        _cell(told, shown, cells, ACTIVE if h >= 0 else QUIET, abs(h))
    told.append("\n")
    if bars:
        for step, cells in columns:
            level = round((float(seen.activity[step]) + 1) / 2 * (len(_BARS) - 1))
            told.append(_BARS[min(max(level, 0), len(_BARS) - 1)] + " " * (cells - 1))
        told.append("\n")
    for rank in range(len(seen.top[0])):
        for step, cells in columns:
            unit, chance = seen.top[step][rank]
            _cell(told, _sign(unit), cells, GUESS, chance)
        told.append("\n")


def _lines(seen: Xray, width: int) -> Iterator[list[tuple[int, int]]]:
    """Steps with the cells that each takes, line by line; a line also ends where the text does."""
    gap = 1 if seen.kind == "words" else 0
    line: list[tuple[int, int]] = []
    used = 0
    for step, unit in enumerate(seen.units):
        cells = (
            max(cell_len(_sign(each)) for each in (unit, *(word for word, _ in seen.top[step])))
            + gap
        )
        if line and used + cells > width:
            yield line
            line, used = [], 0
        line.append((step, cells))
        used += cells
        if unit == "\n" and seen.units[step + 1 : step + 2] != ("\n",):
            yield line
            line, used = [], 0
    if line:
        yield line


def _cell(told: Text, text: str, cells: int, color: tuple[int, int, int], strength: float) -> None:
    """A text on its ground, filled up to so many cells."""
    share = min(1.0, strength)
    ground = tuple(round(a + (b - a) * share) for a, b in zip(_GROUND, color, strict=True))
    ink = "black" if share > 0.6 else "white"
    style = Style.parse(f"{ink} on rgb({ground[0]},{ground[1]},{ground[2]})")
    told.append(text, style)
    told.append(" " * (cells - cell_len(text)))


def _sign(unit: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in unit)
