"""The answer column: gaps, a single class, classes of one, imbalance; and columns that give the answer away."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.seeds import numpy_generator
from kissipo.core.text import list_some

_IMBALANCE = 10
_LOOK_AT = 5_000
_TELLTALE = 0.999


def refuse_no_answers(frame: Frame, name: str) -> None:
    """Raises DataError when the answer column has no value at all."""
    if frame[name].missing.all():
        raise DataError(
            f"the answer column '{name}' of {frame.origin} has no value in any of its {len(frame)} rows",
            do="Fill it, or name another with --output",
        )


def refuse_one_number(frame: Frame, name: str) -> None:
    """Raises DataError when the answer is the same number in every row."""
    present = frame[name].values
    if len(present) > 1 and np.all(present == present[0]):
        raise DataError(
            f"the answer column '{name}' has the same value in all {len(present)} rows",
            given=str(frame[name].show(0)),
            do="Is it the right column?",
        )


def unanswered(frame: Frame, name: str) -> list[Finding]:
    """Rows without an answer, which nothing can be learned from."""
    rows = frame.rows[frame[name].missing]
    if not len(rows):
        return []
    message = (
        f"the answer '{name}' is missing in {len(rows)} of {len(frame)} rows ({format_rows(rows)})"
    )
    return [
        Finding(
            "WARN",
            "missing answers",
            message,
            "these rows are left out",
            tuple(int(row) for row in rows[:100]),
        )
    ]


def classes(column: Column) -> list[Finding]:
    """Whether there are classes to tell apart, enough of each, in reasonable shares.

    Raises:   DataError for a single class and for classes with a single row.
    """
    counts = dict(sorted(column.counts().items(), key=lambda pair: -pair[1]))
    if len(counts) < 2:
        only = next(iter(counts), "")
        raise DataError(
            f"the answer column '{column.name}' has only one class: '{only}' in all {len(column)} rows",
            allowed="at least two classes",
            do="Is it the right column?",
        )
    lonely = [level for level, count in counts.items() if count < 2]
    if lonely:
        listed = list_some([f"'{level}'" for level in lonely], 5)
        raise DataError(
            f"{len(lonely)} of the {len(counts)} classes of '{column.name}' have a single row: {listed}",
            allowed="at least two rows a class, one to learn from and one to judge by",
            do="Add rows of that class, merge it with another, remove it, or is it a number? Then use output.number",
        )
    most, least = max(counts.values()), min(counts.values())
    rarest = min(counts, key=lambda level: counts[level])
    if most >= _IMBALANCE * least:
        message = f"the classes of '{column.name}' are uneven: '{next(iter(counts))}' {most} rows, '{rarest}' {least}"
        return [
            Finding(
                "WARN",
                "class imbalance",
                message,
                "read recall and F1, not accuracy alone; parts keep the shares",
            )
        ]
    return [
        Finding(
            "PASS",
            "class imbalance",
            f"{len(counts)} classes of '{column.name}', the rarest with {least} of {len(column)} rows",
        )
    ]


def leakage(frame: Frame, names: Iterable[str], answer: str, *, is_category: bool) -> list[Finding]:
    """Columns from which alone the answer can be read: often a copy of it, or something known only afterwards.

    Rows are looked at in a drawn order, because a table may alternate between its classes.
    """
    some = frame.take(numpy_generator(0, "giveaways").permutation(len(frame))[:_LOOK_AT])
    truth = some[answer]
    findings = []
    for name in names:
        share = _share_told(some[name], truth, is_category=is_category)
        if share >= _TELLTALE:
            message = (
                f"'{name}' alone tells the answer '{answer}' in {100 * share:.4g} % of the rows"
            )
            action = f"used as it is; if it is known only afterwards, leave it out with input.drop=[{name}]"
            findings.append(Finding("WARN", "gives the answer away", message, action))
    return findings


def _share_told(column: Column, truth: Column, *, is_category: bool) -> float:
    """Share of the rows (or of the variance of a number) that the column explains by itself, as seen in the other half."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = _as_values(column)
    wanted = truth.values
    if values is None or len(values) < 40:
        return 0.0
    if not is_category:
        spread = np.nanstd(wanted)
        if column.kind == "number" and spread > 0 and np.nanstd(values) > 0:
            both = ~(np.isnan(values[:, 0]) | np.isnan(wanted))
            linear = np.corrcoef(values[both, 0], wanted[both])[0, 1] if both.sum() > 2 else 0.0
            return float(linear**2)
        tree: DecisionTreeClassifier | DecisionTreeRegressor = DecisionTreeRegressor(
            max_leaf_nodes=64, random_state=0
        )
    else:
        wanted = np.where(truth.missing, -1, truth.values)
        if np.bincount(wanted + 1).max() >= _TELLTALE * len(wanted):
            return 0.0
        tree = DecisionTreeClassifier(
            max_leaf_nodes=min(64, max(2, len(wanted) // 10)), random_state=0
        )
    fitted, asked = np.arange(0, len(wanted), 2), np.arange(1, len(wanted), 2)
    filled = np.nan_to_num(values, nan=-1e30)
    return float(tree.fit(filled[fitted], wanted[fitted]).score(filled[asked], wanted[asked]))


def _as_values(column: Column) -> NDArray[np.float64] | None:
    if column.kind == "number":
        return column.values[:, None]
    if column.kind == "string" and len(column.counts()) <= 100:
        return (
            (column.values[:, None] == np.arange(len(column.levels))[None, :]).astype(np.float64)
            if len(column.levels) <= 500
            else None
        )
    return None
