"""Split: every row is in one split, stratified, with groups and duplicates together.

Nothing is fitted on the test split.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedKFold

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.split import Split, split_rows
from kissipo.pipeline.experiment import build_experiment, build_pipeline, read_data
from kissipo.pipeline.parse import read_task

SHARES = st.sampled_from([0.1, 0.15, 0.2, 0.25])
PARTS = ("train", "validation", "test")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(8, 60), min_size=2, max_size=5), SHARES, SHARES, st.integers(0, 99))
def test_stratified_split_keeps_class_proportions_within_one_row(
    counts: list[int], test: float, validation: float, seed: int
) -> None:
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    splits = split_rows(
        len(classes), Split(test=test, validation=validation), seed=seed, classes=classes
    )
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(len(classes)))
    left = np.delete(classes, splits["test"])
    for name, share, drawn_from in (
        ("test", test, classes),
        ("validation", validation / (1 - test), left),
    ):
        exact = share * np.bincount(drawn_from)
        assert (
            np.abs(np.bincount(classes[splits[name]], minlength=len(counts)) - exact).max()
            <= 1 + 1e-9
        )
        assert abs(len(splits[name]) - share * len(drawn_from)) <= 0.5 + 1e-9


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=30, max_size=60), st.integers(0, 99))
def test_grouped_split_keeps_groups_together_and_fractions_close(
    sizes: list[int], seed: int
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    splits = split_rows(
        len(groups),
        Split(validation=0),
        seed=seed,
        together=np.random.default_rng(seed).permutation(groups),
    )
    shuffled = np.random.default_rng(seed).permutation(groups)
    sides = [set(shuffled[splits[name]]) for name in PARTS]
    assert not sides[0] & sides[2]
    rest = 0.2 * len(groups) + 0.5 - len(splits["test"])
    assert 0 <= rest < min(np.bincount(shuffled[splits["train"]])[list(sides[0])]) or rest == 0


def test_grouped_split_with_one_large_group_has_the_wanted_sizes() -> None:
    groups = np.repeat(np.arange(51), [50, *[1] * 50])
    for seed in range(20):
        splits = split_rows(100, Split(test=0.2, validation=0.1), seed=seed, together=groups)
        assert [len(splits[name]) for name in PARTS] == [70, 10, 20]


def test_time_split_has_the_last_rows_in_test() -> None:
    splits = split_rows(10, Split(test=0.3, validation=0.2, method="time"), seed=5)
    assert {name: part.tolist() for name, part in splits.items()} == {
        "train": [0, 1, 2, 3, 4],
        "validation": [5, 6],
        "test": [7, 8, 9],
    }


def test_published_test_split_is_kept() -> None:
    fixed = {"train": np.arange(5, 50), "test": np.arange(5)}
    splits = split_rows(50, Split(validation=0.2), seed=0, fixed=fixed)
    assert splits["test"].tolist() == [0, 1, 2, 3, 4]
    assert len(splits["validation"]) == 9 and splits["validation"].min() >= 5


def test_split_seed_overrides_the_seed_of_the_run() -> None:
    def drawn(seed: int, written: int | None = None) -> list[int]:
        return split_rows(100, Split(seed=written), seed=seed)["test"].tolist()

    assert drawn(0) == drawn(0) != drawn(1)
    assert drawn(0, written=7) == drawn(1, written=7) == drawn(7)


@pytest.mark.parametrize(
    ("count", "how", "message"),
    [
        (9, Split(test=0.7, validation=0.3), "input.split leaves nothing to train on; "
         "got test 0.7 + validation 0.3. Allowed: a sum below"),
        (3, Split(), "the validation split would be empty; got 3 samples, "
         "split into train 2, validation 0, test 1. Give more data, or"),
        (2, Split(method="time"), "split would be empty; got 2 samples, "
         "split into train 2, validation 0, test 0."),
    ],
)  # fmt: skip
def test_empty_split_is_refused(count: int, how: Split, message: str) -> None:
    with pytest.raises(DataError) as refused:
        split_rows(count, how, seed=0)
    assert message in str(refused.value)


def folds_of(count: int, folds: int, *, seed: int, **labels: Any) -> list[list[int]]:
    """Returns the test split of every fold, after a check of the other splits."""
    tests = []
    for fold in range(1, folds + 1):
        splits = split_rows(count, Split(folds=folds, fold=fold), seed=seed, **labels)
        assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(count))
        tests.append(splits["test"].tolist())
    assert sorted(row for rows in tests for row in rows) == list(range(count))
    return tests


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=5), st.integers(2, 7), st.integers(0, 99))
def test_folds_have_the_class_counts_of_a_stratified_k_fold(
    counts: list[int], folds: int, seed: int
) -> None:
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    assume(max(counts) >= folds)
    assume(len(classes) * (folds - 1) >= 20 * folds)  # the validation split has samples
    ours = folds_of(len(classes), folds, seed=seed, classes=classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        witness = [
            test for _, test in StratifiedKFold(folds).split(np.zeros(len(classes)), classes)
        ]
    numbers = [
        [np.bincount(classes[test], minlength=len(counts)) for test in tests]
        for tests in (ours, witness)
    ]
    assert np.sort(numbers[0], axis=0).tolist() == np.sort(numbers[1], axis=0).tolist()
    exact = np.array(counts) / folds
    assert all(np.abs(number - exact).max() < 1 for number in numbers[0])
    assert max(map(len, ours)) - min(map(len, ours)) <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=14, max_size=40), st.integers(2, 7), st.integers(0, 99))
def test_folds_divide_no_group_and_have_the_sizes_of_a_group_k_fold(
    sizes: list[int], folds: int, seed: int
) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    ours = folds_of(len(groups), folds, seed=seed, together=groups)
    sides = [set(groups[test].tolist()) for test in ours]
    assert sum(map(len, sides)) == len(sizes)
    witness = [test for _, test in GroupKFold(folds).split(groups, groups=groups)]
    assert sorted(map(len, ours)) == sorted(map(len, witness))


def test_folds_depend_on_the_seed_of_the_split_alone() -> None:
    def first(seed: int, written: int | None = None) -> list[int]:
        how = Split(folds=4, fold=1, seed=written)
        return split_rows(100, how, seed=seed)["test"].tolist()

    assert first(0) == first(0) != first(1)
    assert first(0, written=7) == first(1, written=7)


@pytest.mark.parametrize(
    ("how", "labels", "message"),
    [
        (Split(fold=2), {}, "input.split.fold must be one of the folds; got 2."),
        (Split(folds=3, fold=4), {}, "got 4. Allowed: 1 to 3."),
        (Split(folds=7), {}, "there are more folds than samples; got 7 folds, 6 samples."),
        (Split(folds=4), {"together": np.arange(6) // 2},
         "got 4 folds, 3 samples or groups that stay together."),
        (Split(folds=2, method="time"), {}, "these are split by time."),
        (Split(folds=2), {"fixed": {"train": np.arange(5), "test": np.arange(5, 6)}},
         "folds need samples that are split at random, and these have a published test split."),
        (Split(folds=2), {"classes": np.array([0, 0, 0, 1, 0, 0])}, "got sample 4 alone"),
        (Split(folds=2, validation=0.5), {}, "got test 0.5 + validation 0.5."),
    ],
)  # fmt: skip
def test_folds_that_cannot_be_are_refused(how: Split, labels: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refused:
        split_rows(6, how, seed=0, **labels)
    assert message in str(refused.value)


def people(rows: int = 200) -> pandas.DataFrame:
    """Returns a table of all kinds of columns, with gaps and a numeric target."""
    generator = np.random.default_rng(3)
    return pandas.DataFrame(
        {
            "age": np.where(generator.random(rows) < 0.1, np.nan, generator.normal(40, 9, rows)),
            "city": generator.choice(["Brno", "Praha", "Ostrava"], rows),
            "since": pandas.Timestamp("2020-01-01")
            + pandas.to_timedelta(generator.integers(0, 2000, rows), "D"),
            "remark": [" ".join(generator.choice(list("abcdefgh"), 4)) for _ in range(rows)],
            "income": generator.normal(1000, 200, rows),
        }
    )


def test_test_split_has_no_influence_on_training() -> None:
    table = people()
    words = {
        "input": {"table": table},
        "process": {"net": "ffn", "epochs": 3},
        "output": {"number": "income"},
    }
    run = ki.load(words).fit(seed=4, out="before")
    test = run.pipeline().splits["test"]
    changed = table.copy()
    changed.loc[test, "age"] = 1e6 + np.arange(len(test))
    changed.loc[test, "city"] = "Oslo"
    changed.loc[test, "since"] = pandas.Timestamp("1900-01-01")
    changed.loc[test, "remark"] = [f"never seen words {number}" for number in range(len(test))]
    changed.loc[test, "income"] = -5.0
    again = ki.load(words | {"input": {"table": changed}}).fit(seed=4, out="after")
    assert again.pipeline().splits["test"].tolist() == test.tolist()
    assert [codec.state() for codec in again.codecs] == [codec.state() for codec in run.codecs]
    assert [answer.state() for answer in again.answers] == [
        answer.state() for answer in run.answers
    ]
    for name, weight in run.net.state_dict().items():
        assert torch.equal(weight, again.net.state_dict()[name]), name
    assert again.metrics["answers"][0]["metrics"] != run.metrics["answers"][0]["metrics"]


def with_copies() -> pandas.DataFrame:
    """Returns people whose first ten rows are repeated at the end, in another house."""
    table = people(100).assign(house=np.arange(100))
    return pandas.concat(
        [table, table.head(10).assign(house=np.arange(100, 110))], ignore_index=True
    )


@pytest.mark.parametrize(
    ("split", "apart"),
    [({}, 0), ({"method": "time"}, 20), ({"group": "house"}, None)],
)
def test_duplicates_stay_in_one_split_or_are_reported(
    split: dict[str, str], apart: int | None
) -> None:
    words = {"table": with_copies(), "drop": [] if "group" in split else ["house"], "split": split}
    resolved = read_task(ki.load({"input": words, "output": {"number": "income"}}))
    pipeline = build_pipeline(read_data(resolved), resolved, seed=1)
    part = {row: name for name, positions in pipeline.splits.items() for row in positions.tolist()}
    divided = 2 * sum(part[row] != part[100 + row] for row in range(10))
    assert divided == apart if apart is not None else divided > 0
    finding = next(item for item in pipeline.findings if item.check == "duplicate rows")
    assert finding.rows == tuple(range(101, 111))
    assert finding.action == (
        f"kept; {divided} rows have a duplicate in another split, "
        "because the data are split by time, by group or by the publisher"
        if divided
        else "kept; duplicates stay in the same split"
    )


@settings(max_examples=40, deadline=None)
@given(
    st.integers(60, 200), st.integers(2, 12), st.integers(1, 5), SHARES, st.sampled_from([0.1, 0.2])
)
def test_time_split_windows_have_no_targets_of_another_split(
    steps: int, window: int, horizon: int, test: float, validation: float
) -> None:
    values = np.arange(steps, dtype=float)
    task = ki.load(
        {
            "input": {
                "series": pandas.DataFrame({"year": np.arange(1000, 1000 + steps), "x": values}),
                "time": "year",
                "window": window,
                "season_length": 0,
                "split": {"test": test, "validation": validation},
            },
            "output": {"forecast": "x", "horizon": horizon},
        }
    )
    resolved = read_task(task)
    pipeline = build_pipeline(read_data(resolved), resolved, seed=0)
    first_validation = steps - round(steps * test) - round(steps * validation)
    bounds = {
        "train": (0, first_validation),
        "validation": (first_validation, steps - round(steps * test)),
    }
    bounds["test"] = (steps - round(steps * test), steps)
    inner = pipeline.codecs[0].inner.fitted
    train_values = values[:first_validation]
    assert (inner.center[0], inner.spread[0]) == pytest.approx(
        (train_values.mean(), train_values.std())
    )
    for name, (begin, end) in bounds.items():
        dataset = pipeline.datasets[name].everything()
        inputs = dataset.inputs[0][:, :, 0].double().numpy() * inner.spread[0] + inner.center[0]
        targets = dataset.targets[0][:, :, 0].double().numpy() * inner.spread[0] + inner.center[0]
        np.testing.assert_allclose(targets[:, 0], inputs[:, -1] + 1, atol=1e-3)
        assert targets.min() > begin - 0.01 and targets.max() < end - 0.99
        assert len(inputs) == end - max(begin, window) - horizon + 1


def test_grouped_split_row_without_a_group_is_its_own_group() -> None:
    rows = "".join(
        f"{number % 37},{'' if number % 5 == 0 else number // 10},{number % 2}\n"
        for number in range(100)
    )
    Path("grouped.csv").write_text("size,house,kind\n" + rows)
    experiment = build_experiment(
        ki.load("grouped.csv", output="kind", words={"input.split.group": "house"})
    )
    finding = next(item for item in experiment.pipeline.findings if item.check == "groups")
    assert finding.level == "WARN" and finding.rows[:3] == (1, 6, 11)
    assert finding.describe().endswith(
        "20 of 100 rows have no 'house', by which the samples are split -> "
        "each of them is a group of its own"
    )
    sides = {
        name: {int(row) // 10 for row in part if row % 5}
        for name, part in experiment.pipeline.splits.items()
    }
    assert not sides["train"] & sides["test"] and not sides["train"] & sides["validation"]
    alone = {
        name: [row for row in part if row % 5 == 0]
        for name, part in experiment.pipeline.splits.items()
    }
    assert alone["train"] and alone["test"]


def test_grouped_split_with_too_few_groups_is_refused() -> None:
    Path("grouped.csv").write_text(
        "size,house,kind\n" + "".join(f"{n % 37},{n // 50},{n % 2}\n" for n in range(100))
    )
    with pytest.raises(DataError, match="The groups of 'house' are too few or too large"):
        build_experiment(
            ki.load("grouped.csv", output="kind", words={"input.split.group": "house"})
        )
