"""Core: suggestions, errors, frames, tensor specs, batches, seeds, timestamps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kissipo.core.batch import Batch
from kissipo.core.errors import DataError, MissingExtraError, NotBuiltError, TaskError, UserError
from kissipo.core.extras import need
from kissipo.core.frame import Frame, numbers, strings, times
from kissipo.core.protocols import batches
from kissipo.core.registry import Registry
from kissipo.core.seeds import drawn, numpy_generator, torch_generator
from kissipo.core.suggest import did_you_mean, nearest
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.time.timestamps import as_time


@pytest.mark.parametrize(
    ("slip", "names", "expected"),
    [
        ("epoch", ["epochs", "rate", "embed"], ["epochs"]),
        ("EPOCHS", ["epochs", "rate"], ["epochs"]),
        ("incme", ["age", "income"], ["income"]),
        ("sunspot", ["sunspots", "digits"], ["sunspots"]),
        ("xyz", ["epochs", "rate"], []),
        ("", ["epochs"], []),
    ],
)
def test_nearest_returns_similar_names(slip: str, names: list[str], expected: list[str]) -> None:
    assert nearest(slip, names) == expected


def test_did_you_mean_lists_names_when_none_is_similar() -> None:
    assert did_you_mean("zzz", ["alpha", "beta"]) == "Known here: alpha, beta"
    assert (
        did_you_mean("zzz", [f"c{n}" for n in range(20)], max_listed=2)
        == "Known here: c0, c1 and 18 more"
    )
    assert did_you_mean("zzz", []) == ""


def test_user_error_has_four_parts_in_one_paragraph() -> None:
    message = UserError("wrong.", got="'x'", allowed="a or b.", do="Do this")
    assert str(message) == "wrong; got 'x'. Allowed: a or b. Do this."
    assert str(UserError("which column is it?", got="the columns a, b", do="Say it")) == (
        "which column is it? There are the columns a, b. Say it."
    )


def test_registry_finds_built_planned_and_misspelt_names() -> None:
    registry = Registry("kissipo.process.nets", "net", planned={"rbm": "S37"})
    assert "ffn" in registry.names()
    assert registry.find("ffn", place="process.net").build.__name__ == "build"
    with pytest.raises(
        NotBuiltError,
        match=r"the net 'rbm' \(S37\) is not built yet. Allowed: apriori, autoencoder, bert, cnn",
    ):
        registry.find("rbm", place="process.net")
    with pytest.raises(
        TaskError,
        match=r"process.net names no net of kissipo; got 'recurent'. Did you mean 'recurrent'\?",
    ):
        registry.find("recurent", place="process.net")


def test_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(MissingExtraError) as refused:
        need("gymnasiumm", extra="rl", purpose="learning in environments")
    assert str(refused.value) == (
        "learning in environments needs the package 'gymnasiumm', which is not installed. "
        "Install it with: python -m pip install 'kissipo[rl]'."
    )


FRAME = Frame(
    (
        numbers("age", [31, None, 2.5]),
        strings("town", ["b", None, "a"]),
        times("at", ["2024-01-01"] * 3),
    ),
    origin="my.csv",
)


def test_frame_keeps_row_numbers_gaps_and_order() -> None:
    some = FRAME.take(np.array([2, 0]))
    assert some.rows.tolist() == [3, 1]
    assert some["town"].texts() == ["a", "b"]
    assert [FRAME[name].missing.tolist() for name in FRAME.names[:2]] == [[False, True, False]] * 2
    assert [FRAME["age"].show(row) for row in range(3)] == [31, None, 2.5]
    assert FRAME["town"].counts() == {"b": 1, "a": 1}
    assert FRAME.replaced(numbers("age", [1, 2, 3]), numbers("new", [0, 0, 0])).names == [
        "age",
        "town",
        "at",
        "new",
    ]


def test_frame_suggests_a_similar_column() -> None:
    with pytest.raises(DataError, match=r"my.csv has no column 'twon'. Did you mean 'town'\?"):
        FRAME["twon"]
    with pytest.raises(DataError, match="the columns of the data differ in length"):
        Frame((numbers("a", [1]), numbers("b", [1, 2])))


@pytest.mark.parametrize(
    "other",
    [
        FRAME.replaced(numbers("age", [31, None, 2.0])),
        FRAME.replaced(strings("town", ["b", "a", None])),
        FRAME.only(["age", "town"]),
        FRAME.take(np.array([0, 2, 1])),
    ],
    ids=["value", "gap", "column", "order"],
)
def test_fingerprint_changes_with_the_data(other: Frame) -> None:
    assert FRAME.fingerprint() == FRAME.take(np.arange(3)).fingerprint() != other.fingerprint()


def test_tensor_spec_must_name_every_axis() -> None:
    assert TensorSpec("x", ("time", "feature"), (5, 3)).size == 15
    with pytest.raises(AssertionError):
        TensorSpec("x", ("time",), (5, 3))


def test_batch_is_as_long_as_its_samples() -> None:
    assert len(Batch((torch.zeros(4, 2),), (torch.zeros(4),))) == 4
    assert len(Batch((), (torch.zeros(3),))) == 3


@given(st.integers(0, 50), st.integers(1, 9))
def test_batches_cover_all_indices_once_in_order(length: int, size: int) -> None:
    assert [index for batch in batches(length, size) for index in range(length)[batch]] == list(
        range(length)
    )


def test_generators_depend_on_seed_and_purpose_alone() -> None:
    draws = {
        (seed, purpose): (
            numpy_generator(seed, *purpose).random(),
            torch.rand(1, generator=torch_generator(seed, *purpose)).item(),
        )
        for seed in (0, 1)
        for purpose in (("order", 1), ("order", 11), ("order1", 1), ("split",))
    }
    assert len(set(draws.values())) == len(draws)
    assert numpy_generator(0, "split").random() == draws[0, ("split",)][0]


def test_drawn_indices_are_sorted_unique_and_uniform() -> None:
    some = drawn(40_000, 10_000, "baselines")
    assert len(some) == 10_000 and (np.diff(some) > 0).all() and some.max() < 40_000
    for turns in (2, 3, 4):
        assert np.bincount(some % turns) / 10_000 == pytest.approx([1 / turns] * turns, abs=0.02)
    assert drawn(7, 7, "baselines").tolist() == list(range(7))


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        (["1949-01", "1949-02"], "%Y-%m"),
        (["2024-03-31 14:00", "2024-04-01 00:30"], "%Y-%m-%d %H:%M"),
        (["31.03.2024", "01.04.2024"], "%d.%m.%Y"),
        (["03/31/2024", "04/30/2024"], "%m/%d/%Y"),
        (["Jan 1949", "Feb 1949"], "%b %Y"),
        (["20240131", "20240201"], "%Y%m%d"),
    ],
)
def test_timestamps_equal_those_of_datetime(texts: list[str], pattern: str) -> None:
    column = as_time(strings("at", texts))
    assert column is not None
    assert column.values.tolist() == [datetime.strptime(text, pattern) for text in texts]


@pytest.mark.parametrize(
    ("cells", "style", "message"),
    [
        (
            ["03/04/2024", "05/06/2024"],
            None,
            "the dates of 'at' can be read in two ways; got '03/04/2024'.",
        ),
        (
            ["03/04/2024", "soon"],
            "%d/%m/%Y",
            "the time column 'at' is not written as input.date_format=%d/%m/%Y; got 'soon'.",
        ),
    ],
)
def test_timestamps_that_are_ambiguous_are_refused(
    cells: list[str], style: Any, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        as_time(strings("at", cells), style=style)
    assert message in str(refused.value)


def test_timestamps_include_whole_years_but_no_other_numbers() -> None:
    years = as_time(numbers("year", [1700, None]))
    assert years is not None
    assert [str(value) for value in years.values] == ["1700-01-01T00:00:00", "NaT"]
    assert as_time(numbers("n", [1.5])) is None
    assert as_time(strings("word", ["house", "boat"])) is None
