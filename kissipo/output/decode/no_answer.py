"""No answer: whether the best span of a text is the answer, or the text has none.

gap = log p(no answer) - log p(best span)      no answer is given where gap > threshold

Shapes:   scores (sample, 1 + count, 3) of `decode/spans.py` -> gaps (sample)
Source:   the threshold of Devlin et al., BERT, 2019, section 4.3.
Example:  >>> scores = np.log([[[1, 1, 0.2], [1, 1, 0.8]], [[1, 1, 1.0], [1, 1, 0.5]]])
          >>> gaps_of(scores).round(4).tolist()
          [-1.3863, 0.6931]
"""

import numpy as np
from numpy.typing import NDArray


def gaps_of(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns log p(no answer) - log p(best span); inf where there is no span."""
    no_answer, best = scores[:, 0, 2].astype(np.float64), scores[:, 1, 2]
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(best), np.inf, no_answer - best)


def best_threshold(gaps: NDArray[np.float64], gains: NDArray[np.float64]) -> float:
    """Returns the threshold with the largest sum of gains over the given answers.

    gains:    F1 of the best span minus F1 of no answer
    Example:  >>> best_threshold(np.array([-2.0, 1.0, 3.0]), np.array([1.0, 0.5, -1.0]))
              2.0
              >>> best_threshold(np.array([-2.0, 1.0]), np.array([-1.0, -1.0]))
              -3.0
    """
    order = np.argsort(gaps, kind="stable")
    finite = order[np.isfinite(gaps[order])]
    if not len(finite):
        return 0.0
    edges = gaps[finite]
    bounds = np.concatenate([[edges[0] - 1], (edges[:-1] + edges[1:]) / 2, [edges[-1] + 1]])
    totals = np.concatenate([[0.0], np.cumsum(gains[finite])])
    is_cut = np.concatenate([[True], edges[:-1] < edges[1:], [True]])
    return float(bounds[np.where(is_cut, totals, -np.inf).argmax()])
