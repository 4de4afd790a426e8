"""The verdict: the net's score beside the simple answers, in words, and honest about chance.

Two answers to the same test samples are compared sample by sample; a difference smaller than twice its standard error is
called a tie, because another draw of the test part could turn it round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from kissipo.output.answer import Evaluation

_EQUAL = 1e-6
_SHARES = {
    "accuracy": "",
    "balanced_accuracy": " of balanced accuracy",
    "macro_f1": " of macro-F1",
}
TRIVIAL = (
    "majority class",
    "mean",
    "distance from the mean",
    "naive (last value)",
    "most frequent token",
    "random policy",
)


@dataclass(frozen=True)
class Verdict:
    """What to think of the net's score.

    better:         1 better than every simple answer, 0 a tie with the best of them, -1 worse
    sentence:       the same in words
    compared_with:  the best baseline
    """

    better: int
    sentence: str
    compared_with: str


def verdict(
    net: Evaluation, baselines: Mapping[str, Evaluation], *, main: str, higher_is_better: bool
) -> Verdict | None:
    """Compares with the best baseline; None when there is none."""
    if not baselines:
        return None
    sign = 1 if higher_is_better else -1
    best = max(baselines, key=lambda name: sign * baselines[name].metrics[main])
    sure = _sure(net, baselines[best])
    gap = _gap(net.metrics[main], baselines[best].metrics[main], main)
    ahead = sign * (net.metrics[main] - baselines[best].metrics[main])
    nothing = _EQUAL * abs(net.metrics[main])
    if abs(ahead) <= nothing:
        sentence, better = f"equal to {best}", 0
    elif not sure:
        sentence, better = f"{gap} {best}: a tie, the test part is too small to tell them apart", 0
    elif ahead > 0:
        sentence, better = f"{gap} {best}", 1
    else:
        sentence, better = f"{gap} {best}: the simpler answer is the better one here", -1
    worse_than = [
        name
        for name in TRIVIAL
        if name in baselines
        and sign * (net.metrics[main] - baselines[name].metrics[main]) < -nothing
    ]
    if worse_than:
        better, sentence = -1, f"worse than {worse_than[0]}: do not use"
    return Verdict(better, sentence, best)


def _sure(one: Evaluation, other: Evaluation) -> bool:
    """Whether the mean difference of the samples is more than two standard errors from zero."""
    if one.each is None or other.each is None or len(one.each) < 2:
        return True
    difference: Any = one.each - other.each
    error = float(np.std(difference, ddof=1)) / sqrt(len(difference))
    return abs(float(np.mean(difference))) > 2 * error


def _gap(value: float, other: float, main: str) -> str:
    """The difference, in words that lead up to the name of the other.

    Example:  >>> _gap(0.98, 0.95, "accuracy"), _gap(9.0, 10.0, "mae")
              ('3.0 points above', '10 % less MAE than')
    """
    higher = value > other
    if main in _SHARES:
        return (
            f"{100 * abs(value - other):.1f} points{_SHARES[main]} {'above' if higher else 'below'}"
        )
    if main == "nab":
        return f"{abs(value - other):.1f} points of NAB's score {'above' if higher else 'below'}"
    if main == "return":
        return f"a return {abs(value - other):.3g} {'above' if higher else 'below'}"
    measure = {"nll": "surprise", "normalized_mae": "normalized MAE"}.get(main, main.upper())
    if other:
        return f"{100 * abs(value - other) / abs(other):.3g} % {'more' if higher else 'less'} {measure} than"
    return f"{abs(value - other):.3g} {'more' if higher else 'less'} {measure} than"
