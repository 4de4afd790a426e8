"""Schedules: the learning rate as a function of the fraction of the training (S07).

constant     1
step         1, then 0.1 after half and 0.01 after three quarters of the training
exponential  falls exponentially to 0.01
cosine       falls along a half cosine to zero
one_cycle    rises linearly in the first 30 %, then falls along a half cosine to zero

During the fraction `warmup` at the beginning the learning rate rises from zero.

Source:   cosine Loshchilov and Hutter 2017; one cycle Smith 2018.
Example:  >>> [round(factor("cosine", done), 2) for done in (0.0, 0.5, 1.0)]
          [1.0, 0.5, 0.0]
"""

from math import cos, pi
from typing import Literal

Name = Literal["constant", "step", "exponential", "cosine", "one_cycle"]
_RISE = 0.3


def factor(name: Name, done: float, *, warmup: float = 0.0) -> float:
    """Returns the factor of the learning rate when the fraction `done` is over."""
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
