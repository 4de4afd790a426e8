"""Tokens: texts as ids of words and characters, beside a small loop written by hand."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.codec import tokens
from kissipo.codec.tokens import Tokens, split_words
from kissipo.core.frame import Frame, strings

TEXTS = ["Win a prize!", "a prize", "", "win win WIN"]


def column(*texts: str | None) -> Frame:
    return Frame((strings("text", texts),))


def test_ids_count_from_two_by_frequency_then_alphabet() -> None:
    codec = Tokens("text").fit(column(*TEXTS))
    assert codec.vocabulary == ("win", "a", "prize", "!")
    assert codec.spec.labels == ("(padding)", "(unknown)", "win", "a", "prize", "!")
    assert codec.encode(column(*TEXTS)).tolist() == [
        [2, 3, 4, 5],
        [3, 4, 0, 0],
        [0, 0, 0, 0],
        [2, 2, 2, 0],
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("aE\tΣé c.'", max_size=15), min_size=1, max_size=8),
    st.integers(1, 12),
    st.integers(1, 5),
    st.integers(1, 9),
)
def test_encoding_equals_a_loop(texts: list[str], length: int, size: int, chunk: int) -> None:
    with patch.object(tokens, "_CHUNK", chunk):
        check_encoding(texts, length, size)


def check_encoding(texts: list[str], length: int, size: int) -> None:
    codec = Tokens("text", length=length, vocab_size=size, min_count=2).fit(column(*texts))
    counts = Counter(word for text in texts for word in split_words(text))
    vocabulary = sorted(
        (word for word in counts if counts[word] >= 2), key=lambda word: (-counts[word], word)
    )[:size]
    for text, row in zip(texts, codec.encode(column(*texts)).tolist(), strict=True):
        ids = [
            vocabulary.index(word) + 2 if word in vocabulary else 1 for word in split_words(text)
        ][:length]
        assert row == ids + [0] * (length - len(ids))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=15), min_size=1, max_size=8))
def test_characters_come_back_exactly(texts: list[str]) -> None:
    codec = Tokens("text", unit="characters", length=15).fit(column(*texts))
    assert codec.decode(codec.encode(column(*texts)))["text"].texts() == texts


def test_remarks_name_unknown_truncated_and_empty_texts() -> None:
    codec = Tokens("text", length=3).fit(column("a prize", "a"))
    frame = column("a prize for you", None)
    assert codec.encode(frame).tolist() == [[2, 3, 1], [0, 0, 0]]
    assert codec.decode(codec.encode(frame))["text"].texts() == ["a prize (unknown)", ""]
    assert codec.remarks(frame) == [
        "1 of 2 'text' longer than 3 words, truncated",
        "2 words of 'text' rare or never seen in training ('for', 'you'), read as unknown",
        "1 empty 'text', read as no words",
    ]


@pytest.mark.parametrize(("texts", "min_count"), [(199, 1), (200, 2)])
def test_rare_words_are_unknown_where_there_are_many_texts(texts: int, min_count: int) -> None:
    codec = Tokens("text").fit(column(*["often"] * (texts - 1), "often once"))
    assert (codec.min_count, codec.vocabulary) == (
        min_count,
        ("often", "once") if min_count == 1 else ("often",),
    )


def test_default_length_covers_99_of_100_training_texts() -> None:
    codec = Tokens("text").fit(column(*["a b"] * 995, *["a " * 50] * 5))
    assert codec.length == 2
    assert codec.encode(column("a a a")).shape == torch.Size([1, 2])


@given(st.text(), st.sampled_from(["", " ", "  a", "İ ß", "x_y don't", "a\u00a0b", "中文 ok"]))
def test_split_words_equals_its_pattern(text: str, more: str) -> None:
    assert split_words(text + more) == tokens._WORD.findall((text + more).lower())
