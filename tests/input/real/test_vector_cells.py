"""Kinds of cells and headers as libraries write them: vectors, the D of Fortran, a name
of the index below the header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import dump_svmlight_file

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError
from kissipo.input.cells.number_texts import split_number, value
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.sources.table import Options

Out = pytest.CaptureFixture[str]
VALUES = np.random.default_rng(0).normal(size=(60, 9)).round(3)
CELLS: dict[str, list[str]] = {
    "list": [str(row.tolist()) for row in VALUES],
    "array of numpy": [str(row).replace("\n", "") for row in VALUES],
    "tuple": [str(tuple(row.tolist())) for row in VALUES],
    "blanks": [" ".join(map(str, row.tolist())) for row in VALUES],
    "commas": [", ".join(map(str, row.tolist())) for row in VALUES],
}


@pytest.mark.parametrize("case", CELLS)
def test_a_cell_with_several_numbers_is_several_columns(case: str) -> None:
    table = pd.DataFrame({"emb": CELLS[case], "kind": ["a", "b"] * 30})
    table.loc[5, "emb"] = None
    table.to_csv("a.csv", index=False)
    frame, findings = read_table("a.csv", FileWords())
    columns = [f"emb_{place}" for place in range(1, 10)]
    assert frame.names == [*columns, "kind"]
    values = np.stack([frame[name].values for name in columns], axis=1)
    expected = VALUES.copy()
    expected[5] = np.nan
    np.testing.assert_allclose(values, expected, atol=1e-9)
    texts = [item.describe() for item in findings]
    assert any("each cell of 'emb' holds 9 numbers -> read as the columns" in t for t in texts)


def test_the_option_reads_words() -> None:
    pd.DataFrame({"emb": CELLS["list"]}).to_csv("a.csv", index=False)
    assert read_table("a.csv", Options(text=("emb",)))[0].names == ["emb"]


@pytest.mark.parametrize(
    "cells",
    [
        ["2024 01 31", "2024 02 01"],
        ["[1, 2, 3]", "[4, 5]"],
        ["0170 1234 55 66", "0171 4444 55 66"],
        ["comedy drama", "drama"],
        ["1;2;3", "2;3;4"],
        ["[1, 2]", "[3, 4]"],
    ],
)
def test_other_cells_stay_as_they_are(cells: list[str]) -> None:
    table = pd.DataFrame({"x": cells * 20, "y": range(2 * 20)})
    assert read_table(table, FileWords())[0].names == ["x", "y"]


def test_fit_and_predict_with_vectors(capsys: Out) -> None:
    table = pd.DataFrame({"emb": CELLS["list"], "kind": np.where(VALUES[:, 0] > 0, "a", "b")})
    table.to_csv("a.csv", index=False)
    assert main(["fit", "a.csv", "--output", "kind", "epochs=2", "--out", "run"]) == 0
    table[["emb"]].head(4).to_csv("new.csv", index=False)
    capsys.readouterr()
    assert main(["predict", "run", "--file", "new.csv"]) == 0
    printed = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert ki.open("run").predict(table[["emb"]].head(4))["prediction"].tolist() == printed


@pytest.mark.parametrize(
    ("text", "number"), [("1.5D+02", 150.0), ("-.25d-01", -0.025), ("3D+00", 3.0)]
)
def test_powers_of_fortran(text: str, number: float) -> None:
    parts = split_number(text)
    assert parts is not None and value(parts, ".") == number


@pytest.mark.parametrize("text", ["3D", "1D02", "A1.5D+02", "1.5D+0x"])
def test_other_letters_are_no_powers(text: str) -> None:
    parts = split_number(text)
    assert parts is None or parts.mark


def test_a_column_of_fortran_is_a_column_of_numbers() -> None:
    table = pd.DataFrame({"x": [f"{row[0]:.3f}D+01" for row in VALUES]})
    table.to_csv("a.csv", index=False)
    values = read_table("a.csv", FileWords())[0]["x"].values
    np.testing.assert_allclose(values, VALUES[:, 0] * 10, atol=1e-9)


def test_the_name_of_the_index_below_a_header_of_two_lines() -> None:
    days = pd.date_range("2024-01-01", periods=40, freq="B")
    columns = pd.MultiIndex.from_tuples(
        [("Close", "AAPL"), ("Open", "AAPL")], names=["Price", "Ticker"]
    )
    prices = 100 + VALUES[:40, :2].cumsum(0).round(3)
    pd.DataFrame(prices, columns=columns, index=days.rename("Date")).to_csv("a.csv")
    frame, findings = read_table("a.csv", FileWords())
    assert frame.names == ["Date", "Close", "Open"]
    assert frame["Date"].texts() == [str(day.date()) for day in days]
    np.testing.assert_allclose(frame["Close"].values, prices[:, 0])
    texts = [item.describe() for item in findings]
    assert any("nothing but 'Date', which names the column 'Price'" in text for text in texts)
    task = ki.load("a.csv", output="Close", time="Date", horizon=2)
    assert "series" in task.input


@pytest.mark.parametrize("name", ["a.libsvm", "a.svm", "a.txt"])
def test_a_sparse_table_is_read_with_its_zeros(name: str) -> None:
    cells = np.where(VALUES > 0.5, VALUES, 0.0)
    classes = np.where(VALUES[:, 0] > 0, 1, -1)
    dump_svmlight_file(cells, classes, name, zero_based=False)
    frame, _ = read_table(name, FileWords())
    assert frame.names == ["target", *(f"feature{place}" for place in range(1, 10))]
    values = np.stack([column.values for column in frame.columns[1:]], axis=1)
    np.testing.assert_allclose(values, cells, atol=1e-12)
    np.testing.assert_array_equal(frame["target"].values, classes)
    assert ki.load(name).output == {"category": "target"}


def test_a_damaged_sparse_table_is_refused_and_clock_times_are_a_text() -> None:
    Path("a.svm").write_text("1 1:0.5 x\n-1 2:0.5\n")
    with pytest.raises(DataError, match=r"a\.svm is not a sparse table of LIBSVM"):
        read_table("a.svm", FileWords())
    Path("talk.txt").write_text("9 12:30 we met, and then we left\n8 11:00 again\n" * 50)
    assert "text" in ki.load("talk.txt").input
