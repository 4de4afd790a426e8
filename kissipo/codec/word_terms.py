"""Word terms: words that are added, subtracted or compared <-> their ids.

`king` is a word, `king - man + woman` a sum; in `king queen` two words are compared.
An id is the place of a word in a vocabulary of V words, from 1; a word that is
subtracted has its id plus V. A 0 divides what is compared, and fills the rest.

Shapes:   column (row) -> ids (row, term)
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> texts = ["king", "man", "king - man", "man king"]
          >>> frame = Frame((strings("words", texts),))
          >>> codec = WordTerms("words").fit(frame)
          >>> codec.encode(frame)[2:, :4].tolist()
          [[1, 4, 0, 0], [2, 0, 1, 0]]
          >>> codec.decode(codec.encode(frame))["words"].texts()[2:]
          ['king - man', 'man king']
"""

from typing import ClassVar, Self

import torch
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec

TERMS = 8
_SIGNS = {"+": 1, "-": -1, "\N{MINUS SIGN}": -1}
_SEARCHED = 50_000  # frequent words among which a similar spelling is searched
GRAMMAR = "'king', 'king - man + woman', or 'king queen' to compare two words"


class WordTerms(Codec):
    """Encodes words and sums of words as ids."""

    KIND: ClassVar[str] = "word_terms"
    FIELDS = ("column", "vocabulary")

    def __init__(self, column: str) -> None:
        self.column = column
        self.vocabulary: tuple[str, ...] | None = None
        self._ids: dict[str, int] = {}

    @property
    def spec(self) -> TensorSpec:
        words = self.vocabulary or ()
        labels = ("(none)", *words, *(f"- {word}" for word in words))
        return TensorSpec(self.column, ("term",), (TERMS,), len(labels), labels, unit="words")

    def fit(self, frame: Frame) -> Self:
        """Takes the words in the order of their first appearance."""
        texts = frame[self.column].texts()
        words = (term for text in texts for term in (text or "").split() if term not in _SIGNS)
        self.vocabulary = tuple(dict.fromkeys(words))
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.vocabulary, self)
        return torch.tensor(
            [self._terms(text or "") for text in frame[self.column].texts()], dtype=torch.int64
        ).reshape(-1, TERMS)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.vocabulary, self)
        return Frame((strings(self.column, [self._text(row) for row in tensor.tolist()]),))

    def suggested_net(self) -> InferredOption | None:
        return InferredOption("process.net", "word_vectors", "words get vectors")

    def describe(self) -> str:
        return f"words of a vocabulary of {len(self.vocabulary or ()):,} -> ids"

    def _terms(self, text: str) -> list[int]:
        """Returns the ids of one text.

        Raises:   DataError for a word that is not known, with similar ones, and for a
                  text that is not of this form.
        """
        ids: list[int] = []
        sign, is_first, groups = 1, True, 1
        for part in text.split():
            if part in _SIGNS:
                if is_first and ids:
                    raise _malformed(text)
                sign, is_first = _SIGNS[part], True
                continue
            if ids and not is_first:
                ids.append(0)
                groups += 1
            ids.append(self._id(part) + (len(self.vocabulary or ()) if sign < 0 else 0))
            sign, is_first = 1, False
        if not ids or is_first or groups > 2 or len(ids) > TERMS:
            raise _malformed(text)
        return ids + [0] * (TERMS - len(ids))

    def _id(self, word: str) -> int:
        if not self._ids:
            self._ids = {name: number for number, name in enumerate(self.vocabulary or (), 1)}
        number = self._ids.get(word) or self._ids.get(word.lower())
        if number is None:
            vocabulary = self.vocabulary or ()
            raise DataError(
                f"there is no vector of '{word}', which is not in the training split often enough",
                allowed=f"the {len(vocabulary):,} words of the vocabulary",
                do=did_you_mean(word.lower(), vocabulary[:_SEARCHED]),
            )
        return number

    def _text(self, row: list[int]) -> str:
        parts: list[str] = []
        words, is_first = self.vocabulary or (), True
        for number in row:
            if number:
                is_minus = number > len(words)
                parts += ["-"] if is_minus else [] if is_first else ["+"]
                parts.append(words[(number - 1) % len(words)])
            is_first = not number
        return " ".join(parts)


def _malformed(text: str) -> DataError:
    return DataError(
        f"'{text}' is not a word, a sum of words, or two words to compare",
        allowed=f"{GRAMMAR}; at most {TERMS} words",
    )


CODEC = WordTerms
