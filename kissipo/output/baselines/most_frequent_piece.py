"""Most frequent piece: for every masked piece the frequencies of the training split.

Of a pair it answers with the more frequent label of the training split.
"""

from typing import cast

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.masked_text import MaskedText
from kissipo.output.texts.masked_scores import TOP_K, target_places

NAME = "most frequent piece"
TRIVIAL = True


def predict(data: BaselineData) -> Scores:
    """Returns the scores of the masked pieces (sample, time, 6, 2)."""
    counts = np.bincount(data.train.truth[:, 1:].ravel(), minlength=data.answer.spec.shape[-1])
    counts[list(cast(MaskedText, data.answer).mask_rule.special)] = 0
    shares = (counts + 1) / (counts + 1).sum()
    order = np.argsort(-counts, kind="stable")
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    scores = majority_labels(data)
    is_target, truth = target_places(data.test.truth), data.test.truth
    scores[is_target, 0, 0] = np.log(shares[truth[is_target]])
    scores[is_target, 0, 1] = ranks[truth[is_target]]
    best = order[:TOP_K]
    scores[is_target, 1 : 1 + len(best)] = np.stack([best, shares[best]], axis=1)
    return scores


def majority_labels(data: BaselineData) -> Scores:
    """Returns scores with the answer of the more frequent label in the first place."""
    truth = data.test.truth
    scores = np.zeros((*truth.shape, 1 + TOP_K, 2), dtype=np.float32)
    counts = np.bincount(data.train.truth[:, 0], minlength=3)[1:]
    shares = (counts + 1) / (counts + 1).sum()
    is_pair = truth[:, 0] > 0
    labels = truth[is_pair, 0] - 1
    scores[is_pair, 0, 0, 0] = np.log(shares[labels])
    scores[is_pair, 0, 0, 1] = labels != shares.argmax()
    return scores
