"""N-grams: the weights equal those of scikit-learn's vectorizers, side by side."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from inspect import getdoc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from kissipo.codec._ngram_terms import pieces_of, readable_piece
from kissipo.codec.ngrams import Ngrams
from kissipo.codec.tokens import split_words
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.lazy_dataset import RaggedColumn

DOCUMENTED = [*vars(builtins).values(), *vars(str).values(), *vars(dict).values()]
TEXTS = [getdoc(item) or "" for item in DOCUMENTED]  # docstrings of Python, over 200
TITLES = ["股市今日大涨", "今日股市 下跌", "球队今日夺冠"]


def frame_of(texts: list[str]) -> Frame:
    return Frame((strings("text", [*texts]),))


def dense(codec: Ngrams, frame: Frame) -> NDArray[np.float64]:
    """Returns one number per term of the vocabulary, without padding."""
    encoded = codec.encode(frame)
    rows = np.zeros((len(encoded), codec.spec.vocab_size))
    for row, terms in zip(rows, encoded.numpy(), strict=True):
        np.add.at(row, terms[:, 0].astype(int), terms[:, 1])
    assert not rows[:, 0].any()
    return rows[:, 1:]


def expected(
    vectorizer: TfidfVectorizer, terms: tuple[str, ...], train: list[str], other: list[str]
) -> NDArray[np.float64]:
    weights = vectorizer.fit(train).transform(other).toarray()
    assert sorted(vectorizer.vocabulary_) == sorted(terms)
    return np.asarray(weights[:, [vectorizer.vocabulary_[term] for term in terms]])


def test_weights_equal_those_of_sklearn() -> None:
    train, other = TEXTS[:220], TEXTS[200:]
    codec = Ngrams("text").fit(frame_of(train))
    words = TfidfVectorizer(
        sublinear_tf=True, min_df=2, tokenizer=split_words, token_pattern=None, ngram_range=(1, 2)
    )
    pieces = TfidfVectorizer(sublinear_tf=True, min_df=2, analyzer="char_wb", ngram_range=(2, 5))
    for texts in (train, other):
        blocks = [
            expected(words, codec.words, train, texts),
            expected(pieces, codec.pieces or (), train, texts),
        ]
        np.testing.assert_allclose(
            dense(codec, frame_of(texts)), np.concatenate(blocks, axis=1), atol=1e-6
        )


def test_characters_have_pieces_alone_and_keep_their_case() -> None:
    texts = [*TITLES, "Ab ab"]
    codec = Ngrams("text", unit="characters").fit(frame_of(texts))
    pieces = TfidfVectorizer(
        sublinear_tf=True, analyzer="char_wb", ngram_range=(1, 4), lowercase=False
    )
    np.testing.assert_allclose(
        dense(codec, frame_of(texts)), expected(pieces, codec.pieces or (), texts, texts), atol=1e-6
    )
    assert codec.words == ()
    assert {"·Ab·", "·ab·", "…今日…", "…今…"} <= set(codec.spec.labels)


@settings(max_examples=60, deadline=None)
@given(st.text("abcÜ!日", min_size=1, max_size=9))
def test_pieces_are_those_of_char_wb(word: str) -> None:
    for sizes in ((2, 5), (1, 4)):
        analyze: Callable[[str], list[str]] = CountVectorizer(
            analyzer="char_wb", ngram_range=sizes, lowercase=False
        ).build_analyzer()
        assert sorted(pieces_of(word, sizes)) == sorted(analyze(word))
    readable = {readable_piece(piece) for piece in pieces_of(word)}
    assert len(readable) == len(set(pieces_of(word)))


def test_vocabulary_keeps_frequent_terms() -> None:
    frame = frame_of(TEXTS)
    whole = Ngrams("text").fit(frame)
    small = Ngrams("text", vocab_size=300).fit(frame)
    assert small.spec.vocab_size == 301
    frequencies = dict(zip(whole.spec.labels[1:], whole.frequencies, strict=True))
    counts = [frequencies[label] for label in small.spec.labels[1:]]
    assert tuple(counts) == small.frequencies
    rest = [frequencies[label] for label in set(frequencies) - set(small.spec.labels)]
    assert min(counts) >= max(rest)


def test_equal_and_missing_texts_count_as_rows() -> None:
    codec = Ngrams("text").fit(Frame((strings("text", ["go on", "go on", None, "stop", ""]),)))
    assert codec.num_texts == 5
    by_term = dict(zip(codec.words, codec.frequencies, strict=False))
    assert by_term == {"go": 2, "go on": 2, "on": 2, "stop": 1}
    encoded = codec.encode(Frame((strings("text", ["stop", None, "new"]),)))
    assert (encoded[0] != 0).any()
    assert not encoded[1].any()
    assert codec.remarks(frame_of(["stop", "", "xyz"])) == [
        "1 of 3 'text' have no known term",
        "1 empty 'text', read as no terms",
    ]


def test_ragged_rows_are_the_encoded_ones_without_padding() -> None:
    frame = frame_of(TEXTS[:60])
    codec = Ngrams("text").fit(frame)
    values, sizes = codec.ragged(frame)
    encoded = codec.encode(frame)
    rows = torch.cat([row[:size] for row, size in zip(encoded, sizes.tolist(), strict=True)])
    assert torch.equal(rows, values)
    assert int(sizes.max()) == codec.max_terms == encoded.shape[1]
    assert len(set(sizes.tolist())) > 20
    column = RaggedColumn(values, sizes)
    some = torch.tensor([7, 3, 9])
    read = column.take(some).read(slice(1, 3))
    longest = int(sizes[some[1:]].max())
    assert torch.equal(read, encoded[some[1:], :longest])
    assert column.without_steps(some).shape == (3, 0, 2)


@pytest.mark.parametrize(
    ("texts", "min_count", "message"),
    [
        (["", " "], None, "no text of 'text' in .* has a word"),
        (["a b", "c"], 3, "no term of 'text' is in 3 texts or more"),
    ],
)
def test_fit_refuses_texts_without_terms(
    texts: list[str], min_count: int | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Ngrams("text", min_count=min_count).fit(frame_of(texts))
