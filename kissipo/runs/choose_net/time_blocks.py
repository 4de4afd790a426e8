"""Time blocks: how certain a score is where neighboring samples share time steps.

Two neighboring windows share all but one step of their targets, so a thousand windows
count less than a thousand independent samples. The samples of each series are therefore
cut into blocks in order of time, each twice as long as the steps that samples share.
The standard error is that of the mean of block means.

A period that is hard may be longer than a block. If neighboring blocks have the
autocorrelation r > 0, m blocks count as m (1 - r) / (1 + r).

Two candidates are compared by the differences of their block means, as in the test of
Diebold and Mariano: what makes a period hard for both cancels out. Different series
count as independent.

Source:   Diebold and Mariano, Comparing Predictive Accuracy, Journal of Business &
          Economic Statistics, 1995; blocks: Carlstein, The Use of Subseries Values for
          Estimating the Variance, Annals of Statistics, 1986; the number that counts:
          Bartlett, Journal of the Royal Statistical Society 98, 1935.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from kissipo.pipeline.pipeline import Pipeline

MIN_BLOCKS = 10
ERRORS = 2.0  # standard errors by which a gain is beyond chance
_MAX_BLOCKS = 200  # more of them do not make the standard error more exact


def block_numbers(
    positions: NDArray[np.int64], starts: Sequence[int], overlap: int
) -> NDArray[np.int64]:
    """Returns the number of the block of each sample; no block has two series.

    Of very many series, some that follow one another are a block together.

    positions:  the first step of each sample, in order of time within each series
    starts:     the first step of each series, and the number of steps
    overlap:    how many neighboring samples share a step

    Example:  >>> block_numbers(np.arange(12), (0, 8, 20), 2).tolist()
              [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
              >>> block_numbers(np.arange(7), (0, 20), 2).tolist()
              [0, 0, 0, 0, 0, 0, 0]
    """
    series = np.searchsorted(np.asarray(starts), positions, side="right")
    numbers, count = np.unique(series, return_inverse=True)[1], len(np.unique(series))
    if count > _MAX_BLOCKS:
        return np.asarray(numbers * _MAX_BLOCKS // count, dtype=np.int64)
    length = max(2 * overlap, -(-len(positions) // _MAX_BLOCKS))
    blocks, first = np.zeros(len(positions), dtype=np.int64), 0
    for number in range(count):
        own = np.flatnonzero(numbers == number)
        steps = positions[own] - positions[own[0]]
        span = int(steps[-1]) + 1
        parts = max(1, span // length)
        blocks[own] = first + steps * parts // span
        first += parts
    return np.unique(blocks, return_inverse=True)[1]


def block_means(values: NDArray[np.float64], blocks: NDArray[np.int64]) -> tuple[float, ...]:
    """Returns the mean of the samples of each block.

    Example:  >>> block_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]))
              (2.0, 5.0)
    """
    sums = np.bincount(blocks, weights=values)
    return tuple((sums / np.bincount(blocks)).tolist())


def standard_error(means: Sequence[float]) -> float:
    """Returns the standard error of the mean of block means in order of time; NaN for
    one block.

    Example:  >>> round(standard_error([1.0, 3.0, 1.0, 3.0]) * 3**0.5, 6)
              1.0
              >>> round(standard_error([1.0, 1.0, 3.0, 3.0]) * 3**0.5, 6)
              1.290994
    """
    if len(means) < 2:
        return nan
    rest = np.asarray(means) - np.mean(means)
    squares = float(rest @ rest)
    r = max(0.0, float(rest[1:] @ rest[:-1]) / squares) if squares else 0.0
    count = len(means) * (1 - r) / (1 + r)
    return float((squares / (len(means) - 1) / count) ** 0.5)


def is_better(some: Sequence[float], others: Sequence[float]) -> bool:
    """Returns whether the quality of one candidate is above that of another one by more
    than chance.

    some, others:  the means of the same blocks; higher is better

    Example:  >>> zeros, ones = [0.0] * 12, [1.0] * 12
              >>> is_better(ones, zeros), is_better(zeros, ones)
              (True, False)
              >>> is_better(ones[:3], zeros[:3])
              False
    """
    if len(some) != len(others) or len(some) < MIN_BLOCKS:
        return False
    gains = np.subtract(some, others)
    return bool(gains.mean() > ERRORS * standard_error(gains.tolist()))


def count_blocks(pipeline: Pipeline, positions: NDArray[np.int64]) -> int:
    """Returns the number of blocks of some samples of a pipeline."""
    if not len(positions):
        return 0
    return int(block_numbers(positions, pipeline.starts, pipeline.overlap)[-1]) + 1
