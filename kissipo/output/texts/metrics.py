"""Which metrics suit the texts of a column, and their values.

exact_match            the share of texts that are right in every token
bleu, chrf             for texts of words, by sacrebleu (`metrics/bleu.py`)
rouge_1, rouge_2, rouge_l   for summaries (`metrics/rouge.py`)

The main metric is exact_match for characters and for short texts, because a text of
fewer than four words has no run of four words, which BLEU counts. It is bleu for longer
texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.extras import is_installed
from kissipo.core.json_object import JsonObject
from kissipo.output.metrics.bleu import (
    Scorer,
    bleu_per_text,
    chrf_per_text,
    text_scores,
    tokenizer_for,
)
from kissipo.output.metrics.rouge import rouge_l, rouge_n

TextMetric = Literal["exact_match", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"]
Texts = Sequence[str]
MIN_WORDS = 5  # in the median text, from which BLEU is the main metric
_ROUGE: dict[str, Callable[[Texts, Texts], NDArray[np.float64]]] = {
    "rouge_1": lambda texts, references: rouge_n(texts, references, 1),
    "rouge_2": lambda texts, references: rouge_n(texts, references, 2),
    "rouge_l": rouge_l,
}


def infer_metric(unit: str, median: float, texts: Texts) -> tuple[TextMetric, str]:
    """Returns the main metric of texts such as some given ones, and the reason.

    unit:    what the texts are written in
    median:  the number of tokens of the median text

    Example:  >>> infer_metric("characters", 9, ["a", "b"])
              ('exact_match', 'texts of characters are right or wrong')
    """
    if unit == "characters" and tokenizer_for(texts) == "13a":
        return "exact_match", "texts of characters are right or wrong"
    if median < MIN_WORDS:
        return "exact_match", f"the texts are short: half have at most {median:g} {unit}"
    if not is_installed("sacrebleu"):
        return "exact_match", "BLEU needs sacrebleu: pip install 'kissipo[language]'"
    return "bleu", f"half of the texts have at least {median:g} {unit}"


def scorer_for(texts: Texts) -> Scorer:
    """Returns how texts such as some given ones are compared.

    Example:  >>> scorer_for(["a dog runs"])
              Scorer(tokenizer='13a', lowercase=True)
    """
    has_capitals = any(text != text.lower() for text in texts)
    return Scorer(tokenizer_for(texts), not has_capitals)


def word_metrics(
    texts: Texts, references: Texts, main: str, scorer: Scorer
) -> tuple[dict[str, float], JsonObject]:
    """Returns the metrics of words by name, and the signatures of sacrebleu.

    main:  the main metric, which says whether ROUGE or BLEU and chrF are the others
    """
    if main in _ROUGE:
        return {name: float(rouge(texts, references).mean()) for name, rouge in _ROUGE.items()}, {}
    scores = text_scores(texts, references, scorer)
    names = ("bleu", "chrf")
    return {"bleu": scores.bleu, "chrf": scores.chrf}, {
        "signatures": dict(zip(names, scores.signatures, strict=True))
    }


def quality_per_text(
    texts: Texts, references: Texts, main: str, scorer: Scorer
) -> NDArray[np.float64]:
    """Returns the main metric of each text, for a metric of words."""
    if main in _ROUGE:
        return _ROUGE[main](texts, references)
    per_text = bleu_per_text if main == "bleu" else chrf_per_text
    return per_text(texts, references, scorer)
