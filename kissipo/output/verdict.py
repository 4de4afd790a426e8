"""Verdict: compares the model with its baselines, in words, and respects chance.

Predictions of the same test samples are compared in pairs. A difference below twice its
standard error is a tie, because another test split could reverse it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Evaluation
from kissipo.output.metric_titles import metric_title

_EQUAL = 1e-6
_FRACTIONS = {
    "accuracy": "",
    "balanced_accuracy": " of balanced accuracy",
    "macro_f1": " of macro-F1",
    "map_50": " of mAP at IoU 0.5",
    "samples_f1": " of F1 per sample",
    "entity_f1": " of entity F1",
    "exact_match": " of exact match",
    "masked_accuracy": " of masked pieces",
    "trustworthiness": " of trustworthiness",
    "hit_at_1": " of right documents",
    "hit_rate_at_5": " of hidden items",
    "rouge_1": " of ROUGE-1",
    "rouge_2": " of ROUGE-2",
    "rouge_l": " of ROUGE-L",
}
_OF_A_HUNDRED = {"nab": "the NAB score", "bleu": "BLEU", "chrf": "chrF"}
_NAMES = {
    "return": "return",
    "iou": "IoU",
    "normalized_mae": "normalized MAE",
    "spearman": "Spearman's correlation",
    "frechet_distance": "Fréchet distance",
}


@dataclass(frozen=True)
class Verdict:
    """How the model compares with the best baseline.

    better:         1 better than every baseline, 0 a tie with the best, -1 worse
    sentence:       the same in words
    compared_with:  the name of the best baseline
    """

    better: int
    sentence: str
    compared_with: str


def verdict(
    net: Evaluation,
    baselines: Mapping[str, Evaluation],
    *,
    main: str,
    higher_is_better: bool,
    trivial: Collection[str] = (),
) -> Verdict | None:
    """Compares the model with its best baseline; returns None without baselines.

    trivial:  names of baselines; a model that is worse than one of them is of no use
    """
    if not baselines:
        return None
    sign = 1 if higher_is_better else -1
    best = max(baselines, key=lambda name: sign * baselines[name].metrics[main])
    significant = _significant(net, baselines[best])
    gap = _gap(net.metrics[main], baselines[best].metrics[main], main)
    margin = sign * (net.metrics[main] - baselines[best].metrics[main])
    tolerance = _EQUAL * abs(net.metrics[main])
    if abs(margin) <= tolerance:
        sentence, better = f"equal to {best}", 0
    elif not significant:
        sentence, better = f"{gap} {best}: a tie, the test split is too small to separate them", 0
    elif margin > 0:
        sentence, better = f"{gap} {best}", 1
    else:
        sentence, better = f"{gap} {best}: the baseline is better here", -1
    worse_than = [
        name
        for name in baselines
        if name in trivial
        and sign * (net.metrics[main] - baselines[name].metrics[main]) < -tolerance
    ]
    if worse_than:
        better, sentence = -1, f"worse than {worse_than[0]}: do not use this model"
    return Verdict(better, sentence, best)


def _significant(net: Evaluation, baseline: Evaluation) -> bool:
    """Returns whether the mean difference is above two standard errors."""
    if net.per_sample is None or baseline.per_sample is None or len(net.per_sample) < 2:
        return True
    difference: NDArray[np.float64] = net.per_sample - baseline.per_sample
    error = float(np.std(difference, ddof=1)) / sqrt(len(difference))
    return abs(float(np.mean(difference))) > 2 * error


def _gap(value: float, other: float, main: str) -> str:
    """Returns the difference in words; the name of the baseline follows them.

    Example:  >>> _gap(0.98, 0.95, "accuracy"), _gap(9.0, 10.0, "mae")
              ('3.0 points above', 'MAE 10 % lower than')
    """
    higher, difference = value > other, abs(value - other)
    if main in _FRACTIONS:
        return f"{100 * difference:.1f} points{_FRACTIONS[main]} {'above' if higher else 'below'}"
    if main in _OF_A_HUNDRED:
        scale = _OF_A_HUNDRED[main]
        return f"{difference:.1f} points of {scale} {'above' if higher else 'below'}"
    relative = main != "return" and other
    amount = f"{100 * difference / abs(other):.3g} %" if relative else f"{difference:.3g}"
    title = metric_title(main)
    metric = _NAMES.get(main, title if "@" in title else main.upper())
    return f"{metric} {amount} {'higher' if higher else 'lower'} than"
