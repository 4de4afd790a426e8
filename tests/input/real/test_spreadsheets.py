"""Spreadsheets are read with the types of their cells; small files are written here."""

from __future__ import annotations

import gzip
import sys
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest

from kissipo.cli.main import main
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.input.cells.percent_cells import percent_cells
from kissipo.input.formats.tables import FileWords, table_reading

_EPOCH = datetime(1899, 12, 30)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm"/>'
    '</numFmts><cellXfs count="6"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/>'
    '<xf numFmtId="9"/><xf numFmtId="164"/><xf numFmtId="21"/></cellXfs></styleSheet>'
)


class Percent(float):
    """A number that is shown as a percentage: 0.25 as 25%."""


def write_xlsx(
    path: str, sheets: Mapping[str, Sequence[Sequence[object]]], *, merged: Sequence[str] = ()
) -> Path:
    """Writes one sheet per name; `merged` are ranges of the first one."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_WORKBOOK}"/></Types>',
        )
        archive.writestr("_rels/.rels", _links([("rId1", "officeDocument", "xl/workbook.xml")]))
        targets = [
            (f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml")
            for number in range(1, len(sheets) + 1)
        ]
        archive.writestr(
            "xl/_rels/workbook.xml.rels", _links([*targets, ("rId99", "styles", "styles.xml")])
        )
        entries = "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
            for number, name in enumerate(sheets, 1)
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{entries}</sheets></workbook>',
        )
        archive.writestr("xl/styles.xml", _STYLES)
        for number, rows in enumerate(sheets.values(), 1):
            cells = "".join(_row(line, row) for line, row in enumerate(rows, 1))
            joined = "".join(f'<mergeCell ref="{place}"/>' for place in merged if number == 1)
            joined = f"<mergeCells>{joined}</mergeCells>" if joined else ""
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{_MAIN}"><sheetData>{cells}</sheetData>{joined}</worksheet>',
            )
    return Path(path)


def _links(targets: Sequence[tuple[str, str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="{name}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for name, kind, target in targets
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{entries}</Relationships>'


def _row(line: int, row: Sequence[object]) -> str:
    cells = "".join(
        _cell(f"{chr(65 + place)}{line}", value)
        for place, value in enumerate(row)
        if value is not None
    )
    return f'<row r="{line}">{cells}</row>'


def _cell(place: str, value: object) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    number, style = value, 0
    if isinstance(value, datetime):
        number, style = (value - _EPOCH) / timedelta(days=1), 2
    elif isinstance(value, date):
        number, style = (value - _EPOCH.date()).days, 1
    elif isinstance(value, timedelta):
        number, style = value / timedelta(days=1), 4
    elif isinstance(value, time):
        number, style = (value.hour * 60 + value.minute) / 1440, 5
    elif isinstance(value, Percent):
        style = 3
    return f'<c r="{place}" s="{style}"><v>{number!r}</v></c>'


DAYS = [date(2024, 1, day) for day in range(1, 11)]
SIZES = [1.5, 2.0, 3.25, 4.0, 5.5, 6.0, 7.75, 8.0, 9.5, 10.0]


@pytest.fixture
def calamine() -> None:
    pytest.importorskip("python_calamine")


def read(sheets: Any, *, merged: Sequence[str] = (), **words: Any) -> tuple[Frame, list[str]]:
    """Writes a spreadsheet, and returns its frame with what is reported."""
    sheets = sheets if isinstance(sheets, dict) else {"Data": sheets}
    path = write_xlsx("a.xlsx", sheets, merged=merged)
    reading = table_reading(path, FileWords(**words))
    return reading.frame, [
        f"{finding.message} -> {finding.action}"
        for finding in reading.findings
        if "input.sheet" not in finding.message
    ]


def column_of(cells: Sequence[object], **words: Any) -> list[object]:
    """Returns the values of a column of these cells, beside one of numbers."""
    frame = read([["x", "n"], *zip(cells, range(len(cells)), strict=True)], **words)[0]
    return [frame["x"].show(row) for row in range(len(frame))]


@pytest.mark.usefixtures("calamine")
@pytest.mark.parametrize(
    ("cells", "values", "kind"),
    [
        (DAYS, [f"{day}T00:00:00" for day in DAYS], "time"),
        (SIZES, [int(size) if size == int(size) else size for size in SIZES], "number"),
        ([Percent(0.25), Percent(0.5), None], [25.0, 50.0, None], "number"),
        ([True, False, True], ["true", "false", "true"], "string"),
        (["007", "010", "123"], ["007", "010", "123"], "string"),
        (
            [datetime(2024, 1, 1, 8, 30), DAYS[1]],
            ["2024-01-01T08:30:00", "2024-01-02T00:00:00"],
            "time",
        ),
        ([timedelta(hours=26), timedelta(minutes=30)], [93600, 1800], "number"),
        ([time(8, 30), time(17, 45)], [30600, 63900], "number"),
        ([*SIZES, "3,5", "NA"], [*SIZES, 3.5, None], "number"),
        ([" Brno ", "Brno", "Praha"], ["Brno", "Brno", "Praha"], "string"),
        (["1.234,5 kg", "12,5 kg"], [1234.5, 12.5], "number"),
        ([1e14, 12345678901234], [10**14, 12345678901234], "number"),
    ],
)
def test_cells_keep_their_value_and_type(
    cells: list[object], values: list[object], kind: str
) -> None:
    assert column_of(cells) == values
    assert read([["x", "n"], *zip(cells, range(len(cells)), strict=True)])[0]["x"].kind == kind


@pytest.mark.usefixtures("calamine")
@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*SIZES, 2.345, "1,234"], "'1,234' in row 12 of 'x' of a.xlsx is a text among numbers"),
        ([*DAYS, "13/01/2024"], "'13/01/2024' in row 11 of 'x' of a.xlsx is a text, where other"),
        ([*DAYS, 45292], "'45292' in row 11 of 'x' of a.xlsx is a number, where other cells of"),
        ([*DAYS, time(8, 30)], "'08:30:00' in row 11 of 'x' of a.xlsx is a time, where other"),
    ],
)
def test_cells_of_two_readings_are_refused(cells: list[object], message: str) -> None:
    with pytest.raises(DataError) as refused:
        column_of(cells)
    assert message in str(refused.value)


@pytest.mark.usefixtures("calamine")
@pytest.mark.parametrize(
    "above",
    [
        [["Rain in Praha"]],
        [["Report 2024", None, None], [None, None, None]],
        [["Station:"], ["Unit: mm"], []],
        [[None, "Monthly report", None]],
        [["made by the logger"]] * 12,
        [[date(2024, 5, 1)]],
    ],
)
def test_lines_above_the_header_are_left_out_and_reported(above: list[list[object]]) -> None:
    rows = [
        ["day", "rain", "wind"],
        *([day, size, 3] for day, size in zip(DAYS, SIZES, strict=True)),
    ]
    frame, reported = read([*([*row, None, None][:3] for row in above), *rows])
    assert frame.names == ["day", "rain", "wind"]
    assert frame["rain"].values.tolist() == SIZES
    assert [text for text in reported if "above its header" in text]


@pytest.mark.usefixtures("calamine")
def test_title_above_two_columns() -> None:
    rows = [["day", "rain"], *zip(DAYS, SIZES, strict=True)]
    assert read([["Rain in Praha"], *rows])[0].names == ["day", "rain"]


@pytest.mark.usefixtures("calamine")
@pytest.mark.parametrize(
    "rows",
    [
        [["day", "rain", "wind"], *([day, None, None] for day in DAYS)],
        [["name", None], ["Ada", "x"], ["Bob", "y"], ["Cy", "z"]],
        [["country", "2019", "2020"], *([name, 1, 2] for name in "abcde")],
    ],
)
def test_ordinary_headers_stay(rows: list[list[object]]) -> None:
    assert read(rows)[0].names[0] == rows[0][0]


@pytest.mark.usefixtures("calamine")
def test_merged_cells_and_blank_rows() -> None:
    rows = [["region", "size"], ["north", 1], [None, 2], [], ["south", 3], [None, 4], [None, 5]]
    frame, reported = read(rows, merged=["A2:A3", "A5:A7"])
    assert frame["region"].texts() == ["north", "north", "south", "south", "south"]
    assert frame["size"].values.tolist() == [1, 2, 3, 4, 5]
    assert reported == [
        "1 blank lines in a.xlsx (line 4) -> left out",
        "cells are merged over several rows: A2:A3, A5:A7 -> each of these rows has the value "
        "of its merged cell",
    ]


@pytest.mark.usefixtures("calamine")
def test_table_that_begins_elsewhere_and_sheet_without_header() -> None:
    rows = [[], [], [None, "size", "kind"], *([None, size, "a"] for size in SIZES)]
    frame, reported = read(rows)
    assert frame.names == ["size", "kind"]
    assert frame["size"].values.tolist() == SIZES
    frame, reported = read(
        [[size, "ham", day] for size, day in zip(SIZES[::-1], DAYS, strict=True)]
    )
    assert frame.names == ["column1", "column2", "column3"] and len(frame) == 10
    assert "seems to have no header" in reported[0]
    named = read([[size, "ham"] for size in SIZES], header=("a", "b"))[0]
    assert named.names == ["a", "b"] and len(named) == 10
    with pytest.raises(DataError, match=r"input.header has 1 names, and the sheet"):
        read([[size, "ham"] for size in SIZES], header=("a",))


SHEETS = {
    "Cover": [],
    "January": [["size", "kind"], *([size, "a"] for size in SIZES)],
    "Notes & more": [["made in 2024"]],
}


@pytest.mark.usefixtures("calamine")
def test_first_sheet_with_cells_is_read_and_named() -> None:
    reading = table_reading(write_xlsx("a.xlsx", SHEETS), FileWords())
    assert reading.frame.names == ["size", "kind"]
    option = reading.inferred_options[0]
    assert (option.place, option.value) == ("input.sheet", "January")
    assert not option.doubtful
    assert option.reason == "the first of 3 sheets; not read: 'Cover', 'Notes & more'"


@pytest.mark.usefixtures("calamine")
def test_several_sheets_with_rows_are_a_warning_until_one_is_named() -> None:
    table = [["size", "kind"], *([size, "a"] for size in SIZES)]
    write_xlsx("a.xlsx", {"June": table, "July": table[:5]})
    reading = table_reading(Path("a.xlsx"), FileWords())
    assert [finding.describe() for finding in reading.findings] == [
        "WARN  read with input.sheet=June (the first of 2 sheets; not read: 'July')"
    ]
    july = table_reading(Path("a.xlsx"), FileWords(sheet="July"))
    assert len(july.frame) == 4 and july.inferred_options == () and july.findings == ()


@pytest.mark.usefixtures("calamine")
@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("Januar", r"has no sheet 'Januar'; got the sheets 'Cover', .* Did you mean 'January'\?"),
        ("Cover", "the sheet 'Cover' of a.xlsx has no cells"),
    ],
)
def test_sheet_that_cannot_be_read_is_refused(sheet: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table_reading(write_xlsx("a.xlsx", SHEETS), FileWords(sheet=sheet))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + bytes(100), "protected by a password"),
        ("a.ods", b"PK\x03\x04" + bytes(100), "is not a readable spreadsheet"),
        ("a.xls", b"<html><table></table></html>", "not a spreadsheet but a web page"),
        ("a.xls", b"a\tb\n1\t2\n", "not a spreadsheet but a text file. Give it the ending .csv"),
        ("a.xlsx", b"", "a.xlsx is empty"),
    ],
)
def test_unusable_file_is_refused(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        table_reading(Path(name), FileWords())


def test_stray_cell_far_away_is_refused() -> None:
    write_xlsx("a.xlsx", SHEETS)
    with zipfile.ZipFile("a.xlsx", "a") as archive:
        archive.writestr("xl/worksheets/sheet9.xml", '<dimension ref="A1:XFD1048576"/>')
    with pytest.raises(DataError, match="has cells as far as XFD1048576"):
        table_reading(Path("a.xlsx"), FileWords())


def test_without_the_library_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(DataError) as refused:
        read(SHEETS)
    assert "a.xlsx is a spreadsheet with the sheets 'Cover', 'January', 'Notes & more'" in str(
        refused.value
    )
    assert (
        "Install it with: python -m pip install 'kissipo[excel]', or save the sheet as CSV"
        in str(refused.value)
    )


@pytest.mark.usefixtures("calamine")
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[" "], ["NA"]], "has no cells"),
        ([], "has no cells"),
        ([["a", "b"]], "has a header but no"),
    ],
)
def test_sheet_without_data_is_refused(rows: list[list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(rows)


@pytest.mark.usefixtures("calamine")
def test_compressed_spreadsheet_is_read() -> None:
    content = write_xlsx("a.xlsx", SHEETS).read_bytes()
    Path("b.xlsx.gz").write_bytes(gzip.compress(content))
    assert len(table_reading(Path("b.xlsx.gz"), FileWords()).frame) == 10


@pytest.mark.usefixtures("calamine")
def test_fit_and_predict_read_the_same_sheet(capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    sizes = generator.normal(size=80).round(3).tolist()
    rows = [
        [size, DAYS[row % 10], "big" if size > 0 else "small"] for row, size in enumerate(sizes)
    ]
    write_xlsx("a.xlsx", {"Cover": [], "June": [["size", "day", "kind"], *rows], "Old": [["x"]]})
    fit = "fit a.xlsx --output kind process.epochs=1 process.net=linear --quiet --out run"
    assert main(fit.split()) == 0
    assert "sheet: June" in Path("run/task.yaml").read_text()
    for sheets in ({"New": rows}, {"Other": [["x"]], "June": rows}):
        table = {
            name: [["size", "day", "kind"], *cells] if cells == rows else cells
            for name, cells in sheets.items()
        }
        write_xlsx("new.xlsx", table)
        capsys.readouterr()
        assert main(["predict", "run", "--file", "new.xlsx"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 80
    write_xlsx("new.xlsx", {"A": [["x"]], "B": [["size", "day", "kind"], *rows]})
    assert main(["predict", "run", "--file", "new.xlsx"]) == 2
    assert "new.xlsx has no sheet 'June'; got the sheets 'A', 'B'" in capsys.readouterr().err


def percents(kind: type) -> list[list[object]]:
    """Returns rows whose price falls with a discount: 0.25 as a percent, or as 25%."""
    shares = [row % 20 / 40 for row in range(60)]
    cells = [Percent(x) if kind is Percent else f"{100 * x:.4g}%" for x in shares]
    rows = [[cell, 200 - 150 * x] for cell, x in zip(cells, shares, strict=True)]
    return [["discount", "price"], *rows]


@pytest.mark.usefixtures("calamine")
def test_a_percent_is_the_same_number_in_a_sheet_and_in_a_csv_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_xlsx("a.xlsx", {"Data": percents(Percent)})
    lines = [",".join(map(str, row)) for row in percents(str)]
    Path("a.csv").write_text("\n".join(lines))
    readings = [table_reading(Path(name), FileWords()) for name in ("a.xlsx", "a.csv")]
    for reading in readings:
        assert reading.frame["discount"].unit == "%"
        expected = [row % 20 * 2.5 for row in range(60)]
        np.testing.assert_allclose(reading.frame["discount"].values, expected)
        (option,) = [x for x in reading.inferred_options if x.place == "input.number_units"]
        assert option.value == {"discount": "%"}
        assert option.reason == "discount: '2.5%' is a number with the mark %"
    fit = "fit a.csv --output price process.epochs=1 process.net=linear --quiet --out run"
    assert main(fit.split()) == 0
    write_xlsx("new.xlsx", {"Data": [["discount"], [Percent(0.25)], [Percent(0.5)]]})
    Path("new.csv").write_text("discount\n25%\n50%\n")
    Path("bare.csv").write_text("discount\n25\n50\n")
    printed = []
    for name in ("new.xlsx", "new.csv", "bare.csv"):
        capsys.readouterr()
        assert main(["predict", "run", "--file", name]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] == printed[2] and len(printed[0].split()) >= 2
    Path("share.csv").write_text("discount\n0.25\n0.5\n")
    assert main(["predict", "run", "--file", "share.csv"]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "0.25, which is 0.25% or 25%" in error and "Write 25%, or 0.25% for the" in error


@pytest.mark.usefixtures("calamine")
def test_numbers_beside_percents_are_reported_as_in_a_csv_file() -> None:
    cells = [Percent(row / 40) for row in range(1, 12)]
    frame, texts = read([["x", "n"], *zip([*cells, 30], range(12), strict=True)])
    assert frame["x"].values[[3, 11]].tolist() == [10, 30]
    assert any("1 number of 'x' (row 12) lack the mark '%'" in text for text in texts)


def test_percents_of_an_open_document() -> None:
    row = '<table:table-row><table:table-cell office:value-type="{}" office:value="0.5"/>'
    row += '<table:table-cell table:number-columns-repeated="2" office:value-type="percentage"/>'
    row += "</table:table-row>"
    rows = row.format("string") + row.format("percentage")
    text = f'<table:table table:name="A">{rows}</table:table><table:table table:name="B"/>'
    with zipfile.ZipFile("a.ods", "w") as archive:
        archive.writestr("content.xml", text)
    places = percent_cells(Path("a.ods").read_bytes(), "A")
    assert places == {(1, 2), (1, 3), (2, 1), (2, 2), (2, 3)}
    assert percent_cells(Path("a.ods").read_bytes(), "B") == frozenset()
