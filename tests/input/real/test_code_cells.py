"""Codes such as 007 among numbers stay as they are, and a stray one is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from kissipo.core.finding import Finding
from kissipo.core.frame import Column
from kissipo.input.cells.number_columns import PLAIN_CELLS, CellOptions
from kissipo.input.formats.delimited import Layout, read_typed

ROWS, PLACE = 3000, 2500
COUNTS = [str(row % 97) for row in range(ROWS)]
PRICES = [f"{row % 89}.{row % 7}5" for row in range(ROWS)]
ZIP_CODES = [str(10_000 + 7 * row) for row in range(ROWS)]


def read(
    tmp_path: Path, cells: list[str], options: CellOptions = PLAIN_CELLS, end: str = ""
) -> tuple[Column, list[Finding]]:
    path = tmp_path / "table.csv"
    lines = [f"{cell},{'ab'[row % 2]}" for row, cell in enumerate(cells)]
    path.write_text("\n".join(["code,kind", *lines]) + end)
    typed = read_typed(path, Layout(",", cells=options))
    findings = [finding for finding in typed.findings if finding.check == "codes among numbers"]
    return typed.frame["code"], findings


def with_cell(cells: list[str], cell: str, place: int) -> list[str]:
    return [*cells[:place], cell, *cells[place + 1 :]]


@pytest.mark.parametrize("end", ["", "\n\n"], ids=["by blocks", "row by row"])
@pytest.mark.parametrize("place", [10, PLACE])
@pytest.mark.parametrize(
    ("cells", "cell"),
    [
        (COUNTS, "007"),
        (COUNTS, "05"),
        (COUNTS, "-01"),
        (PRICES, "008"),
        (COUNTS, "12345678901234567891"),
        ([*map(str, range(ROWS))], "0042"),
    ],
)
def test_a_stray_code_is_a_text_and_reported(
    tmp_path: Path, cells: list[str], cell: str, place: int, end: str
) -> None:
    column, findings = read(tmp_path, with_cell(cells, cell, place), end=end)
    assert column.kind == "string"
    assert column.texts()[place] == cell
    assert [(finding.level, finding.rows) for finding in findings] == [("WARN", (place + 1,))]
    assert f"'{cell}'" in findings[0].message and f"row {place + 1}" in findings[0].message
    assert "read as texts; input.numeric=[code]" in findings[0].action


@pytest.mark.parametrize("place", [10, PLACE])
@pytest.mark.parametrize(
    ("cells", "cell"), [(COUNTS, "00"), (PRICES, "00"), (PRICES, "000"), (COUNTS, "-00")]
)
def test_stray_zeros_are_zero_and_reported(
    tmp_path: Path, cells: list[str], cell: str, place: int
) -> None:
    column, findings = read(tmp_path, with_cell(cells, cell, place))
    assert column.kind == "number"
    assert column.values[place] == 0
    assert column.values[place + 1] == float(cells[place + 1])
    assert [(finding.level, finding.rows) for finding in findings] == [("WARN", (place + 1,))]
    assert "read as 0; input.categorical=[code]" in findings[0].action


@pytest.mark.parametrize(
    ("cells", "cell"),
    [
        (ZIP_CODES, "01234"),
        (ZIP_CODES, "00000"),
        ([f"{row % 60:02}" for row in range(ROWS)], "00"),
        (["V57", "E812", "x1"] * 1000, "008"),
    ],
)
def test_codes_without_a_word(tmp_path: Path, cells: list[str], cell: str) -> None:
    """Codes of one length, many codes, and codes among words are certain."""
    column, findings = read(tmp_path, with_cell(cells, cell, PLACE))
    assert column.kind == "string"
    assert column.texts()[PLACE] == cell
    assert not findings


@pytest.mark.parametrize("cell", ["007", "00"])
def test_the_options_decide(tmp_path: Path, cell: str) -> None:
    cells = with_cell(COUNTS, cell, PLACE)
    numeric, findings = read(tmp_path, cells, CellOptions(numbers=frozenset({"code"})))
    assert (numeric.kind, numeric.values[PLACE], findings) == ("number", float(cell), [])
    classes, findings = read(tmp_path, cells, CellOptions(texts=frozenset({"code"})))
    assert (classes.kind, classes.texts()[PLACE], findings) == ("string", cell, [])
