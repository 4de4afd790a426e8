"""Classifier: a net that predicts the class of a row, with scikit-learn's interface."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from kissipo.core.errors import DataError
from kissipo.core.frame import class_column
from kissipo.core.numpy_array import NumpyArray
from kissipo.sklearn.samples import free_name, name_of, read_samples, refuse_missing
from kissipo.sklearn.table_estimator import TableEstimator, weighted_rows


class Classifier(ClassifierMixin, TableEstimator):
    """Predicts classes.

    net:            a net by its name, or a torch module; inferred when omitted
    epochs, learning_rate, batch_size:  inferred when omitted
    budget:         how long nets are compared where net is None: none, small (about 20
                    seconds), medium or large; the best one is trained
    options:        further options of a task: {"process.dropout": 0.2}
    random_state:   the seed of the weights, the order and the validation split; None
                    draws a new one for each fit
    device:         auto, cpu, cuda or mps

    classes_        the classes, in the order of `predict_proba`
    run_            the run, which traces, explains and shows its history
    findings_       what the data check found
    candidates_     the nets that were compared, with their scores

    Example:  >>> from sklearn.datasets import load_wine
              >>> x, y = load_wine(return_X_y=True)
              >>> Classifier(epochs=2).fit(x, y).score(x, y) > 0.95
              True
    """

    classes_: NumpyArray

    def fit(self, X: object, y: object, sample_weight: object = None) -> Self:  # noqa: N803
        """Trains on all rows, apart from a part that chooses the best epoch.

        sample_weight:  how much each row counts in the loss; rows of weight 0 are left
                        out
        Raises:         ValueError for samples or classes that cannot be used.
        """
        samples = read_samples(self, X, fit=True)
        samples, labels, weights = weighted_rows(samples, _read_labels(y), sample_weight)
        classes = np.unique(labels)
        _refuse_classes(classes)
        name = free_name(name_of(y, "y"), samples.names)
        self._fit_rows(samples, [class_column(name, labels)], weights, kind="category")
        self.classes_ = classes
        return self

    def predict(self, X: object) -> NumpyArray:  # noqa: N803
        """Returns the class of each row, with the dtype of y.

        Raises:   NotFittedError before `fit`; ValueError for other columns.
        """
        predictions = self._predictions(X)
        places = {str(label): place for place, label in enumerate(self.classes_.tolist())}
        labels: NumpyArray = self.classes_[[places[str(row[0].value)] for row in predictions]]
        return labels

    def predict_proba(self, X: object) -> NDArray[np.float64]:  # noqa: N803
        """Returns the class probabilities (row, class), in the order of `classes_`.

        Raises:   NotFittedError before `fit`; ValueError for other columns.
        """
        outputs = self._outputs(X)
        answer = self.run_.answers[0]
        shares = answer.class_probabilities(outputs)
        assert shares is not None
        order = [answer.classes.index(str(label)) for label in self.classes_.tolist()]
        return np.asarray(shares, dtype=np.float64)[:, order]


def _read_labels(y: object) -> NumpyArray:
    """Returns one class per sample.

    Raises:   ValueError for missing classes, numbers that are not classes, two columns.
    """
    if y is None:
        raise DataError("fit requires y to be passed, but the target y is None")
    labels: NumpyArray = column_or_1d(y, warn=True)
    refuse_missing(labels)
    check_classification_targets(labels)
    return labels


def _refuse_classes(classes: NumpyArray) -> None:
    """Refuses a single class, and two classes that are the same text for kissipo."""
    if len(classes) < 2:
        raise DataError(
            "a classifier needs samples of at least two classes",
            got=f"the only class {classes[0].item()!r}",
            do="Give samples of another class",
        )
    labels: dict[str, object] = {}
    for label in classes.tolist():
        other = labels.setdefault(str(label).strip(), label)
        if other is not label:
            raise DataError(
                "two classes of y are written with the same text",
                got=f"{other!r} and {label!r}",
                do="Give them different names",
            )
