"""Label sets: cells with several labels <-> one 0 or 1 per label (multi-hot).

The labels of a cell stand in any order, with a separator between them. A label that is
not in the training split is left out, as no output stands for it.

Shapes:   column (row) -> zeros and ones (row, label)
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("genre", ["drama;comedy", "drama", ""]),))
          >>> codec = LabelSets("genre", separator=";").fit(frame)
          >>> codec.classes, codec.encode(frame).tolist()
          (('comedy', 'drama'), [[1, 1], [0, 1], [0, 0]])
          >>> codec.decode(codec.encode(frame))["genre"].texts()
          ['comedy;drama', 'drama', '']
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import as_strings, sorted_classes
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some

SEPARATORS = (";", "|", ",", "/")
_SEVERAL = 0.3  # the least share of cells with several labels
_REPEATS = 5  # rows per label, on average
_MAX_WORDS = 3  # of a label


class LabelSets(Codec):
    """Encodes sets of labels as zeros and ones."""

    KIND: ClassVar[str] = "label_sets"
    FIELDS = ("column", "separator", "classes")

    def __init__(self, column: str, *, separator: str) -> None:
        self.column, self.separator = column, separator
        self.classes: tuple[str, ...] | None = None

    @property
    def spec(self) -> TensorSpec:
        names = self.classes or ()
        return TensorSpec(self.column, ("label",), (len(names),), labels=names)

    def fit(self, frame: Frame) -> Self:
        self.classes = sorted_classes(self.counts(frame))
        return self

    def counts(self, frame: Frame) -> dict[str, int]:
        """Returns the number of rows of each label."""
        counts: dict[str, int] = {}
        for text, count in as_strings(frame[self.column]).counts().items():
            for label in split_labels(text, self.separator):
                counts[label] = counts.get(label, 0) + count
        return counts

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.classes, self)
        column = as_strings(frame[self.column])
        positions = {label: number for number, label in enumerate(self.classes or ())}
        table = np.zeros((len(column.categories) + 1, len(positions)), dtype=np.int64)
        for row, text in enumerate(column.categories):
            ones = [
                positions[label]
                for label in split_labels(text, self.separator)
                if label in positions
            ]
            table[row, ones] = 1
        return torch.from_numpy(table[column.values])

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.classes, self)
        return Frame((strings(self.column, [self.join(row) for row in tensor.tolist()]),))

    def join(self, row: Sequence[int]) -> str:
        """Returns the labels of one row as the text of a cell."""
        names = self.classes or ()
        return self.separator.join(name for name, is_on in zip(names, row, strict=True) if is_on)

    def remarks(self, frame: Frame) -> list[str]:
        unknown = [label for label in self.counts(frame) if label not in set(self.classes or ())]
        if not unknown:
            return []
        listed = list_some([f"'{label}'" for label in unknown], 3)
        return [f"unknown in '{self.column}': {listed}, left out"]

    def describe(self) -> str:
        return f"{len(self.classes or ())} labels, separated by '{self.separator}' -> 0 or 1 each"


def split_labels(text: str, separator: str) -> list[str]:
    """Returns the different labels of a cell, without blanks around them.

    Example:  >>> split_labels("drama; comedy;;drama", ";")
              ['drama', 'comedy']
              >>> split_labels("['drama', 'comedy']", ",")
              ['drama', 'comedy']
    """
    return list(dict.fromkeys(filter(None, _split(text, separator))))


def _split(text: str, separator: str) -> list[str]:
    """Returns the labels of a cell, which may be a list of Python or JSON."""
    if not _is_list(text):
        return [label.strip() for label in text.split(separator)]
    labels = [label.strip().strip("'\"") for label in text.strip()[1:-1].split(separator)]
    return [] if labels == [""] else labels


def _is_list(text: str) -> bool:
    return text.strip()[:1] == "[" and text.strip()[-1:] == "]"


def separator_of(column: Column) -> str | None:
    """Returns the separator of a column whose cells are sets of labels, else None.

    Many cells hold several labels. The labels repeat, in more combinations than there
    are labels, and some also stand alone, which `Boston, MA` does not.

    Example:  >>> cells = ["a;b", "b", "b;c;a", "c;a", "a"] * 9
              >>> separator_of(strings("genre", cells))
              ';'
              >>> separator_of(strings("place", ["Boston, MA", "Salem, MA"] * 9))
    """
    return next((mark for mark in SEPARATORS if _separates(column, mark)), None)


def most_frequent_separator(column: Column) -> str:
    """Returns the separator that most cells contain, the first one where none does."""
    counts = {
        mark: sum(count for text, count in column.counts().items() if mark in text)
        for mark in SEPARATORS
    }
    return max(counts, key=lambda mark: counts[mark])


def _separates(column: Column, separator: str) -> bool:
    cells = column.counts()
    several = sum(count for text, count in cells.items() if separator in text.strip(separator))
    rows = sum(cells.values())
    if not several or several < _SEVERAL * rows:
        return False
    uses: Counter[str] = Counter()
    together: set[str] = set()
    alone: set[str] = set()
    for text, count in cells.items():
        labels = _split(text, separator)
        if not all(labels) or len(set(labels)) < len(labels):
            return False
        for label in labels:
            uses[label] += count
        (together if len(labels) > 1 else alone).update(labels)
    is_mixed = len(alone & together) * 2 > len(alone) or all(map(_is_list, cells))
    return (
        sum(uses.values()) >= _REPEATS * len(uses)
        and len(cells) > len(uses)
        and is_mixed
        and all(len(label.split()) <= _MAX_WORDS and not _is_number(label) for label in uses)
    )


def _is_number(label: str) -> bool:
    return label.replace(".", "").replace("-", "").isdecimal()


CODEC = LabelSets
