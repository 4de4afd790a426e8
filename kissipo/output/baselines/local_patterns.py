"""Local patterns: a free point of a board is as likely as points with the same 3x3 neighborhood in training.

score = (played + 1) / (seen + 2)      a neighbor is own, the other's, empty or beyond the rim; the scores of a board add up to one

It knows what the wings of a move look like, but neither where on the board it is nor how large a chain is.

Source:   Stern, Herbrich and Graepel 2006, Bayesian pattern ranking for move prediction in the game of Go, there with larger patterns.
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

NAME = "3x3 local patterns"
_KINDS = 4  # 0 empty, 1 own, 2 beyond the rim, 3 the other's


def answer(case: Case) -> Scores | None:
    """Probabilities of the points; None where the input is no board."""
    if [spec.axes for spec in case.specs] != [("channel", "height", "width")] or case.specs[
        0
    ].name != "board":
        return None
    known, asked = (_boards(part.inputs[0].numpy()) for part in (case.train, case.test))
    codes = _codes(known)
    free = known.reshape(codes.shape) == 0
    seen = np.bincount(codes[free], minlength=_KINDS**8)
    played = np.bincount(codes[np.arange(len(codes)), case.train.truth], minlength=_KINDS**8)
    scores = ((played + 1) / (seen + 2))[_codes(asked)] * (asked.reshape(len(asked), -1) == 0)
    return np.asarray(scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12))


def _boards(planes: NDArray[np.float32]) -> NDArray[np.int64]:
    return planes[:, 0].round().astype(np.int64) % _KINDS


def _codes(boards: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for the eight neighbors of every point (board, point)."""
    padded = np.pad(boards, ((0, 0), (1, 1), (1, 1)), constant_values=2)
    height, width = boards.shape[1:]
    codes = np.zeros(boards.shape, dtype=np.int64)
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        codes = codes * _KINDS + padded[:, row : row + height, column : column + width]
    return codes.reshape(len(boards), -1)
