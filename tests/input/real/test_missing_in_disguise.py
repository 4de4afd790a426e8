"""Missing values in disguise: a number that stands for none, a word among numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kissipo.core.frame import Frame, numbers
from kissipo.core.number_cells import placeholders
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.runs.check_data import check_data

RNG = np.random.default_rng(0)
TEMPERATURES = RNG.normal(15, 5, 300).round(1).tolist()


def alarms(values: list[float]) -> list[str]:
    """Returns the messages about a column of these values."""
    frame = Frame((numbers("a", values),))
    return [finding.message for finding in placeholders(frame, ["a"])]


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ([*TEMPERATURES, *[-9999] * 30], "-9999"),
        ([*TEMPERATURES, -999.25, -999.25], "-999.25"),
        ([*RNG.uniform(18, 80, 200).round().tolist(), 999, 999], "999"),
        ([1, 2, 3, 4, 5] * 20 + [99] * 4, "99"),
        ([*RNG.uniform(0, 1, 100).tolist(), *[-1e20] * 3], "-1e+20"),
        ([*RNG.uniform(0, 100, 100).tolist(), *[32767] * 3], "32767"),
        ([*TEMPERATURES, *[-500] * 8], "-500"),
    ],
)
def test_number_far_from_all_others_that_repeats_is_reported(
    values: list[float], mark: str
) -> None:
    assert [alarm.split()[0] for alarm in alarms(values)] == [mark]


def test_two_placeholders_are_both_reported() -> None:
    messages = alarms([*TEMPERATURES, *[-9999] * 3, *[9999] * 3])
    assert sorted(alarm.split()[0] for alarm in messages) == ["-9999", "9999"]


@pytest.mark.parametrize(
    "values",
    [
        [*TEMPERATURES, 5000.0],
        [*RNG.uniform(100, 900, 200).round().tolist(), 999, 999],
        [*RNG.uniform(18, 95, 200).round().tolist(), 99, 99],
        [*[0.0] * 100, *RNG.uniform(500, 900, 100).tolist()],
        [0, 1] * 40 + [2, 2],
        [*RNG.lognormal(3, 1.5, 500).round(1).tolist()],
        [9, 99] * 30,
        [*np.minimum(RNG.exponential(20, 300), 50).tolist()],
    ],
)
def test_ordinary_columns_raise_no_alarm(values: list[float]) -> None:
    assert alarms(values) == []


def test_declared_value_is_missing_in_fit_and_in_new_rows() -> None:
    lines = [f"{-9999 if row % 10 == 0 else row % 7},{row}.5" for row in range(60)]
    Path("weather.csv").write_text("temp,sales\n" + "\n".join(lines) + "\n")
    frame = table_reading("weather.csv", FileWords(missing_values=(-9999,))).frame
    assert np.flatnonzero(frame["temp"].missing).tolist() == list(range(0, 60, 10))
    checks = {
        finding.check
        for finding in check_data(
            "weather.csv", output="sales", words={"input.missing_values": [-9999]}
        )
    }
    assert "placeholders" not in checks and "missing values" in checks


@pytest.mark.parametrize("word", ["unknown", "-", "none", "n.a.", "k.A.", "#VALUE!", "未知"])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_word_among_numbers_is_a_missing_value_and_is_reported(word: str, share: float) -> None:
    cells = [word if row < 100 * share else f"{row}.5" for row in range(100)]
    Path("a.csv").write_text("a,b\n" + "".join(f"{cell},x\n" for cell in cells), encoding="utf-8")
    reading = table_reading("a.csv", FileWords())
    assert int(reading.frame["a"].missing.sum()) == 100 * share
    assert [finding.level for finding in reading.findings] == ["WARN"]
    assert f"input.missing_values=[{word}]" in reading.findings[0].action
    assert table_reading("a.csv", FileWords(missing_values=(word,))).findings == ()


def test_few_words_among_numbers_are_reported() -> None:
    cells = ["high", "low"] * 15 + [f"{row}.5" for row in range(70)]
    Path("a.csv").write_text("a,b\n" + "".join(f"{cell},x\n" for cell in cells))
    reading = table_reading("a.csv", FileWords())
    assert reading.frame["a"].kind == "string"
    assert "input.missing_values=[high, low]" in reading.findings[0].action
