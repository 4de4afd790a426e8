"""Telling neurons: those whose activity goes with something simple that can be seen in the text.

For each such thing (the place in the line, being inside quotes ...) the neuron of the greatest correlation r, over all units of
the text:  r = mean of (h - mean h)(z - mean z) / (deviation of h · deviation of z).

Shapes:   activity (time, neuron), units (time)
Source:   the quote, line and bracket cells of Karpathy, Johnson and Fei-Fei, Visualizing and Understanding Recurrent Networks, 2015.
Example:  >>> activity = np.array([[0.0, 0.9], [0.3, -0.9], [-0.1, -0.8], [0.1, 0.7]])
          >>> [(each.neuron, each.about, round(each.correlation, 2)) for each in telling(activity, ["A", "b", "c", "D"])]
          [(1, 'a capital just read', 1.0)]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CLEAR, _FAINT = 0.5, 0.3
_SHORT = 100


@dataclass(frozen=True)
class Telling:
    """A neuron, what it goes with, and how closely."""

    neuron: int
    about: str
    correlation: float


def telling(activity: NDArray[Any], units: Sequence[str]) -> list[Telling]:
    """For each thing the neuron that goes with it best, if any does; first what must be remembered, then what was just read."""
    found = []
    for about, see in (_REMEMBERED | _SEEN).items():
        truth = np.array(see(units), dtype=np.float64)
        correlations = _correlations(activity.astype(np.float64), truth)
        best = int(np.abs(correlations).argmax())
        if abs(correlations[best]) >= _FAINT:
            found.append(Telling(best, about, float(correlations[best])))
    return found


def choose(activity: NDArray[Any], found: Sequence[Telling]) -> tuple[int, str]:
    """The neuron to look at first, and why: one that remembers something, else one that sees something, else the liveliest."""
    clear = (
        [each for each in found if abs(each.correlation) >= _CLEAR]
        if len(activity) >= _SHORT
        else []
    )
    remembering = [each for each in clear if each.about in _REMEMBERED]
    if clear:
        best = max(remembering or clear, key=lambda each: abs(each.correlation))
        return (
            best.neuron,
            f"its activity goes with {best.about} (correlation {best.correlation:+.2f})",
        )
    deviations = activity.std(axis=0)
    liveliest = int(deviations.argmax())
    reason = (
        "the text is too short to say more"
        if len(activity) < _SHORT
        else "none goes clearly with anything simple"
    )
    return liveliest, f"it moves most (standard deviation {deviations[liveliest]:.2f}); {reason}"


def _correlations(activity: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """Of every neuron with the truth; 0 where one of them never changes."""
    centered, wanted = activity - activity.mean(axis=0), truth - truth.mean()
    scale = np.sqrt((centered**2).sum(axis=0) * (wanted**2).sum())
    return np.divide(wanted @ centered, scale, out=np.zeros(activity.shape[1]), where=scale > 1e-12)


def _since(units: Sequence[str], ends: Callable[[str], bool]) -> list[float]:
    """How many units ago something ended."""
    counts, count = [], 0
    for unit in units:
        count = 0 if ends(unit) else count + 1
        counts.append(float(count))
    return counts


def _in_line(units: Sequence[str]) -> list[float]:
    return (
        _since(units, lambda unit: "\n" in unit)
        if any("\n" in unit for unit in units)
        else [0.0] * len(units)
    )


def _in_quotes(units: Sequence[str]) -> list[float]:
    marks, inside = [], False
    for unit in units:
        for sign in unit:
            inside = (
                not inside if sign == '"' else sign in "“«「" or (inside and sign not in "”»」")
            )
        marks.append(float(inside))
    return marks


def _in_brackets(units: Sequence[str]) -> list[float]:
    marks, depth = [], 0
    for unit in units:
        for sign in unit:
            depth = max(0, depth + (sign in "([{") - (sign in ")]}"))
        marks.append(float(depth > 0))
    return marks


_REMEMBERED: dict[str, Callable[[Sequence[str]], list[float]]] = {
    "the place in the line": _in_line,
    "being inside quotes": _in_quotes,
    "being inside brackets": _in_brackets,
}
_SEEN: dict[str, Callable[[Sequence[str]], list[float]]] = {
    "the place in the word": lambda units: (
        _since(units, str.isspace) if any(map(str.isspace, units)) else [0.0] * len(units)
    ),
    "a blank just read": lambda units: [float(unit.isspace()) for unit in units],
    "a capital just read": lambda units: [float(unit[:1].isupper()) for unit in units],
    "a digit just read": lambda units: [float(unit[:1].isdigit()) for unit in units],
}
