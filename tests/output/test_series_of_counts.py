"""A series of counts that is learned with the Poisson loss, in its unit."""

from pathlib import Path

import numpy as np
import pytest

import kissipo as ki
from kissipo.core.errors import DataError, TaskError, UserError

DAYS = 300
COUNTS = np.random.default_rng(0).poisson(900 + 500 * np.sin(2 * np.pi * np.arange(DAYS) / 7))
POISSON = {"process.loss": "poisson"}


def write(path: Path, **columns: object) -> str:
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines))
    return str(path)


def days(count: int = DAYS) -> list[str]:
    return [str(np.datetime64("2024-01-01") + day) for day in range(count)]


def test_large_counts_are_forecast_in_their_unit(tmp_path: Path) -> None:
    file = write(tmp_path / "trips.csv", day=days(), trips=COUNTS)
    words = POISSON | {"process.epochs": 20}
    run = ki.load(file, output="trips", time="day", words=words).fit(out=str(tmp_path / "run"))
    (score,) = run.evaluate()
    naive = np.abs(np.diff(COUNTS[-60:])).mean()
    assert score["mae"] < naive / 2
    low, high = run.predict_interval(file)
    assert 0 <= low < high < 3000


def two_series(path: Path) -> str:
    return write(path, shop=["A"] * DAYS + ["B"] * DAYS, day=days() * 2, trips=[*COUNTS] * 2)


def below_zero(path: Path) -> str:
    return write(path, day=days(), trips=[-3, *COUNTS[1:]])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (two_series, TaskError, "one column of one series"),
        (below_zero, DataError, "values below 0"),
    ],
)
def test_what_is_no_series_of_counts_is_refused(
    make: object, error: type[UserError], text: str, tmp_path: Path
) -> None:
    assert callable(make)
    task = ki.load(make(tmp_path / "data.csv"), output="trips", time="day", words=POISSON)
    with pytest.raises(error, match=text):
        task.fit(out=str(tmp_path / "run"))
