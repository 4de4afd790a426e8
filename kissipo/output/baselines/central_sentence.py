"""Central sentence: the sentence that is most like the whole text is its summary.

Sentences are vectors of TF-IDF weights; the nearest to their mean by the cosine is
taken, and its first words, as many as the longest target of the training samples has.

Source:   Radev et al., Centroid-based Summarization of Multiple Documents, 2004.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import SUMMARY, BaselineData
from kissipo.output.target_text import TargetText

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

NAME = "central sentence"
_END = re.compile(r"(?<=[.!?。！？])\s*")


def predict(data: BaselineData) -> Scores | None:
    """Returns a sentence of each text; None unless short texts are written for long
    ones."""
    if data.letters_per_target < SUMMARY:
        return None
    assert data.train.frame is not None and data.test.frame is not None
    from sklearn.feature_extraction.text import TfidfVectorizer

    name = data.specs[0].name
    weights = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+")  # noqa: S106
    try:
        weights.fit([text or "" for text in data.train.frame[name].texts()])
    except ValueError:  # no word at all
        return None
    sentences = [_central(text or "", weights) for text in data.test.frame[name].texts()]
    return cast(TargetText, data.answer).scores_of_texts(sentences)


def _central(text: str, weights: TfidfVectorizer) -> str:
    """Returns the sentence that is nearest to the mean of all; of equal ones the
    first."""
    sentences = [part for part in _END.split(text) if part.strip()]
    if len(sentences) < 2:
        return text
    rows = weights.transform(sentences)
    return sentences[int(np.asarray(rows @ rows.mean(axis=0).T).argmax())]
