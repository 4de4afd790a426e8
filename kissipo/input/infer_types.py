"""Infers the kind of each column of a table from its values, with a reason.

number      quantities                       text        prose, read as words
category    one of a few classes             characters  short text without spaces
datetime    timestamps                       drop        a column without information
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._bio_tags import OUTSIDE, is_tag
from kissipo.codec.label_sets import separator_of
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.time.timestamps import looks_like_time, reason_of_time
from kissipo.input.check.columns import constant_columns, numbered_rows
from kissipo.input.scripts import is_without_blanks

Kind = Literal["number", "category", "text", "characters", "datetime", "drop"]
_FEW_CLASSES = 50
_REPEATS = 0.5
_CLASSES_OF_NUMBERS = 20
_CLASSES_OF_CODES = 100
_BALANCED = 0.25


@dataclass(frozen=True)
class Guess:
    """The inferred kind of a column, and the reason.

    without_blanks:  whether it is a text in a script without blanks between words
    """

    column: str
    kind: Kind
    reason: str
    without_blanks: bool = False

    def describe(self) -> str:
        """Returns the guess as one line of text."""
        return f"{self.column}: {self.kind} ({self.reason})"


def guess_kinds(frame: Frame, names: Iterable[str]) -> list[Guess]:
    """Returns one guess for each named column."""
    names = list(names)
    constant, numbered = set(constant_columns(frame, names)), set(numbered_rows(frame, names))
    guesses = []
    for name in names:
        if name in constant:
            guesses.append(Guess(name, "drop", "the same value, or none, in every row"))
        elif name in numbered and not looks_like_time(frame[name]):
            guesses.append(Guess(name, "drop", "nothing but a name for each row, like an id"))
        else:
            guesses.append(_guess(frame[name]))
    return guesses


@dataclass(frozen=True)
class AnswerGuess:
    """Whether an answer column holds classes, numbers, sets of labels or tags, and why.

    doubtful:  whether the other kind is nearly as likely
    """

    column: str
    kind: Literal["category", "number", "labels", "tags"]
    reason: str
    doubtful: bool = False

    def inferred_option(self) -> InferredOption:
        """Returns the guess as an inferred option."""
        return InferredOption(f"output.{self.kind}", self.column, self.reason, self.doubtful)


def guess_answer(column: Column) -> AnswerGuess:
    """Returns whether an answer column holds classes, numbers, sets of labels or tags.

    Texts are classes. Whole numbers are classes where few different ones repeat: 0, 1,
    2 with many rows each, or the letters as 0 to 25. Numbers with a mark (%, $, kg) and
    years are numbers.
    """
    name = column.name
    if column.kind == "string" and _are_tags(column):
        return AnswerGuess(name, "tags", "BIO tags, one per word")
    separator = separator_of(column) if column.kind == "string" else None
    if separator is not None:
        reason = f"several labels in most cells, separated by '{separator}'"
        return AnswerGuess(name, "labels", reason)
    if column.kind == "string":
        return AnswerGuess(name, "category", f"{len(column.counts())} different texts")
    present = column.values[~column.missing]
    distinct, counts = np.unique(present, return_counts=True)
    count = len(distinct)
    whole = bool(np.all(distinct == np.floor(distinct)))
    if column.unit or not whole or count < 2 or len(present) < 2 * count:
        mark = f" with the mark {column.unit}" if column.unit else ""
        return AnswerGuess(name, "number", f"'{name}' has {count} different numbers{mark}")
    repeats = f"{count} different whole numbers, {_range_of(distinct)}, in {len(present)} rows"
    as_number, as_classes = f"output.number={name} reads", f"output.category={name} reads"
    steady = bool(distinct[0] in (0, 1) and distinct[-1] - distinct[0] == count - 1)
    balanced = counts.min() >= max(2, _BALANCED * counts.mean())
    years = bool(count > 2 and distinct[0] >= 1800 and distinct[-1] <= 2100)
    few = count <= _CLASSES_OF_NUMBERS and count <= max(2, 0.05 * len(present))
    if not years and (few or (steady and balanced and count <= _CLASSES_OF_CODES)):
        reason = f"'{name}' has {repeats}; {as_number} them as numbers"
        return AnswerGuess(name, "category", reason, doubtful=not (steady or count == 2))
    doubtful = count <= _CLASSES_OF_NUMBERS and len(present) >= 5 * count
    what = "years" if years else repeats
    reason = f"'{name}' has {what}; {as_classes} them as classes"
    return AnswerGuess(name, "number", reason, doubtful)


def _are_tags(column: Column) -> bool:
    """Returns whether every text is a sequence of BIO tags, and some have several."""
    tags = {tag for text in column.categories for tag in text.split()}
    has_several = any(len(text.split()) > 1 for text in column.categories)
    return has_several and OUTSIDE in tags and all(map(is_tag, tags))


def _range_of(distinct: NDArray[np.float64]) -> str:
    """Returns the first and the last of sorted whole numbers."""
    return f"{distinct[0]:.15g} to {distinct[-1]:.15g}"


def _guess(column: Column) -> Guess:
    if looks_like_time(column):
        return Guess(column.name, "datetime", reason_of_time(column))
    if column.kind == "number":
        present = column.values[~column.missing]
        return Guess(column.name, "number", f"{len(np.unique(present))} different numbers")
    used, count = column.used_categories(), int((~column.missing).sum())
    distinct, texts = len(used), [column.categories[code] for code in used[:1000].tolist()]
    words = float(np.mean([len(text.split()) for text in texts]))
    repeated = distinct <= _FEW_CLASSES and distinct <= _REPEATS * count
    if repeated or (words < 3 and distinct <= 0.1 * count):
        return Guess(column.name, "category", f"{distinct} classes in {count} rows")
    if is_without_blanks(texts):
        reason = f"its script has no blanks between words, {distinct} different rows"
        return Guess(column.name, "characters", reason, without_blanks=True)
    if words >= 2:
        return Guess(column.name, "text", f"{words:.0f} words per row, {distinct} different rows")
    if distinct > _REPEATS * count:
        return Guess(column.name, "characters", f"one word per row, {distinct} different words")
    return Guess(column.name, "category", f"{distinct} classes in {count} rows")
