"""The forecaster on the airline passengers, beside kissipo's own fit."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import kissipo
from kissipo.sklearn import Forecaster

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def file(data: Path) -> Path:
    return data / "time-series-classic" / "airline-passengers.csv"


@pytest.fixture(scope="module")
def airline(file: Path) -> pd.Series:
    table = pd.read_csv(file)
    months = pd.DatetimeIndex(table.Month + "-01", name="Month")
    return pd.Series(table.Passengers.to_numpy(), index=months, name="Passengers", dtype=float)


@pytest.fixture(scope="module")
def fitted(airline: pd.Series) -> Forecaster:
    return Forecaster(horizon=12, epochs=30).fit(airline)


def quick(**more: object) -> Forecaster:
    return Forecaster(**{"horizon": 3, "epochs": 2, **more})


def test_forecast_equals_kissipo_fit(file: Path, fitted: Forecaster, tmp_path: Path) -> None:
    task = kissipo.load(
        str(file), output="Passengers", time="Month", horizon=12, words={"split.test": 0.0}
    )
    run = task.fit(seed=0, epochs=30, out=tmp_path / "run")
    ours, theirs = fitted.run_.net.state_dict(), run.net.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert fitted.predict(12).tolist() == run.predict(str(file))


def test_forecast_of_the_last_year_is_better_than_last_year(airline: pd.Series) -> None:
    """The baseline is seasonal naive: the same month of the year before."""
    model = Forecaster(horizon=12, epochs=60).fit(airline[:-12])
    actual, naive = airline[-12:].to_numpy(), airline[-24:-12].to_numpy()
    forecast = model.predict(12).to_numpy()
    assert np.abs(forecast - actual).mean() < np.abs(naive - actual).mean()
    residual, spread = ((actual - forecast) ** 2).sum(), ((actual - actual.mean()) ** 2).sum()
    assert model.score(airline[-12:]) == pytest.approx(1 - residual / spread)


def test_more_steps_than_the_horizon_continue_the_forecasts(
    airline: pd.Series, fitted: Forecaster
) -> None:
    first = fitted.predict()
    second = fitted.predict(12, series=pd.concat([airline, first]))
    assert fitted.predict(24).tolist() == [*first, *second]
    assert fitted.predict(5).tolist() == first[:5].tolist()


def test_index_goes_on(airline: pd.Series, fitted: Forecaster) -> None:
    forecast = fitted.predict(14)
    expected = pd.date_range("1961-01-01", periods=14, freq="MS", name="Month")
    pd.testing.assert_index_equal(forecast.index, expected)
    assert (forecast.index.freq, forecast.name) == (expected.freq, "Passengers")
    periods = quick().fit(airline.to_period("M")).predict(2)
    assert periods.index.equals(pd.period_range("1961-01", periods=2, freq="M", name="Month"))
    zone = quick().fit(airline.tz_localize("Europe/Prague")).predict(4)
    expected = pd.date_range("1961-01", periods=4, freq="MS", tz="Europe/Prague", name="Month")
    assert zone.index.equals(expected)
    numbered = quick().fit(airline.reset_index(drop=True)).predict(4)
    assert numbered.index.tolist() == [144, 145, 146, 147]
    assert np.allclose([periods, zone[:2], numbered[:2]], [periods] * 3)


def test_working_days_and_hours_go_on() -> None:
    draw = np.random.default_rng(0)
    days = pd.bdate_range("2024-01-01", periods=80)
    forecast = quick().fit(pd.Series(draw.normal(size=80), index=days)).predict(7)
    assert forecast.index.equals(pd.bdate_range(days[-1], periods=8)[1:])
    hours = pd.date_range("2024-01-01", periods=80, freq="h")
    frame = pd.DataFrame(draw.normal(size=(80, 2)), index=hours, columns=["heat", "wind"])
    forecast = quick().fit(frame).predict(4)
    assert forecast.index.equals(pd.date_range(hours[-1], periods=5, freq="h")[1:])
    assert forecast.columns.tolist() == ["heat", "wind"]


def test_other_forms_of_a_series_give_the_same_forecasts(airline: pd.Series) -> None:
    expected = quick().fit(airline).predict(4).to_numpy()
    table = airline.reset_index()
    polars = quick().fit(pl.from_pandas(table)).predict(4)
    assert polars["Month"].dt.strftime("%Y-%m").to_list() == [f"1961-0{n}" for n in range(1, 5)]
    arrow = quick().fit(pa.Table.from_pandas(table)).predict(4)
    assert isinstance(arrow, pa.Table)
    forecasts = [
        polars["Passengers"].to_numpy(),
        arrow["Passengers"].to_numpy(),
        quick().fit(table).predict(4)["Passengers"],
        quick().fit(airline.tolist()).predict(4),
        quick().fit(airline.to_numpy()[:, None]).predict(4)[:, 0],
        quick().fit(pl.Series(airline.to_numpy())).predict(4),
        quick().fit(airline[::-1]).predict(4),
        quick(options={"duplicate_timestamps": "mean"})
        .fit(pd.concat([airline, airline[:5]]))
        .predict(4),
    ]
    assert np.array_equal(forecasts, [expected] * len(forecasts))


def test_options_reach_the_task(airline: pd.Series) -> None:
    model = quick(window=18, season_length=6, net="recurrent", options={"units": 5})
    task = model.fit(airline).run_.task
    assert (task.input["window"], task.input["season_length"]) == (18, 6)
    assert (task.process["net"], task.process["units"]) == ("recurrent", 5)
    assert model.n_iter_ == 2
    assert clone(model).get_params() == model.get_params()


def test_a_short_series_validates_with_one_horizon() -> None:
    series = 10 + np.sin(np.arange(48) * np.pi / 6)
    model = Forecaster(horizon=12, window=12, epochs=2).fit(series)
    assert model.run_.task.input["split"]["validation"] == 0.25
    assert model.predict(12).shape == (12,)


def test_copies_forecast_the_same(fitted: Forecaster, tmp_path: Path) -> None:
    again = copy.deepcopy(fitted)
    pd.testing.assert_series_equal(again.predict(20), fitted.predict(20))
    fitted.save(tmp_path / "saved")
    assert kissipo.open(tmp_path / "saved").answers[0].variables == ("Passengers",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda series: series.where(series != 115), "has no value in 1 of 144 rows"),
        (lambda series: series.astype(str), "'Passengers' is not a column of numbers; got '112.0'"),
        (lambda series: series[:5], "the series is too short"),
        (lambda series: pd.concat([series, series]), "occurs 2 times in 'Month'"),
        (lambda series: series * 0, "has the same value at every step"),
        (lambda series: series.reset_index().set_index(series.index), "in its index and in the"),
        (
            lambda series: pd.DataFrame({"Year": range(1950, 2000), "x": range(50)}),
            "to be the time",
        ),
        (lambda series: np.zeros((2, 3, 4)), "at most one of variables; got an array of the shape"),
        (lambda series: "passengers", "must be numbers in order of time; got str"),
        (lambda series: [], "got an array of the shape .0,."),
    ],
)
def test_bad_series_are_refused_in_words(airline: pd.Series, change: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick().fit(change(airline))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "the number of steps to forecast; got 0"),
        ({"n": 2.5}, "the number of steps to forecast; got 2.5"),
        ({"n": True}, "the number of steps to forecast; got True"),
        ({"series": [1.0, 2.0]}, "other variables than that of the training; got value"),
        ({"series": pd.Series([1.0] * 5, name="Passengers")}, "fewer steps than one window needs"),
    ],
)
def test_bad_questions_are_refused_in_words(
    fitted: Forecaster, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fitted.predict(**arguments)


def test_forecaster_must_be_fitted_and_have_a_horizon(airline: pd.Series) -> None:
    with pytest.raises(NotFittedError, match="This Forecaster instance is not fitted yet"):
        Forecaster().predict(2)
    with pytest.raises(ValueError, match=r"output.horizon must be an integer of at least 1; got 0"):
        Forecaster(horizon=0).fit(airline)
    assert quick(horizon=None).fit(airline).predict().shape == (1,)


def test_a_series_too_short_to_compare_nets_is_said() -> None:
    series = np.sin(np.arange(60.0) / 3)
    text = "The series is too short to show that another net"
    with pytest.warns(UserWarning, match=text) as warned:
        forecaster = Forecaster(horizon=6, budget="small", epochs=2, random_state=0).fit(series)
    assert warned[0].filename == __file__
    assert forecaster.candidates_ == []
    assert forecaster.predict(6).shape == (6,)
