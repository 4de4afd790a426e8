"""Render: each record of a description as HTML, in one way per kind of record."""

from html import escape

from kissipo.core.description import (
    Bars,
    Chart,
    Gallery,
    Line,
    Matrix,
    Record,
    Section,
    Table,
)
from kissipo.report import drawing, page
from kissipo.report.gallery import gallery

_VERDICTS = ("better", "tie", "worse")


def sections(*described: Section) -> list[page.Section]:
    """Returns the sections of a page."""
    return [page.Section(section.title, _content(section)) for section in described]


def html(record: Record) -> str:
    """Returns the HTML of one record."""
    match record:
        case Line():
            return _line(record)
        case Table():
            return page.table(record.titles, record.rows, numbers=record.numbers)
        case Chart():
            return drawing.lines(record)
        case Bars():
            return drawing.bars(record)
        case Matrix():
            return drawing.matrix(record)
        case Gallery():
            return gallery(record)
        case Section():
            content = _content(record)
            title = f"<h3>{escape(record.title)}</h3>" if record.title else ""
            return f"{title}{content}" if content else ""


def _line(line: Line) -> str:
    if line.style == "code":
        return page.preformatted(line.text)
    if line.style in _VERDICTS:
        return f'<div class="verdict {line.style}">{escape(line.text)}</div>'
    style = f' class="{line.style}"' if line.style else ""
    return f"<p{style}>{escape(line.text)}</p>" if line.text else ""


def _content(section: Section) -> str:
    if not section.side_by_side:
        return "".join(map(html, section.content))
    parts = "".join(map(_part, section.content))
    return f'<div class="parts">{parts}</div>' if parts else ""


def _part(record: Record) -> str:
    """Returns a section that stands beside others."""
    assert isinstance(record, Section)
    note = f' <span class="dim">{escape(record.note)}</span>' if record.note else ""
    title = f"<p><b>{escape(record.title)}</b>{note}</p>"
    return f'<div class="part">{title}{_content(record)}</div>'
