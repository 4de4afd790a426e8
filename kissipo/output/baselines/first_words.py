"""First words: the beginning of the text is its summary.

As many words are taken as the median target of the training samples has.
"""

from typing import cast

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import SUMMARY, BaselineData
from kissipo.output.target_text import TargetText

NAME = "first words"


def predict(data: BaselineData) -> Scores | None:
    """Returns the first words of each text; None unless short texts are written for
    long ones."""
    if data.letters_per_target < SUMMARY:
        return None
    assert data.train.frame is not None and data.test.frame is not None
    answer = cast(TargetText, data.answer)
    sizes = [len((text or "").split()) for text in data.train.frame[answer.name].texts()]
    texts = data.test.frame[data.specs[0].name].texts()
    words = [" ".join((text or "").split()[: int(np.median(sizes))]) for text in texts]
    return answer.scores_of_texts(words)
