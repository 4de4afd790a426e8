"""Regressor: a net that predicts numbers of a row, with scikit-learn's interface."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, numbers
from kissipo.input.formats.dataframe import from_dataframe, is_dataframe
from kissipo.sklearn.samples import Samples, free_name, name_of, read_samples, refuse_missing
from kissipo.sklearn.table_estimator import TableEstimator, weighted_rows


class Regressor(RegressorMixin, TableEstimator):
    """Predicts one number per row, or several.

    net:            a net by its name, or a torch module; inferred when omitted
    epochs, learning_rate, batch_size:  inferred when omitted
    budget:         how long nets are compared where net is None: none, small (about 20
                    seconds), medium or large; the best one is trained
    options:        further options of a task: {"process.dropout": 0.2}
    random_state:   the seed of the weights, the order and the validation split; None
                    draws a new one for each fit
    device:         auto, cpu, cuda or mps

    run_            the run, which traces, explains and shows its history
    findings_       what the data check found
    candidates_     the nets that were compared, with their scores

    Example:  >>> from sklearn.datasets import load_diabetes
              >>> x, y = load_diabetes(return_X_y=True)
              >>> Regressor(epochs=2).fit(x, y).score(x, y) > 0.45
              True
    """

    def fit(self, X: object, y: object, sample_weight: object = None) -> Self:  # noqa: N803
        """Trains on all rows, apart from a part that chooses the best epoch.

        y:              one number per row, or a row of numbers
        sample_weight:  how much each row counts in the loss; rows of weight 0 are left
                        out
        Raises:         ValueError for samples or targets that cannot be used.
        """
        samples = read_samples(self, X, fit=True)
        samples, targets, weights = weighted_rows(samples, _read_targets(y), sample_weight)
        columns = _columns(y, targets, samples)
        self._fit_rows(samples, columns, weights, kind="number")
        self._target_shape = targets.shape[1:]
        return self

    def predict(self, X: object) -> NDArray[np.float64]:  # noqa: N803
        """Returns one number per row, or the rows of several, in the shape of y.

        Raises:   NotFittedError before `fit`; ValueError for other columns.
        """
        rows = [[answer.value for answer in row] for row in self._predictions(X)]
        return np.asarray(rows, dtype=np.float64).reshape(-1, *self._target_shape)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _read_targets(y: object) -> NDArray[np.float64]:
    """Returns the targets (sample) or (sample, target).

    Raises:   DataError for texts and for missing or infinite numbers.
    """
    if y is None:
        raise DataError("fit requires y to be passed, but the target y is None")
    array = check_array(y, ensure_2d=False, dtype=None, ensure_all_finite=False, input_name="y")
    refuse_missing(array)
    texts = [value for value in array.ravel()[:1000].tolist() if isinstance(value, str)]
    if texts or array.dtype.kind not in "biufO":
        raise DataError(
            "the target y of a regressor must be numbers",
            got=f"texts such as {texts[0]!r}" if texts else str(array.dtype),
            do="Use kissipo.sklearn.Classifier for classes",
        )
    targets: NDArray[np.float64] = array.astype(np.float64)
    if not np.isfinite(targets).all():
        row = int(np.flatnonzero(~np.isfinite(targets.reshape(len(targets), -1)).all(axis=1))[0])
        raise DataError("the target y has infinite numbers", got=f"one at position {row}")
    return targets


def _columns(y: object, targets: NDArray[np.float64], samples: Samples) -> list[Column]:
    """Returns the columns of the targets, called as in a data frame, else y, y0, y1."""
    if targets.ndim == 1:
        return [numbers(free_name(name_of(y, "y"), samples.names), targets)]
    names = [f"y{place}" for place in range(targets.shape[1])]
    if is_dataframe(y):
        names = from_dataframe(y, origin="the target y").names
    return [
        numbers(free_name(str(name), samples.names), values)
        for name, values in zip(names, targets.T, strict=True)
    ]
