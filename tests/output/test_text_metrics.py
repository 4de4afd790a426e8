"""BLEU and chrF equal the examples of sacrebleu's own tests, ROUGE cases worked by
hand."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from kissipo.output.metrics.bleu import (
    BANDS,
    Scorer,
    Tokenizer,
    bleu_per_text,
    chrf_per_text,
    describe_bleu,
    text_scores,
    tokenizer_for,
)
from kissipo.output.metrics.rouge import rouge_l, rouge_n
from kissipo.output.texts.metrics import infer_metric, quality_per_text, word_metrics

# test/test_sentence_bleu.py of sacrebleu: smoothing exp, effective order
REFERENCE = "producţia de zahăr brut se exprimă în zahăr alb;"
TEXT = "Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;"
# test/test_chrf.py of sacrebleu
CHRF = [
    (
        "Co nás nejvíc trápí, protože lékaři si vybírají, kdo bude žít a kdo zemře.",
        "Nejvíce smutní jsme z toho, že musíme rozhodovat o tom, kdo bude žít a kdo zemře.",
        39.14078509,
    ),
    (
        "Nebo prostě nemají vybavení, které by jim pomohlo, uvedli lékaři.",
        "A někdy nemáme ani potřebný materiál, abychom jim pomohli, popsali lékaři.",
        31.22557079,
    ),
    (
        "Lapali po dechu, jejich životy skončily dřív, než skutečně začaly.",
        "Lapali po dechu a pak jejich život skončil - dřív, než skutečně mohl začít, připomněli.",
        57.15704367,
    ),
]


@pytest.mark.parametrize(
    ("tokenizer", "lowercase", "published"),
    [("13a", False, 8.493), ("char", False, 40.8759), ("char", True, 42.0267)],
)
def test_bleu_of_one_text_equals_the_published_examples(
    tokenizer: Tokenizer, lowercase: bool, published: float
) -> None:
    (score,) = bleu_per_text([TEXT], [REFERENCE], Scorer(tokenizer, lowercase))
    assert score == pytest.approx(published, abs=1e-3)


def test_chrf_equals_the_published_examples() -> None:
    texts, references, published = zip(*CHRF, strict=True)
    scores = chrf_per_text(texts, references, Scorer("13a", lowercase=False))
    np.testing.assert_allclose(scores, published, atol=1e-3)  # theirs add an epsilon


def test_bleu_of_a_set_counts_the_runs_of_all_texts() -> None:
    texts = ["the cat sat on the mat .", "a dog barks"]
    references = ["the cat sat on a mat .", "a dog barks loudly at me"]
    # runs of 1 to 4 words that stand in the reference, of all; 10 and 13 words
    shares = [(6 + 3) / (7 + 3), (4 + 2) / (6 + 2), (2 + 1) / (5 + 1), (1 + 0) / (4 + 0)]
    expected = 100 * exp(1 - 13 / 10) * np.prod(shares) ** 0.25
    scores = text_scores(texts, references, Scorer("13a", lowercase=True))
    assert scores.bleu == pytest.approx(expected)
    bleu, chrf = scores.signatures
    assert bleu.startswith("nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:")
    assert chrf.startswith("nrefs:1|case:lc|eff:yes|nc:6|nw:0|space:no|version:")
    again = text_scores(texts[::-1], references[::-1], Scorer("13a", lowercase=True))
    assert (again.bleu, again.chrf) == pytest.approx((scores.bleu, scores.chrf))


def test_letters_of_chinese_are_words() -> None:
    texts, references = ["我愛北京天安門"], ["我愛台北天安門"]
    by_letter = text_scores(texts, references, Scorer("zh", lowercase=True)).bleu
    # 6 of 7 letters (北 moved), 3 of 6 pairs, 1 of 5 runs of 3, none of 4: half of 1/4
    expected = 100 * (6 / 7 * 3 / 6 * 1 / 5 * (1 / 2) / 4) ** 0.25
    assert by_letter == pytest.approx(expected)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a dog", "Über 狗"], "13a"),
        (["一隻狗在跑", "DNA"], "zh"),
        (["犬が走る", "東京タワー"], "char"),
        (["สุนัขวิ่ง"], "char"),
        (["123", "…"], "13a"),
        ([], "13a"),
    ],
)
def test_tokenizer_follows_the_script(texts: list[str], expected: str) -> None:
    assert tokenizer_for(texts) == expected


def test_the_seven_bands_have_no_gap() -> None:
    assert len(BANDS) == 7 and BANDS[0][0] == 0
    assert [high for _, high, _ in BANDS[:-1]] == [low for low, _, _ in BANDS[1:]]
    words = [describe_bleu(bleu) for bleu in (0, 9.99, 10, 29.9, 35, 45, 55, 60, 100)]
    assert words[0] == words[1] == "almost useless" and words[2].startswith("hard to get")
    assert words[-1] == words[-2] == "often better than a human translation"
    assert len(set(words)) == 7


@pytest.mark.parametrize(
    ("text", "reference", "one", "two", "longest"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75, 1 / 3, 0.75),
        ("the gunman police killed", "police kill the gunman", 0.75, 1 / 3, 0.5),
        ("the the the", "the cat", 2 / 5, 0.0, 2 / 5),  # each counts at most once
        ("Early Life", "early life !", 1.0, 1.0, 1.0),
        ("life", "", 0.0, 0.0, 0.0),
        ("", "", 0.0, 0.0, 0.0),
        ("狗在跑", "狗跑", 4 / 5, 0.0, 4 / 5),
    ],
)
def test_rouge_equals_cases_worked_by_hand(
    text: str, reference: str, one: float, two: float, longest: float
) -> None:
    values = [rouge_n([text], [reference], size)[0] for size in (1, 2)]
    assert [*values, rouge_l([text], [reference])[0]] == pytest.approx([one, two, longest])


def test_main_metric_is_decided_by_the_texts() -> None:
    assert infer_metric("characters", 30, ["a", "b"])[0] == "exact_match"
    assert infer_metric("characters", 30, ["狗", "跑"])[0] == "bleu"
    assert infer_metric("words", 4, ["dog"])[0] == "exact_match"
    metric, reason = infer_metric("words", 12, ["dog"])
    assert metric == "bleu" and "12 words" in reason


@pytest.mark.parametrize("main", ["bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"])
def test_perfect_texts_have_the_best_score(main: str) -> None:
    texts = ["a man in a red shirt", "two dogs run over the grass"]
    metrics, _ = word_metrics(texts, texts, main, Scorer("13a", lowercase=True))
    best = 100.0 if main in ("bleu", "chrf") else 1.0
    assert set(metrics.values()) == {best} and main in metrics
    quality = quality_per_text(texts, texts, main, Scorer("13a", lowercase=True))
    np.testing.assert_allclose(quality, best)
