"""Copied input: the text of the input is the answer."""

from typing import cast

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.target_text import TargetText

NAME = "copied input"


def predict(data: BaselineData) -> Scores | None:
    """Returns the text of the first text column; None without one."""
    if data.test.frame is None or not data.texts:
        return None
    column = data.test.frame[next(iter(data.texts))]
    texts = [text or "" for text in column.texts()]
    return cast(TargetText, data.answer).scores_of_texts(texts)
