"""Sample weights: how much each sample counts in the losses.

The weights of a split are scaled to a mean of 1. A loss does not depend on that scale,
and the sum of the weights of a split is the number of its samples.

Example:  >>> import numpy as np
          >>> mean_one(np.array([1.0, 2.0, 3.0]), "times", "train").tolist()
          [0.5, 1.0, 1.5]
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column

Weights = NDArray[np.float64]


def check_weights(column: Column, rows: NDArray[np.int64]) -> Weights:
    """Returns the weights of a column.

    rows:     the row numbers of its values, for messages
    Raises:   DataError for a value that is not a finite number of at least 0, or if all
              values are 0.
    """
    name, wrong = f"the sample weights '{column.name}'", ""
    if column.kind != "number":
        text = next(iter(column.categories), column.kind) if len(column) else ""
        raise DataError(f"{name} are not numbers", got=f"texts such as '{text}'")
    if column.odd:
        row, text = column.odd[0]
        raise DataError(f"{name} are not all numbers", got=f"'{text}' in row {row}")
    weights = column.values.astype(np.float64)
    for wrong, places in (
        ("missing", column.missing),
        ("infinite", np.isinf(weights)),
        ("negative", weights < 0),
    ):
        if places.any():
            raise DataError(
                f"{name} are {wrong} in {format_rows(rows[places])}",
                allowed="a number of at least 0 in every row",
            )
    if not weights.any():
        raise DataError(f"{name} are all 0", allowed="at least one above 0")
    return weights


def weights_finding(name: str, weights: Weights) -> Finding:
    """Reports the range of the weights, and what is weighted."""
    message = f"'{name}' weighs the samples by {weights.min():g} to {weights.max():g}"
    action = "the losses are weighted; metrics are unweighted"
    return Finding("PASS", "sample weights", message, action)


def mean_one(weights: Weights, name: str, split: str) -> Tensor:
    """Returns the weights of a split, scaled to a mean of 1.

    Raises:   DataError if all of them are 0.
    """
    if not weights.any():
        raise DataError(
            f"the sample weights '{name}' are 0 in the whole {split} split",
            do="Change input.split.seed, or leave the rows out",
        )
    return torch.from_numpy(weights / weights.mean()).to(torch.float32)
