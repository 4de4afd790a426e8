"""Single columns: missing values, constants, IDs."""

from collections.abc import Iterable

import numpy as np

from kissipo.codec._image_kinds import SUFFIXES
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.text import list_ends
from kissipo.input.scripts import is_without_blanks

_MAX_LISTED, _NUM_LISTED = 12, 5
_ID_TEXT = "id no no. nr nr. # index idx row rowid row_id key number uid num column1 编号 序号 番号"
_ID_NAMES = frozenset({*_ID_TEXT.split(), "unnamed: 0", "lfd. nr."})


def missing_values(
    frame: Frame, names: Iterable[str], *, imputation: dict[str, str]
) -> list[Finding]:
    """Reports missing values; `fills` says for each column how they are imputed."""
    findings: list[Finding] = []
    with_gaps: list[str] = []
    complete, action = 0, ""
    for column in (frame[name] for name in names):
        gaps = column.missing.copy()
        if column.odd:
            gaps[np.isin(frame.rows, [row for row, _ in column.odd])] = False
        count = int(gaps.sum())
        if count == 0:
            complete += 1
            continue
        rows = frame.rows[gaps]
        with_gaps.append(column.name)
        action = imputation.get(column.name, "read as missing")
        message = (
            f"'{column.name}' has no value in {count} of {len(frame)} rows ({format_rows(rows)})"
        )
        findings.append(
            Finding(
                "WARN",
                "missing values",
                message,
                action,
                first_rows(rows),
            )
        )
    if len(findings) > _MAX_LISTED:
        others = with_gaps[_NUM_LISTED:]
        listed = list_ends([f"'{name}'" for name in others], 3, 1)
        message = f"{len(others)} more columns have missing values: {listed}"
        findings = [*findings[:_NUM_LISTED], Finding("WARN", "missing values", message, action)]
    if not findings:
        columns = "1 column" if complete == 1 else f"{complete} columns"
        findings.append(Finding("PASS", "missing values", f"no missing values in {columns}"))
    return findings


def image_names(frame: Frame, names: Iterable[str]) -> list[Finding]:
    """Warns of columns that name image files: their texts say nothing of the images."""
    findings = []
    for column in (frame[name] for name in names):
        texts = column.categories[:200] if column.kind == "string" else ()
        files = sum(text.lower().endswith(SUFFIXES) for text in texts)
        if files and files >= 0.9 * len(texts):
            message = f"'{column.name}' names image files, such as '{texts[0]}'"
            action = (
                "the images are not read; to learn from them: kissipo fit FOLDER "
                "input.labels=FILE with this table"
            )
            findings.append(Finding("WARN", "images", message, action))
    return findings


def constant_columns(frame: Frame, names: Iterable[str]) -> list[str]:
    """Returns the names of the columns with at most one distinct value."""
    return [name for name in names if _distinct(frame[name]) <= 1]


def numbered_rows(frame: Frame, names: Iterable[str]) -> list[str]:
    """Returns the names of ID columns, from which nothing can be learned.

    They number the rows, or have another code in every row.
    """
    names = list(names)
    return [name for name in names if _is_id(frame[name], alone=len(names) == 1)]


def _is_id(column: Column, *, alone: bool) -> bool:
    """Whether a column numbers the rows: by one step, or shuffled and called so.

    alone:   whether it is the only column, such as the x of a curve
    """
    count = len(column)
    if count < 20 or column.missing.any():
        return False
    if column.kind == "number" and not np.isfinite(column.values).all():
        return False
    if column.kind == "number":
        steps = np.diff(column.values)
        if np.all(steps == steps[0]) and steps[0] != 0 and float(steps[0]).is_integer():
            return bool(steps[0] == 1 or not alone)
        ordered = np.diff(np.sort(column.values))
        return bool(np.all(ordered == 1)) and column.name.strip().lower() in _ID_NAMES
    if column.kind == "string":
        one_word = all(
            " " not in level.strip() and len(level) <= 64 for level in column.categories[:200]
        )
        return (
            one_word
            and not is_without_blanks(column.categories[:200])
            and len(column.categories) == count
            and any(any(c.isdigit() for c in level) for level in column.categories[:200])
        )
    return False


def _distinct(column: Column) -> int:
    present = column.values[~column.missing]
    if len(present) == 0:
        return 0
    return int(not np.all(present == present[0])) + 1
