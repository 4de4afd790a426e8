"""Spreadsheets: .xlsx, .xlsm, .xlsb, .xls and .ods, through python-calamine.

One sheet is one table. Its cells come with their types: a number stays a number,
whatever its format, and a date a date. A text that is a number (`12,5` where the others
are numbers) is read as in a CSV file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Protocol

from kissipo.core.errors import DataError, MissingExtraError
from kissipo.core.extras import need
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import list_some
from kissipo.input.cells.number_columns import TypedCells, type_cells
from kissipo.input.cells.percent_cells import percent_cells
from kissipo.input.formats.compressed import DAMAGED
from kissipo.input.formats.delimited import Layout
from kissipo.input.formats.files import read_bytes, readable
from kissipo.input.formats.old_spreadsheet import SIGNATURE, refuse_damaged
from kissipo.input.formats.sheet_cells import (
    Cell,
    Merge,
    Rows,
    duration_finding,
    filled_merges,
    sheet_column,
    trimmed,
    with_percent,
)
from kissipo.input.formats.sheet_header import split_header

SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_NAMES = {
    "xl/workbook.xml": r'<sheet [^>]*?name="([^"]*)"',
    "content.xml": r'<table:table [^>]*?table:name="([^"]*)"',
}
_HEAD = 1 << 24  # bytes in which the names are searched
_MAX_CELLS = 100_000_000
_LAST_CELL = re.compile(rb'<dimension ref="[A-Z]+\d+:([A-Z]+)(\d+)"')


class _Sheet(Protocol):
    """A sheet of the library."""

    height: int
    merged_cell_ranges: list[Merge] | None

    def to_python(self, skip_empty_area: bool) -> list[list[Cell]]: ...


class _SheetInfo(Protocol):
    """What the library knows of a sheet before it is read."""

    name: str
    visible: object


class _Book(Protocol):
    """A spreadsheet of the library."""

    sheet_names: list[str]
    sheets_metadata: list[_SheetInfo]

    def get_sheet_by_name(self, name: str) -> _Sheet: ...


def read_spreadsheet(path: Path, layout: Layout, sheet: str | None) -> TypedCells:
    """Reads one sheet: the named one, else the first that has cells.

    Raises:   DataError for a file with a password, a damaged one, an unknown or empty
              sheet, and without the extra 'excel'.
    """
    status = path.stat()
    frame, findings, inferred = _read_once(path, layout, sheet, status.st_mtime_ns, status.st_size)
    return TypedCells(frame, list(findings), list(inferred))


@lru_cache(maxsize=1)
def _read_once(
    path: Path, layout: Layout, sheet: str | None, changed: int, size: int
) -> TypedCells:
    """Reads a file; the last one is cached, as inference and training both read it."""
    content = read_bytes(path)
    _refuse_unreadable(path, content)
    _refuse_far_cells(path, content)
    try:
        calamine = need("python_calamine", extra="excel", purpose="reading spreadsheets")
    except MissingExtraError as error:
        raise _refusal(path, content, error.do) from None
    refuse_damaged(path, content)
    try:
        with calamine.load_workbook(io.BytesIO(content)) as book:
            name, inferred = _choose(path, book, sheet)
            table_sheet = book.get_sheet_by_name(name)
            rows: Rows = list(enumerate(table_sheet.to_python(skip_empty_area=False), 1))
            merged = table_sheet.merged_cell_ranges or []
    except calamine.PasswordError:
        raise _locked(path) from None
    except calamine.CalamineError as error:
        raise _damaged(path, str(error)) from None
    with_percent(rows, percent_cells(content, name))
    rows, merges = filled_merges(rows, merged)
    table = split_header(path, trimmed(rows), layout)
    columns = (
        sheet_column(name, [row[place] for _, row in table.rows], path)
        for place, name in enumerate(table.names)
    )
    typed = type_cells(Frame(tuple(columns), origin=str(path)), layout.cells)
    findings = [*table.findings, *merges, *duration_finding(table.names, table.rows)]
    return TypedCells(typed.frame, findings + typed.findings, inferred + typed.inferred)


def _choose(path: Path, book: _Book, sheet: str | None) -> tuple[str, list[InferredOption]]:
    """Returns the name of the sheet to read, and the option where it is inferred.

    The option is doubtful where another sheet has rows, too.
    """
    names = [str(name) for name in book.sheet_names]
    if sheet is not None:
        return _named_sheet(path, book, names, sheet), []
    visible = [
        entry.name for entry in book.sheets_metadata if str(entry.visible).endswith(".Visible")
    ]
    visible = visible or names
    for place, name in enumerate(visible):
        candidate = book.get_sheet_by_name(name)
        if candidate.height:
            others = [other for other in names if other != name]
            reason = f"the only sheet of {path.name}"
            if others:
                reason = f"the first of {len(names)} sheets; not read: {_listed(others)}"
            tables = [book.get_sheet_by_name(other).height > 1 for other in visible[place + 1 :]]
            return name, [InferredOption("input.sheet", name, reason, any(tables))]
    raise DataError(f"{path} has no cells", do="Give a sheet with a header and rows of data")


def _named_sheet(path: Path, book: _Book, names: Sequence[str], sheet: str) -> str:
    """Returns this name of a sheet, or that of the only sheet of the file."""
    if sheet not in names and len(names) > 1:
        raise DataError(
            f"{path} has no sheet '{sheet}'",
            got="the sheets " + _listed(names),
            do=did_you_mean(sheet, names) or "Set input.sheet to one of them",
        )
    name = sheet if sheet in names else names[0]
    if not book.get_sheet_by_name(name).height:
        raise DataError(
            f"the sheet '{name}' of {path} has no cells",
            got="the sheets " + _listed(names),
            do="Set input.sheet to a sheet with a header and rows of data",
        )
    return name


def _listed(names: Sequence[str]) -> str:
    return list_some([f"'{name}'" for name in names], 5)


def _refuse_unreadable(path: Path, content: bytes) -> None:
    """Raises DataError for a file with a password, and for one of another format."""
    is_old = content.startswith(SIGNATURE)
    if is_old and not path.name.lower().endswith(".xls"):
        raise _locked(path)
    if not is_old and not zipfile.is_zipfile(io.BytesIO(content)):
        if b"\0" in content[:4096]:
            raise _damaged(path, "its bytes are of another format")
        is_page = content.lstrip()[:1] == b"<"
        raise DataError(
            f"{path} is not a spreadsheet but {'a web page' if is_page else 'a text file'}",
            do="Open it in a spreadsheet program and save it as .xlsx or as CSV (UTF-8)"
            if is_page
            else "Give it the ending .csv",
        )


def _refuse_far_cells(path: Path, content: bytes) -> None:
    """Raises DataError for a stray cell far away from the table: all cells up to it
    would be held in memory."""
    if content.startswith(SIGNATURE):
        return
    with readable(path), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.namelist():
            if not member.startswith("xl/worksheets/") or not member.endswith(".xml"):
                continue
            with archive.open(member) as file:
                last = _LAST_CELL.search(file.read(4096))
            width = 0
            for letter in last[1] if last else b"":
                width = 26 * width + letter - 64
            if last and width * int(last[2]) > _MAX_CELLS:
                raise DataError(
                    f"a sheet of {path} has cells as far as {(last[1] + last[2]).decode()}",
                    do="Delete the rows and columns beside the table, or save it as CSV (UTF-8)",
                )


def _locked(path: Path) -> DataError:
    return DataError(
        f"{path} is a spreadsheet protected by a password",
        do="Save it without the password, or save the sheet as CSV (UTF-8)",
    )


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} is not a readable spreadsheet: {reason}",
        do="Open it in the program that made it, and save it again as .xlsx or as CSV (UTF-8)",
    )


def _refusal(path: Path, content: bytes, install: str) -> DataError:
    """Returns the error where spreadsheets cannot be read; it names the sheets."""
    sheets = _sheets(content)
    what = f"{path} is a spreadsheet"
    return DataError(
        what + (f" with the sheets {_listed(sheets)}" if sheets else ""),
        allowed="a text file such as CSV, or a data frame",
        do=f"{install}, or save the sheet as CSV (UTF-8)",
    )


def _sheets(content: bytes) -> list[str]:
    """Returns the names of the sheets, as far as the file shows them."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member, pattern in _NAMES.items():
                if member in archive.namelist():
                    with archive.open(member) as file:
                        text = file.read(_HEAD).decode("utf-8", "replace")
                    return [unescape(name) for name in re.findall(pattern, text)]
    except (*DAMAGED, OSError, ValueError, RuntimeError, NotImplementedError):
        pass  # the sheets cannot be named
    return []
