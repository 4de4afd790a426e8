"""BLEU and chrF: how many pieces of a text stand in the reference (sacrebleu).

BLEU = brevity · (p1 p2 p3 p4)^(1/4) · 100     p_n: the share of the runs of n words of
       the texts that stand in their references; brevity: e^(1 - r/c) for short texts
chrF = 5 P R / (4 P + R) · 100                 P, R: the same with 1 to 6 characters

The score of a set of texts is not the mean of the scores of its texts: it counts the
pieces of all of them. The score of one text is smoothed, so that it is seldom 0.

Choices:  Words are what the tokenizer 13a (mteval) separates, also punctuation
          marks; of a text in Chinese (zh) or in another script without
          blanks (char), each letter is a word. Texts that a codec reads in lower case
          are compared in lower case, and the signature says so.
Source:   Papineni et al. 2002; Popović 2015; Post, A Call for Clarity in Reporting BLEU
          Scores, 2018: the signature makes scores comparable.
Example:  >>> texts = ["the dog bit ."]
          >>> score = text_scores(texts, texts, Scorer("13a", lowercase=True))
          >>> score.bleu, score.chrf
          (100.0, 100.0)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kissipo.core.extras import need

Tokenizer = Literal["13a", "zh", "char"]
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\uff66-\uff9f]"
)
BANDS = (
    (0.0, 10.0, "almost useless"),
    (10.0, 20.0, "hard to get the gist"),
    (20.0, 30.0, "the gist is clear, with errors"),
    (30.0, 40.0, "understandable to good"),
    (40.0, 50.0, "high quality"),
    (50.0, 60.0, "very high quality"),
    (60.0, float("inf"), "often better than a human translation"),
)
"""From which BLEU, to below which, and what it is worth."""


class _Score(Protocol):
    score: float


class _Metric(Protocol):
    """A metric of sacrebleu."""

    def corpus_score(self, texts: Sequence[str], references: Sequence[Sequence[str]]) -> _Score:
        """Returns the score of all texts; a list of references for each set of them."""
        ...

    def sentence_score(self, text: str, references: Sequence[str]) -> _Score:
        """Returns the score of one text."""
        ...

    def get_signature(self) -> object:
        """Returns how the score was computed."""
        ...


@dataclass(frozen=True)
class Scorer:
    """How texts are compared.

    tokenizer:  what a word is for BLEU
    lowercase:  whether upper and lower case are the same
    """

    tokenizer: Tokenizer = "13a"
    lowercase: bool = True


@dataclass(frozen=True)
class TextScores:
    """The scores of a set of texts, from 0 to 100.

    signatures:  how BLEU and chrF were computed, as sacrebleu writes it
    """

    bleu: float
    chrf: float
    signatures: tuple[str, str]


def text_scores(texts: Sequence[str], references: Sequence[str], scorer: Scorer) -> TextScores:
    """Returns BLEU and chrF of texts with one reference each.

    Raises:   MissingExtraError without sacrebleu.
    """
    bleu, chrf = _bleu(scorer), _chrf(scorer)
    values = [metric.corpus_score(texts, [references]).score for metric in (bleu, chrf)]
    first, second = (min(100.0, float(value)) for value in values)
    return TextScores(first, second, (str(bleu.get_signature()), str(chrf.get_signature())))


def bleu_per_text(
    texts: Sequence[str], references: Sequence[str], scorer: Scorer
) -> NDArray[np.float64]:
    """Returns the smoothed BLEU of each text, of up to as many words as it has.

    Raises:   MissingExtraError without sacrebleu.
    """
    return _per_text(_bleu(scorer, effective_order=True), texts, references)


def chrf_per_text(
    texts: Sequence[str], references: Sequence[str], scorer: Scorer
) -> NDArray[np.float64]:
    """Returns the chrF of each text.

    Raises:   MissingExtraError without sacrebleu.
    """
    return _per_text(_chrf(scorer), texts, references)


def tokenizer_for(texts: Sequence[str]) -> Tokenizer:
    """Returns the tokenizer for the script in which most letters are written.

    Example:  >>> [tokenizer_for([text]) for text in ("a dog", "一隻狗", "いぬ犬")]
              ['13a', 'zh', 'char']
    """
    letters = sum(character.isalpha() for text in texts for character in text)
    han = sum(len(_HAN.findall(text)) for text in texts)
    others = sum(len(_WITHOUT_BLANKS.findall(text)) for text in texts)
    if 2 * (han + others) < max(1, letters):
        return "13a"
    return "char" if 10 * others > han else "zh"  # Japanese mixes both


def describe_bleu(bleu: float) -> str:
    """Returns what a BLEU is worth, in words.

    Example:  >>> describe_bleu(9.9), describe_bleu(35)
              ('almost useless', 'understandable to good')
    """
    return next(words for low, high, words in BANDS if low <= bleu < high)


def _bleu(scorer: Scorer, *, effective_order: bool = False) -> _Metric:
    metrics = need("sacrebleu.metrics", extra="language", purpose="the metric BLEU")
    bleu: _Metric = metrics.BLEU(
        tokenize=scorer.tokenizer,
        lowercase=scorer.lowercase,
        effective_order=effective_order,
        force=True,  # no warning on the screen of texts that end in " ."
    )
    return bleu


def _chrf(scorer: Scorer) -> _Metric:
    metrics = need("sacrebleu.metrics", extra="language", purpose="the metric chrF")
    chrf: _Metric = metrics.CHRF(lowercase=scorer.lowercase)
    return chrf


def _per_text(
    metric: _Metric, texts: Sequence[str], references: Sequence[str]
) -> NDArray[np.float64]:
    scores = [
        metric.sentence_score(text, [reference]).score
        for text, reference in zip(texts, references, strict=True)
    ]
    return np.minimum(100.0, np.asarray(scores, dtype=np.float64))
