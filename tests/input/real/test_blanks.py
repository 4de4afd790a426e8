"""Blanks around cells that are not quoted are no part of the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kissipo.codec.one_hot import OneHot
from kissipo.core.frame import Frame, strings
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.runs.parse_inputs import fit_to


def texts(content: str, name: str = "a", **words: Any) -> list[str | None]:
    """Returns the texts of a column of a file with this content."""
    Path("table.csv").write_text(content, encoding="utf-8", newline="")
    return table_reading("table.csv", FileWords(**words)).frame[name].texts()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("b, a\n1, Private\n2, State-gov\n", ["Private", "State-gov"]),
        ("a ,b\nyes ,1\nyes,2\n", ["yes", "yes"]),
        ("a;b\n  yes;1\n\tno ;2\n", ["yes", "no"]),
        ("a\tb\n yes \t1\nno\t2\n", ["yes", "no"]),
        ("b,a\n1,\u00a0yes\u00a0\n2,\u3000no\n", ["yes", "no"]),
        ("b,a\r\n1, yes \r\n2, no \r\n", ["yes", "no"]),
        ('b, a\n1, "x, y"\n2, "z"\n', ["x, y", "z"]),
        ('a, b\n" x ", 1\n"y" , 2\n', [" x ", "y"]),
        ('a,b\n" ",1\nx,2\n', [None, "x"]),
        ('b,a\n1, "say ""hi"" "\n2, x \n', ['say "hi" ', "x"]),
        ('b,a\n1," two\n lines "\n2, x\n', [" two\n lines ", "x"]),
        ('b,a\n1, say "hi" there \n2,x\n', ['say "hi" there', "x"]),
    ],
)
def test_blanks_outside_quotes_are_no_part_of_a_cell(
    content: str, expected: list[str | None]
) -> None:
    assert texts(content) == expected


def test_cells_that_are_one_value_without_blanks_are_reported() -> None:
    Path("table.csv").write_text("a,b\nyes,1\nyes ,2\nno,3\n")
    findings = table_reading("table.csv", FileWords()).findings
    assert [finding.describe() for finding in findings] == [
        "PASS  'a' has cells that are equal but for blanks around them: 'yes' -> "
        "read as one value, without the blanks"
    ]


@pytest.mark.parametrize(
    ("trained", "text", "expected"),
    [
        (["Private", "Public"], " Private", "Private"),
        (["Private", "Public"], "Private ", "Private"),
        ([" Private", " Public"], "Private", " Private"),
        (["Private", " Private"], " Private", " Private"),
        (["Private", "Public"], "private", "private"),
    ],
)
def test_value_to_predict_matches_a_class_but_for_blanks(
    trained: list[str], text: str, expected: str
) -> None:
    codec = OneHot("work").fit(Frame((strings("work", trained),)))
    frame = fit_to(Frame((strings("work", [text]),)), (codec,))
    assert frame["work"].texts() == [expected]
