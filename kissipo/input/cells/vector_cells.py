"""Cells that hold a vector: [0.1, 0.2, 0.3], or 70 80 82 72 and so on.

Such a column becomes one column per number, if each cell has equally many. Between
blanks there must be at least eight numbers: fewer may be a date or a list of labels.

Example:  >>> from kissipo.core.frame import strings
          >>> column = strings("emb", ["[1.5, 2, 3]", None, "[4, 5, 6]"])
          >>> frame, _ = with_vectors(Frame((column,)))
          >>> [part.values.tolist()[2] for part in frame.columns]
          [4.0, 5.0, 6.0]
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, numbers

VECTORS = "vectors"  # the check that says so
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_BRACKETS = re.compile(rf"[\[(]\s*{_NUMBER}(?:(?:\s*[,;]\s*|\s+){_NUMBER}){{2,}}\s*,?\s*[\])]")
_BLANKS = re.compile(rf"\s*{_NUMBER}(?:\s*[,;]?\s+{_NUMBER}){{7,}}\s*")
_BETWEEN = re.compile(r"[\[\](),;]")
_FIRST, _MAX_NUMBERS = 20, 20_000


def with_vectors(frame: Frame, texts: Collection[str] = ()) -> tuple[Frame, list[Finding]]:
    """Returns the frame with one column per number of a vector, and says so.

    texts:    columns that a person names as texts or classes
    """
    columns: list[Column] = []
    findings = []
    for column in frame.columns:
        values = None if column.name in texts else _vectors(column)
        names = [
            f"{column.name}_{place}"
            for place in range(1, 1 + (0 if values is None else len(values.T)))
        ]
        if values is None or any(name in frame for name in names):
            columns.append(column)
            continue
        columns += [numbers(name, values[:, place]) for place, name in enumerate(names)]
        message = f"each cell of '{column.name}' holds {len(names)} numbers"
        action = (
            f"read as the columns {names[0]} to {names[-1]}; "
            f"input.text=[{column.name}] reads them as words"
        )
        findings.append(Finding("PASS", VECTORS, message, action))
    if not findings:
        return frame, []
    return Frame(tuple(columns), frame.origin, frame.rows), findings


def _vectors(column: Column) -> NDArray[np.float64] | None:
    """Returns the numbers of the cells, or NaN; None for other cells."""
    if column.kind != "string" or not column.categories:
        return None
    pattern = next((p for p in (_BRACKETS, _BLANKS) if p.fullmatch(column.categories[0])), None)
    if pattern is None or not all(map(pattern.fullmatch, column.categories[:_FIRST])):
        return None
    width = len(_BETWEEN.sub(" ", column.categories[0]).split())
    if width > _MAX_NUMBERS:
        return None
    table = np.empty((len(column.categories), width))
    for row, text in enumerate(column.categories):
        values = _BETWEEN.sub(" ", text).split()
        if len(values) != width:
            return None
        try:
            table[row] = np.array(values, dtype=np.float64)
        except ValueError:
            return None
    return np.concatenate([table, np.full((1, width), np.nan)])[column.values]
