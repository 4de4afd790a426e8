"""Target columns: missing values, a single value, rare classes, class imbalance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import list_some

_IMBALANCE, _ENDS = 10, ".,;:"
_FEW = 10  # rows of a class, of which a tenth or a fifth may be none
_UNKNOWN = frozenset({"?", "anonymous", "disputed", "undecided", "unknown", "unlabeled", "未知"})


def refuse_all_missing(frame: Frame, name: str) -> None:
    """Raises DataError when the target column has no value at all."""
    if frame[name].missing.all():
        raise DataError(
            f"the target column '{name}' of {frame.origin} has no value "
            f"in any of its {len(frame)} rows",
            do="Fill it, or name another with --output",
        )


def refuse_one_number(frame: Frame, name: str) -> None:
    """Raises DataError when the target has the same value in every row."""
    present = frame[name].values
    if len(present) > 1 and np.all(present == present[0]):
        raise DataError(
            f"the target column '{name}' has the same value in all {len(present)} rows",
            got=str(frame[name].show(0)),
            do="Is it the right column?",
        )


def refuse_negative(frame: Frame, name: str) -> None:
    """Raises DataError for a count below 0."""
    below = np.flatnonzero(np.nan_to_num(frame[name].values) < 0)
    if len(below):
        raise DataError(
            f"process.loss=poisson needs counts, and '{name}' has values below 0",
            got=f"{frame[name].show(int(below[0]))} in row {frame.rows[below[0]]}",
            do="Leave process.loss out, or name a column of counts",
        )


def missing_targets(frame: Frame, name: str) -> list[Finding]:
    """Reports rows without a target value; they are left out."""
    rows = frame.rows[frame[name].missing]
    if not len(rows):
        return []
    message = (
        f"the target '{name}' is missing in {len(rows)} of {len(frame)} rows ({format_rows(rows)})"
    )
    return [
        Finding(
            "WARN",
            "missing targets",
            message,
            "these rows are left out",
            first_rows(rows),
        )
    ]


def other_classes(
    column: Column, classes: Sequence[str]
) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Returns which rows have another class than those that are learned.

    Raises:   TaskError for a class that no row has.
    """
    counts = column.counts()
    absent = [name for name in classes if name not in counts]
    if absent:
        raise TaskError(
            f"output.classes names '{absent[0]}', which no row of '{column.name}' has",
            allowed=list_some([f"'{name}'" for name in counts], 8),
            do=did_you_mean(absent[0], counts),
        )
    others = {name: count for name, count in counts.items() if name not in classes}
    if not others:
        return np.zeros(len(column), dtype=bool), []
    codes = [code for code, name in enumerate(column.categories) if name in others]
    listed = list_some([f"'{name}' {count}" for name, count in others.items()], 5)
    message = f"'{column.name}' is none of output.classes in some rows: {listed}"
    finding = Finding("PASS", "other classes", message, "these rows are not trained on")
    return np.isin(column.values, codes), [finding]


def unknown_classes(column: Column) -> list[Finding]:
    """Reports classes whose names say that the true class is not known."""
    counts = column.counts()
    unknown = [name for name in counts if name.strip().lower() in _UNKNOWN]
    if not unknown or len(counts) - len(unknown) < 2:
        return []
    listed = list_some([f"'{name}' {counts[name]} rows" for name in unknown], 5)
    message = f"a class of '{column.name}' seems to mean that the class is not known: {listed}"
    others = list_some([name for name in counts if name not in unknown], 8, separator=",")
    action = f"learned as any other class; output.classes=[{others}] predicts these rows instead"
    return [Finding("WARN", "unknown classes", message, action)]


