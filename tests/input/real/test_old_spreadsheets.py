"""Old spreadsheets (.xls): read, or refused where damage asks for too much memory."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kissipo.cli.main import main
from kissipo.core.errors import DataError
from kissipo.input.cells.percent_cells import percent_cells
from kissipo.input.formats.tables import FileWords, read_table

Value = str | float
TABLE: list[list[Value]] = [["size", "kind"], *([row / 2, "ab"[row % 2]] for row in range(12))]
_FREE, _LAST, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def cell(row: int, column: int, value: Value) -> bytes:
    if isinstance(value, str):
        text = value.encode("utf-16-le")
        return record(0x204, struct.pack("<HHHHB", row, column, 15, len(value), 1) + text)
    return record(0x203, struct.pack("<HHHd", row, column, 15, value))


def workbook(table: list[list[Value]]) -> bytes:
    """Returns the records of a workbook with one sheet (BIFF8)."""
    first, name = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)), b"Sheet1"
    first += record(0x42, struct.pack("<H", 1200))
    start = len(first) + 4 + 8 + len(name) + 4
    first += record(0x85, struct.pack("<IBBBB", start, 0, 0, len(name), 0) + name) + record(0x0A)
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 16, 0, 0, 0, 0))
    sheet += record(0x200, struct.pack("<IIHHH", 0, len(table), 0, len(table[0]), 0))
    for row, values in enumerate(table):
        sheet += b"".join(cell(row, column, value) for column, value in enumerate(values))
    return first + sheet + record(0x0A)


def entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    """Returns an entry of the directory of a compound file."""
    text = (name + "\0").encode("utf-16-le") if name else b""
    links = struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, child)
    return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)


def compound(stream: bytes) -> bytes:
    """Returns a compound file with one stream: a table of sectors, a directory, the
    stream."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    count = len(stream) // 512
    sectors = [_TABLE, _LAST, *range(3, count + 2), _LAST]
    sectors += [_FREE] * (128 - len(sectors))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _LAST, 0, _LAST, 0)
    header += struct.pack("<I", 0) + struct.pack("<I", _FREE) * 108
    entries = entry("Root Entry", 5, _LAST, 0, 1) + entry("Workbook", 2, 2, len(stream))
    return header + struct.pack("<128I", *sectors) + entries + entry("", 0, 0, 0) * 2 + stream


def far_cell() -> bytes:
    """Returns a workbook with a cell in the last row and column that two bytes name."""
    last = struct.pack("<HHHd", len(TABLE), 1, 15, 2.5)
    return workbook([*TABLE, [1.5, 2.5]]).replace(last, struct.pack("<HHHd", 65535, 65535, 15, 2.5))


def wide_range() -> bytes:
    """Returns a workbook whose sheet says that it has four billion rows."""
    size = struct.pack("<IIHHH", 0, len(TABLE), 0, 2, 0)
    return workbook(TABLE).replace(size, struct.pack("<IIHHH", 0, _FREE - 15, 0, 0xFFF0, 0))


def test_an_old_spreadsheet_is_read() -> None:
    pytest.importorskip("python_calamine")
    Path("a.xls").write_bytes(compound(workbook(TABLE)))
    frame = read_table("a.xls", FileWords())[0]
    assert frame.names == ["size", "kind"]
    assert frame["size"].values.tolist() == [row / 2 for row in range(12)]
    assert frame["kind"].texts() == ["a", "b"] * 6


@pytest.mark.parametrize("damage", [far_cell, wide_range], ids=lambda damage: damage.__name__)
def test_damage_that_asks_for_too_much_memory_is_refused(
    damage: Callable[[], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("python_calamine")
    Path("a.xls").write_bytes(compound(damage()))
    with pytest.raises(DataError, match="not a readable spreadsheet: it needs more than 1024 MB"):
        read_table("a.xls", FileWords())
    assert main(["fit", "a.xls", "--output", "kind"]) == 2
    error = capsys.readouterr().err
    assert "save it as .xlsx or as CSV" in error and "Traceback" not in error


def test_cut_files_are_refused() -> None:
    pytest.importorskip("python_calamine")
    content = compound(workbook(TABLE))
    for size in (100, 600, 1500, 2200):
        Path("a.xls").write_bytes(content[:size])
        with pytest.raises(DataError, match=r"a\.xls"):
            read_table("a.xls", FileWords())


PERCENTS = [[0.25, 4.0], [0.5, 8.0], [0.75, 12.0], [0.125, 16.0]]
_FORMATS = {164: "0.0%", 165: '0" %"'}


def percents(rows: int = 10) -> bytes:
    """Returns a workbook whose first column is shown as percents, by its own
    format or a built-in one, and the second with a sign in quotes."""
    first, name = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)), b"Sheet1"
    first += record(0x42, struct.pack("<H", 1200))
    for number, code in _FORMATS.items():
        text = code.encode("utf-16-le")
        first += record(0x41E, struct.pack("<HHB", number, len(code), 1) + text)
    for number in (0, 164, 165, 10):
        first += record(0xE0, struct.pack("<HH", 0, number) + bytes(16))
    start = len(first) + 4 + 8 + len(name) + 4
    first += record(0x85, struct.pack("<IBBBB", start, 0, 0, len(name), 0) + name) + record(0x0A)
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 16, 0, 0, 0, 0))
    for column, title in enumerate(("share", "price")):
        sheet += cell(0, column, title)
    for row in range(rows):
        share, price = PERCENTS[row % 4]
        style = (1, 3)[row % 2]
        if row == 3:  # several cells in one record
            parts = [(style, int(100 * share)), (2, int(100 * price))]
            cells = b"".join(struct.pack("<HI", kind, value << 2 | 3) for kind, value in parts)
            sheet += record(0xBD, struct.pack("<HH", row + 1, 0) + cells + struct.pack("<H", 1))
            continue
        sheet += record(0x203, struct.pack("<HHHd", row + 1, 0, style, share))
        sheet += record(0x203, struct.pack("<HHHd", row + 1, 1, 2, price))
    return first + sheet + record(0x0A)


