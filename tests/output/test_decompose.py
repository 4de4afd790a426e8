"""Decomposition: STL recovers the trend and the season of a generated series."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.output.decompose import decompose

pytest.importorskip("statsmodels")
STEPS = np.arange(240.0)
RNG = np.random.default_rng(0)


def test_decompose_recovers_the_components() -> None:
    trend, season, rest = 0.5 * STEPS, 20 * np.sin(STEPS * np.pi / 6), RNG.normal(0, 1, 240)
    components = decompose(trend + season + rest, 12)
    assert components is not None
    np.testing.assert_allclose(
        components.trend + components.season + components.rest, trend + season + rest
    )
    assert np.abs(components.trend - trend).mean() < 1.5
    assert np.abs(components.season - season).mean() < 1.5
    for strength, part in ((components.trending, trend), (components.seasonal, season)):
        assert strength == pytest.approx(1 - rest.var() / (part + rest).var(), abs=0.03)


def test_decompose_noise_has_no_trend_and_no_season() -> None:
    components = decompose(RNG.normal(0, 1, 600), 12)
    assert components is not None
    assert components.trending < 0.3
    assert components.seasonal < 0.4


@pytest.mark.parametrize(
    ("steps", "season"), [(240, 0), (240, 1), (23, 12), (240, 500), (30_000, 12)]
)
def test_decompose_returns_none_without_a_usable_season(steps: int, season: int) -> None:
    assert decompose(np.arange(float(steps)), season) is None


def test_decompose_strengths_are_in_the_report(
    data: Path, content_of: Callable[[Path | str], Any], records_of: Callable[..., Any]
) -> None:
    file = data / "time-series-classic" / "airline-passengers.csv"
    ki.load(str(file), output="Passengers", words={"process.epochs": 1}).fit(out="run")
    report_lines = [line["text"] for line in records_of(content_of("run/report.html"), "line")]
    with file.open(encoding="utf-8") as lines:
        values = np.array([float(row["Passengers"]) for row in csv.DictReader(lines)])
    components = decompose(values, 12)
    assert components is not None
    text = (
        f"The season of 12 steps has the strength {components.seasonal:.2f}, the trend "
        f"{components.trending:.2f}"
    )
    assert any(text in sentence for sentence in report_lines)
    assert components.seasonal > 0.9 and components.trending > 0.9
