"""N-grams: a text <-> its words, pairs of words and pieces, with their weights.

tf-idf = (1 + ln count) · (ln((1 + N) / (1 + df)) + 1)

N is the number of training texts, df the number of those that have the term. Words
with pairs of words have length 1 in each text, and pieces have length 1. The weights
equal those of scikit-learn's TfidfVectorizer, with `sublinear_tf`, for words and for
`char_wb` from 2 to 5 characters, side by side. A text of characters has pieces only,
of 1 to 4 characters, as one character of Chinese has a meaning of its own.

A text becomes the ids of its distinct terms with their weights, a pair of numbers each.
Id 0 is padding, with the weight 0. Terms of one text only are left out, unless there
are fewer than 200 texts; then the terms of most texts are kept. `decode` lists
words, those of the largest weight first, or pieces where a text has no words.

Shapes:   column (row) -> ids and weights (row, term, 2)
Source:   Joachims, Text Categorization with Support Vector Machines, 1998, for words;
          Cavnar and Trenkle, N-Gram-Based Text Categorization, 1994, for characters.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("text", ["Up to", "up"]),))
          >>> codec = Ngrams("text").fit(frame)
          >>> codec.spec.labels[1:5], codec.encode(frame)[1, :2].tolist()
          (('to', 'up', 'up to', '·t…'), [[2.0, 1.0], [7.0, 0.40824830532073975]])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._ngram_terms import (
    PIECES,
    Numbers,
    WordNumbers,
    counted,
    pairs,
    readable_piece,
)
from kissipo.codec._text_remarks import text_remarks
from kissipo.codec.tokens import split_words
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec

Unit = Literal["words", "characters"]
VOCAB_SIZE = 100_000
_PADDING = "(padding)"
_CHARACTERS = (1, 4)
_MANY_TEXTS = 200
_CHUNK = 256  # texts whose terms are in memory at the same time
_LONGEST = 512  # texts, one of which has the most terms


@dataclass(frozen=True)
class _Terms:
    """The terms of some texts: ids from 0, in order of text, and their counts."""

    ids: Numbers
    text: Numbers
    counts: Numbers


class Ngrams(Codec):
    """Encodes texts as ids and TF-IDF weights of words, pairs of words and pieces."""

    KIND: ClassVar[str] = "ngrams"
    FIELDS = (
        *("column", "unit", "vocab_size", "min_count"),
        *("words", "pieces", "frequencies", "num_texts", "max_terms"),
    )

    def __init__(
        self,
        column: str,
        *,
        unit: Unit = "words",
        vocab_size: int = VOCAB_SIZE,
        min_count: int | None = None,
    ) -> None:
        self.column, self.vocab_size, self.min_count = column, vocab_size, min_count
        self.unit: Unit = unit
        self.words: tuple[str, ...] = ()
        self.pieces: tuple[str, ...] | None = None
        self.frequencies: tuple[int, ...] = ()
        self.num_texts, self.max_terms = 0, 0
        self._labels: tuple[str, ...] = (_PADDING,)

    @property
    def spec(self) -> TensorSpec:
        shape = (self.max_terms, 2)
        return TensorSpec(
            self.column,
            ("term", "weight"),
            shape,
            len(self._labels),
            self._labels,
            padded=True,
            unit=self.unit,
        )

    def fit(self, frame: Frame) -> Self:
        """Counts the texts of each term, and keeps those of most texts.

        Raises:   DataError when no text has a term.
        """
        column, numbers = frame[self.column], WordNumbers(sizes=self._sizes)
        repeats = np.bincount(column.values + 1, minlength=len(column.categories) + 1)[1:]
        self.num_texts = len(column)
        if self.min_count is None:
            self.min_count = 2 if self.num_texts >= _MANY_TEXTS else 1
        terms, frequencies = self._frequencies(column, repeats, numbers)
        if not terms:
            raise DataError(
                f"no text of '{self.column}' in {frame.origin} has a word",
                do="Name other columns with input.text",
            )
        frequent = np.flatnonzero(frequencies >= self.min_count).tolist()
        by_frequency = sorted(frequent, key=lambda place: (-frequencies[place], terms[place]))
        vocabulary = sorted(terms[place] for place in by_frequency[: self.vocab_size])
        if not vocabulary:
            raise DataError(
                f"no term of '{self.column}' is in {self.min_count} texts or more",
                do="Use a smaller input.min_count",
            )
        by_term = dict(zip(terms, frequencies.tolist(), strict=True))
        self.words = tuple(term for is_piece, term in vocabulary if not is_piece)
        self.pieces = tuple(term for is_piece, term in vocabulary if is_piece)
        self.frequencies = tuple(by_term[term] for term in vocabulary)
        self._prepare()
        codes = column.used_categories()
        lengths = np.array([len(column.categories[code]) for code in codes.tolist()])
        longest = replace(column, values=codes[np.argsort(-lengths, kind="stable")[:_LONGEST]])
        self.max_terms = max(1, *(int(sizes.max()) for _, sizes in self._weighed(longest)))
        return self

    def encode(self, frame: Frame) -> Tensor:
        values, sizes = self.ragged(frame)
        steps = torch.arange(max(1, int(sizes.max()) if len(sizes) else 1))
        encoded = torch.zeros(len(sizes), len(steps), 2)
        encoded[steps < sizes[:, None]] = values
        return encoded

    def ragged(self, frame: Frame) -> tuple[Tensor, Tensor]:
        refuse_unfitted(self.pieces, self)
        column = frame[self.column]
        values, sizes, count = np.zeros((0, 2), np.float32), [np.zeros(0, np.int64)], 0
        for part, counts in self._weighed(column):
            values.resize((count + len(part), 2), refcheck=False)  # without a copy in memory
            values[count:] = part
            sizes.append(counts)
            count += len(part)
        return torch.from_numpy(values), torch.from_numpy(np.concatenate(sizes))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.pieces, self)
        texts = []
        for row in tensor.tolist():
            terms = [int(term) for term, _ in sorted(row, key=lambda pair: -pair[1]) if term]
            single = [self._labels[term] for term in terms if self._is_word(term)]
            texts.append(" ".join(single or [self._labels[term] for term in terms]))
        return Frame((strings(self.column, texts),))

    def split_tokens(self, text: str) -> list[str]:
        return split_words(text) if self.unit == "words" else list(text)

    def remarks(self, frame: Frame) -> list[str]:
        sizes = self.ragged(frame)[1]
        empty = sum(not (text or "").strip() for text in frame[self.column].texts())
        unknown = int((sizes == 0).sum()) - empty
        remark = f"{unknown} of {len(frame)} '{self.column}' have no known term"
        return text_remarks(
            self.column,
            "terms",
            texts=len(frame),
            length=self.max_terms,
            truncated=0,
            empty=empty,
            unknown=remark if unknown else "",
        )

    def suggested_net(self) -> InferredOption | None:
        reason = "the weights of n-grams, of which a linear path reads all"
        return InferredOption("process.net", "ffn", reason)

    @classmethod
    def from_state(cls, state: dict[str, object]) -> Self:
        codec = super().from_state(state)
        codec._prepare()
        return codec

    def describe(self) -> str:
        what = "n-grams of characters"
        if self.unit == "words":
            what = "words, pairs of words and pieces"
        return f"{what} -> ids and TF-IDF weights, {len(self._labels) - 1:,} known"

    @property
    def _sizes(self) -> tuple[int, int]:
        return PIECES if self.unit == "words" else _CHARACTERS

    def _is_word(self, term: int) -> bool:
        return 0 < term <= len(self.words) and " " not in self.words[term - 1]

    def _frequencies(
        self, column: Column, repeats: NDArray[np.int64], numbers: WordNumbers
    ) -> tuple[list[tuple[bool, str]], NDArray[np.int64]]:
        """Returns all terms of the texts, whether each is a piece, and the number of
        texts that have it."""
        counts: dict[str, NDArray[np.float64]] = {kind: np.zeros(0) for kind in ("words", "pieces")}
        keys: list[Numbers] = []
        weights: list[Numbers] = []
        for codes, texts in self._chunks(column):
            read = self._read(numbers, texts)
            for kind, (ids, text, _) in read.items():
                times = repeats[codes[text]]
                if kind == "pairs":
                    keys.append(ids)
                    weights.append(times)
                    continue
                size = len(numbers.words if kind == "words" else numbers.pieces)
                counts[kind] = np.pad(counts[kind], (0, size - len(counts[kind])))
                counts[kind] += np.bincount(ids, times, size)
        terms = [(False, word) for word in numbers.words]
        terms, kinds = terms[: len(counts["words"])], [counts["words"]]
        if keys:
            distinct, inverse = np.unique(np.concatenate(keys), return_inverse=True)
            times = np.bincount(inverse, np.concatenate(weights), len(distinct))
            often = times >= (self.min_count or 1)
            words = list(numbers.words)
            terms += [
                (False, f"{words[key >> 32]} {words[key & 0xFFFFFFFF]}")
                for key in distinct[often].tolist()
            ]
            kinds.append(times[often].astype(np.float64))
        terms += [(True, piece) for piece in numbers.pieces]
        kinds.append(counts["pieces"])
        return terms, np.concatenate(kinds).astype(np.int64)

    def _read(
        self, numbers: WordNumbers, texts: list[str]
    ) -> dict[str, tuple[Numbers, Numbers, Numbers]]:
        """Returns ids, texts and counts of words, pairs of words, and pieces."""
        read = {}
        if self.unit == "words":
            texts = [text.lower() for text in texts]
            words, sizes = numbers.read_words(texts)
            text = np.repeat(np.arange(len(sizes)), sizes)
            read["words"] = counted(words, text, len(numbers.words) or 1)
            read["pairs"] = _counted_pairs(*pairs(words, sizes))
        pieces, sizes = numbers.read_pieces(texts)
        text = np.repeat(np.arange(len(sizes)), sizes)
        read["pieces"] = counted(pieces, text, len(numbers.pieces) or 1)
        return read

    def _chunks(self, column: Column) -> Iterator[tuple[Numbers, list[str]]]:
        """Yields the codes of distinct texts, and the texts."""
        used = column.used_categories()
        for start in range(0, len(used), _CHUNK):
            codes = used[start : start + _CHUNK]
            yield codes, [column.categories[code] for code in codes.tolist()]

    def _weighed(self, column: Column) -> Iterator[tuple[NDArray[np.float32], Numbers]]:
        """Yields the ids and weights of the terms of some rows, one row after the
        other, and the number of terms per row."""
        for start in range(0, len(column), _CHUNK):
            rows = column.values[start : start + _CHUNK]
            codes, inverse = np.unique(rows, return_inverse=True)
            texts = ["" if code < 0 else column.categories[code] for code in codes.tolist()]
            ids, weights, sizes = self._weights(texts)
            firsts = np.cumsum(sizes) - sizes
            counts = sizes[inverse]
            places = np.repeat(firsts[inverse] - np.cumsum(counts) + counts, counts)
            places += np.arange(len(places))
            yield np.stack([ids[places], weights[places]], axis=1).astype(np.float32), counts

    def _weights(self, texts: list[str]) -> tuple[Numbers, NDArray[np.float64], Numbers]:
        """Returns ids, weights, and the number of terms per text."""
        read = self._read(self._numbers, texts)
        blocks = [self._select(kind, *some) for kind, some in read.items()]
        groups = [blocks[:2], blocks[2:]] if len(blocks) == 3 else [blocks]
        scaled = [_length_one(some, self._idf, len(texts)) for some in groups]
        ids, text, weights = (np.concatenate(some) for some in zip(*scaled, strict=True))
        order = np.argsort(text, kind="stable")
        return ids[order] + 1, weights[order], np.bincount(text, minlength=len(texts))

    def _select(self, kind: str, numbers: Numbers, text: Numbers, counts: Numbers) -> _Terms:
        """Returns the terms of one kind that are in the vocabulary."""
        if kind == "pairs":
            places = np.searchsorted(self._pair_keys, numbers)
            places = np.minimum(places, max(0, len(self._pair_keys) - 1))
            is_known = np.zeros(len(numbers), dtype=bool)
            if len(self._pair_keys):
                is_known = self._pair_keys[places] == numbers
            ids = self._pair_ids[places] if len(self._pair_ids) else places
        else:
            ids = self._ids[kind][numbers]
            is_known = ids >= 0
        return _Terms(ids[is_known], text[is_known], counts[is_known])

    def _prepare(self) -> None:
        """Builds the tables that are not saved."""
        pieces = self.pieces or ()
        self._labels = (_PADDING, *self.words, *map(readable_piece, pieces))
        self._idf = np.log((1 + self.num_texts) / (1 + np.array(self.frequencies))) + 1
        single = {word: place for place, word in enumerate(self.words) if " " not in word}
        double = {word: place for place, word in enumerate(self.words) if " " in word}
        names = dict.fromkeys(chain(single, *(pair.split(" ") for pair in double)))
        numbers = {name: number for number, name in enumerate(names)}
        of_pieces = {piece: place for place, piece in enumerate(pieces)}
        self._numbers = WordNumbers(numbers, of_pieces, self._sizes, is_fixed=True)
        self._ids = {
            "words": np.array([single.get(name, -1) for name in names], dtype=np.int64),
            "pieces": np.arange(len(pieces)) + len(self.words),
        }
        first, second = (
            np.array([numbers[pair.split(" ")[side]] for pair in double], dtype=np.int64)
            for side in (0, 1)
        )
        keys = (first << 32) | second
        order = np.argsort(keys)
        self._pair_keys, self._pair_ids = (
            keys[order],
            np.array(list(double.values()), np.int64)[order],
        )


def _counted_pairs(keys: Numbers, text: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Returns the distinct pairs of each text, their texts and their counts."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    places, texts, counts = counted(inverse, text, len(distinct) or 1)
    return distinct[places], texts, counts


def _length_one(
    blocks: list[_Terms], idf: NDArray[np.float64], texts: int
) -> tuple[Numbers, Numbers, NDArray[np.float64]]:
    """Returns ids, texts and weights; those of each text have length 1 together."""
    ids, text, counts = (
        np.concatenate([getattr(block, name) for block in blocks])
        for name in ("ids", "text", "counts")
    )
    weights = (1 + np.log(counts)) * idf[ids]
    lengths = np.sqrt(np.bincount(text, weights**2, texts))
    return ids, text, weights / lengths[text]


CODEC = Ngrams
