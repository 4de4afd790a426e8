"""A metric of the user as a function, with errors in one paragraph.

Example:  >>> from sklearn.metrics import accuracy_score
          >>> metric = MetricObject(accuracy_score)
          >>> metric.name, metric(np.array([0, 1]), np.array([0, 0]))
          ('accuracy_score', 0.5)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import ShapeError

Values = NDArray[np.generic]
MetricFunction = Callable[[Values, Values], float]
Metric = str | MetricFunction  # by its name, or as a function


@dataclass(frozen=True, eq=False)
class MetricObject:
    """Calls a function of targets and predictions that returns one number.

    The arguments are those of scikit-learn's metrics. For a category they are class
    numbers, for a number or a forecast values in the unit of the data.
    """

    function: MetricFunction

    @property
    def name(self) -> str:
        """The name of the function or of its class."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def __call__(self, truth: Values, predicted: Values) -> float:
        """Returns the metric.

        Raises:   ShapeError when the function fails, or returns something else than one
                  number.
        """
        arguments = f"targets {truth.shape} and predictions {predicted.shape} of {predicted.dtype}"
        try:
            value = self.function(truth, predicted)
        except Exception as error:
            raise ShapeError(
                f"the metric {self.name} failed: {type(error).__name__}: {error}",
                got=arguments,
                do="A metric takes targets and predictions, like those of sklearn.metrics",
            ) from error
        if np.ndim(value) == 0 and isinstance(np.asarray(value).item(), int | float):
            return float(value)
        raise ShapeError(
            f"the metric {self.name} does not return one number",
            got=f"{type(value).__name__} for {arguments}",
        )
