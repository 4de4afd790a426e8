"""Sparse tables of LIBSVM and SVMlight: a target, then number:value per feature.

+1 1:0.5 3:2                 features that are not named are 0
-1 qid:4 2:0.1  # a comment  the group of a ranking, qid, is left out
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers
from kissipo.input.formats.files import readable, refuse_many_columns

SUFFIXES = (".libsvm", ".svm", ".svmlight")
TARGET = "target"
_LINE = re.compile(rb"\s*[+-]?[\d.]\S*(?:\s+qid:\d+)?(?:\s+\d+:[+-]?[\d.]\S*)*\s*(?:#.*)?")
_HEAD, _LINES, _MAX_CELLS = 65_536, 5, 100_000_000


def is_svmlight(path: Path) -> bool:
    """Whether a file is such a table: by its ending, or a text by its first lines."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if path.suffix.lower() != ".txt" or not path.is_file():
        return False
    with path.open("rb") as file:
        lines = [line for line in file.read(_HEAD).splitlines()[:_LINES] if line.strip()]
    has_features = len(lines) > 1 and any(line.count(b":") > 1 for line in lines)
    return has_features and all(map(_LINE.fullmatch, lines))


def read_svmlight(path: Path) -> Frame:
    """Returns the targets as `target`, and the features as `feature1`, `feature2`, ...

    Raises:   DataError for a damaged file, and for a table that is too large when its
              zeros are written out.
    """
    from sklearn.datasets import load_svmlight_file

    with readable(path):
        try:
            table, target = load_svmlight_file(str(path))
        except ValueError as error:
            raise DataError(
                f"{path} is not a sparse table of LIBSVM",
                got=str(error)[:80],
                allowed="lines such as +1 1:0.5 3:2",
            ) from None
    rows, width = table.shape
    refuse_many_columns(path, width)
    if rows * width > _MAX_CELLS:
        raise DataError(
            f"{path} has {rows:,} rows of {width:,} features, most of them 0",
            allowed=f"at most {_MAX_CELLS:,} cells",
            do="Choose fewer rows, or the features that matter",
        )
    cells = np.asarray(table.toarray(), dtype=np.float64)
    features = (numbers(f"feature{place + 1}", cells[:, place]) for place in range(width))
    return Frame((numbers(TARGET, target), *features), origin=str(path))
