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

from kissipo.codec.label_sets import separator_of
from kissipo.core.frame import Column, Frame
from kissipo.core.timestamps import looks_like_time
from kissipo.input.check.columns import constant_columns, numbered_rows

Kind = Literal["number", "category", "text", "characters", "datetime", "drop"]
_FEW_CLASSES = 50
_REPEATS = 0.5
_CLASSES_OF_NUMBERS = 20


@dataclass(frozen=True)
class Guess:
    """The inferred kind of a column, and the reason."""

    column: str
    kind: Kind
    reason: str

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
        elif name in numbered:
            guesses.append(Guess(name, "drop", "nothing but a name for each row, like an id"))
        else:
            guesses.append(_guess(frame[name]))
    return guesses


def guess_answer(column: Column) -> tuple[Literal["category", "number", "labels"], str]:
    """Returns whether an answer column holds classes, numbers or sets of labels, and
    the reason."""
    separator = separator_of(column) if column.kind == "string" else None
    if separator is not None:
        return "labels", f"several labels in most cells, separated by '{separator}'"
    if column.kind == "string":
        return "category", f"{len(column.counts())} different texts"
    present = column.values[~column.missing]
    distinct = np.unique(present)
    whole = bool(np.all(distinct == np.floor(distinct)))
    if (
        whole
        and len(distinct) <= _CLASSES_OF_NUMBERS
        and len(distinct) <= max(2, 0.05 * len(present))
    ):
        return "category", f"only {len(distinct)} different whole numbers"
    return "number", f"{len(distinct)} different numbers"


def _guess(column: Column) -> Guess:
    if column.kind == "number":
        present = column.values[~column.missing]
        return Guess(column.name, "number", f"{len(np.unique(present))} different numbers")
    if column.kind == "time" or looks_like_time(column):
        return Guess(column.name, "datetime", "its values are timestamps")
    texts = list(column.counts())
    count = int((~column.missing).sum())
    words = float(np.mean([len(text.split()) for text in texts[:1000]]))
    repeated = len(texts) <= _FEW_CLASSES and len(texts) <= _REPEATS * count
    if repeated or (words < 3 and len(texts) <= 0.1 * count):
        return Guess(column.name, "category", f"{len(texts)} classes in {count} rows")
    if words >= 2:
        return Guess(column.name, "text", f"{words:.0f} words per row, {len(texts)} different rows")
    if len(texts) > _REPEATS * count:
        return Guess(column.name, "characters", f"one word per row, {len(texts)} different words")
    return Guess(column.name, "category", f"{len(texts)} classes in {count} rows")
