"""Windows over a long recording: of several lengths, where something can be heard.

A frame is loud where its energy lies within 35 decibels of the loudest frames of the
recording, and above its quietest ones. The weight of a window is the Dice coefficient
of its frames and of the loud frames in and around it: 1 for a window that holds exactly
a word with silence on both sides. Windows of low weight are left out.

Example:  >>> loud = np.array([0, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
          >>> [round(weight(loud, *ends), 2) for ends in ((2, 5), (1, 5), (3, 6))]
          [1.0, 0.86, 0.67]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._mel import FLOOR, Mel, log_mel
from kissipo.codec._sound import Sound

MIN_WEIGHT = 0.6
_RANGE, _ABOVE_QUIET = 35.0, 10.0  # decibels below the loudest, above the quietest frames
_CHUNK = 60.0  # seconds that are read at the same time
_STEPS = 8  # windows per length of a window
Numbers = NDArray[np.float64]


def loud_frames(sound: Sound, rate: int, mel: Mel) -> NDArray[np.bool_]:
    """Returns which frames of a recording can be heard."""
    hop, frame = mel.hop(rate), mel.frame(rate)
    frames = max(1, round(_CHUNK * rate / hop))
    parts = []
    count = mel.count(round(sound.seconds * rate), rate)
    for first in range(0, count, frames):
        last = min(count, first + frames)
        part = sound.part(first * hop / rate, ((last - 1) * hop + frame) / rate + 1 / rate)
        energies = np.exp(log_mel(part.samples(rate), rate, mel)).sum(axis=1)[: last - first]
        parts.append(10 * np.log10(energies))
    decibels = np.concatenate(parts)
    loudest, quietest = np.quantile(decibels, [0.99, 0.02])
    limit = max(loudest - _RANGE, min(quietest + _ABOVE_QUIET, loudest - _ABOVE_QUIET))
    silence = 10 * np.log10(FLOOR * mel.bands) + _ABOVE_QUIET
    return np.asarray(_closed(decibels > max(limit, silence), max(1, round(0.08 * rate / hop))))


def windows_of(
    loud: NDArray[np.bool_], lengths: Sequence[int]
) -> tuple[NDArray[np.int64], Numbers]:
    """Returns the first and the last frame of each window (window, 2), and its weight.

    lengths:   of the windows in frames
    """
    ends, weights = [], []
    for length in dict.fromkeys(max(1, length) for length in lengths):
        step = max(1, length // _STEPS)
        for first in range(0, max(1, len(loud) - length + 1), step):
            last = min(len(loud), first + length)
            fit = weight(loud, first, last)
            if fit >= MIN_WEIGHT:
                ends.append((first, last))
                weights.append(fit)
    return np.array(ends, dtype=np.int64).reshape(-1, 2), np.array(weights)


def weight(loud: NDArray[np.bool_], first: int, last: int) -> float:
    """Returns how well a window fits the loud frames in it and around it: those that
    are at most half of its length away."""
    size = last - first
    around = loud[max(0, first - size // 2) : last + size // 2]
    return float(2 * loud[first:last].sum() / (size + around.sum()))


def trimmed(loud: NDArray[np.bool_], first: int, last: int) -> tuple[int, int]:
    """Returns a window without the quiet frames at its ends."""
    inside = first + np.flatnonzero(loud[first:last])
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (first, last)


def _closed(loud: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Returns loud frames with the short gaps between them, such as before a `t`."""
    places = np.flatnonzero(loud)
    filled = loud.copy()
    for left, right in pairwise(places.tolist()):
        if 1 < right - left <= gap:
            filled[left:right] = True
    return filled
