"""The numbers of words by their bytes, beside the words that Python splits.

Small tables, in which words take each other's place, must give the same numbers.
"""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.codec import _word_table
from kissipo.codec._word_table import WordTable

WORDS = st.text("aB9", min_size=1, max_size=11)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.tuples(WORDS, st.sampled_from([" ", "   "])), max_size=12), max_size=4),
    st.sampled_from([1, 3, 16]),
)
def test_numbers_of_words_are_those_of_a_dictionary(
    texts: list[list[tuple[str, str]]], bits: int
) -> None:
    numbers: dict[str, int] = {}
    with (
        patch.object(_word_table, "_BITS", bits),
        patch.object(_word_table, "_SHIFT", np.uint64(64 - bits)),
    ):
        table = WordTable(lambda word: numbers.setdefault(word, len(numbers) - 1))
        for words in texts:
            text = "".join(word + blanks for word, blanks in words)
            read = table.read(text.encode())
            assert read.tolist() == [numbers[word] for word in text.split()]


def test_words_that_are_in_the_table_are_not_read_again() -> None:
    read_words: list[str] = []

    def number(word: str) -> int:
        read_words.append(word)
        return len(word)

    table = WordTable(number)
    assert table.read(b"red blue green ").tolist() == [3, 4, 5]
    assert table.read(b" green  red").tolist() == [5, 3]
    assert read_words == ["red", "blue", "green"]
    for _ in range(2):
        assert table.read(b"extraordinary ").tolist() == [13]
    assert read_words[3:] == ["extraordinary"] * 2
