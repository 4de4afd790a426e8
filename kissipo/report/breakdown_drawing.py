"""A recurrent cell as a drawing: its connections and operations, with places for the values of one step."""

from collections.abc import Sequence
from html import escape


def cell_drawing(cell: str) -> str:
    """Draws the cell; the script of the page writes the values of a step into it."""
    if cell == "lstm":
        return _drawing(
            "The LSTM cell at this step",
            [
                (4, 40, 106, 40), (134, 40, 226, 40), (254, 40, 416, 40), (120, 105, 120, 54), (186, 105, 232, 52), (266, 105, 248, 52),
                (340, 40, 340, 88), (340, 116, 340, 130), (382, 144, 354, 144), (340, 158, 340, 184), (340, 184, 416, 184),
            ],
            [(120, 40, "×"), (240, 40, "+"), (340, 102, "tanh"), (340, 144, "×")],
            [
                (4, 30, "c before", "before"), (350, 30, "c", "c"), (98, 122, "f", "f"), (166, 122, "i", "i"), (252, 122, "g", "g"),
                (366, 132, "o", "o"), (350, 200, "h", "h"), (140, 30, "f·c", "kept"), (150, 84, "i·g", "added"),
            ],
        )  # fmt: skip
    if cell == "gru":
        return _drawing(
            "The GRU cell at this step",
            [(4, 40, 106, 40), (134, 40, 226, 40), (254, 40, 416, 40), (120, 105, 120, 54), (240, 105, 240, 54)],
            [(120, 40, "×"), (240, 40, "+")],
            [
                (4, 30, "h before", "before"), (340, 30, "h", "h"), (98, 122, "z", "z"), (200, 122, "(1−z)·n", "added"),
                (4, 160, "r", "r"), (200, 160, "n", "n"), (140, 30, "z·h", "kept"),
            ],
        )  # fmt: skip
    return ""


def _drawing(
    title: str,
    wires: Sequence[tuple[int, int, int, int]],
    knots: Sequence[tuple[int, int, str]],
    names: Sequence[tuple[int, int, str, str]],
) -> str:
    lines = "".join(
        f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" marker-end="url(#tip)"/>'
        for a, b, c, d in wires
    )
    rounds = "".join(
        f'<circle cx="{x}" cy="{y}" r="{14}"/><text x="{x}" y="{y + 4}" text-anchor="middle">{sign}</text>'
        for x, y, sign in knots
    )
    texts = "".join(
        f'<text x="{x}" y="{y}"><tspan class="dim">{escape(name)} </tspan><tspan class="number" data-put="{key}"></tspan></text>'
        for x, y, name, key in names
    )
    return (
        f'<svg class="drawn" viewBox="0 0 422 206" width="422" role="img" aria-label="{title}; its numbers stand below">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0L8 4L0 8Z"/></marker></defs>{lines}{rounds}{texts}</svg>'
    )