@pytest.mark.parametrize("rows", [10, 400])
def test_percents_of_an_old_spreadsheet(rows: int) -> None:
    pytest.importorskip("python_calamine")
    content = compound(percents(rows))
    Path("a.xls").write_bytes(content)
    assert percent_cells(content, "Sheet1") == {(row + 2, 1) for row in range(rows)}
    frame, _ = read_table("a.xls", FileWords())
    shares = [100 * PERCENTS[row % 4][0] for row in range(rows)]
    if rows > 3:
        shares[3] = 12.0  # 0.12, in hundredths
    assert frame["share"].values.tolist() == pytest.approx(shares)
    assert frame["share"].unit == "%" and frame["price"].unit == ""
    assert frame["price"].values[1] == 8.0


def brt(kind: int, content: bytes = b"") -> bytes:
    """Returns a record of a binary workbook: kind and length in parts of seven bits."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, size = b"", len(content)
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return head + length + content


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def binary_workbook(path: str, rows: int = 10) -> bytes:
    """Writes a workbook .xlsb with the cells of `percents`, and returns its bytes."""
    styles = brt(278) + brt(615, struct.pack("<I", 2))
    for number, code in _FORMATS.items():
        styles += brt(44, struct.pack("<H", number) + wide(code))
    styles += (
        brt(616) + brt(626, struct.pack("<I", 1)) + brt(47, struct.pack("<HH", 0, 9) + bytes(12))
    )
    styles += brt(627) + brt(617, struct.pack("<I", 4))
    for number in (0, 164, 165, 10):
        styles += brt(47, struct.pack("<HH", 0, number) + bytes(12))
    styles += brt(618) + brt(279)
    book = brt(131) + brt(153, bytes(12)) + brt(143)
    book += brt(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Data")) + brt(144) + brt(132)
    sheet = brt(129) + brt(148, struct.pack("<IIII", 0, rows, 0, 1)) + brt(145)
    sheet += brt(0, struct.pack("<I", 0) + bytes(13))
    for column, title in enumerate(("share", "price")):
        sheet += brt(6, struct.pack("<II", column, 0) + wide(title))
    for row in range(rows):
        sheet += brt(0, struct.pack("<I", row + 1) + bytes(13))
        share, price = PERCENTS[row % 4]
        sheet += brt(5, struct.pack("<IId", 0, (1, 3)[row % 2], share))
        sheet += brt(5, struct.pack("<IId", 1, 2, price))
    sheet += brt(146) + brt(130)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/styles.bin", styles)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{links}"><Relationship Id="rId1" Type="{kind}/worksheet" '
            'Target="worksheets/sheet1.bin"/></Relationships>',
        )
    return Path(path).read_bytes()


def test_percents_of_a_binary_workbook() -> None:
    pytest.importorskip("python_calamine")
    content = binary_workbook("a.xlsb")
    assert percent_cells(content, "Data") == {(row + 2, 1) for row in range(10)}
    assert percent_cells(content, "Other") == frozenset()
    frame, _ = read_table("a.xlsb", FileWords())
    assert frame["share"].values.tolist() == [100 * PERCENTS[row % 4][0] for row in range(10)]
    assert frame["share"].unit == "%" and frame["price"].values[1] == 8.0


def test_damage_does_not_stop_the_search_for_percents() -> None:
    content = compound(percents())
    for place in range(0, len(content), 97):
        for damaged in (content[:place] + b"\xff\xfe" + content[place + 2 :], content[:place]):
            assert isinstance(percent_cells(damaged, "Sheet1"), frozenset)
