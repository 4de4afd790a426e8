"""Categories: labels, one-hot and index equal scikit-learn; states; crosses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.preprocessing import LabelEncoder, OneHotEncoder

from kissipo.codec.cross import Cross
from kissipo.codec.index import Index
from kissipo.codec.labels import Labels, as_strings
from kissipo.codec.one_hot import OneHot
from kissipo.codec.states import States
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers, strings

TOWNS = ["Brno", "Oslo", "Brno", "Praha", "Oslo", "Brno"]


def column(*values: str | None) -> Frame:
    return Frame((strings("town", values),))


def test_labels_equal_label_encoder() -> None:
    assert Labels("town").fit(column(*TOWNS)).encode(column(*TOWNS)).tolist() == (
        LabelEncoder().fit_transform(TOWNS).tolist()
    )


def test_labels_that_are_numbers_stand_in_the_order_of_numbers() -> None:
    assert Labels("town").fit(column("10", "9", "2")).classes == ("2", "9", "10")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "Olso",
            "'town' has 'Olso' in row 1, which is not in the training split. Did you mean 'Oslo'?",
        ),
        (None, "'town' has no value in row 1, which is not in the training split."),
    ],
)
def test_label_that_is_unseen_is_refused(value: str | None, message: str) -> None:
    with pytest.raises(DataError) as refused:
        Labels("town").fit(column(*TOWNS)).encode(column(value))
    assert message in str(refused.value)


def test_one_hot_equals_one_hot_encoder() -> None:
    frame = [*TOWNS, "Wien"]
    theirs = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(
        [[town] for town in TOWNS]
    )
    ours = OneHot("town").fit(column(*TOWNS))
    assert (
        ours.encode(column(*frame)).tolist()
        == theirs.transform([[town] for town in frame]).tolist()
    )
    assert ours.spec.labels == ("town=Brno", "town=Oslo", "town=Praha")
    assert ours.remarks(column(*frame, None)) == [
        "1 value of 'town' never seen in training ('Wien'), read as all zeros",
        "1 missing 'town', but never missing in training, read as all zeros",
    ]


def test_one_hot_gives_missing_a_column_of_its_own_when_training_had_gaps() -> None:
    codec = OneHot("town").fit(column("a", None, "b"))
    assert codec.spec.labels == ("town=a", "town=b", "town missing")
    assert codec.encode(column(None, "b", "c")).tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert codec.decode(codec.encode(column(None, "b", "c")))["town"].texts() == [None, "b", None]
    assert codec.remarks(column(None)) == []


def test_index_counts_from_one_by_frequency_and_zero_is_unknown() -> None:
    codec = Index("town", vocab_size=2).fit(column(*TOWNS))
    assert codec.categories == ("Brno", "Oslo")
    assert codec.encode(column("Brno", "Oslo", "Praha", None)).tolist() == [1, 2, 0, 0]
    assert codec.decode(torch.tensor([2, 0]))["town"].texts() == ["Oslo", None]
    assert codec.spec.labels == ("(unknown)", "Brno", "Oslo")
    assert codec.remarks(column("Praha"))[0].endswith("('Praha'), read as unknown (id 0)")


def test_numbers_as_levels_are_written_as_people_write_them() -> None:
    assert as_strings(numbers("n", [1.0, 2.5, None, -0.0])).texts() == ["1", "2.5", None, "0"]


STATES = States(("cool", "warm", "overheated"))


@pytest.mark.parametrize(
    ("value", "message"), [("wram", "Did you mean 'warm'?"), ("3", "0 to 2"), ("²", "0 to 2")]
)
def test_state_that_is_unknown_is_refused(value: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        STATES.encode(Frame((strings("state", [value]),)))
    assert f"row 1 is not a state; got '{value}'" in str(refused.value)
    assert message in str(refused.value)


def test_a_cross_is_one_level_for_each_combination_that_training_has() -> None:
    frame = Frame((strings("hour", ["7", "8", "7"]), strings("place", ["A", "B", "B"])))
    codec = Cross(("hour", "place")).fit(frame)
    assert codec.spec.labels == ("hour x place=7 x A", "hour x place=7 x B", "hour x place=8 x B")
    unseen = Frame((strings("hour", ["8", "7", None]), strings("place", ["A", "A", "A"])))
    assert codec.encode(unseen).tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert codec.decode(codec.encode(unseen))["place"].texts() == [None, "A", None]


def test_numbers_in_a_cross_go_into_ten_bins_of_equal_counts_and_come_back_as_their_mean() -> None:
    values = np.arange(100.0)
    frame = Frame((numbers("age", values), strings("sex", ["f", "m"] * 50)))
    codec = Cross(("age", "sex")).fit(frame)
    assert codec.edges is not None
    np.testing.assert_allclose(codec.edges["age"], np.quantile(values, np.arange(1, 10) / 10))
    back = codec.decode(codec.encode(frame))
    assert back["age"].values.tolist() == [float(4.5 + 10 * (value // 10)) for value in values]
    assert torch.equal(codec.encode(back), codec.encode(frame))


def test_few_distinct_numbers_in_a_cross_come_back_as_they_were() -> None:
    frame = Frame((numbers("n", [1, 2, 5, 5, None]), strings("a", ["x"] * 5)))
    codec = Cross(("n", "a")).fit(frame)
    assert codec.decode(codec.encode(frame))["n"].values[:4].tolist() == [1, 2, 5, 5]


def test_a_cross_of_many_combinations_becomes_ids() -> None:
    frame = Frame((strings("a", ["x", "y", "z"]), strings("b", ["1", "2", "3"])))
    codec = Cross(("a", "b"), one_hot_up_to=2).fit(frame)
    assert sorted(codec.encode(frame).tolist()) == [1, 2, 3]
    assert codec.spec.vocab_size == 4
