"""Cells of a sheet with a format of percent: 25% is 25 with the mark %, as in CSV.

The sheet itself stores 0.25 and the format.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from html import unescape

from kissipo.input.cells.binary_percent_cells import (
    binary_percent_cells,
    is_percent,
    old_percent_cells,
)
from kissipo.input.formats.compressed import DAMAGED

_DAMAGED = (OSError, ValueError, KeyError, IndexError, RuntimeError, struct.error)
_PERCENT_IDS = frozenset(("9", "10"))
_FORMAT = re.compile(r"<numFmt\b([^>]*)>")
_STYLE = re.compile(r"<xf\b([^>]*)>")
_CELL = re.compile(r"<c\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
_ODS_ROW = re.compile(r"<table:table-row\b.*?</table:table-row>", re.DOTALL)
_ODS_CELL = re.compile(r"<table:(?:covered-)?table-cell\b([^>]*)>")

Place = tuple[int, int]


def percent_cells(content: bytes, sheet: str) -> frozenset[Place]:
    """Returns the places of the cells with a format of percent: line, column from 1."""
    try:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return frozenset(old_percent_cells(content, sheet))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if "content.xml" in names:
                return frozenset(_of_ods(_text(archive, "content.xml"), sheet))
            if {"xl/styles.xml", "xl/workbook.xml"} <= names:
                return frozenset(_of_xlsx(archive, sheet))
            if {"xl/styles.bin", "xl/workbook.bin"} <= names:
                return frozenset(binary_percent_cells(archive, sheet))
    except (*DAMAGED, *_DAMAGED):
        pass  # the reader of the sheet reports a damaged file
    return frozenset()


def _of_xlsx(archive: zipfile.ZipFile, sheet: str) -> Iterable[Place]:
    styles = _percent_styles(_text(archive, "xl/styles.xml"))
    target = _target(archive, sheet) if styles else ""
    if not target:
        return
    for match in _CELL.finditer(_text(archive, target)):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        if attributes.get("s") in styles and "r" in attributes:
            yield _place(attributes["r"])


def _percent_styles(text: str) -> set[str]:
    """Returns the numbers of the cell styles whose format shows a percent sign."""
    formats = set(_PERCENT_IDS)
    for match in _FORMAT.finditer(text):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        if is_percent(unescape(attributes.get("formatCode", ""))):
            formats.add(attributes.get("numFmtId", ""))
    _, _, cells = text.partition("<cellXfs")
    cells = cells.partition("</cellXfs>")[0]
    return {
        str(number)
        for number, match in enumerate(_STYLE.finditer(cells))
        if dict(_ATTRIBUTE.findall(match[1])).get("numFmtId") in formats
    }


def _target(archive: zipfile.ZipFile, sheet: str) -> str:
    """Returns the file of a sheet inside the archive, or ''."""
    link = ""
    for match in re.finditer(r"<(?:\w+:)?sheet\b([^>]*)>", _text(archive, "xl/workbook.xml")):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        if unescape(attributes.get("name", "")) == sheet:
            link = attributes.get("r:id", "")
    for match in re.finditer(
        r"<Relationship\b([^>]*)>", _text(archive, "xl/_rels/workbook.xml.rels")
    ):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        if link and attributes.get("Id") == link:
            target = attributes.get("Target", "")
            return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return ""


def _of_ods(text: str, sheet: str) -> Iterator[Place]:
    tables = re.finditer(r"<table:table\s([^>]*)>(.*?)</table:table>", text, re.DOTALL)
    for table in tables:
        if unescape(dict(_ATTRIBUTE.findall(table[1])).get("table:name", "")) != sheet:
            continue
        line = 0
        for row in _ODS_ROW.finditer(table[2]):
            line += 1
            column = 1
            for cell in _ODS_CELL.finditer(row[0]):
                attributes = dict(_ATTRIBUTE.findall(cell[1]))
                count = int(attributes.get("table:number-columns-repeated", 1))
                if attributes.get("office:value-type") == "percentage":
                    yield from ((line, column + step) for step in range(count))
                column += count
            repeated = re.search(r'table:number-rows-repeated="(\d+)"', row[0].partition(">")[0])
            line += int(repeated[1]) - 1 if repeated else 0


def _place(name: str) -> Place:
    """Returns line and column of a name such as B7."""
    letters = name.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = 26 * column + ord(letter) - 64
    return int(name[len(letters) :]), column


def _text(archive: zipfile.ZipFile, member: str) -> str:
    return archive.read(member).decode("utf-8", "replace")
