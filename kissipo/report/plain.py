"""The plain version of a page, without JavaScript: sentences and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kissipo.core.description import (
    ColoredText,
    DetectionErrors,
    DetectionInside,
    Film,
    Line,
    Matrix,
    Record,
    Section,
    Table,
)
from kissipo.report.canvas import StillImage
from kissipo.report.page import table

_TITLE = "target \\ prediction"


def plain_page(
    title: str, subtitle: str, sections: Iterable[Section], image: StillImage | None = None
) -> str:
    """Returns the HTML inside of `main`."""
    head = f'<h1>{escape(title)}</h1><p class="dim">{escape(subtitle)}</p>\n'
    drawn = "" if image is None else f"<p>{image.to_html()}</p>"
    return head + drawn + "".join(map(_section, sections))


def _section(section: Section) -> str:
    content = _content(section.content)
    return f"<section><h2>{escape(section.title)}</h2>{content}</section>\n" if content else ""


def _content(records: Sequence[Record]) -> str:
    return "".join(map(_plain, records))


def _plain(record: Record) -> str:
    match record:
        case Line():
            return _line(record)
        case Table():
            return table(record.titles, record.rows, numbers=record.numbers)
        case ColoredText():
            text = record.separator.join(record.tokens)
            return f"<blockquote>{escape(text)}</blockquote><p>{escape(record.caption)}</p>"
        case Matrix():
            rows = [
                [name, *map(str, counts)]
                for name, counts in zip(record.labels, record.counts, strict=True)
            ]
            numbers = range(1, 1 + len(record.labels))
            return table([_TITLE, *record.labels], rows, numbers=numbers)
        case DetectionErrors() | DetectionInside():
            return _content(record.plain())
        case Film():
            return f"<p>{escape(record.caption)}</p>"
        case Section():
            content = _content(record.content)
            title = f"<h3>{escape(record.title)}</h3>" if record.title and content else ""
            return title + content
        case _:
            return ""


def _line(line: Line) -> str:
    if not line.text:
        return ""
    if line.style in ("code", "text"):
        return f"<pre>{escape(line.text)}</pre>"
    style = f' class="{line.style}"' if line.style else ""
    return f"<p{style}>{escape(line.text)}</p>"