def check_classes(column: Column, *, is_tested: bool = True) -> list[Finding]:
    """Checks the number of classes, the rows per class and the class balance.

    is_tested:  whether there is a test split, which needs a row of each class as well
    Raises:     DataError for a single class, and where there is a test split for
                classes with a single row.
    """
    counts = dict(sorted(column.counts().items(), key=lambda pair: -pair[1]))
    if len(counts) < 2:
        only = next(iter(counts), "")
        raise DataError(
            f"the target column '{column.name}' has only one class: "
            f"'{only}' in all {len(column)} rows",
            allowed="at least two classes",
            do="Is it the right column?",
        )
    rare = [level for level, count in counts.items() if count < 2]
    listed = list_some([f"'{level}'" for level in rare], 5)
    single = (
        f"{len(rare)} of the {len(counts)} classes of '{column.name}' have a single row: {listed}"
    )
    if rare and is_tested:
        raise DataError(
            single,
            allowed="at least two rows per class, one for training and one for evaluation",
            do="Add rows of that class, merge it with another or remove it; "
            "if the target is a number, use output.number",
        )
    findings = _equal_but_for_case(column.name, counts) + _equal_but_for_ends(column.name, counts)
    if rare:
        findings.append(Finding("WARN", "rare classes", single, "the row is in the train split"))
    max_count, min_count = max(counts.values()), min(counts.values())
    rarest = min(counts, key=lambda level: counts[level])
    if max_count >= _IMBALANCE * min_count:
        message = (
            f"the classes of '{column.name}' are imbalanced: "
            f"'{next(iter(counts))}' {max_count} rows, '{rarest}' {min_count}"
        )
        return [
            *findings,
            Finding(
                "WARN",
                "class imbalance",
                message,
                "read recall and F1, not accuracy alone; every split keeps the class proportions"
                + (
                    f" where a class has enough rows; '{rarest}' may be missing in some"
                    if min_count < _FEW
                    else ""
                ),
            ),
        ]
    return [
        *findings,
        Finding(
            "PASS",
            "class imbalance",
            f"{len(counts)} classes of '{column.name}', "
            f"the rarest with {min_count} of {len(column)} rows",
        ),
    ]


def _equal_but_for_case(name: str, counts: Mapping[str, int]) -> list[Finding]:
    """Reports classes that differ in nothing but upper and lower case."""
    groups: dict[str, list[str]] = {}
    for text in counts:
        groups.setdefault(text.casefold(), []).append(text)
    same = ["/".join(classes) for classes in groups.values() if len(classes) > 1]
    if not same:
        return []
    return [
        Finding(
            "WARN",
            "classes by case",
            f"some classes of '{name}' differ only in case: {list_some(same, 5)}",
            "kept as different classes; output.ignore_case=true joins them",
        )
    ]


def _equal_but_for_ends(name: str, counts: Mapping[str, int]) -> list[Finding]:
    """Reports classes that differ in nothing but a point or comma at their end."""
    same = [text for text in counts if text[-1:] in _ENDS and text.rstrip(_ENDS) in counts]
    if not same:
        return []
    listed = list_some([f"{text.rstrip(_ENDS)}/{text}" for text in same], 5)
    message = f"some classes of '{name}' differ only in the last character: {listed}"
    action = "kept as different classes; write them in one way"
    return [Finding("WARN", "classes by their ends", message, action)]


def join_blanks(column: Column) -> tuple[Column, list[Finding]]:
    """Joins the classes that are equal but for blanks around them, and reports it."""
    counts = Counter(text.strip() for text in column.counts())
    same = [text for text, count in counts.items() if count > 1]
    if not same:
        return column, []
    texts = [text.strip() if text.strip() in same else text for text in column.categories]
    message = f"some classes of '{column.name}' are equal but for blanks around them: " + list_some(
        [f"'{text}'" for text in same], 5
    )
    finding = Finding("PASS", "blanks around classes", message, "read as one class each")
    return _renamed(column, texts), [finding]


def join_case(column: Column, *, trained: Sequence[str] = ()) -> tuple[Column, list[Finding]]:
    """Joins the classes that differ only in case, in the most frequent spelling.

    trained:  the classes of the training data, whose spelling counts
    """
    counts = column.counts()
    spelling: dict[str, str] = {}
    for text in (*trained, *sorted(counts, key=lambda text: -counts[text])):
        spelling.setdefault(text.casefold(), text)
    texts = [spelling[text.casefold()] for text in column.categories]
    joined = [
        f"'{text}' as '{new}'"
        for text, new in zip(column.categories, texts, strict=True)
        if text != new and text in counts
    ]
    if not joined:
        return column, []
    message = f"classes of '{column.name}' that differ only in case are one class"
    action = "the most frequent spelling is used: " + list_some(joined, 5)
    return _renamed(column, texts), [Finding("PASS", "classes by case", message, action)]


def _renamed(column: Column, texts: Sequence[str]) -> Column:
    """Returns a column with these texts in place of its categories."""
    joined = strings(column.name, texts)
    codes = np.append(joined.values, -1)[column.values].astype(np.int32)
    return replace(column, values=codes, categories=joined.categories)
