"""Schedules: how the rate changes on the way, as a pure function of how much of the training is done (S07).

constant     1
step         1, then a tenth after half and after three quarters
exponential  falls evenly to a hundredth
cosine       falls slowly, then fast, then slowly to zero
one_cycle    rises to the full rate during the first 30 %, then falls as a cosine to zero

`warmup` is the share at the beginning during which the rate rises from zero.

Source:   cosine Loshchilov and Hutter 2017; one cycle Smith 2018.
Example:  >>> [round(factor("cosine", done), 2) for done in (0.0, 0.5, 1.0)]
          [1.0, 0.5, 0.0]
"""

from math import cos, pi
from typing import Literal

Name = Literal["constant", "step", "exponential", "cosine", "one_cycle"]
_RISE = 0.3


def factor(name: Name, done: float, *, warmup: float = 0.0) -> float:
    """What the rate is multiplied by when a share `done` (0 to 1) of all steps is over."""
    rising = min(1.0, done / warmup) if warmup > 0 else 1.0
    return rising * _shape(name, done)


def _shape(name: Name, done: float) -> float:
    if name == "step":
        return 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01
    if name == "exponential":
        return float(0.01**done)
    if name == "cosine":
        return (1 + cos(pi * done)) / 2
    if name == "one_cycle":
        return (
            max(0.04, done / _RISE)
            if done < _RISE
            else (1 + cos(pi * (done - _RISE) / (1 - _RISE))) / 2
        )
    return 1.0
