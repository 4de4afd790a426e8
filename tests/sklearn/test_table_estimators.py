"""Classifier and Regressor in scikit-learn's tools, beside kissipo's own fit."""

from __future__ import annotations

import copy
import gc
import json
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kissipo
from kissipo.core.errors import TaskError
from kissipo.sklearn import Classifier, Regressor

pytestmark = pytest.mark.usefixtures("one_thread")
WINE, WINE_CLASSES = load_wine(return_X_y=True, as_frame=True)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)


def people() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with a number, a category, a text, a date and missing cells, and classes."""
    draw, count = np.random.default_rng(0), 200
    frame = pd.DataFrame(
        {
            "age": draw.normal(40, 10, count),
            "city": draw.choice(["Brno", "Oslo", "Rome"], count),
            "note": draw.choice(["good day sir", "bad day", "very good", "it hurts"], count),
            "day": pd.date_range("2024-01-01", periods=count),
        },
        index=np.arange(count) * 10,
    )
    frame.loc[30, "age"], frame.loc[50, "city"] = np.nan, None
    happy = (frame.city == "Brno") | frame.note.str.contains("good")
    return frame, np.where(happy, "yes", "no")


def test_weights_and_predictions_equal_those_of_kissipo_fit(tmp_path: Path) -> None:
    table = WINE.assign(target=WINE_CLASSES)
    task = kissipo.load(table, output="target", words={"split.test": 0.0})
    run = task.fit(seed=3, epochs=4, out=tmp_path / "run")
    model = Classifier(epochs=4, random_state=3).fit(WINE, WINE_CLASSES)
    ours, theirs = model.run_.net.state_dict(), run.net.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert model.predict(WINE).tolist() == run.predict(WINE).prediction.tolist()
    assert np.array_equal(model.predict_proba(WINE), run.predict_proba(WINE).to_numpy())
    assert model.run_.history[-1]["loss"] == run.history[-1]["loss"]
    array = Classifier(epochs=4, random_state=3).fit(WINE.to_numpy(), WINE_CLASSES)
    assert np.array_equal(array.predict_proba(WINE.to_numpy()), model.predict_proba(WINE))


def test_regressor_equals_kissipo_fit_also_with_weights(tmp_path: Path) -> None:
    names = [f"x{place}" for place in range(DIABETES.shape[1])]
    weights = np.linspace(1, 3, len(PROGRESSION))
    table = pd.DataFrame(DIABETES, columns=names).assign(y=PROGRESSION, w=weights)
    words = {"split.test": 0.0, "input.sample_weight": "w", "input.numeric": names}
    task = kissipo.load(table, output="y", words=words)
    run = task.fit(seed=0, epochs=3, out=tmp_path / "run")
    model = Regressor(epochs=3).fit(DIABETES, PROGRESSION, sample_weight=weights)
    assert model.predict(DIABETES).tolist() == run.predict(table).prediction.tolist()
    unweighted = Regressor(epochs=3).fit(DIABETES, PROGRESSION)
    assert not np.array_equal(unweighted.predict(DIABETES), model.predict(DIABETES))


def test_rows_of_weight_zero_are_left_out() -> None:
    weights = np.arange(len(PROGRESSION)) % 2.0
    frame = pd.DataFrame(DIABETES).rename(columns=str)
    model = Regressor(epochs=2).fit(frame, PROGRESSION, sample_weight=weights)
    half = Regressor(epochs=2).fit(frame[1::2], PROGRESSION[1::2])
    assert np.array_equal(model.predict(frame), half.predict(frame))


def test_cross_validation_is_as_good_as_a_logistic_regression() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    ours = cross_val_score(Classifier(epochs=5), x, y, cv=3, scoring="roc_auc")
    theirs = cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression()), x, y, cv=3, scoring="roc_auc"
    )
    assert ours.mean() > theirs.mean() - 0.005
    shares = cross_val_predict(Classifier(epochs=2), WINE, WINE_CLASSES, method="predict_proba")
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares.argmax(axis=1) == WINE_CLASSES).mean() > 0.93


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_pipeline_grid_search_and_clone(workers: int, tmp_path: Path) -> None:
    pipeline = make_pipeline(StandardScaler(), Classifier(epochs=3))
    grid = {
        "classifier__options": [{"process.dropout": 0.0}, {"dropout": 0.9, "init": "random"}],
        "classifier__learning_rate": [0.01],
    }
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=workers).fit(WINE, WINE_CLASSES)
    assert search.best_params_["classifier__options"] == {"process.dropout": 0.0}
    assert search.best_score_ > 0.93
    assert search.score(WINE, WINE_CLASSES) > 0.95
    trained = search.best_estimator_[-1]
    assert trained.run_.task.process["dropout"] == 0.0
    fresh = clone(trained)
    assert fresh.get_params() == trained.get_params()
    assert not hasattr(fresh, "run_")
    assert list(tmp_path.iterdir()) == []


def test_regressor_inside_a_transformed_target() -> None:
    model = TransformedTargetRegressor(Regressor(epochs=2), func=np.log, inverse_func=np.exp)
    frame = pd.DataFrame(DIABETES).rename(columns=str)
    assert model.fit(frame, PROGRESSION).score(frame, PROGRESSION) > 0.4


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table, pl.LazyFrame])
def test_data_frames_are_read_as_tables(library: type) -> None:
    frame, labels = people()
    cells = frame.astype(object).where(frame.notna(), None)
    data = library({name: cells[name].tolist() for name in cells})
    model = Classifier(epochs=5).fit(data, labels)
    with pytest.warns(UserWarning, match="1 missing 'age' filled"):
        assert model.score(data, labels) > 0.98
    assert model.feature_names_in_.tolist() == ["age", "city", "note", "day"]
    assert model.classes_.tolist() == ["no", "yes"]
    assert {finding["check"] for finding in model.findings_} >= {"missing values"}


def test_predict_frame_keeps_library_and_index() -> None:
    frame, labels = people()
    model = Classifier(epochs=2).fit(frame, labels)
    some = frame.iloc[[7, 100, 8]]
    table = model.predict_frame(some)
    assert table.index.tolist() == [70, 1000, 80]
    assert table["prediction"].tolist() == model.predict(some).tolist()
    shares = table[["probability_no", "probability_yes"]].to_numpy()
    assert np.allclose(shares, model.predict_proba(some))
    assert isinstance(model.predict_frame(pl.from_pandas(some)), pl.DataFrame)
    with pytest.raises(ValueError, match="predict_frame needs a data frame; got ndarray"):
        Classifier(epochs=1).fit(WINE.to_numpy(), WINE_CLASSES).predict_frame(WINE.to_numpy())


def test_columns_are_taken_by_position_where_one_side_has_no_names() -> None:
    named = Classifier(epochs=2).fit(WINE, WINE_CLASSES)
    plain = Classifier(epochs=2).fit(WINE.to_numpy(), WINE_CLASSES)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        first = named.predict_proba(WINE.to_numpy())
    with pytest.warns(UserWarning, match="X has feature names"):
        second = plain.predict_proba(WINE)
    assert np.array_equal(first, second)


def test_unused_columns_are_named() -> None:
    frame = WINE.assign(same=1)
    with pytest.warns(UserWarning, match="the fit does not use same: see findings_"):
        model = Classifier(epochs=1).fit(frame, WINE_CLASSES)
    assert any("same" in finding["message"] for finding in model.findings_)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["NA", "", " a", "None"]),
        np.array([True, False]),
        np.array([1.0, 2.0, 10.0]),
        np.array([-1, 1]),
        np.array([10, 9, 100], dtype=np.uint8),
        np.array(["b", "a"], dtype=object),
        np.array(["A", "a"]),
    ],
)
def test_classes_keep_their_values_and_their_dtype(labels: np.ndarray) -> None:
    places = np.arange(80) % len(labels)
    x = np.eye(len(labels))[places] + np.random.default_rng(0).normal(0, 0.01, (80, len(labels)))
    model = Classifier(epochs=2).fit(x, labels[places])
    assert model.classes_.tolist() == sorted(labels.tolist())
    predicted = model.predict(np.eye(len(labels)))
    assert predicted.tolist() == labels.tolist()
    assert predicted.dtype == labels.dtype
    order = model.predict_proba(np.eye(len(labels))).argmax(axis=1)
    assert model.classes_[order].tolist() == labels.tolist()


def test_regressor_learns_several_targets() -> None:
    both = pd.DataFrame({"one": PROGRESSION, "two": -PROGRESSION})
    model = Regressor(epochs=20).fit(DIABETES, both)
    predicted = model.predict(DIABETES)
    assert predicted.shape == (442, 2)
    assert [answer.name for answer in model.run_.answers] == ["one", "two"]
    assert np.corrcoef(predicted.T)[0, 1] < -0.95
    assert model.score(DIABETES, both) > 0.4


def test_a_module_is_trained_as_a_copy() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(10, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    before = copy.deepcopy(net.state_dict())
    model = Regressor(net=net, epochs=20, learning_rate=0.01).fit(DIABETES, PROGRESSION)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert model.score(DIABETES, PROGRESSION) > 0.4
    again = copy.deepcopy(model)
    assert np.array_equal(again.predict(DIABETES), model.predict(DIABETES))


def test_joblib_carries_the_files_of_the_run(tmp_path: Path) -> None:
    model = Classifier(epochs=2).fit(WINE, WINE_CLASSES)
    state = model.__getstate__()
    assert {"model.safetensors", "codecs.json", "task.yaml"} <= set(state["_files"])
    assert not any(isinstance(value, torch.nn.Module) for value in state.values())
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(again.predict_proba(WINE), model.predict_proba(WINE))
    assert again.run_.folder != model.run_.folder
    assert (again.n_iter_, again.findings_) == (2, model.findings_)


def test_saved_run_is_kept_and_the_temporary_one_goes(tmp_path: Path) -> None:
    model = Classifier(epochs=2).fit(WINE, WINE_CLASSES)
    predicted, temporary, run = model.predict(WINE).tolist(), model.run_.folder, model.run_
    model.save(tmp_path / "wine")
    assert kissipo.open(tmp_path / "wine").predict(WINE).prediction.tolist() == predicted
    with pytest.raises(ValueError, match="wine exists already"):
        model.save(tmp_path / "wine")
    del model
    assert len(run.history) == 3  # the run of a user outlives the estimator
    del run
    gc.collect()
    assert not temporary.exists()


def test_fit_prints_nothing_and_writes_nothing_here(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Classifier(epochs=2).fit(WINE, WINE_CLASSES)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_random_state_decides_the_fit() -> None:
    def shares(state: object) -> np.ndarray:
        return Classifier(epochs=1, random_state=state).fit(WINE, WINE_CLASSES).predict_proba(WINE)

    assert np.array_equal(shares(3), shares(np.int64(3)))
    assert not np.array_equal(shares(3), shares(4))
    state = np.random.RandomState
    assert np.array_equal(shares(state(5)), shares(state(5)))
    assert not np.array_equal(shares(None), shares(None))


def test_few_rows_all_train() -> None:
    x, y = np.arange(4.0)[:, None], ["a", "b", "b", "c"]
    model = Classifier(epochs=2).fit(x, y)
    assert model.predict_proba(x).shape == (4, 3)
    assert model.run_.task.input["split"]["validation"] == 0
    assert any("have a single row: 'a', 'c'" in finding["message"] for finding in model.findings_)


X = WINE.to_numpy()
MISSING = np.where(WINE_CLASSES == 0, np.nan, WINE_CLASSES)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: Classifier().fit(X, MISSING), "y has missing values .NaN.; got 59 of 178 samples"),
        (lambda: Regressor().fit(X, MISSING), "y has missing values .NaN.; got 59 of 178 samples"),
        (lambda: Regressor().fit(X, ["a"] * 178), "must be numbers; got texts such as 'a'"),
        (lambda: Regressor().fit(X, np.full(178, np.inf)), "infinite numbers; got one at"),
        (lambda: Regressor().fit(X, np.ones(178)), "has the same value in all 178 rows"),
        (lambda: Classifier().fit(X, X[:, 0]), "Unknown label type: continuous"),
        (lambda: Classifier().fit(X, ["one"] * 178), "two classes; got the only class 'one'"),
        (lambda: Classifier().fit(X[:3], ["a", " a", "b"]), "same text; got 'a' and ' a'|' a' and"),
        (lambda: Classifier().fit(WINE, [0, 1]), "inconsistent numbers of samples"),
        (lambda: Classifier().fit(WINE[:1], [0]), "at least two samples; got 1 sample"),
        (lambda: Classifier(options={"dropuot": 1}).fit(X, WINE_CLASSES), "mean 'drop' or 'dropou"),
        (lambda: Classifier(options=["dropout"]).fit(X, WINE_CLASSES), "options must be a mapping"),
        (lambda: Classifier(net="ffm").fit(X, WINE_CLASSES), "Did you mean 'ffn'"),
        (lambda: Classifier(epochs=0).fit(X, WINE_CLASSES), "process.epochs must be an integer"),
        (lambda: Classifier(random_state=-1).fit(X, WINE_CLASSES), "the seed must be an integer"),
        (
            lambda: Classifier().fit(WINE, WINE_CLASSES, sample_weight=np.zeros(178)),
            "at least one non-zero number|are all zero",
        ),
        (
            lambda: Classifier().fit(WINE.set_axis(["a"] * 13, axis=1), WINE_CLASSES),
            "two columns with the same name",
        ),
        (lambda: Classifier().predict(X), "This Classifier instance is not fitted yet"),
    ],
)
def test_bad_input_is_refused_in_words(fit: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit()


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.rename(columns={"alcohol": "beer"}), "unseen at fit time:\n- beer"),
        (lambda frame: frame.iloc[:, ::-1], "must be in the same order"),
        (lambda frame: frame.drop(columns="alcohol"), "now missing:\n- alcohol"),
        (
            lambda frame: frame.to_numpy()[:, 1:],
            "X has 12 features, but Classifier is expecting 13",
        ),
        (lambda frame: frame[:0], "there is no sample to predict"),
        (lambda frame: frame.assign(alcohol="strong"), "'alcohol'"),
    ],
)
def test_other_columns_are_refused(change: object, message: str) -> None:
    model = Classifier(epochs=1).fit(WINE, WINE_CLASSES)
    with pytest.raises(ValueError, match=message):
        model.predict(change(WINE))


def test_column_vector_warns_with_the_class_of_sklearn() -> None:
    with pytest.warns(DataConversionWarning):
        Classifier(epochs=1).fit(WINE, WINE_CLASSES.to_numpy()[:, None])


def test_kissipo_imports_no_sklearn() -> None:
    code = "import sys, kissipo; print([n for n in sys.modules if 'sklearn' in n or n == 'torch'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_budget_compares_nets_and_trains_the_best_one() -> None:
    even = WINE.iloc[::2], WINE_CLASSES.iloc[::2]
    first, again = (Classifier(budget="small", epochs=1).fit(*even) for _ in range(2))
    scores = {row["title"]: row["trials"][-1]["score"] for row in first.candidates_}
    assert {"ffn (default)", "TabM"} <= scores.keys()
    results = json.loads((first.run_.folder / "candidates.json").read_text())
    best = first.candidates_[results["winner"]]
    assert first.run_.task.process["net"] == best["options"]["process.net"]
    np.testing.assert_array_equal(first.predict_proba(WINE), again.predict_proba(WINE))
    assert Classifier(epochs=1).fit(*even).candidates_ == []
    with pytest.raises(TaskError, match="the budget has an unknown value") as unknown:
        Classifier(budget="huge").fit(*even)
    assert unknown.value.do == "Leave it out for none"
