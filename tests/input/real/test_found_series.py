"""Files of series as found in the world: names in turn, one column per series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kissipo.core.frame import Frame, numbers, strings, times
from kissipo.input.series_order import OrderedRows, TimeOptions, order_rows
from kissipo.runs.check_data import check_data


def in_turn(name: str, labels: list[str], *, minutes: int = 15, rows: int = 120) -> OrderedRows:
    """Reads a series in which these labels take turns."""
    stamps = np.datetime64("2024-01-01T00:00", "s") + np.arange(rows) * np.timedelta64(minutes, "m")
    frame = Frame(
        (
            times("time", stamps),
            strings(name, [labels[row % len(labels)] for row in range(rows)]),
            numbers("load", np.arange(rows) % len(labels) * 100.0 + np.arange(rows) % 7),
        )
    )
    return order_rows(frame, TimeOptions("time"), targets=["load"])


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("zone", ["A", "B", "C"]),
        ("Zone", ["north", "south"]),
        ("channel", ["1", "2", "3", "4"]),
        ("unit", ["U7", "U9"]),
        ("state", ["CA", "NY", "TX"]),
        ("group name", ["x", "y", "z"]),
    ],
)
def test_names_in_turn_are_series(name: str, labels: list[str]) -> None:
    rows = in_turn(name, labels)
    assert rows.series_id == name and len(rows.starts) == len(labels) + 1
    first = rows.frame.take(slice(0, rows.starts[1]))
    assert set(first[name].texts()) == {labels[0]} and first["load"].values.max() <= 6
    assert any(option.place == "input.series_id" for option in rows.inferred)


@pytest.mark.parametrize(
    ("name", "labels", "minutes"),
    [
        ("state", ["idle", "busy"], 15),
        ("valve", ["open", "shut"], 15),
        ("Kessel", ["K1", "K2", "K3"], 10),
    ],
)
def test_other_names_in_turn_are_a_warning(name: str, labels: list[str], minutes: int) -> None:
    rows = in_turn(name, labels, minutes=minutes)
    assert rows.series_id is None
    assert any(f"set input.series_id={name}" in finding.action for finding in rows.findings)


@pytest.mark.parametrize(
    ("name", "labels", "minutes"),
    [
        ("weekday", ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"], 24 * 60),
        ("zone", ["night", "day"], 12 * 60),
        ("shift", ["early", "late", "night"], 8 * 60),
    ],
)
def test_parts_of_the_time_name_no_series(name: str, labels: list[str], minutes: int) -> None:
    rows = in_turn(name, labels, minutes=minutes)
    assert rows.series_id is None
    assert not any(option.place == "input.series_id" for option in rows.inferred)


@pytest.mark.parametrize("name", ["store_{}", "Shop {}", "sensor{}", "item.{}", "machine{} load"])
def test_one_column_per_series_is_no_column_of_names(name: str) -> None:
    titles = [name.format(number) for number in (1, 2, 3)]
    stamps = np.datetime64("2024-01-01") + np.arange(80)
    cells: list[Callable[[int], int]] = [lambda d: d % 7, lambda d: d % 7 + 10, lambda d: d % 5]
    columns = [
        numbers(title, [cell(day) for day in range(80)])
        for title, cell in zip(titles, cells, strict=True)
    ]
    frame = Frame((times("date", stamps), *columns))
    rows = order_rows(frame, TimeOptions("date"), targets=titles[:1])
    assert rows.series_id is None and len(rows.frame) == 80


def test_panel_of_unequal_lengths_and_starts() -> None:
    lines = ["date,ticker,y"]
    for name, start, count in (("AAA", 0, 90), ("BBB", 30, 60), ("CCC", 80, 5)):
        days = np.datetime64("2024-01-01") + start + np.arange(count)
        lines += [f"{day},{name},{number % 7}" for number, day in enumerate(days)]
    Path("panel.csv").write_text("\n".join(lines))
    texts = [item.describe() for item in check_data("panel.csv", output="y", time="date")]
    assert any("AAA (90 steps), BBB (60 steps), CCC (5 steps)" in text for text in texts)
    assert any("too short to be split: CCC (5 steps)" in text for text in texts)
