"""Term counts: a text <-> the number of times that each known term occurs in it.

A text becomes the ids of its distinct terms and their counts, in the order in which
they first occur. Id 0 is padding, with the count 0. Terms that are not in the
vocabulary are left out. Terms, their limits and their order are those of scikit-learn's
CountVectorizer, whose own analyzer splits the texts. `decode` repeats each term as
often as it was counted; the order is lost.

The texts are read one by one, so that a column may read them from disk.

Shapes:   column (row) -> ids and counts (row, term, 2)
Source:   Salton, Wong and Yang, A Vector Space Model for Automatic Indexing, 1975.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("text", ["To be or not to be"]),))
          >>> codec = TermCounts("text").fit(frame)
          >>> codec.vocabulary, codec.encode(frame).tolist()
          (('be', 'not', 'or', 'to'), [[[4, 2], [1, 2], [3, 1], [2, 1]]])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some, shorten

_TOKEN_PATTERN = r"(?u)\b\w\w+\b"  # noqa: S105  the default of scikit-learn
_PADDING = "(padding)"


@dataclass(frozen=True)
class TermOptions:
    """How texts are split into terms; the names are those of scikit-learn."""

    analyzer: Literal["word", "char", "char_wb"] | None = option(
        None, "terms of words, or of characters (char_wb: inside words); inferred when omitted"
    )
    ngram_range: tuple[int, ...] | None = option(
        None, "smallest and largest number of words or characters in a term", minimum=1
    )
    lowercase: bool | None = option(None, "lower case before splitting; true when omitted")
    strip_accents: Literal["ascii", "unicode"] | None = option(
        None, "how accents are removed; they stay when omitted"
    )
    token_pattern: str | None = option(
        None, "regular expression of a word; two or more letters or digits when omitted"
    )
    stop_words: tuple[str, ...] | None = option(
        None, "words that are left out: english for the list of scikit-learn, or a list"
    )
    min_df: float | None = option(
        None, "number of documents that a term needs; below 1 a fraction of them", minimum=0
    )
    max_df: float | None = option(
        None, "number of documents that a term may have; up to 1 a fraction of them", above=0
    )
    max_features: int | None = option(
        None, "number of terms that are kept, the most frequent ones", minimum=1
    )
    terms: tuple[str, ...] | None = option(
        None,
        "list of the terms that are counted, of documents or with input.bag_of_words; those of the "
        "training texts when omitted",
    )

    def term_options(self) -> TermOptions:
        """Returns these options alone, without those of a subclass.

        Raises:   TaskError for a range of terms that is not a range, and for limits of
                  terms that are listed.
        """
        self._refuse_limits()
        sizes = self.ngram_range or (1, 1)
        if len(sizes) > 2 or sizes[0] > sizes[-1]:
            raise TaskError(
                "input.ngram_range must be the smallest and the largest number of words",
                got=", ".join(map(str, sizes)),
                allowed="two integers in rising order, such as 1,2",
            )
        own = {name: getattr(self, name) for name in TermOptions.__dataclass_fields__}
        return TermOptions(**own)

    def _refuse_limits(self) -> None:
        """Refuses limits of terms that are listed."""
        if self.terms is None:
            return
        for name in ("stop_words", "min_df", "max_df", "max_features"):
            if getattr(self, name) is not None:
                raise TaskError(
                    f"input.terms lists the terms, and input.{name} would leave some out",
                    do=f"Leave input.{name} or input.terms out",
                )


class TermCounts(Codec):
    """Encodes texts as ids of terms and their counts."""

    KIND: ClassVar[str] = "term_counts"
    FIELDS = ("column", "options", "vocabulary", "max_terms", "num_unlimited")

    def __init__(
        self, column: str, *, options: TermOptions | Mapping[str, object] = TermOptions()
    ) -> None:
        self.column = column
        self.options = options if isinstance(options, TermOptions) else options_of(options)
        self.vocabulary: tuple[str, ...] | None = None
        self.max_terms, self.num_unlimited = 0, 0
        self._ids: dict[str, int] = {}
        self._split: Callable[[str], list[str]] | None = None

    @property
    def spec(self) -> TensorSpec:
        labels = (_PADDING, *(self.vocabulary or ()))
        shape = (self.max_terms, 2)
        axes = ("term", "count")
        return TensorSpec(self.column, axes, shape, len(labels), labels, padded=True)

    def fit(self, frame: Frame) -> Self:
        """Counts the documents of each term, and keeps those within the limits.

        Raises:   DataError when no term is left.
        """
        column = frame[self.column]
        documents: Counter[str] = Counter()
        totals: Counter[str] = Counter()
        for row in range(len(column)):
            terms = self.split_tokens(_text(column, row))
            distinct = set(terms)
            totals.update(terms)
            documents.update(distinct)
            self.max_terms = max(self.max_terms, len(distinct))
        self.num_unlimited = len(documents)
        if not documents:
            raise DataError(
                f"no text of {frame.origin} has a term",
                got=shorten(repr(_text(column, 0)), 60) if len(column) else "no text",
                do="Words have two letters or more: set input.analyzer=char for other texts",
            )
        written = self.options.terms
        self._set_vocabulary(
            self._limited(documents, totals, len(column))
            if written is None
            else tuple(sorted(set(written)))
        )
        if written is not None and not documents.keys() & set(written):
            raise DataError(
                f"no text of {frame.origin} has a term of input.terms",
                got=list_some([f"'{term}'" for term in written], 5),
                do="Terms are in lower case unless input.lowercase=false; set input.ngram_range "
                "for terms of several words",
            )
        if not self.vocabulary:
            raise DataError(
                "no term is left within input.min_df, input.max_df and input.stop_words",
                got=f"{len(documents):,} terms in {len(column):,} texts",
                do="Use a smaller input.min_df, or a larger input.max_df",
            )
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.vocabulary, self)
        column = frame[self.column]
        counts = [self._counts(_text(column, row)) for row in range(len(column))]
        slots = max([1, *map(len, counts)])
        encoded = np.zeros((len(counts), slots, 2), dtype=np.int64)
        for row, pairs in zip(encoded, counts, strict=True):
            row[: len(pairs)] = np.array(list(pairs.items()), dtype=np.int64).reshape(-1, 2)
        return torch.from_numpy(encoded)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.vocabulary, self)
        labels, texts = self.spec.labels, []
        for row in tensor.tolist():
            texts.append(" ".join(labels[term] for term, count in row for _ in range(count)))
        return Frame((strings(self.column, texts),))

    def remarks(self, frame: Frame) -> list[str]:
        """Returns which terms are unknown, and which texts have no known term."""
        remarks, column = [], frame[self.column]
        for row in range(len(column)):
            text = _text(column, row)
            terms = dict.fromkeys(self.split_tokens(text))
            unknown = [f"'{term}'" for term in terms if term not in self._ids]
            quoted = f"'{shorten(text, 40)}'"
            if len(unknown) == len(terms):
                reason = f"{list_some(unknown, 3)} unknown" if unknown else "there are no words"
                remarks.append(f"{quoted} has no term of the documents ({reason}): none is found")
            elif unknown:
                remarks.append(f"{quoted}: no document has {list_some(unknown, 5)}")
        return remarks

    def split_tokens(self, text: str) -> list[str]:
        """Returns all terms of a text, in their order."""
        if self._split is None:
            self._split = _analyzer(self.options)
        return self._split(text)

    @classmethod
    def from_state(cls, state: dict[str, object]) -> Self:
        codec = super().from_state(state)
        codec._set_vocabulary(codec.vocabulary)
        return codec

    def describe(self) -> str:
        kind = "words" if (self.options.analyzer or "word") == "word" else "characters"
        return f"{kind} -> ids and counts, {len(self.vocabulary or ()):,} terms"

    def _counts(self, text: str) -> Counter[int]:
        ids = map(self._ids.get, self.split_tokens(text))
        return Counter(number for number in ids if number is not None)

    def _limited(
        self, documents: Counter[str], totals: Counter[str], count: int
    ) -> tuple[str, ...]:
        """Returns the terms within the limits, in alphabetic order."""
        terms = sorted(documents)
        frequencies = np.array([documents[term] for term in terms])
        low, high = self.options.min_df or 1, self.options.max_df or 1.0
        low = low if low >= 1 else low * count
        high = high * count if high <= 1 else high
        mask: NDArray[np.bool_] = (frequencies >= low) & (frequencies <= high)
        limit = self.options.max_features
        if limit is not None and mask.sum() > limit:
            sums = np.array([totals[term] for term in terms])
            top = (-sums[mask]).argsort()[:limit]
            frequent = np.zeros(len(mask), dtype=bool)
            frequent[np.flatnonzero(mask)[top]] = True
            mask = frequent
        return tuple(
            term for term, is_frequent in zip(terms, mask.tolist(), strict=True) if is_frequent
        )

    def _set_vocabulary(self, vocabulary: tuple[str, ...] | None) -> None:
        self.vocabulary = vocabulary
        self._ids = {term: number for number, term in enumerate(vocabulary or (), 1)}


def options_of(state: Mapping[str, object]) -> TermOptions:
    """Returns options from their state, where tuples are lists."""
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in state.items()
    }
    return replace(TermOptions(), **values)  # type: ignore[arg-type]


def _text(column: Column, row: int) -> str:
    value = column.show(row)
    return "" if value is None else str(value)


def _analyzer(options: TermOptions) -> Callable[[str], list[str]]:
    """Returns the function of scikit-learn that splits a text into terms."""
    from sklearn.feature_extraction.text import CountVectorizer

    sizes = options.ngram_range or (1, 1)
    stop: Sequence[str] | str | None = options.stop_words
    split: Callable[[str], list[str]] = CountVectorizer(
        analyzer=options.analyzer or "word",
        ngram_range=(sizes[0], sizes[-1]),
        lowercase=options.lowercase is not False,
        strip_accents=options.strip_accents,
        token_pattern=options.token_pattern or _TOKEN_PATTERN,
        stop_words="english" if stop == ("english",) else list(stop) if stop else None,
    ).build_analyzer()
    return split


CODEC = TermCounts
