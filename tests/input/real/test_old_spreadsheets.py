"""Old spreadsheets (.xls): read, or refused where damage asks for too much memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from kissipo.cli.main import main
from kissipo.core.errors import DataError
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
