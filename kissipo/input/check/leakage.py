"""Target leakage: input columns that determine the target alone."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame
from kissipo.core.seeds import numpy_generator
from kissipo.core.text import list_some

_MAX_ROWS = 5_000
_LEAKAGE_SHARE, _MAX_LISTED = 0.999, 5


def leakage(frame: Frame, names: Iterable[str], answer: str) -> list[Finding]:
    """Finds columns that determine the target alone: a copy of it, or later knowledge.

    Rows are sampled in random order, because a table may alternate between its classes.
    """
    sample = frame.take(numpy_generator(0, "giveaways").permutation(len(frame))[:_MAX_ROWS])
    target = sample[answer]
    shares = {name: _explained_share(sample[name], target) for name in names}
    shares = {name: share for name, share in shares.items() if share >= _LEAKAGE_SHARE}
    if len(shares) > _MAX_LISTED:
        listed = list_some([f"'{name}'" for name in shares], 3)
        message = f"{len(shares)} columns each determine the target '{answer}' alone: {listed}"
        action = "used as inputs; if they are known only afterwards, name them in input.drop"
        return [Finding("WARN", "target leakage", message, action)]
    findings = []
    for name, share in shares.items():
        message = (
            f"'{name}' alone determines the target '{answer}' in {100 * share:.4g} % of the rows"
        )
        action = (
            "used as an input; if it is known only afterwards, "
            f"leave it out with input.drop=[{name}]"
        )
        findings.append(Finding("WARN", "target leakage", message, action))
    return findings


def _explained_share(column: Column, target: Column) -> float:
    """Returns the share of rows that the column predicts alone, on the other half.

    For a numeric target it is the share of the variance (R squared).
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = _as_values(column)
    labels = target.values
    if values is None or len(values) < 40:
        return 0.0
    if target.kind == "number":
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
    if column.kind == "string" and len(column.used_categories()) <= 100:
        return (
            (column.values[:, None] == np.arange(len(column.categories))[None, :]).astype(
                np.float64
            )
            if len(column.categories) <= 500
            else None
        )
    return None
