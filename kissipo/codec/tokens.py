"""Tokens: text <-> ids of its words or characters, truncated or padded to one length.

Id 0 is padding. Id 1 is a token that occurs fewer than `min_count` times in the
training split, so the net also learns the meaning of a rare word. By default,
`min_count` is 2, and 1 for fewer than 200 texts. Words are lower-cased, and punctuation
marks are words; characters stay as they are. `decode` joins words with blanks (case and
spacing are lost) and restores known characters exactly.

Shapes:   column (row) -> ids (row, time)
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("message", ["Win a prize!", "a prize"]),))
          >>> codec = Tokens("message").fit(frame)
          >>> ids = codec.encode(frame)
          >>> ids.tolist(), codec.decode(ids)["message"].texts()
          ([[5, 2, 3, 4], [2, 3, 0, 0]], ['win a prize !', 'a prize'])
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._text_remarks import text_remarks
from kissipo.codec._word_table import PLAIN, WordTable
from kissipo.core.codec import CODECS, Codec, refuse_unfitted
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec

Unit = Literal["words", "characters"]
Numbers = NDArray[np.int64]
PADDING, UNKNOWN = 0, 1
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
LENGTH_QUANTILE = 0.99
_MANY_TEXTS = 200
_CHUNK = 4_000  # texts whose tokens are in memory at the same time
_END_OF_TEXT = "E"  # no token of a lower-cased text
_OUTLIER, _SHORT = 4, 256  # times the quantile; tokens


def longest(lengths: NDArray[np.int64]) -> int:
    """Returns the length of the longest text, without a few that are much longer.

    The limit is four times the 0.99 quantile, and at least 256.

    Example:  >>> longest(np.array([3, 5, 40])), longest(np.array([5] * 999 + [10_000]))
              (40, 256)
    """
    if not len(lengths):
        return 1
    limit = _OUTLIER * int(np.ceil(np.quantile(lengths, LENGTH_QUANTILE)))
    return max(1, min(int(lengths.max()), max(limit, _SHORT)))


def split_words(text: str) -> list[str]:
    """Splits a text into words and punctuation marks, in lower case.

    Example:  >>> split_words("Don't STOP!!")
              ["don't", 'stop', '!', '!']
    """
    return _split_lower(text.lower())


def _split_lower(text: str) -> list[str]:
    return text.split() if text.replace(" ", "").isalnum() else _WORD.findall(text)


class _Ids(dict[str, int]):
    """The ids of the known tokens; every other token is unknown."""

    def __missing__(self, token: str) -> int:
        return UNKNOWN


class Tokens(Codec):
    """Encodes texts as ids of tokens.

    whole:  whether the longest training texts are not truncated either
    """

    KIND: ClassVar[str] = "tokens"
    SPECIAL: ClassVar[tuple[str, ...]] = ("(padding)", "(unknown)")  # the ids before the tokens
    FIELDS: ClassVar[tuple[str, ...]] = (
        "column",
        "unit",
        "length",
        "vocab_size",
        "min_count",
        "vocabulary",
    )

    def __init__(
        self,
        column: str,
        *,
        unit: Unit = "words",
        length: int | None = None,
        vocab_size: int = 20_000,
        min_count: int | None = None,
        whole: bool = False,
    ) -> None:
        self.column, self.length = column, length
        self.unit: str = unit
        self.vocab_size, self.min_count, self.whole = vocab_size, min_count, whole
        self.vocabulary: tuple[str, ...] | None = None
        self._ids: dict[str, int] = {}

    @property
    def spec(self) -> TensorSpec:
        labels = (*self.SPECIAL, *(self.vocabulary or ()))
        shape = (self.length or 0,)
        return TensorSpec(
            self.column, ("time",), shape, len(labels), labels, padded=True, unit=self.unit
        )

    @property
    def max_tokens(self) -> int:
        """The number of tokens of the longest text that is not truncated."""
        return self.length or 1

    def fit(self, frame: Frame) -> Self:
        column = frame[self.column]
        counts_of_texts = np.bincount(
            column.values[column.values >= 0], minlength=len(column.categories)
        )
        used = np.flatnonzero(counts_of_texts)
        counts_of_texts = counts_of_texts[used]
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        counts, sizes = np.zeros(0), np.zeros(len(used), dtype=np.int64)
        for chunk, tokens, chunk_sizes in self._numbered(column, used, numbers.__getitem__):
            sizes[chunk] = chunk_sizes
            repeats = np.repeat(counts_of_texts[chunk], chunk_sizes)
            counts = np.pad(counts, (0, len(numbers) - len(counts)))
            counts += np.bincount(tokens, repeats, minlength=len(numbers))
        lengths = np.repeat(sizes, counts_of_texts)
        if self.min_count is None:
            self.min_count = 2 if len(lengths) >= _MANY_TEXTS else 1
        frequent = np.flatnonzero(counts >= max(1, self.min_count)).tolist()
        names = list(numbers)
        by_frequency = sorted(frequent, key=lambda number: (-counts[number], names[number]))
        if self.length is None and self.whole:
            self.length = longest(lengths)
        elif self.length is None:
            self.length = (
                max(1, int(np.ceil(np.quantile(lengths, LENGTH_QUANTILE)))) if len(lengths) else 1
            )
        self._set_vocabulary(tuple(names[number] for number in by_frequency[: self.vocab_size]))
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.vocabulary, self)
        column, length = frame[self.column], self.length or 1
        used = np.flatnonzero(np.bincount(column.values[column.values >= 0]))
        table = np.zeros((len(used) + 1, length), dtype=np.int64)
        table_rows = np.full(len(column.categories) + 1, len(used))
        table_rows[used] = np.arange(len(used))
        ids_by_token = _Ids(self._ids)
        if self.unit == "words":
            ids_by_token[_END_OF_TEXT] = -1
        for chunk, ids, sizes in self._numbered(column, used, ids_by_token.__getitem__):
            ids, sizes = _truncated(*self._with_ends(ids, sizes), length)
            first = np.arange(chunk.start, chunk.stop) * length - np.cumsum(sizes) + sizes
            table.reshape(-1)[np.arange(len(ids)) + np.repeat(first, sizes)] = ids
        return torch.from_numpy(table[table_rows[column.values]])

    def split_tokens(self, text: str) -> list[str]:
        return self._split(text)[: self.length]

    def word_steps(self, frame: Frame) -> list[list[int]]:
        return [self._first_steps(text or "") for text in frame[self.column].texts()]

    @property
    def readable_labels(self) -> tuple[str, ...]:
        """The tokens of all ids as a person reads them."""
        return self.spec.labels

    @property
    def joiner(self) -> str:
        """What stands between two tokens of a text."""
        return " " if self.unit == "words" else ""

    def for_target(self, column: str) -> Tokens:
        """Returns an unfitted codec with the same options for texts that are
        generated."""
        kind: type[Tokens] = CODECS.find("target_tokens", place="codec").CODEC
        return kind(
            column,
            unit=cast(Unit, self.unit),
            length=self.length,
            vocab_size=self.vocab_size,
            min_count=self.min_count,
        )

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.vocabulary, self)
        labels = self.spec.labels
        texts = [
            self.joiner.join(labels[number] for number in row if number != PADDING)
            for row in tensor.tolist()
        ]
        return Frame((strings(self.column, texts),))

    def remarks(self, frame: Frame) -> list[str]:
        return self._remarks(frame, with_unknown=True)

    def size_remarks(self, frame: Frame) -> list[str]:
        """Returns what to say of truncated and of empty texts."""
        return self._remarks(frame, with_unknown=False)

    def _remarks(self, frame: Frame, *, with_unknown: bool) -> list[str]:
        unknown: Counter[str] = Counter()
        truncated = empty = 0
        for text in frame[self.column].texts():
            tokens = self._split(text or "")
            truncated += len(tokens) > self.max_tokens
            empty += not tokens
            if with_unknown:
                unknown.update(token for token in tokens if token not in self._ids)
        listed = ", ".join(f"'{token}'" for token, _ in unknown.most_common(3))
        total = f"{unknown.total()} {self.unit} of '{self.column}'"
        rare = f"{total} rare or never seen in training ({listed}), read as unknown"
        return text_remarks(
            self.column,
            self.unit,
            texts=len(frame),
            length=self.max_tokens,
            truncated=truncated,
            empty=empty,
            unknown=rare if unknown else "",
        )

    def fitted_options(self) -> tuple[InferredOption, ...]:
        if self.whole:
            return ()
        reason = "99 % of the training texts are not longer"
        return (InferredOption("input.max_length", self.length, reason),)

    @classmethod
    def from_state(cls, state: dict[str, object]) -> Self:
        codec = super().from_state(state)
        codec._set_vocabulary(codec.vocabulary)
        return codec

    def describe(self) -> str:
        return f"{self.unit} -> ids, {len(self.vocabulary or ())} known, {self.length} per text"

    def _set_vocabulary(self, vocabulary: tuple[str, ...] | None) -> None:
        self.vocabulary = vocabulary
        first = len(self.SPECIAL)
        self._ids = {token: number for number, token in enumerate(vocabulary or (), first)}

    def _with_ends(self, ids: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
        """Returns the ids of texts one after the other, and their numbers per text,
        with an id for the end of each text, if it has one."""
        return ids, sizes

    def _numbered(
        self, column: Column, used: Numbers, number: Callable[[str], int]
    ) -> Iterator[tuple[slice, Numbers, Numbers]]:
        """Yields the places of some texts among the used ones, the numbers of all their
        tokens, and how many each text has."""
        table = WordTable(number)
        for start in range(0, len(used), _CHUNK):
            codes = used[start : start + _CHUNK].tolist()
            texts = [column.categories[code] for code in codes]
            numbers, sizes = (
                _number_words(texts, number, table)
                if self.unit == "words"
                else _number_characters(texts, number)
            )
            yield slice(start, start + len(texts)), numbers, sizes

    def _first_steps(self, text: str) -> list[int]:
        """Returns the step of the first token of each word between blanks."""
        steps, step = [], 0
        for word in text.split():
            step = text.index(word, step) if self.unit == "characters" else step
            steps.append(step if step < self.max_tokens else -1)
            step += len(self._split(word))
        return steps

    def _split(self, text: str) -> list[str]:
        return split_words(text) if self.unit == "words" else list(text)


def _truncated(ids: Numbers, sizes: Numbers, length: int) -> tuple[Numbers, Numbers]:
    """Returns the first ids of each text, and how many each text has."""
    if sizes.max(initial=0) <= length:
        return ids, sizes
    positions = np.arange(len(ids)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ids[positions < length], np.minimum(sizes, length)


def _number_words(
    texts: Sequence[str], number: Callable[[str], int], table: WordTable
) -> tuple[Numbers, Numbers]:
    """Returns the number of each word of all texts, and how many words each has.

    table:   finds the numbers of plain words
    """
    lower = "\n".join([*texts, ""]).lower()
    if lower.count("\n") > len(texts):
        lower = "\n".join(" ".join(text.split()).lower() for text in [*texts, ""])
    lower = lower.replace("\n", f" {_END_OF_TEXT} ")
    if lower.isascii() and not lower.encode().translate(None, PLAIN):
        numbers = table.read(lower.encode())
    else:
        words = _split_lower(lower)
        numbers = np.fromiter(map(number, words), np.int64, len(words))
    is_end = numbers == number(_END_OF_TEXT)
    ends = np.flatnonzero(is_end)
    return numbers[~is_end], np.diff(ends, prepend=-1) - 1


def _number_characters(
    texts: Sequence[str], number: Callable[[str], int]
) -> tuple[Numbers, Numbers]:
    """Returns the number of each character of all texts, and how many
    each has."""
    joined = "".join(texts)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    return np.fromiter(map(number, joined), np.int64, len(joined)), sizes


CODEC = Tokens
