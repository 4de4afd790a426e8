"""Files as found in the world: signals in rows, cells between blanks, label lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kissipo.codec.label_sets import separator_of, split_labels
from kissipo.core.frame import strings
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.infer_types import guess_answer
from kissipo.runs.check_data import check_data

RNG = np.random.default_rng(0)
SIGNALS = np.sin(np.arange(40) / 3 + np.arange(60)[:, None]) + 0.1 * RNG.normal(size=(60, 40))


def write(lines: list[str], name: str = "a.csv", encoding: str = "utf-8") -> Path:
    """Writes a file and returns its path."""
    Path(name).write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return Path(name)


def signals(labels: list[str], separator: str, *, first: bool) -> list[str]:
    """Returns one signal per line, with the label as its first or last cell."""
    lines = []
    for label, signal in zip(labels * 30, SIGNALS, strict=False):
        cells = [f"{value:.7e}" for value in signal]
        lines.append(separator.join([label, *cells] if first else [*cells, label]))
    return lines


@pytest.mark.parametrize(
    ("name", "labels", "separator", "first"),
    [
        ("ucr.tsv", ["1", "-1"], "\t", True),
        ("ecg.csv", ["0.0", "1.0"], ",", False),
        ("ucr.txt", ["1.0000000e+00", "2.0000000e+00"], "  ", True),
        ("gun.csv", ["walk", "rest"], ",", False),
        ("old.data", ["  1", "  3"], "   ", True),
    ],
)
def test_one_signal_per_row_with_its_label(
    name: str, labels: list[str], separator: str, first: bool
) -> None:
    path = write(signals(labels, separator, first=first), name)
    frame, findings = read_table(path, FileWords())
    answer = frame["column1" if first else "column41"]
    assert (len(frame), len(frame.names)) == (60, 41)
    assert guess_answer(answer).kind == "category"
    assert frame["column20"].values == pytest.approx(SIGNALS[:, 18 if first else 19], abs=1e-6)
    assert "no header" in [finding.check for finding in findings]


@pytest.mark.parametrize(
    ("lines", "names", "last"),
    [
        (["mpg  cyl   disp", *(f"{10 + row}.5   4    {row}" for row in range(30))],
         ["mpg", "cyl", "disp"], 39.5),
        ([f" {row * 7 % 10}.5   0.00  {row}" for row in range(30)],
         ["column1", "column2", "column3"], 3.5),
        (["x y", *(f"{row}.5 {row}" for row in range(30))], ["x", "y"], 29.5),
        (["a b c", *(f"{row}e-3 {row} 5 " for row in range(30))], ["a", "b", "c"], 0.029),
        (["t v name", *(f'{row} {row}.5 "a {row % 3}"' for row in range(30))],
         ["t", "v", "name"], 29),
    ],
)  # fmt: skip
def test_cells_between_blanks(lines: list[str], names: list[str], last: float) -> None:
    frame, findings = read_table(write(lines, "a.txt"), FileWords())
    assert frame.names == names and len(frame) == 30
    assert frame[names[0]].values[-1] == pytest.approx(last)
    assert "the cells of a.txt are separated by blanks" in findings[0].message


@pytest.mark.parametrize(
    "lines",
    [
        ["full name", *(f"Ada Lovelace{row}" for row in range(9))],
        ["room name", *(f"Room {row}" for row in range(9))],
        ["start time", *(f"2024-01-0{row} 12:00" for row in range(1, 9))],
        ["big city name", *(f"New York {row}" for row in range(9))],
        ["text", *("12 34 56" for _ in range(9))],
    ],
)
def test_single_columns_with_blanks_stay(lines: list[str]) -> None:
    frame = read_table(write(lines), FileWords())[0]
    assert frame.names == [lines[0]]


@pytest.mark.parametrize("form", ["{}", "['{}']", '["{}"]'])
def test_lists_of_labels_in_cells(form: str) -> None:
    names = ["red", "green", "blue", "black"]
    rows = [[name for bit, name in enumerate(names) if row >> bit & 1] for row in range(1, 16)]
    joint = {"{}": ", ", "['{}']": "', '", '["{}"]': '", "'}[form]
    cells = [form.format(joint.join(row)) for row in rows] * 8
    column = strings("tags", cells)
    assert separator_of(column) == "," and guess_answer(column).kind == "labels"
    assert split_labels(cells[6], ",") == ["red", "green", "blue"]


def test_empty_lists_are_sets_without_labels() -> None:
    cells = ["[]", "['a']", "['a', 'b']", "['b', 'c']", "['c']", "['a', 'b', 'c']"] * 9
    assert separator_of(strings("tags", cells)) == "," and split_labels("[]", ",") == []


@pytest.mark.parametrize("cells", [["[1, 2]", "[3, 4]"] * 20, ["['a']", "['b']"] * 20])
def test_other_lists_are_no_sets_of_labels(cells: list[str]) -> None:
    assert separator_of(strings("x", cells)) is None


@pytest.mark.parametrize("period", ["{}M{:02d}", "{}m{:02d}", "{}-{:02d}"])
def test_months_of_statistical_offices(period: str) -> None:
    rows = [f"{period.format(2015 + row // 12, 1 + row % 12)},{row % 12}.5" for row in range(60)]
    texts = [item.describe() for item in check_data(str(write(["period,y", *rows])), output="y")]
    assert any("'period' is evenly spaced over 60 steps" in text for text in texts)
