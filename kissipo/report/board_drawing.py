"""Go boards as SVG: black is to move; the played move and the predicted move are marked."""

from collections.abc import Sequence
from html import escape
from math import isqrt

_STEP, _MOVE, _ANSWERED = 11, "#009e73", "#d55e00"


def board(letters: str, *, move: int, answered: int) -> str:
    """Draws one board given as letters (X own, O opponent, . empty) with two marked points.

    Example:  >>> drawn = board("X.O.", move=1, answered=3)
              >>> drawn.count("<circle"), drawn.count("<rect")
              (3, 1)
    """
    side = isqrt(len(letters))
    low, high = _STEP // 2 + 1, _STEP // 2 + 1 + (side - 1) * _STEP
    index = [
        (low + point % side * _STEP, low + point // side * _STEP) for point in range(len(letters))
    ]
    parts = []
    for line in range(low, high + 1, _STEP):
        parts.append(f'<line class="grid" x1="{low}" x2="{high}" y1="{line}" y2="{line}"/>')
        parts.append(f'<line class="grid" x1="{line}" x2="{line}" y1="{low}" y2="{high}"/>')
    for (x, y), letter in zip(index, letters, strict=True):
        if letter in "XO":
            parts.append(
                f'<circle class="{"own" if letter == "X" else "other"}" cx="{x}" cy="{y}" r="5"/>'
            )
    x, y = index[move]
    parts.append(f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="{_MOVE}"/>')
    x, y = index[answered]
    parts.append(
        f'<circle cx="{x}" cy="{y}" r="3.5" fill="none" stroke="{_ANSWERED}" stroke-width="2"/>'
    )
    size = low + high
    return f'<svg class="board" viewBox="0 0 {size} {size}" width="{size}" role="img">{"".join(parts)}</svg>'


def boards(drawn: Sequence[str], captions: Sequence[str]) -> str:
    """Several boards in a row with captions and a legend."""
    figures = (
        f"<figure>{item}<figcaption>{escape(words)}</figcaption></figure>"
        for item, words in zip(drawn, captions, strict=True)
    )
    stones = "Black is to move on every board: the green square is the move that was made, the red ring the answer."
    return f'<p class="dim">{stones}</p><div class="gallery boards">{"".join(figures)}</div>'
