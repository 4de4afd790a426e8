"""Bag of words: a text <-> one number per term of the vocabulary; the order is lost.

weighting 'count':     x = number of times that the term occurs in the text
weighting 'relative':  x = count / number of all terms of the text
weighting 'tf_idf':    x = count · (ln((1 + N) / (1 + df)) + 1), the row has length 1

Counts and relative frequencies are scaled like numbers: with `scale: standard` each is
a z-score, in units of the standard deviation over the training texts. That is how
Burrows compares authors. TF-IDF weights are not scaled again.

The vocabulary is a list of terms (function words, for example), or the most frequent
terms of the training split, 1,000 when `max_features` is omitted. Terms, limits and
weights are those of scikit-learn's CountVectorizer and TfidfVectorizer. `decode`
repeats each term as often as it was counted; of other weightings it lists the terms
that occur, those with the largest numbers first.

Shapes:   column (row) -> (row, feature), one feature per term
Source:   Harris, Distributional Structure, 1954; Burrows, Delta, 2002, for z-scores.
Raises:   DataError when no term is left, or the numbers need too much memory.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("text", ["To be or not to be", "Not I"]),))
          >>> codec = BagOfWords("text", weighting="count", scale="none").fit(frame)
          >>> codec.spec.labels, codec.encode(frame).tolist()
          (('be', 'not', 'or', 'to'), [[2.0, 1.0, 1.0, 2.0], [0.0, 1.0, 0.0, 0.0]])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.numbers import Numbers, Scale
from kissipo.codec.term_counts import TermCounts, TermOptions, options_of
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some

Weighting = Literal["count", "relative", "tf_idf"]
Unit = Literal["words", "characters"]
Weights = NDArray[np.float64]
_ALL_TERMS = TermOptions()
_MAX_FEATURES, _MAX_CELLS, _SHORT = 1_000, 50_000_000, 2


class BagOfWords(Codec):
    """Encodes texts as one number per known term."""

    KIND: ClassVar[str] = "bag_of_words"
    FIELDS = (
        *("column", "options", "weighting", "scale", "unit"),
        *("terms", "idf", "scaling", "shortest"),
    )

    def __init__(
        self,
        column: str,
        *,
        options: TermOptions | Mapping[str, object] = _ALL_TERMS,
        weighting: Weighting = "relative",
        scale: Scale = "standard",
        unit: Unit = "words",
    ) -> None:
        self.column, self.weighting, self.scale, self.unit = column, weighting, scale, unit
        self.options = options if isinstance(options, TermOptions) else options_of(options)
        self.terms: TermCounts | None = None
        self.idf: tuple[float, ...] = ()
        self.scaling: Numbers | None = None
        self.shortest = 0
        self._coverage = 0.0
        self._absent: list[str] = []

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The terms, one per feature."""
        return self.terms.vocabulary or () if self.terms else ()

    @property
    def spec(self) -> TensorSpec:
        labels = self.vocabulary
        return TensorSpec(self.column, ("feature",), (len(labels),), labels=labels, unit=self.unit)

    def fit(self, frame: Frame) -> Self:
        options = self.options
        if options.max_features is None and options.terms is None:
            options = replace(options, max_features=_MAX_FEATURES)
        if options.analyzer is None and self.unit == "characters":
            options = replace(options, analyzer="char")
        self.terms = TermCounts(self.column, options=options).fit(frame)
        _refuse_large(len(frame), len(self.vocabulary))
        counts, totals = self._counts(frame)
        self.shortest = int(totals[totals > 0].min(initial=np.inf))
        self._coverage = float(counts.sum() / max(1, totals.sum()))
        absent = np.flatnonzero(counts.sum(axis=0) == 0)
        self._absent = [self.vocabulary[place] for place in absent.tolist()]
        if self.weighting == "tf_idf":
            documents = (counts > 0).sum(axis=0)
            self.idf = tuple((np.log((1 + len(frame)) / (1 + documents)) + 1).tolist())
        else:
            weights = self._weigh(counts, totals)
            scaling = Numbers(self.vocabulary, scale=self.scale, missing_indicator=False)
            self.scaling = scaling.fit(_as_frame(self.vocabulary, weights))
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.terms, self)
        _refuse_large(len(frame), len(self.vocabulary))
        weights = self._weigh(*self._counts(frame))
        if self.scaling is None:
            return torch.from_numpy(weights.astype(np.float32))
        return self.scaling.encode(_as_frame(self.vocabulary, weights))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.terms, self)
        weights = tensor.detach().to(torch.float64).numpy()
        if self.scaling is not None:
            decoded = self.scaling.decode(tensor)
            weights = np.stack([decoded[name].values for name in self.vocabulary], axis=1)
        return Frame((strings(self.column, [self._text(row) for row in weights]),))

    def split_tokens(self, text: str) -> list[str]:
        return self.terms.split_tokens(text) if self.terms else []

    def remarks(self, frame: Frame) -> list[str]:
        counts, totals = self._counts(frame)
        remarks = []
        empty = int((totals == 0).sum())
        unknown = int((counts.sum(axis=1) == 0).sum()) - empty
        if empty:
            remarks.append(f"{empty} empty '{self.column}', in which no term occurs")
        short = totals[(counts.sum(axis=1) > 0) & (totals < self.shortest / _SHORT)]
        if len(short) and self.weighting == "relative":
            remarks.append(
                f"{len(short)} '{self.column}' of {short.min():.0f} terms or more, the shortest "
                f"training text has {self.shortest:,}: frequencies in short texts are uncertain"
            )
        if unknown:
            remarks.append(
                f"{unknown} of {len(frame)} '{self.column}' have none of the "
                f"{len(self.vocabulary):,} terms"
            )
        return remarks

    def fitted_findings(self, frame: Frame) -> tuple[Finding, ...]:
        message = (
            f"the {len(self.vocabulary):,} terms of '{self.column}' are {self._coverage:.0%} of "
            "those in the training texts"
        )
        findings = [Finding("PASS", "bag of words", message, "other terms are not read")]
        if self._absent:
            message = f"no training text of '{self.column}' has {list_some(self._absent, 5)}"
            findings.append(Finding("WARN", "bag of words", message, "always read as 0"))
        return tuple(findings)

    def fitted_options(self) -> tuple[InferredOption, ...]:
        terms = self.terms
        if terms is None or self.options.max_features or self.options.terms:
            return ()
        if terms.num_unlimited <= _MAX_FEATURES:
            return ()
        reason = f"the most frequent of {terms.num_unlimited:,} terms"
        return (InferredOption("input.max_features", _MAX_FEATURES, reason),)

    def describe(self) -> str:
        what = {"count": "counts", "relative": "relative frequencies", "tf_idf": "TF-IDF weights"}
        scaled = f"; {self.scaling.describe()}" if self.scaling else ", length 1"
        return f"{what[self.weighting]} of {len(self.vocabulary):,} terms{scaled}"

    def _counts(self, frame: Frame) -> tuple[Weights, Weights]:
        """Returns the count of each term (row, term), and of all terms (row)."""
        assert self.terms is not None
        places = {term: place for place, term in enumerate(self.vocabulary)}
        column = frame[self.column]
        counts = np.zeros((len(column), len(places)))
        totals = np.zeros(len(column))
        for row in range(len(column)):
            tokens = self.split_tokens(str(column.show(row) or ""))
            ids = [place for token in tokens if (place := places.get(token)) is not None]
            counts[row] = np.bincount(ids, minlength=len(places))
            totals[row] = len(tokens)
        return counts, totals

    def _weigh(self, counts: Weights, totals: Weights) -> Weights:
        if self.weighting == "count":
            return counts
        if self.weighting == "relative":
            return counts / np.maximum(totals, 1)[:, None]
        weights = counts * np.asarray(self.idf)
        lengths = np.linalg.norm(weights, axis=1, keepdims=True)
        return cast(Weights, weights / np.where(lengths > 0, lengths, 1))

    def _text(self, weights: Weights) -> str:
        if self.weighting == "count":
            counts = np.rint(weights).astype(int).tolist()
            pairs = zip(self.vocabulary, counts, strict=True)
            return " ".join(term for term, count in pairs for _ in range(count))
        order = np.argsort(-weights, kind="stable")
        largest = weights.max(initial=0)
        occurs = [place for place in order.tolist() if weights[place] > 1e-6 * largest]
        return " ".join(self.vocabulary[place] for place in occurs)


def _as_frame(names: tuple[str, ...], weights: Weights) -> Frame:
    return Frame(
        tuple(numbers(name, column) for name, column in zip(names, weights.T, strict=True))
    )


def _refuse_large(rows: int, terms: int) -> None:
    if rows * terms > _MAX_CELLS:
        raise DataError(
            f"a bag of {terms:,} words for each of {rows:,} texts needs too much memory",
            allowed=f"{_MAX_CELLS:,} numbers",
            do=f"Set input.max_features={max(1, _MAX_CELLS // rows):,}".replace(",", "")
            + ", or leave input.bag_of_words out",
        )


CODEC = BagOfWords
