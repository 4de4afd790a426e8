"""Trend, season and rest: a series that was put together is taken apart again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import kissipo as ki
from kissipo.input.decompose import decompose

pytest.importorskip("statsmodels")
STEPS = np.arange(240.0)
DICE = np.random.default_rng(0)


def test_the_parts_come_back() -> None:
    trend, season, rest = 0.5 * STEPS, 20 * np.sin(STEPS * np.pi / 6), DICE.normal(0, 1, 240)
    found = decompose(trend + season + rest, 12)
    assert found is not None
    np.testing.assert_allclose(found.trend + found.season + found.rest, trend + season + rest)
    assert np.abs(found.trend - trend).mean() < 1.5
    assert np.abs(found.season - season).mean() < 1.5
    for strength, part in ((found.trending, trend), (found.seasonal, season)):
        assert strength == pytest.approx(1 - rest.var() / (part + rest).var(), abs=0.03)


def test_noise_has_neither() -> None:
    found = decompose(DICE.normal(0, 1, 600), 12)
    assert found is not None
    assert found.trending < 0.3
    assert found.seasonal < 0.4


@pytest.mark.parametrize(
    ("steps", "season"), [(240, 0), (240, 1), (23, 12), (240, 500), (30_000, 12)]
)
def test_where_there_is_nothing_to_take_apart_it_is_left(steps: int, season: int) -> None:
    assert decompose(np.arange(float(steps)), season) is None


def test_the_report_draws_them(data: Path) -> None:
    file = data / "time-series-classic" / "airline-passengers.csv"
    ki.load(str(file), output="Passengers", words={"process.epochs": 1}).fit(out="run")
    told = Path("run/report.html").read_text(encoding="utf-8")
    with file.open(encoding="utf-8") as lines:
        values = np.array([float(row["Passengers"]) for row in csv.DictReader(lines)])
    found = decompose(values, 12)
    assert found is not None
    assert (
        f"The season of 12 steps has strength {found.seasonal:.2f}, the trend {found.trending:.2f}"
        in told
    )
    assert found.seasonal > 0.9 and found.trending > 0.9
