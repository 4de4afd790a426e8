"""Edit distance: the fewest insertions, deletions and substitutions between two texts.

d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + (a[i] ≠ b[j]))

Shapes:   ids (sample, time) twice, padded with 0 at the end -> (sample)
Choices:  All samples are computed at the same time, one cell of the table after the
          other; texts have at most 32,767 tokens. The error rate of a set of texts is
          the sum of the distances divided by the number of target tokens, so it can be
          above 1.
Source:   Levenshtein 1966; Wagner and Fischer 1974.
Example:  >>> kitten, sitting = [[1, 2, 3, 3, 4, 5, 0]], [[6, 2, 3, 3, 2, 5, 7]]
          >>> edit_distances(np.array(kitten), np.array(sitting)).tolist()
          [3]
"""

import numpy as np
from numpy.typing import NDArray


def edit_distances(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the distance of each pair of rows; one row may stand for all."""
    count = max(len(one), len(other))
    first, second = (np.ascontiguousarray(ids.T, dtype=np.int32) for ids in (one, other))
    table = np.zeros((len(first) + 1, len(second) + 1, count), dtype=np.int16)
    table[:, 0] = np.arange(len(first) + 1)[:, None]
    table[0] = np.arange(len(second) + 1)[:, None]
    for i, letters in enumerate(first, 1):
        changed = table[i - 1, :-1] + (letters != second)
        np.minimum(changed, table[i - 1, 1:] + 1, out=changed)
        for j, best in enumerate(changed, 1):
            np.minimum(best, table[i, j - 1] + 1, out=table[i, j])
    ends = [np.broadcast_to((ids != 0).sum(axis=1), count) for ids in (one, other)]
    return table[ends[0], ends[1], np.arange(count)].astype(np.int64)
