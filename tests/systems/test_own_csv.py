"""A user's CSV with numbers, categories and missing values.

The net scores at least as well as a linear model written with scikit-learn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import kissipo as ki
from kissipo.cli.main import main

SETS: dict[str, Callable[..., Any]] = {
    "diabetes": load_diabetes,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
}


def write_messy(name: str) -> pandas.DataFrame:
    """Writes NAME.csv: one category, and 5 % missing values in three columns."""
    table = SETS[name](as_frame=True).frame.rename(columns=lambda column: column.replace(" ", "_"))
    draw = np.random.default_rng(0)
    first, second, third = table.columns[:3]
    table[first] = pandas.qcut(table[first], 3, labels=["low", "middle", "high"]).astype(object)
    for column in (first, second, third):
        table.loc[draw.random(len(table)) < 0.05, column] = np.nan
    if name != "diabetes":
        table["target"] = table["target"].map(lambda number: "abc"[int(number)])
    table.to_csv(f"{name}.csv", index=False)
    return table


def linear_score(table: pandas.DataFrame, train: Any, test: Any) -> float:
    """Returns the R2 or accuracy of a linear model trained on the same rows."""
    features, answers = table.drop(columns="target"), table["target"]
    experiment = make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="gap"),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            [features.columns[0]],
        ),
        remainder=make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
        ),
    )
    last = (
        LogisticRegression(max_iter=5000)
        if answers.dtype == object or answers.dtype == "str"
        else RidgeCV(np.logspace(-3, 3, 13))
    )
    model = make_pipeline(experiment, last).fit(features.iloc[train], answers.iloc[train])
    return float(model.score(features.iloc[test], answers.iloc[test]))


def scores(name: str, seed: int) -> tuple[float, float, float]:
    """Returns R2 or accuracy of the net, its linear baseline and `linear_score`."""
    table = write_messy(name)
    baseline = "ridge_regression" if name == "diabetes" else "logistic_regression"
    words = {"output.baselines": [baseline]}
    run = ki.load(f"{name}.csv", output="target", words=words).fit(seed=seed)
    splits = run.pipeline().splits
    evaluation = run.metrics["answers"][0]
    metric = "r2" if name == "diabetes" else "accuracy"
    (linear,) = evaluation["baselines"].values()
    return (
        evaluation["metrics"][metric],
        linear[metric],
        linear_score(table, splits["train"], splits["test"]),
    )


@pytest.mark.parametrize("name", SETS)
def test_net_equals_or_beats_a_linear_model(name: str) -> None:
    net, linear, by_hand = np.mean([scores(name, seed) for seed in (0, 1)], axis=0)
    assert net >= linear - 0.005
    assert net >= by_hand - 0.015


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_net_over_ten_seeds_equals_or_beats_a_linear_model(name: str) -> None:
    """Compares the mean over the seeds; it allows for two standard errors."""
    net, linear, by_hand = np.asarray([scores(name, seed) for seed in range(10)]).T
    gains = net - linear
    assert gains.mean() >= -0.001 - 2 * gains.std(ddof=1) / np.sqrt(len(gains))
    assert net.mean() >= by_hand.mean() - 0.006  # two answers of 360


def test_fit_prints_missing_values_types_and_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = write_messy("wine")
    assert main(["fit", "wine.csv", "--output", "target", "--out", "run"]) == 0
    output = " ".join("".join(capsys.readouterr()).split())
    gaps = int(table["malic_acid"].isna().sum())
    assert f"WARN 'malic_acid' has no value in {gaps} of 178 rows" in output
    assert "filled with the training median, and flagged in a column of its own" in output
    assert "a missing cell is a category of its own" in output and "Verdict: " in output
    words = ki.open("run").task.input.plain()
    assert (
        words["categorical"] == ["alcohol"]
        and "malic_acid" in words["numeric"]
        and len(words["numeric"]) == 12
    )


def test_missing_value_has_an_indicator_and_the_median() -> None:
    write_messy("wine")
    words = {"output.baselines": []}
    run = ki.load("wine.csv", output="target", words=words).fit(epochs=1, out="run")
    codec = next(codec for codec in run.codecs[0].codecs if codec.KIND == "numbers")
    assert codec.spec.labels[-2:] == ("malic_acid missing", "ash missing")
    pipeline = run.pipeline()
    train = pipeline.frame.take(pipeline.splits["train"])
    values = train["malic_acid"].values
    encoded = codec.encode(train).numpy()
    column = codec.spec.labels.index("malic_acid")
    filled = (np.nanmedian(values) - np.nanmean(values)) / np.nanstd(values)
    np.testing.assert_allclose(encoded[np.isnan(values), column], filled, rtol=1e-5)
    np.testing.assert_array_equal(encoded[:, -2], np.isnan(values))


def rides(rows: int = 300) -> pandas.DataFrame:
    """Returns taxi rides whose fare is high at night in the center and with luggage."""
    draw = np.random.default_rng(1)
    table = pandas.DataFrame(
        {
            "hour": draw.choice(["day", "night"], rows),
            "place": draw.choice(["center", "suburb"], rows),
            "length": draw.uniform(1, 20, rows),
            "remark": [
                " ".join(draw.choice(["small", "large", "bag", "dog", "slow", "fast"], 4))
                for _ in range(rows)
            ],
            "driver": draw.integers(0, 40, rows).astype(str),
        }
    )
    both = (table["hour"] == "night") & (table["place"] == "center")
    table["fare"] = 2 * table["length"] + 30 * both
    table["liked"] = np.where(both, "no", "yes")
    return table


def frames(table: pandas.DataFrame) -> dict[str, Any]:
    import polars
    import pyarrow

    other = polars.DataFrame(table.to_dict("list"))
    table.to_csv("rides.csv", index=False)
    table.to_csv("rides.tsv", index=False, sep="\t")
    other.write_parquet("rides.parquet")
    other.write_ndjson("rides.jsonl")
    files = {name: name for name in ("rides.csv", "rides.tsv", "rides.parquet", "rides.jsonl")}
    return files | {"pandas": table, "polars": other, "pyarrow": pyarrow.Table.from_pandas(table)}


def test_table_gives_the_same_result_in_every_format() -> None:
    table = rides().drop(columns=["driver"])
    results = {}
    for form, data in frames(table).items():
        words = {"process.epochs": 3, "input.text": ["remark"], "output.baselines": ["mean"]}
        run = ki.load(data, output="fare", words=words).fit(out=f"run-{form}")
        results[form] = json.dumps(run.metrics["answers"], sort_keys=True)
    assert set(results.values()) == {results["rides.csv"]}


def test_two_outputs_category_and_number() -> None:
    rides().to_csv("rides.csv", index=False)
    task = ki.load(
        {
            "input": {"table": "rides.csv", "drop": ["driver", "remark"]},
            "output": [{"category": "liked"}, {"number": "fare"}],
        }
    )
    run = task.fit()
    liked, fare = run.metrics["answers"]
    assert (liked["column"], fare["column"]) == ("liked", "fare")
    assert liked["metrics"]["accuracy"] >= 0.95
    assert fare["metrics"]["rmse"] < 0.5 * fare["baselines"]["mean"]["rmse"]
    answers, _ = run.predict_all(["rides.csv"])
    assert (
        len(answers) == 300
        and {row[0].value for row in answers} == {"yes", "no"}
        and isinstance(answers[0][1].value, float)
    )


def test_text_categories_and_numbers_are_inputs_of_one_net() -> None:
    """Two categories determine the answer; the text column is noise."""
    rides().to_csv("rides.csv", index=False)
    words = {
        "input": {"table": "rides.csv", "drop": ["driver", "fare"]},
        "process": {"epochs": 60, "learning_rate": 0.005},
    }
    run = ki.load(words | {"output": {"category": "liked", "baselines": []}}).fit()
    assert [codec.KIND for codec in run.codecs] == ["concat", "tokens"]
    assert run.metrics["answers"][0]["metrics"]["accuracy"] >= 0.9


def test_crossed_columns_help_a_linear_net() -> None:
    rides().to_csv("rides.csv", index=False)

    def rmse(cross: list[list[str]]) -> float:
        words = {"table": "rides.csv", "drop": ["driver", "liked", "remark"], "cross": cross}
        run = ki.load(
            {
                "input": words,
                "process": {"net": "linear", "learning_rate": 0.03},
                "output": {"number": "fare", "baselines": []},
            }
        ).fit()
        return float(run.metrics["answers"][0]["metrics"]["rmse"])

    assert rmse([["hour", "place"]]) < 1.0 < 5.0 < rmse([])


def test_group_stays_in_one_split() -> None:
    table = rides()
    table.to_csv("rides.csv", index=False)
    words = {"table": "rides.csv", "split": {"group": "driver"}}
    run = ki.load({"input": words, "process": {"epochs": 1}, "output": {"number": "fare"}}).fit()
    splits = run.pipeline().splits
    sides = [set(table["driver"].iloc[splits[name]]) for name in ("train", "validation", "test")]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert len(set.union(*sides)) == 40 and 50 <= len(splits["test"]) <= 61
    assert "driver" not in run.codecs[0].columns
    assert Path(run.folder, "task.yaml").read_text().count("group: driver") == 1
