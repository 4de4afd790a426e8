"""Rows of a table that are not samples: units, a total, notes, or no cells at all.

They are recognized in the typed columns, so it does not matter how the file was read.

date,temp,wind           Region,Units           a,b
yyyy-mm-dd,°C,m/s        North,3                1,2
2024-01-01,7,3           South,4                Source: Office,
2024-01-02,9,1           Total,7                ,
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, counted, format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.text import list_some, shorten
from kissipo.core.time.timestamps import looks_like_time
from kissipo.input.cells.number_columns import TypedCells
from kissipo.input.cells.number_texts import is_known_mark

_MIN_ROWS, _MAX_NOTES = 10, 20
_KEEP = "left out; input.extra_rows=keep keeps such rows"
_TOTAL_WORDS = (
    "total totals sum sums all overall subtotal summe gesamt insgesamt somme totaal totale suma"
    " razem celkem итого всего 合计 合計 总计 總計 小计 avg average mean mittelwert"
)
_TOTALS = {*_TOTAL_WORDS.split(), "grand total", "sub total", "total general", "total général"}
_TOLERANCE = 1e-6


def without_extra_rows(typed: TypedCells) -> TypedCells:
    """Returns the table without rows that are not samples, which are reported."""
    frame, findings = typed.frame, list(typed.findings)
    if len(frame) < 2 or len(frame.columns) < 2:
        return typed
    for step in (
        _without_empty,
        _without_headers,
        _without_units,
        _with_index_name,
        _without_notes,
        _without_total,
    ):
        frame, more = step(frame)
        findings += more
    return typed._replace(frame=frame, findings=findings)


def _without_empty(frame: Frame) -> tuple[Frame, list[Finding]]:
    """Leaves out rows without any cell at the end."""
    filled = np.flatnonzero(~np.all([_is_empty(column, frame) for column in frame.columns], axis=0))
    if len(filled) < _MIN_ROWS or filled[-1] == len(frame) - 1:
        return frame, []
    rest = np.arange(len(frame)) <= filled[-1]
    verb = "has" if len(rest) - rest.sum() == 1 else "have"
    message = f"{counted(int((~rest).sum()), 'row')} at the end {verb} no cells"
    return _only(frame, rest), [Finding("WARN", "empty rows", message, _KEEP)]


def _without_headers(frame: Frame) -> tuple[Frame, list[Finding]]:
    """Leaves out rows that repeat the header, as files have that were joined."""
    is_header = np.ones(len(frame), bool)
    for column in frame.columns:
        if column.kind == "string" and column.name in column.categories:
            is_header &= column.values == column.categories.index(column.name)
        elif column.kind == "number":
            rows = [row for row, text in column.odd if text == column.name]
            is_header &= np.isin(frame.rows, rows)
        else:
            return frame, []
    count = int(is_header.sum())
    if not count:
        return frame, []
    message = f"{counted(count, 'row')} ({format_rows(frame.rows[is_header])}) "
    message += f"{'repeats' if count == 1 else 'repeat'} the header: were several files joined?"
    return _only(frame, ~is_header), [Finding("WARN", "repeated header", message, _KEEP)]


def _without_units(frame: Frame) -> tuple[Frame, list[Finding]]:
    """Leaves out a first row of units: no column of numbers has a number there."""
    first = frame.rows[0]
    numbers = [column for column in frame.columns if column.kind == "number"]
    cells = {column.name: text for column in numbers for row, text in column.odd if row == first}
    is_plain = all(column.name in cells or np.isnan(column.values[0]) for column in numbers)
    if len(frame) < _MIN_ROWS or not cells or not is_plain:
        return frame, []
    has_units = any(map(_is_unit, cells.values()))
    if not has_units and len(cells) < 2:
        return frame, []
    names = [] if has_units else _joined_names(frame, cells)
    if names:
        columns = (replace(c, name=name) for c, name in zip(frame.columns, names, strict=True))
        message = f"the header has two lines, which are joined: {list_some(names, 5)}"
        finding = Finding("WARN", "header of two lines", message, _KEEP)
        return _only(replace(frame, columns=tuple(columns)), frame.rows != first), [finding]
    listed = list_some([f"'{text}' of '{name}'" for name, text in cells.items()], 4)
    message = f"row 1 has no numbers but {listed}: it seems to hold units"
    return _only(frame, frame.rows != first), [Finding("WARN", "row of units", message, _KEEP)]


def _with_index_name(frame: Frame) -> tuple[Frame, list[Finding]]:
    """Takes the name of the first column out of a first row with this cell alone, below
    a header of several lines, as pandas writes it: `Date,,`."""
    first, *others = frame.columns
    name = first.show(0)
    odd = {row for column in others for row, _ in column.odd}
    is_alone = int(frame.rows[0]) not in odd and all(column.missing[0] for column in others)
    if len(frame) < _MIN_ROWS or first.kind != "string" or not name or not is_alone:
        return frame, []
    renamed = strings(str(name), first.texts()[1:])
    if (
        str(name) in frame.names[1:]
        or not looks_like_time(renamed)
        or looks_like_time(strings("", [str(name)]))
    ):
        return frame, []
    rest = _only(frame, np.arange(len(frame)) > 0)
    message = f"the first row has nothing but '{name}', which names the column '{first.name}'"
    finding = Finding("WARN", "header of several lines", message, _KEEP)
    return replace(rest, columns=(renamed, *rest.columns[1:])), [finding]


def _joined_names(frame: Frame, cells: Mapping[str, str]) -> list[str]:
    """Returns the names of two lines of a header, of which the upper one has names over
    several columns; empty where the upper line names every column."""
    upper, names = "", []
    for position, column in enumerate(frame.columns, 1):
        upper = upper if column.name == f"column{position}" else column.name
        lower = column.show(0) if column.kind == "string" else cells.get(column.name)
        names.append(f"{upper} {lower or ''}".strip() or column.name)
    is_upper = any(column.name == f"column{place}" for place, column in enumerate(frame.columns, 1))
    return names if is_upper and len(set(names)) == len(names) else []


def _without_notes(frame: Frame) -> tuple[Frame, list[Finding]]:
    """Leaves out notes at the end: rows with a text of several words in a column of
    numbers, and with no other cell."""
    if len(frame) < _MIN_ROWS:
        return frame, []
    notes: list[str] = []
    while len(notes) < _MAX_NOTES and (note := _note(frame, len(frame) - 1 - len(notes))):
        notes.append(note)
    if not notes:
        return frame, []
    listed = list_some([f"'{shorten(note, 40)}'" for note in reversed(notes)], 3)
    verb = "is a note" if len(notes) == 1 else "are notes"
    message = f"the last {counted(len(notes), 'row')} {verb}: {listed}"
    rest = np.arange(len(frame)) < len(frame) - len(notes)
    return _only(frame, rest), [Finding("WARN", "notes below the table", message, _KEEP)]


def _note(frame: Frame, position: int) -> str:
    """Returns the text of a row that has a note and nothing else, or ''."""
    row = int(frame.rows[position])
    texts = [text for column in frame.columns for number, text in column.odd if number == row]
    filled = sum(not column.missing[position] for column in frame.columns)
    return texts[0] if len(texts) == 1 and not filled and _has_words(texts[0]) else ""


def _without_total(frame: Frame) -> tuple[Frame, list[Finding]]:
    """Leaves out a last row that is called total and is the sum of the others.

    Where no number is the sum, the row stays, with a warning.
    """
    last = len(frame) - 1
    names = [
        column
        for column in frame.columns
        if column.kind == "string" and not column.missing[last] and _is_total(column, last)
    ]
    if len(frame) < 4 or not names:
        return frame, []
    text = names[0].show(last)
    sums = [column.name for column in frame.columns if _is_sum(column, last)]
    if not sums:
        message = f"the last row has '{text}' in '{names[0].name}'"
        action = "used as a row; remove it if it is not a sample"
        return frame, [Finding("WARN", "row of totals", message, action, (int(frame.rows[last]),))]
    listed = list_some([f"'{name}'" for name in sums], 4)
    message = f"the last row, '{text}' in '{names[0].name}', has the sum or mean of {listed}"
    rest = np.arange(len(frame)) < last
    return _only(frame, rest), [Finding("WARN", "row of totals", message, _KEEP)]


def _is_total(column: Column, last: int) -> bool:
    """Whether the last text is a word for a total that occurs nowhere else."""
    words = str(column.show(last)).strip().lower().rstrip(":")
    return words in _TOTALS and int(np.sum(column.values == column.values[last])) == 1


def _is_sum(column: Column, last: int) -> bool:
    """Whether the last number is the sum or the mean of those before it."""
    if column.kind != "number" or np.isnan(column.values[last]):
        return False
    others = column.values[:last][~np.isnan(column.values[:last])]
    if len(others) < 2 or not np.any(others):
        return False
    return bool(np.any(np.isclose(column.values[last], [others.sum(), others.mean()], _TOLERANCE)))


def _is_empty(column: Column, frame: Frame) -> NDArray[np.bool_]:
    """Returns the rows without a cell: those of a text among numbers have one."""
    empty = column.missing.copy()
    if column.odd:
        empty[np.isin(frame.rows, [row for row, _ in column.odd])] = False
    return empty


def _is_unit(text: str) -> bool:
    plain = text.strip()
    return is_known_mark(plain.strip("[]()")) or (plain[:1] in "[(" and plain[-1:] in "])")


def _has_words(text: str) -> bool:
    return any(map(str.isalpha, text)) and (len(text.split()) > 1 or ":" in text)


def _only(frame: Frame, rest: NDArray[np.bool_]) -> Frame:
    """Returns some rows; texts and odd cells of the others are gone."""
    rows = set(frame.rows[~rest].tolist())
    return replace(frame.take(rest), columns=tuple(_column(c, rest, rows) for c in frame.columns))


def _column(column: Column, rest: NDArray[np.bool_], gone: set[int]) -> Column:
    column = column.take(rest)
    if column.kind == "number":
        odd = tuple(cell for cell in column.odd if cell[0] not in gone)
        return replace(column, odd=odd, odd_count=column.odd_count - len(column.odd) + len(odd))
    if column.kind != "string":
        return column
    used = np.zeros(len(column.categories) + 1, dtype=bool)
    used[column.values] = True
    used = used[:-1]
    table = np.append(np.cumsum(used) - 1, -1).astype(np.int32)
    texts = tuple(text for text, is_used in zip(column.categories, used, strict=True) if is_used)
    return replace(column, values=table[column.values], categories=texts)
