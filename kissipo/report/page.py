"""The page: sections of text, tables and charts in one HTML file with inline CSS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Section:
    """A heading and its content as HTML."""

    title: str
    content: str


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Returns the complete HTML file."""
    body = "".join(
        f"<section><h2>{escape(item.title)}</h2>{item.content}</section>\n"
        for item in sections
        if item.content
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_style()}</style></head><body>\n"
        f'<h1>{escape(title)}</h1><p class="dim">{escape(subtitle)}</p>\n{body}</body></html>\n'
    )


def _style() -> str:
    return (files("kissipo.report") / "page.css").read_text(encoding="utf-8")


def table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    classes: Sequence[str] = (),
) -> str:
    """A table of text cells; columns in `numbers` are right-aligned, `classes` holds one CSS class per row."""
    right = set(numbers)
    head = "".join(
        f'<th class="n">{escape(item)}</th>' if index in right else f"<th>{escape(item)}</th>"
        for index, item in enumerate(titles)
    )
    lines = []
    for number, row in enumerate(rows):
        kind = f' class="{classes[number]}"' if number < len(classes) and classes[number] else ""
        cells = "".join(
            f'<td class="n">{escape(item)}</td>' if index in right else f"<td>{escape(item)}</td>"
            for index, item in enumerate(row)
        )
        lines.append(f"<tr{kind}>{cells}</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def paragraphs(texts: Iterable[str]) -> str:
    """One paragraph per sentence."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def preformatted(text: str) -> str:
    """Preformatted text."""
    return f"<pre>{escape(text)}</pre>"


def grid(values: Any) -> str:
    """Numbers in columns, one line per row.

    Example:  >>> print(grid([[1, -2], [0.5, 10]]))
                1  -2
              0.5  10
    """
    cells = [[f"{value:g}" for value in row] for row in np.atleast_2d(np.asarray(values))]
    width = max((len(cell) for row in cells for cell in row), default=0)
    return "\n".join(" ".join(cell.rjust(width) for cell in row) for row in cells)
