"""Local patterns: scores each legal move by its 3x3 neighborhood in training.

score = (played + 1) / (occurrences + 2)

A neighbor is own, the opponent's, empty or off the board. The scores of a board are
scaled to the sum 1. They depend neither on the position on the board nor on the size of
a chain.

Source:   Stern, Herbrich and Graepel 2006, Bayesian pattern ranking for move prediction
          in the game of Go, there with larger patterns.
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "3x3 local patterns"
SUITABLE_ANSWERS = ("category",)
_STATES = 4  # 0 empty, 1 own, 2 off the board, 3 the opponent's


def predict(data: BaselineData) -> Scores | None:
    """Returns the probability of each point; None when the input is not a board."""
    if [spec.axes for spec in data.specs] != [("channel", "height", "width")] or data.specs[
        0
    ].name != "board":
        return None
    train, test = (_boards(split.inputs[0].numpy()) for split in (data.train, data.test))
    codes = _codes(train)
    free = train.reshape(codes.shape) == 0
    occurrences = np.bincount(codes[free], minlength=_STATES**8)
    played = np.bincount(codes[np.arange(len(codes)), data.train.truth], minlength=_STATES**8)
    scores = ((played + 1) / (occurrences + 2))[_codes(test)] * (test.reshape(len(test), -1) == 0)
    return np.asarray(scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12))


def _boards(planes: NDArray[np.float32]) -> NDArray[np.int64]:
    return planes[:, 0].round().astype(np.int64) % _STATES


def _codes(boards: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns a code of the eight neighbors of every point (board, point)."""
    padded = np.pad(boards, ((0, 0), (1, 1), (1, 1)), constant_values=2)
    height, width = boards.shape[1:]
    codes = np.zeros(boards.shape, dtype=np.int64)
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        codes = codes * _STATES + padded[:, row : row + height, column : column + width]
    return codes.reshape(len(boards), -1)
