"""Tables and paragraphs as HTML, for what remains of a page without JavaScript."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from kissipo.core.description import Cell


def table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = ()
) -> str:
    """Returns a table of text; the columns in `numbers` are aligned to the right."""
    right = set(numbers)
    head = "".join(_cell(title, "th", index in right) for index, title in enumerate(titles))
    lines = (
        "".join(_cell(cell, "td", index in right) for index, cell in enumerate(row)) for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in ([head, *lines] if any(titles) else lines))
    return f'<div class="wide"><table>{body}</table></div>'


def _cell(cell: str, tag: str, right: bool) -> str:
    styles = ["n"] * right + ([cell.style] if isinstance(cell, Cell) else [])
    kind = f' class="{" ".join(styles)}"' if styles else ""
    return f"<{tag}{kind}>{escape(cell)}</{tag}>"


def paragraphs(texts: Iterable[str]) -> str:
    """One paragraph per sentence."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def grid(values: object) -> str:
    """Numbers in columns, one line per row.

    Example:  >>> print(grid([[1, -2], [0.5, 10]]))
                1  -2
              0.5  10
    """
    cells = [[f"{value:g}" for value in row] for row in np.atleast_2d(np.asarray(values))]
    width = max((len(cell) for row in cells for cell in row), default=0)
    return "\n".join(" ".join(cell.rjust(width) for cell in row) for row in cells)
