"""Cells with a format of percent in binary spreadsheets: .xls (BIFF8) and .xlsb.

Both are sequences of records with a kind and a length. A cell names its style, a style
names its format. Older .xls files (before 1997) are not looked into.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial

Place = tuple[int, int]
Record = tuple[int, bytes]

_PERCENT_IDS = frozenset((9, 10))
_END, _ENTRY = 0xFFFFFFF8, 128  # sectors from _END on are no sectors
_BIFF8 = 0x600
_START, _SHEET, _STOP, _FORMAT, _STYLE = 0x809, 0x85, 0x0A, 0x41E, 0xE0
_CELLS, _ROW_OF_CELLS = (0x203, 0x27E, 0x06), 0xBD
_B_ROW, _B_CELLS, _B_STYLE, _B_FORMAT = 0, (2, 5, 9), 47, 44
_B_STYLES, _B_STYLES_END, _B_SHEET = 617, 618, 156


def is_percent(code: str) -> bool:
    """Whether a format shows a percent sign.

    Example:  >>> is_percent("0.0%"), is_percent('0" % of all"')
              (True, False)
    """
    return "%" in re.sub(r'\\.|"[^"]*"', "", code)


def old_percent_cells(content: bytes, sheet: str) -> Iterator[Place]:
    """Yields line and column, from 1, of the cells of percent in a sheet of .xls.

    Raises:   struct.error, ValueError, IndexError for a damaged file.
    """
    stream = _stream(content)
    styles: list[int] = []
    formats, start = set(_PERCENT_IDS), None
    for kind, data in _old_records(stream, 0):
        if kind == _START and struct.unpack_from("<H", data)[0] != _BIFF8:
            return
        if kind == _FORMAT and is_percent(_old_text(data, 2)):
            formats.add(struct.unpack_from("<H", data)[0])
        elif kind == _STYLE:
            styles.append(struct.unpack_from("<H", data, 2)[0])
        elif kind == _SHEET and _old_text(data, 6, short=True) == sheet:
            start = struct.unpack_from("<I", data)[0]
    percent = {number for number, style in enumerate(styles) if style in formats}
    if start is None or not percent:
        return
    for kind, data in _old_records(stream, start):
        if kind in _CELLS:
            row, column, style = struct.unpack_from("<HHH", data)
            if style in percent:
                yield row + 1, column + 1
        elif kind == _ROW_OF_CELLS:
            row, first = struct.unpack_from("<HH", data)
            for place in range((len(data) - 6) // 6):
                if struct.unpack_from("<H", data, 4 + 6 * place)[0] in percent:
                    yield row + 1, first + place + 1


def binary_percent_cells(archive: zipfile.ZipFile, sheet: str) -> Iterator[Place]:
    """Yields line and column, from 1, of the cells of percent in a sheet of .xlsb."""
    formats = set(_PERCENT_IDS)
    styles: list[int] = []
    is_inside = False
    for kind, data in _records(archive.read("xl/styles.bin")):
        is_inside = kind == _B_STYLES or (is_inside and kind != _B_STYLES_END)
        if kind == _B_FORMAT and is_percent(_text(data, 2)[0]):
            formats.add(struct.unpack_from("<H", data)[0])
        elif kind == _B_STYLE and is_inside:
            styles.append(struct.unpack_from("<H", data, 2)[0])
    percent = {number for number, style in enumerate(styles) if style in formats}
    member = _member(archive, sheet) if percent else ""
    row = 0
    for kind, data in _records(archive.read(member)) if member else ():
        if kind == _B_ROW:
            row = struct.unpack_from("<I", data)[0]
        elif kind in _B_CELLS:
            column, style = struct.unpack_from("<II", data)
            if style & 0xFFFFFF in percent:
                yield row + 1, column + 1


def _member(archive: zipfile.ZipFile, sheet: str) -> str:
    """Returns the file of a sheet inside the archive, or ''."""
    links = archive.read("xl/_rels/workbook.bin.rels").decode("utf-8", "replace")
    for kind, data in _records(archive.read("xl/workbook.bin")):
        if kind != _B_SHEET:
            continue
        link, place = _text(data, 8)
        if _text(data, place)[0] != sheet:
            continue
        for match in re.finditer(r"<Relationship\b[^>]*>", links):
            target = re.search(r'Target="([^"]*)"', match[0])
            if target and f'Id="{link}"' in match[0]:
                path = target[1]
                return path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    return ""


def _records(data: bytes) -> Iterator[Record]:
    """Yields the records of .xlsb: kind and length in parts of seven bits."""
    place = 0
    while place < len(data):
        kind, place = _seven_bits(data, place, 2)
        length, place = _seven_bits(data, place, 4)
        yield kind, data[place : place + length]
        place += length


def _seven_bits(data: bytes, place: int, longest: int) -> tuple[int, int]:
    """Returns a number and the place behind it; its last byte is below 128."""
    value = 0
    for part in range(longest):
        byte = data[place + part]
        value |= (byte & 0x7F) << (7 * part)
        if byte < 0x80:
            return value, place + part + 1
    return value, place + longest


def _text(data: bytes, place: int) -> tuple[str, int]:
    """Returns a text and the place behind it."""
    end = place + 4 + 2 * int(struct.unpack_from("<I", data, place)[0])
    return data[place + 4 : end].decode("utf-16-le", "replace"), end


def _old_records(stream: bytes, place: int) -> Iterator[Record]:
    """Yields the records of .xls from a place to the end of their part."""
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, stream[place + 4 : place + 4 + length]
        if kind == _STOP:
            return
        place += 4 + length


def _old_text(data: bytes, place: int, *, short: bool = False) -> str:
    """Returns a text with its length before it, in one byte per letter or in two."""
    count, flags = struct.unpack_from("<BB" if short else "<HB", data, place)
    place += 2 if short else 3
    is_wide = bool(flags & 1)
    text = data[place : place + count * (2 if is_wide else 1)]
    return text.decode("utf-16-le" if is_wide else "latin-1", "replace")


def _stream(content: bytes) -> bytes:
    """Returns the stream `Workbook` of a compound file.

    Raises:   ValueError for a file without it.
    """
    shift, small_shift = struct.unpack_from("<HH", content, 30)
    tables, first = struct.unpack_from("<II", content, 44)
    limit, small_first = struct.unpack_from("<II", content, 56)
    more, count = struct.unpack_from("<II", content, 68)
    size = 1 << shift

    def sector(number: int) -> bytes:
        return content[(number + 1) << shift : (number + 2) << shift]

    numbers = list(struct.unpack_from("<109I", content, 76))
    for _ in range(count):
        links = struct.unpack(f"<{size // 4}I", sector(more))
        numbers += links[:-1]
        more = links[-1]
    table = [
        link
        for number in numbers[:tables]
        for link in struct.unpack(f"<{size // 4}I", sector(number))
    ]
    directory = _chain(first, table, sector)
    entries = [directory[place : place + _ENTRY] for place in range(0, len(directory), _ENTRY)]
    for entry in entries:
        length = struct.unpack_from("<H", entry, 64)[0]
        name = entry[: max(0, length - 2)].decode("utf-16-le", "replace")
        if name != "Workbook":
            continue
        start, total = struct.unpack_from("<II", entry, 116)
        if total >= limit:
            return _chain(start, table, sector)[:total]
        root = _chain(struct.unpack_from("<I", entries[0], 116)[0], table, sector)
        small_table = _chain(small_first, table, sector)
        links = struct.unpack(f"<{len(small_table) // 4}I", small_table)
        return _chain(start, links, partial(_part, root, 1 << small_shift))[:total]
    raise ValueError("no stream Workbook")


def _part(data: bytes, width: int, number: int) -> bytes:
    return data[number * width : (number + 1) * width]


def _chain(start: int, table: Sequence[int], sector: Callable[[int], bytes]) -> bytes:
    """Returns the sectors that follow one another, as the table links them.

    Raises:   ValueError for a chain without an end.
    """
    parts: list[bytes] = []
    while start < _END:
        if len(parts) > len(table):
            raise ValueError("a chain of sectors without an end")
        parts.append(sector(start))
        start = table[start]
    return b"".join(parts)
