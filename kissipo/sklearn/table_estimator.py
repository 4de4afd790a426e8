"""TableEstimator: an estimator whose samples are rows: a classifier or a regressor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted
from torch import Tensor, nn

from kissipo.core.codec import columns_of
from kissipo.core.errors import DataError
from kissipo.core.frame import Column, numbers
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.text import list_some
from kissipo.engine.evaluate import answer_all
from kissipo.output.answer import Prediction
from kissipo.sklearn.estimator import Estimator
from kissipo.sklearn.samples import Samples, free_name, read_samples

Weights = NDArray[np.float64]


class TableEstimator(Estimator):
    """An estimator whose samples are rows of an array or a data frame."""

    def __init__(
        self,
        *,
        net: str | nn.Module | None = None,
        epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        budget: str = "none",
        options: Mapping[str, object] | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "auto",
    ) -> None:
        self.net = net
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.budget = budget
        self.options = options
        self.random_state = random_state
        self.device = device

    def predict_frame(self, X: object) -> object:  # noqa: N803 - the name of scikit-learn
        """Returns a data frame of the same library and index, for a data frame.

        Its columns are those of `Run.predict`: `prediction` and, for classes,
        `probability_CLASS`.

        Raises:   DataError for an array; NotFittedError before `fit`.
        """
        check_is_fitted(self)
        samples = read_samples(self, X, fit=False)
        if not samples.is_frame:
            raise DataError(
                "predict_frame needs a data frame",
                got=type(X).__name__,
                do="Use predict(X), which returns an array",
            )
        return self.run_.predict(samples.data)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _own_options(self) -> dict[str, object]:
        return {
            **super()._own_options(),
            "process.learning_rate": self.learning_rate,
            "input.batch_size": self.batch_size,
        }

    def _fit_rows(
        self, samples: Samples, targets: Sequence[Column], weights: Weights | None, *, kind: str
    ) -> None:
        """Trains on rows with one answer of this kind per target."""
        answers = [{kind: column.name} for column in targets]
        inputs = samples.input_options()
        columns = list(targets)
        if weights is not None:
            taken = [*samples.names, *(column.name for column in targets)]
            columns.append(numbers(free_name("sample_weight", taken), weights))
            inputs["sample_weight"] = columns[-1].name
        output = answers[0] if len(answers) == 1 else answers
        task = self._task(inputs, output, samples=len(samples))
        self._train(task, samples.reading(task, columns))
        self._columns = samples.names
        for text in self._why_not_compared:
            warnings.warn(text, stacklevel=3)
        unused = [name for name in samples.names if name not in columns_of(self.run_.codecs)]
        if unused:
            warnings.warn(
                f"the fit does not use {list_some(unused, 5)}: see findings_", stacklevel=3
            )

    def _predictions(self, X: object) -> list[tuple[Prediction, ...]]:  # noqa: N803
        """Returns one prediction per row and answer."""
        value = self._value(X)
        predictions, _, remarks = self.run_.predict_outputs([value])
        _warn(remarks)
        return predictions

    def _outputs(self, X: object) -> Tensor:  # noqa: N803
        """Returns what the net outputs for the first answer."""
        value = self._value(X)
        _, dataset, remarks = self.run_.encode([value])
        _warn(remarks)
        return answer_all(self.run_.net, dataset, self.run_.answers)[0]

    def _value(self, X: object) -> object:  # noqa: N803
        """Returns samples as the run takes them, in the columns of the training."""
        check_is_fitted(self)
        return read_samples(self, X, fit=False).named(self._columns).value()


def weighted_rows(
    samples: Samples, targets: NumpyArray, sample_weight: object
) -> tuple[Samples, NumpyArray, Weights | None]:
    """Returns the samples, targets and weights without the rows of weight 0.

    Raises:   ValueError for targets or weights of another number of samples, as
              scikit-learn says it; DataError if all weights are 0.
    """
    check_consistent_length(np.empty((len(samples), 1)), targets)
    weights = _read_weights(samples, sample_weight)
    if weights is None or weights.all():
        return samples, targets, weights
    rows = np.flatnonzero(weights)
    return samples.taken(rows), targets[rows], weights[rows]


def _read_weights(samples: Samples, sample_weight: object) -> Weights | None:
    """Returns one weight per sample; None without weights.

    Raises:   ValueError as scikit-learn says it; DataError if all are 0.
    """
    if sample_weight is None:
        return None
    array = np.empty((len(samples), 1))
    weights: Weights = _check_sample_weight(
        sample_weight, array, dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise DataError("the sample weights are all zero", allowed="at least one above 0")
    return weights


def _warn(remarks: Sequence[str]) -> None:
    for remark in remarks:
        warnings.warn(remark, stacklevel=4)
