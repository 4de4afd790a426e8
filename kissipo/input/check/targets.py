"""Target column: missing values, rare classes, class imbalance and target leakage."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.seeds import numpy_generator
from kissipo.core.text import list_some

_IMBALANCE = 10
_MAX_ROWS = 5_000
_LEAKAGE_SHARE = 0.999


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
            tuple(int(row) for row in rows[:100]),
        )
    ]


def classes(column: Column) -> list[Finding]:
    """Checks the number of classes, the rows per class and the class balance.

    Raises:   DataError for a single class and for classes with a single row.
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
    if rare:
        listed = list_some([f"'{level}'" for level in rare], 5)
        raise DataError(
            f"{len(rare)} of the {len(counts)} classes of '{column.name}' "
            f"have a single row: {listed}",
            allowed="at least two rows per class, one for training and one for evaluation",
            do="Add rows of that class, merge it with another or remove it; "
            "if the target is a number, use output.number",
        )
    max_count, min_count = max(counts.values()), min(counts.values())
    rarest = min(counts, key=lambda level: counts[level])
    if max_count >= _IMBALANCE * min_count:
        message = (
            f"the classes of '{column.name}' are imbalanced: "
            f"'{next(iter(counts))}' {max_count} rows, '{rarest}' {min_count}"
        )
        return [
            Finding(
                "WARN",
                "class imbalance",
                message,
                "read recall and F1, not accuracy alone; every split keeps the class proportions",
            )
        ]
    return [
        Finding(
            "PASS",
            "class imbalance",
            f"{len(counts)} classes of '{column.name}', "
            f"the rarest with {min_count} of {len(column)} rows",
        )
    ]


def leakage(frame: Frame, names: Iterable[str], answer: str, *, is_category: bool) -> list[Finding]:
    """Finds columns that determine the target alone: a copy of it, or later knowledge.

    Rows are sampled in random order, because a table may alternate between its classes.
    """
    sample = frame.take(numpy_generator(0, "giveaways").permutation(len(frame))[:_MAX_ROWS])
    target = sample[answer]
    findings = []
    for name in names:
        share = _explained_share(sample[name], target, is_category=is_category)
        if share >= _LEAKAGE_SHARE:
            message = (
                f"'{name}' alone determines the target '{answer}' "
                f"in {100 * share:.4g} % of the rows"
            )
            action = (
                "used as an input; if it is known only afterwards, "
                f"leave it out with input.drop=[{name}]"
            )
            findings.append(Finding("WARN", "target leakage", message, action))
    return findings


def _explained_share(column: Column, target: Column, *, is_category: bool) -> float:
    """Returns the share of rows that the column predicts alone, on the other half.

    For a numeric target it is the share of the variance (R squared).
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = _as_values(column)
    labels = target.values
    if values is None or len(values) < 40:
        return 0.0
    if not is_category:
        std = np.nanstd(labels)
        if column.kind == "number" and std > 0 and np.nanstd(values) > 0:
            both = ~(np.isnan(values[:, 0]) | np.isnan(labels))
            linear = np.corrcoef(values[both, 0], labels[both])[0, 1] if both.sum() > 2 else 0.0
            return float(linear**2)
        tree: DecisionTreeClassifier | DecisionTreeRegressor = DecisionTreeRegressor(
            max_leaf_nodes=64, random_state=0
        )
    else:
        labels = np.where(target.missing, -1, target.values)
        if np.bincount(labels + 1).max() >= _LEAKAGE_SHARE * len(labels):
            return 0.0
        tree = DecisionTreeClassifier(
            max_leaf_nodes=min(64, max(2, len(labels) // 10)), random_state=0
        )
    train, test = np.arange(0, len(labels), 2), np.arange(1, len(labels), 2)
    filled = np.nan_to_num(values, nan=-1e30)
    return float(tree.fit(filled[train], labels[train]).score(filled[test], labels[test]))


def _as_values(column: Column) -> NDArray[np.float64] | None:
    if column.kind == "number":
        return column.values[:, None]
    if column.kind == "string" and len(column.counts()) <= 100:
        return (
            (column.values[:, None] == np.arange(len(column.categories))[None, :]).astype(
                np.float64
            )
            if len(column.categories) <= 500
            else None
        )
    return None
