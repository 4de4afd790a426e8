"""Cells that are written like codes, such as 007, among the numbers of a column.

The column is read as texts, so that 007 stays 007 wherever it stands. A warning names
the cells where they are few, and where the digits of the others differ in number, as
those of a code seldom do. Zeros alone (00) are no code among such numbers: they are 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.text import list_some
from kissipo.input.cells.number_texts import find_codes

_FEW_SHARE, _MIN_SHARE = 0.1, 0.5
_WITHOUT_POINTS = str.maketrans("", "", ".,")


def has_codes(texts: Sequence[str], counts: NDArray[np.int64]) -> bool:
    """Whether the texts of a column are codes, and no numbers.

    counts:   rows per text

    Example:  >>> has_codes(["7", "12", "007"], np.array([50, 50, 1]))
              True
              >>> has_codes(["7", "12", "00"], np.array([50, 50, 1]))
              False
              >>> has_codes(["15", "30", "45", "00"], np.array([9, 9, 9, 9]))
              True
    """
    codes = find_codes(texts)
    return bool(codes) and not (_are_zeros(texts, codes) and _are_stray(texts, counts, codes))


def stray_codes(column: Column, frame: Frame) -> list[Finding]:
    """Reports the few cells that are written like codes, in a column of numbers."""
    texts = column.categories
    codes = find_codes(texts)
    if not codes:
        return []
    counts = column.code_counts()
    if not _are_stray(texts, counts, codes):
        return []
    rows = frame.rows[np.isin(column.values, codes)]
    listed = list_some([f"'{texts[code]}'" for code in codes], 4)
    action = (
        f"read as 0; input.categorical=[{column.name}] reads the column as classes"
        if _are_zeros(texts, codes)
        else f"read as texts; input.numeric=[{column.name}] reads the column as numbers"
    )
    return [
        Finding(
            "WARN",
            "codes among numbers",
            f"{listed} ({format_rows(rows)}) {'is' if len(codes) == 1 else 'are'} written like "
            f"{'a code' if len(codes) == 1 else 'codes'} among the numbers of '{column.name}'",
            action,
            first_rows(rows),
        )
    ]


def _are_zeros(texts: Sequence[str], codes: Sequence[int]) -> bool:
    return not any(texts[code].strip().strip("+-0") for code in codes)


def _are_stray(texts: Sequence[str], counts: NDArray[np.int64], codes: Sequence[int]) -> bool:
    """Whether few rows have a code, beside numbers of different lengths."""
    total = counts.sum()
    if counts[codes].sum() > _FEW_SHARE * total:
        return False
    digits = [text.strip().lstrip("+-").translate(_WITHOUT_POINTS) for text in texts]
    are_numbers = np.array([text.isdigit() for text in digits])
    lengths = {
        len(text.strip()) for text, is_number in zip(texts, are_numbers, strict=True) if is_number
    }
    return bool(len(lengths) > 1 and counts[are_numbers].sum() > _MIN_SHARE * total)
