"""Bag of words: the numbers equal those of scikit-learn's vectorizers and scaler."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import StandardScaler

from kissipo.codec.bag_of_words import BagOfWords
from kissipo.codec.term_counts import TermOptions, options_of
from kissipo.core.codec import restore, save
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame, strings

TRAIN = [
    "Upon the whole, the people decide upon it.",
    "On the other hand, whilst the people decide, the men do not.",
    "There is a whole people; there is no other.",
    "",
    "It is the people, and the people only.",
]
OTHER = ["The men depend upon the people, upon the people!", "xyzzy", ""]


def frame_of(texts: list[str]) -> Frame:
    return Frame((strings("text", [*texts]),))


def relative(texts: list[str], counted: CountVectorizer) -> NDArray[np.float64]:
    """Returns counts divided by the number of all words of a text."""
    analyze = counted.build_analyzer()
    lengths = np.array([max(1, len(analyze(text))) for text in texts])[:, None]
    return np.asarray(counted.transform(texts).toarray() / lengths)


@pytest.mark.parametrize(
    "limits", [{}, {"max_features": 6}, {"min_df": 2}, {"ngram_range": (1, 2)}]
)
def test_counts_are_those_of_sklearn(limits: dict[str, object]) -> None:
    options = options_of(limits)
    codec = BagOfWords("text", options=options, weighting="count", scale="none")
    codec.fit(frame_of(TRAIN))
    witness = CountVectorizer(**limits).fit(TRAIN)
    assert codec.spec.labels == tuple(witness.get_feature_names_out())
    for texts in (TRAIN, OTHER):
        expected = witness.transform(texts).toarray()
        np.testing.assert_array_equal(codec.encode(frame_of(texts)), expected)


def test_relative_frequencies_are_z_scores_of_the_training_texts() -> None:
    codec = BagOfWords("text", options=TermOptions(max_features=6)).fit(frame_of(TRAIN))
    counted = CountVectorizer(max_features=6).fit(TRAIN)
    scaler = StandardScaler().fit(relative(TRAIN, counted))
    for texts in (TRAIN, OTHER):
        expected = scaler.transform(relative(texts, counted))
        np.testing.assert_allclose(codec.encode(frame_of(texts)), expected, atol=1e-5)


def test_tf_idf_weights_are_those_of_sklearn() -> None:
    codec = BagOfWords("text", weighting="tf_idf").fit(frame_of(TRAIN))
    witness = TfidfVectorizer().fit(TRAIN)
    for texts in (TRAIN, OTHER):
        expected = witness.transform(texts).toarray()
        np.testing.assert_allclose(codec.encode(frame_of(texts)), expected, atol=1e-6)
    again = restore(json.loads(json.dumps(save(codec))))
    assert np.array_equal(again.encode(frame_of(OTHER)), codec.encode(frame_of(OTHER)))


def test_written_vocabulary_is_counted_and_absent_terms_are_reported() -> None:
    terms = ("upon", "whilst", "Upon", "nowhere")
    options = TermOptions(terms=terms)
    codec = BagOfWords("text", options=options, weighting="count", scale="none")
    codec.fit(frame_of(TRAIN))
    assert codec.spec.labels == ("Upon", "nowhere", "upon", "whilst")
    assert codec.encode(frame_of(TRAIN[:2])).tolist() == [[0, 0, 2, 0], [0, 0, 0, 1]]
    coverage, absent = codec.fitted_findings(frame_of(TRAIN))
    assert absent.level == "WARN" and absent.message.endswith("has Upon, nowhere")
    words = sum(len(CountVectorizer().build_analyzer()(text)) for text in TRAIN)
    assert f"{3 / words:.0%} of those" in coverage.message
    with pytest.raises(DataError, match=r"no text of .* has a term of input\.terms"):
        BagOfWords("text", options=TermOptions(terms=("Upon",))).fit(frame_of(TRAIN))
    with pytest.raises(TaskError, match=r"input\.min_df would leave some out"):
        TermOptions(terms=terms, min_df=2).term_options()


def test_characters_are_counted_in_a_column_of_characters() -> None:
    codec = BagOfWords("text", weighting="count", scale="none", unit="characters")
    codec.fit(frame_of(["ab", "bba"]))
    assert codec.spec.labels == ("a", "b")
    assert codec.encode(frame_of(["ab", "bba"])).tolist() == [[1, 1], [1, 2]]


def test_decode_lists_the_terms_of_relative_frequencies_most_frequent_first() -> None:
    codec = BagOfWords("text").fit(frame_of(TRAIN))
    decoded = codec.decode(codec.encode(frame_of(["the people, the people, the whole", "xyzzy"])))
    assert decoded["text"].texts() == ["the people whole", ""]


def test_texts_without_a_known_term_are_remarked() -> None:
    codec = BagOfWords("text").fit(frame_of(TRAIN))
    assert codec.remarks(frame_of(OTHER)) == [
        "1 empty 'text', in which no term occurs",
        f"1 of 3 'text' have none of the {len(codec.vocabulary)} terms",
    ]


def test_texts_much_shorter_than_in_training_are_remarked() -> None:
    codec = BagOfWords("text").fit(frame_of([TRAIN[1], TRAIN[2]]))  # 11 and 8 words
    again = restore(json.loads(json.dumps(save(codec))))
    remarks = again.remarks(frame_of(["the people", "the men decide the whole"]))
    assert remarks == [
        "1 'text' of 2 terms or more, the shortest training text has 8: "
        "frequencies in short texts are uncertain"
    ]


def test_too_many_numbers_are_refused_with_a_smaller_limit() -> None:
    from kissipo.codec.bag_of_words import _refuse_large

    with pytest.raises(DataError, match=r"Set input\.max_features=50, or leave"):
        _refuse_large(1_000_000, 1_000)
