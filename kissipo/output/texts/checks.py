"""Checks of written texts before their score: four faults that a loss does not show.

unknown words   of the targets: no net can write them; of the texts
shift           a text equals its target moved by one token, or the target of the
                neighboring line: sources and targets are not aligned
repetition      the same one to four tokens stand three times in a row
length          tokens of all texts per token of all targets

Shapes:   texts and targets (sample, time) ids, 0 after the end
Example:  >>> texts = np.array([[5, 6, 0], [6, 7, 0]])
          >>> targets = np.array([[4, 5, 6], [5, 6, 7]])
          >>> [finding.level for finding in check_texts(texts, targets, -1)]
          ['PASS', 'FAIL', 'PASS', 'WARN']
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding

Ids = NDArray[np.int64]
_MANY_UNKNOWN, _MANY_LOOPS = 0.05, 0.05
_SHORT, _LONG = 0.8, 1.25
_LONGEST_LOOP, _TIMES = 4, 3
_CLEAR = 0.05  # by which a wrong alignment must be better, of all tokens


def check_texts(texts: Ids, targets: Ids, unknown: int) -> list[Finding]:
    """Returns one finding per check.

    unknown:  the id of a token that is not in the vocabulary
    """
    return [
        _unknown(texts, targets, unknown),
        _shift(texts, targets),
        _repetition(texts, targets),
        _length(texts, targets),
    ]


def has_loop(texts: Ids) -> NDArray[np.bool_]:
    """Returns whether a text has the same one to four tokens three times in a row.

    Example:  >>> has_loop(np.array([[4, 5, 4, 5, 4, 5], [4, 4, 5, 5, 0, 0]])).tolist()
              [True, False]
    """
    is_loop = np.zeros(len(texts), dtype=bool)
    for size in range(1, _LONGEST_LOOP + 1):
        steps = texts.shape[1] - (_TIMES - 1) * size
        if steps < size:
            break
        shifted = [texts[:, number * size : number * size + steps] for number in range(_TIMES)]
        same = (shifted[0] == shifted[1]) & (shifted[1] == shifted[2]) & (shifted[2] != 0)
        for step in range(steps - size + 1):
            is_loop |= same[:, step : step + size].all(axis=1)
    return is_loop


def _unknown(texts: Ids, targets: Ids, unknown: int) -> Finding:
    shares = [_share(ids == unknown, ids) for ids in (targets, texts)]
    message = (
        f"{shares[0]:.1%} of the tokens of the targets are unknown, "
        f"and {shares[1]:.1%} of those of the texts"
    )
    if max(shares) <= _MANY_UNKNOWN:
        return Finding("PASS", "unknown words", message)
    action = "use a larger vocabulary, or subwords: no text is right in an unknown word"
    return Finding("WARN", "unknown words", message, action)


def _shift(texts: Ids, targets: Ids) -> Finding:
    """Compares the texts with targets that are moved by a token, or by a line."""
    straight = _agreement(texts, targets)
    moved = {
        "the target moved by one token to the left": _agreement(texts[:, :-1], targets[:, 1:]),
        "the target moved by one token to the right": _agreement(texts[:, 1:], targets[:, :-1]),
        "the target of the line before": _agreement(texts[1:], targets[:-1]),
        "the target of the line after": _agreement(texts[:-1], targets[1:]),
    }
    where = max(moved, key=lambda name: moved[name])
    message = f"{straight:.1%} of the tokens stand where the target has them"
    if moved[where] <= straight + _CLEAR:
        return Finding("PASS", "shift", message)
    return Finding(
        "FAIL",
        "shift",
        f"{message}, but {moved[where]:.1%} where {where} has them",
        "compare the lines of sources and targets: they are shifted against each other",
    )


def _repetition(texts: Ids, targets: Ids) -> Finding:
    loops, usual = float(has_loop(texts).mean()), float(has_loop(targets).mean())
    message = f"{loops:.1%} of the texts repeat themselves, and {usual:.1%} of the targets"
    if loops <= usual + _MANY_LOOPS:
        return Finding("PASS", "repetition", message)
    action = "train longer, or search with output.decode.beam or output.decode.no_repeat=3"
    return Finding("WARN", "repetition", message, action)


def _length(texts: Ids, targets: Ids) -> Finding:
    ratio = float((texts != 0).sum() / max(1, (targets != 0).sum()))
    message = f"the texts have {ratio:.2f} times as many tokens as the targets"
    if _SHORT <= ratio <= _LONG:
        return Finding("PASS", "length", message)
    action = (
        "a beam search with a larger output.decode.length_penalty writes longer texts"
        if ratio < _SHORT
        else "many texts do not find their end: train longer"
    )
    return Finding("WARN", "length", message, action)


def _agreement(texts: Ids, targets: Ids) -> float:
    """Returns the share of the tokens of the targets that the texts have in place."""
    return _share((texts == targets) & (targets != 0), targets)


def _share(marked: NDArray[np.bool_], ids: Ids) -> float:
    return float((marked & (ids != 0)).sum() / max(1, (ids != 0).sum()))
