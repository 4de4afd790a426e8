"""Amounts of money as people write them are numbers; what is left of them is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.input.cells.number_columns import CellOptions
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.given_rows import column_of
from kissipo.runs.parse_inputs import _as_numbers

AMOUNTS = np.random.default_rng(0).uniform(1000, 250_000, 40).round(2)
FULL_WIDTH = str.maketrans("0123456789.,¥", "０１２３４５６７８９．，￥")


def english(amount: float) -> str:
    return f"{amount:,.2f}"


def german(amount: float) -> str:
    return english(amount).translate(str.maketrans(",.", ".,"))


def indian(amount: float) -> str:
    whole, cents = f"{amount:.2f}".split(".")
    return re.sub(r"(?<=\d)(?=(\d\d)*\d{3}$)", ",", whole) + "." + cents


FORMS: dict[str, tuple[Callable[[float], str], float]] = {
    "$ 1,234.50": (lambda x: f"$ {english(x)}", 1),
    "1.234,50 €": (lambda x: f"{german(x)} €", 1),
    "CHF 1'234.50": (lambda x: "CHF " + english(x).replace(",", "'"), 1),
    "(1,234.50)": (lambda x: f"({english(x)})", -1),
    "$  (1,234.50)": (lambda x: f"$  ({english(x)})", -1),
    "-$1,234.50": (lambda x: f"-${english(x)}", -1),
    "1234.50 USD": (lambda x: f"{x:.2f} USD", 1),
    "usd 1234.50": (lambda x: f"usd {x:.2f}", 1),
    "US $1,234.50": (lambda x: f"US ${english(x)}", 1),
    "₹ 1,23,456.50": (lambda x: f"₹ {indian(x)}", 1),
    "Rs. 1,23,456.50/-": (lambda x: f"Rs. {indian(x)}/-", 1),
    "￥１，２３４．５０": (lambda x: f"¥{english(x)}".translate(FULL_WIDTH), 1),
    "R$ 1.234,50": (lambda x: f"R$ {german(x)}", 1),
    "Rp 1.234,50": (lambda x: f"Rp {german(x)}", 1),
    "R1,234.50": (lambda x: f"R{english(x)}", 1),
    "₿1234.50": (lambda x: f"₿{x:.2f}", 1),
}


def read(cells: list[str]) -> tuple[Frame, list[Finding]]:
    lines = [f"{cell}|{row % 2}" for row, cell in enumerate(cells)]
    Path("a.csv").write_text("\n".join(["price|y", *lines]), encoding="utf-8")
    return read_table("a.csv", FileWords())


def messages(findings: list[Finding]) -> str:
    return " ".join(finding.describe() for finding in findings)


@pytest.mark.parametrize("form", list(FORMS))
def test_amounts_are_numbers(form: str) -> None:
    write, sign = FORMS[form]
    frame, findings = read([write(amount) for amount in AMOUNTS.tolist()])
    np.testing.assert_array_equal(frame["price"].values, sign * AMOUNTS)
    assert all(finding.level == "PASS" for finding in findings)
    assert frame["price"].unit or form.startswith("(")


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("$1.2M", 1_200_000), ("€565K", 565_000), ("3,5 Mio. €", 3_500_000), ("$2.5bn", 2.5e9),
        ("1,5 Mrd. EUR", 1.5e9), ("$5 million", 5e6), ("₹ 2 crore", 2e7), ("₹7.5 lakh", 750_000),
        ("3.2万元", 32_000), ("5 kEUR", 5000), ("1.234,- €", 1234), ("Fr. 12.-", 12),
        ("¥1,234", 1234), ("₩12,500", 12_500), ("₫12.500", 12_500), ("Rp 1.234.567", 1_234_567),
    ],
)  # fmt: skip
def test_one_amount(cell: str, number: float) -> None:
    column = read([cell] * 30)[0]["price"]
    assert column.kind == "number" and column.values.tolist() == [number] * 30


@pytest.mark.parametrize(
    ("cell", "mark"),
    [("3 BR", "BR"), ("9600 baud", "baud"), ("12 mR", "mR"), ("5 MB", "MB"), ("7 try", "try")],
)
def test_units_that_look_like_scaled_currencies(cell: str, mark: str) -> None:
    column = read([cell] * 30)[0]["price"]
    assert column.values.tolist() == [float(cell.split()[0])] * 30 and column.unit == mark


def test_letters_of_different_size_are_thousands_and_millions() -> None:
    cells = ["950", "1.2K", "35K", "2.5M", "17"] * 8
    frame, findings = read(cells)
    assert frame["price"].values[:5].tolist() == [950, 1200, 35_000, 2_500_000, 17]
    assert "number_units={price: K=1000} (price: '1.2K' is 1200" in messages(findings)
    column = column_of("price", ["3.5M", "12K", "40"])
    cell_options = CellOptions(units=(("price", "K=1000"),))
    assert _as_numbers(column, cell_options).values.tolist() == [3.5e6, 12_000, 40]


def test_temperatures_in_kelvin_are_no_thousands() -> None:
    frame, findings = read(["293.5 K", "301 K", "299"] * 10)
    assert frame["price"].values[:3].tolist() == [293.5, 301, 299]
    assert "lack the mark 'K'" in messages(findings)


def test_a_dash_beside_a_currency_is_missing_and_said() -> None:
    frame, findings = read(["$ 12.50", "$ -", "$ 3.00", "$ 4.50", "$ 1.25"] * 8)
    assert np.isnan(frame["price"].values[1::5]).all()
    assert "'$ -' among the numbers of 'price'" in messages(findings)


@pytest.mark.parametrize("cell", ["${}.50/kg", "~${}.5", "0x{}f", "{},5 €*", "ab {} €"])
def test_amounts_beside_words_are_said(cell: str) -> None:
    frame, findings = read([cell.format(10 + row * 7 % 89) for row in range(60)])
    assert frame["price"].kind == "string"
    assert "numbers with something beside them" in messages(findings)


@pytest.mark.parametrize("cell", ["R{}", "TL{}", "v{}.5", "A{}", "{}-{}", "Try {}", "cop {}"])
def test_codes_stay_texts(cell: str) -> None:
    frame, findings = read([cell.format(10 + row % 29, row) for row in range(60)])
    assert frame["price"].kind == "string"
    assert "numbers" not in messages(findings)
