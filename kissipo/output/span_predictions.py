"""Predictions of spans: the decision first, then the other answers by probability.

The scores say only at which steps of the input a span starts and ends. Its words are
added afterwards, since they need the paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.spans import Passage
from kissipo.output.answer import Prediction
from kissipo.output.text_span import TextSpan


def prediction_of(scores: NDArray[np.float64], is_answer: bool) -> Prediction:
    """Returns the prediction of a sample; its spans have the steps of pieces.

    scores:     (1 + count, 3) as `decode/spans.py` returns them
    is_answer:  whether the best span is given, and not "no answer"
    Example:  >>> scores = np.array([[0, 0, np.log(0.2)], [3, 4, np.log(0.8)]])
              >>> prediction = prediction_of(scores, is_answer=True)
              >>> prediction.value, [round(share, 4) for _, share in prediction.others]
              ('pieces 3 to 4', [0.2])
    """
    rows = [(int(start), int(end), exp(share)) for start, end, share in scores.tolist()]
    no_answer, best, *others = rows
    first, second = (best, no_answer) if is_answer else (no_answer, best)
    rest = sorted((row for row in (second, *others) if row[2] > 0), key=lambda row: -row[2])
    return _with_spans(
        [
            TextSpan(f"pieces {start} to {end}" if start else "", share, start, end)
            for start, end, share in (first, *rest)
        ]
    )


def written_in(passage: Passage, prediction: Prediction) -> Prediction:
    """Returns a prediction with the words and the characters of its paragraph."""
    spans = []
    for span in prediction.spans or ():
        first, last = passage.characters(span.start, span.end) if span.start else (0, 0)
        spans.append(TextSpan(passage.context[first:last], span.confidence, first, last))
    return _with_spans(spans)


def _with_spans(spans: Sequence[TextSpan]) -> Prediction:
    first, *others = spans
    listed = tuple((span.text, span.confidence) for span in others)
    return Prediction(first.text, first.confidence, listed, spans=tuple(spans))
