"""Word by word: each source word is replaced by its most probable target word.

t(target word | source word) follows from the EM algorithm of IBM model 1, in which
every target word of a training pair was written for one of its source words, or for
none:

c(f | e) = sum over pairs of  t(f | e) / sum over the words e' of the source t(f | e')
t(f | e) = c(f | e) / sum over f' of c(f' | e)

Choices:  Five rounds from equal probabilities. The words stay in the order of the
          source; a word that the training pairs do not have is left out.
Source:   Brown et al., The Mathematics of Statistical Machine Translation, 1993.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.target_tokens import END
from kissipo.codec.tokens import UNKNOWN
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import SUMMARY, BaselineData
from kissipo.output.target_text import TargetText

NAME = "word-by-word dictionary"
_ROUNDS = 5
_NONE = 0  # the place, and the id, of the source of words that were written for none


def predict(data: BaselineData) -> Scores | None:
    """Returns the texts; None unless words are read and words are written."""
    answer = cast(TargetText, data.answer)
    units = (data.specs[0].unit, answer.spec.unit)
    if not 0 < data.letters_per_target < SUMMARY or "characters" in units:
        return None
    source, target = data.train.inputs[0].numpy(), data.train.truth
    words = np.zeros(data.specs[0].vocab_size, dtype=np.int64)
    table = dictionary(source, np.where(target <= END, 0, target))
    words[UNKNOWN + 1 : len(table)] = table[UNKNOWN + 1 :]
    length = answer.spec.shape[0]
    written = np.zeros((len(data.test), length), dtype=np.int64)
    for row, ids in enumerate(data.test.inputs[0].numpy()):
        text = words[ids]
        text = text[text != 0][: length - 1]
        written[row, : len(text) + 1] = [*text, END]
    return answer.scores_of(written)


def dictionary(source: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns for each source id its most probable target id, or 0.

    source, target:  (pair, time) ids, 0 for padding

    Example:  >>> source = np.array([[3, 4], [3, 5], [4, 0]])
              >>> dictionary(source, np.array([[7, 8], [7, 9], [8, 0]]))[3:].tolist()
              [7, 8, 9]
    """
    # one row per target word and source word that it may have been written for
    read = np.concatenate([np.zeros((len(source), 1), source.dtype), source], axis=1)
    may_be = (target != 0)[:, :, None] & (read != 0)[:, None, :]
    may_be[:, :, _NONE] = target != 0
    pair, word, place = np.nonzero(may_be)
    width = int(target.max()) + 1
    names, row_of = np.unique(read[pair, place] * width + target[pair, word], return_inverse=True)
    heads, tails, group = names // width, names % width, pair * target.shape[1] + word
    chances = np.ones(len(names))
    for _ in range(_ROUNDS):
        shares = chances[row_of]
        counts = np.bincount(row_of, shares / np.bincount(group, shares)[group])
        chances = counts / np.bincount(heads, counts)[heads]
    order = np.lexsort((-tails, chances))  # the best of each head comes last
    best = np.zeros(int(source.max()) + 1, dtype=np.int64)
    best[heads[order]] = tails[order]
    return best
