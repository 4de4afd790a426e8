"""Predictions have the type and the form of the data: labels, lists, data frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import TaskError

SIZE = np.linspace(-2, 2, 60)
HIGH = SIZE > 0


def fit(table: Any, out: str = "run", *, kind: str = "category", **more: Any) -> Any:
    task = ki.Task(
        input={"table": table},
        process={"net": "ffn", "epochs": 2},
        output={kind: "y", "baselines": [], **more},
    )
    return task.fit(out=out)


def csv(cells: list[str]) -> str:
    lines = [f"{size},{cell}" for size, cell in zip(SIZE, cells, strict=True)]
    Path("table.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    return "table.csv"


# the answer column, and the two classes that must come back
FRAMES: dict[str, tuple[Any, list[object]]] = {
    "integers": (np.where(HIGH, 7, -3), [-3, 7]),
    "booleans": (HIGH, [False, True]),
    "floats": (np.where(HIGH, 1.0, 0.0), [0.0, 1.0]),
    "halves": (np.where(HIGH, 2.5, 1.5), [1.5, 2.5]),
    "texts": (np.where(HIGH, "yes", "no"), ["no", "yes"]),
    "texts of digits": (np.where(HIGH, "02", "01"), ["01", "02"]),
}


@pytest.mark.parametrize("name", FRAMES)
def test_labels_of_a_data_frame_keep_their_type(name: str) -> None:
    target, classes = FRAMES[name]
    run = fit(pd.DataFrame({"x": SIZE, "y": target}))
    for again in (run, ki.open("run")):
        predicted = again.predict([{"x": -2.0}, {"x": 2.0}])
        assert predicted == classes and [*map(type, predicted)] == [*map(type, classes)]
        assert list(again.classes) == classes
        assert again.predict({"x": 2.0}) == classes[1]
        assert type(again.predict({"x": 2.0})) is type(classes[1])


@pytest.mark.parametrize(
    ("cells", "low"),
    [(("0", "1"), 0), (("3", "12"), 3), (("true", "false"), "true"), (("a1", "1"), "a1"),
     (("007", "008"), "007")],
)  # fmt: skip
def test_labels_of_a_file_keep_their_type(cells: tuple[str, str], low: object) -> None:
    run = fit(csv([cells[int(high)] for high in HIGH]))
    predicted = run.predict({"x": -2.0})
    assert predicted == low and type(predicted) is type(low)


def test_json_has_integer_labels_and_the_terminal_prints_the_same_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fit(csv([str(int(high)) for high in HIGH]))
    capsys.readouterr()
    assert main(["predict", "run", "2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)["predictions"][0]["y"]
    assert content["answer"] == 1 and content["others"][0]["answer"] == 0
    assert type(content["answer"]) is int
    assert main(["predict", "run", "2"]) == 0
    text, confidence = capsys.readouterr().out.split()
    assert text == "1" and float(confidence) == pytest.approx(content["confidence"], abs=1e-4)


def test_numbers_are_floats_and_one_value_gives_one() -> None:
    run = fit(pd.DataFrame({"x": SIZE, "y": 3 * SIZE}), kind="number")
    one, several = run.predict({"x": 1.0}), run.predict({"x": 1.0}, {"x": 2.0})
    assert type(one) is float and type(several) is list
    assert run.predict([{"x": 1.0}]) == [one] and several[0] == one
    assert run.predict(({"x": 1.0}, {"x": 2.0})) == several
    with pytest.raises(TaskError, match="has no class probabilities"):
        run.predict_proba({"x": 1.0})
    with pytest.raises(TaskError, match="no prediction intervals"):
        run.predict_interval({"x": 1.0})


def test_pandas_gives_pandas_with_the_same_index() -> None:
    run = fit(pd.DataFrame({"x": SIZE, "y": np.where(HIGH, 5, 4)}))
    rows = pd.DataFrame({"x": [2.0, -2.0, 0.1]}, index=["c", "a", "b"])
    predicted = run.predict(rows)
    assert isinstance(predicted, pd.DataFrame) and list(predicted.index) == ["c", "a", "b"]
    assert list(predicted.columns) == ["prediction", "probability_4", "probability_5"]
    assert predicted["prediction"].tolist()[:2] == [5, 4]
    assert predicted["prediction"].dtype == np.int64
    shares = run.predict_proba(rows)
    assert list(shares.index) == ["c", "a", "b"] and list(shares.columns) == ["4", "5"]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    array = run.predict_proba(rows.to_dict("records"))
    assert isinstance(array, np.ndarray)
    np.testing.assert_allclose(array, shares.to_numpy())
    np.testing.assert_allclose(array[:, 1], predicted["probability_5"])
    one = run.predict(rows.iloc[:1])
    assert isinstance(one, pd.DataFrame) and list(one.index) == ["c"]


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table, lambda data: pl.DataFrame(data).lazy()])
def test_other_libraries_give_their_own_data_frame(make: Any) -> None:
    run = fit(pd.DataFrame({"x": SIZE, "y": HIGH}))
    predicted = run.predict(make({"x": [2.0, -2.0]}))
    assert isinstance(predicted, pa.Table if make is pa.table else pl.DataFrame)
    table = predicted if isinstance(predicted, pl.DataFrame) else pl.from_arrow(predicted)
    assert isinstance(table, pl.DataFrame)
    assert table["prediction"].to_list() == [True, False]
    assert table.columns == ["prediction", "probability_false", "probability_true"]


def test_several_outputs_name_their_columns() -> None:
    data = pd.DataFrame({"x": SIZE, "y": np.where(HIGH, 1, 0), "z": SIZE * 2})
    task = ki.Task(
        input={"table": data},
        process={"net": "ffn", "epochs": 1},
        output=[{"category": "y", "baselines": []}, {"number": "z", "baselines": []}],
    )
    predicted = task.fit(out="run").predict(data[["x"]].iloc[:4])
    assert list(predicted.columns) == [
        "prediction_y", "probability_0_y", "probability_1_y", "prediction_z",
    ]  # fmt: skip
    assert len(predicted) == 4


def test_forecast_of_a_data_frame_has_a_row_per_step_with_bounds() -> None:
    steps = pd.DataFrame({"y": np.sin(np.arange(200) / 4)})
    task = ki.Task(
        input={"series": steps, "window": 8},
        process={"net": "linear", "epochs": 1},
        output={"forecast": "y", "horizon": 3, "baselines": []},
    )
    run = task.fit(out="run")
    predicted, values = run.predict(steps.iloc[:50]), run.predict(steps["y"].tolist()[:50])
    assert list(predicted.columns) == ["step", "prediction", "low", "high"]
    assert predicted["step"].tolist() == ["1", "2", "3"]
    assert predicted["prediction"].tolist() == pytest.approx(values)
    low, high = run.predict_interval(steps["y"].tolist()[:50])
    assert predicted["low"].tolist() == pytest.approx(low)
    assert predicted["high"].tolist() == pytest.approx(high)


def test_arrays_give_a_list_and_one_sample_gives_one_label() -> None:
    x = np.stack([SIZE, -SIZE], axis=1).astype("f4")
    task = ki.Task(
        input={"tensors": (x, np.where(HIGH, 9, 2))},
        process={"net": "ffn", "epochs": 2},
        output={"category": "y", "baselines": []},
    )
    run = task.fit(out="run")
    assert run.predict(x[-1]) == 9 and type(run.predict(x[-1])) is int
    assert run.predict(x[-1].tolist()) == 9
    assert run.predict(x[-1:]) == [9] and run.predict(x[[0, -1]].tolist()) == [2, 9]
    assert run.predict([x[0], x[-1]]) == [2, 9]
    assert run.predict_proba(x[[0, -1]]).shape == (2, 2)
