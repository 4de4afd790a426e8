"""Log-mel: samples -> frames -> window -> FFT -> power -> mel triangles -> logarithm.

A frame is a few hundredths of a second. Its samples are multiplied by a Hann window,
which fades both ends out, and the FFT says how strong each frequency is in it. Mel
triangles add up neighboring frequencies as an ear does: bands are narrow below and wide
above. The logarithm turns loudness factors into differences.

mel(f) = 2595 log10(1 + f / 700)                                the HTK formula
E_b    = sum over k of triangle_b(k) |FFT(frame * window)(k)|^2
L_b    = log(max(E_b, 1e-10))

Shapes:   samples (time) -> (frame, band)
Choices:  There is no padding at the ends, so a frame holds real samples only; samples
          after the last whole frame are not read. The triangles have the height 1.
          Everything is computed with 64 bits.
Source:   Davis and Mermelstein 1980; Young et al., The HTK Book.
Example:  >>> round(hertz_to_mel(1000.0), 2), round(mel_to_hertz(999.9855), 1)
          (999.99, 1000.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log, log10

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError

DECIBEL = log(10) / 10  # in natural logarithms of energies
FLOOR = 1e-10  # the smallest energy, so that silence has a logarithm
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Mel:
    """How log-mel energies are computed.

    frame_ms, hop_ms:  the length of a frame, and the time between two of them
    bands:             the number of mel triangles
    min_frequency:     where the first triangle begins, in Hz
    max_frequency:     where the last one ends; half the sample rate when omitted
    """

    frame_ms: float = 32.0
    hop_ms: float = 10.0
    bands: int = 40
    min_frequency: float = 0.0
    max_frequency: float | None = None

    def frame(self, rate: int) -> int:
        """Returns the number of samples of a frame."""
        return max(2, round(rate * self.frame_ms / 1000))

    def hop(self, rate: int) -> int:
        """Returns the number of samples between the starts of two frames."""
        return max(1, round(rate * self.hop_ms / 1000))

    def fft(self, rate: int) -> int:
        """Returns the size of the FFT: the next power of two; zeros fill a frame up."""
        return 1 << (self.frame(rate) - 1).bit_length()

    def count(self, samples: int, rate: int) -> int:
        """Returns the number of whole frames of so many samples."""
        return max(0, 1 + (samples - self.frame(rate)) // self.hop(rate))

    def centers(self, rate: int) -> Numbers:
        """Returns the frequency at the top of each triangle, in Hz."""
        return np.asarray(self._edges(rate)[1:-1])

    def _edges(self, rate: int) -> Numbers:
        highest = self.max_frequency or rate / 2
        ends = hertz_to_mel(self.min_frequency), hertz_to_mel(highest)
        return np.array([mel_to_hertz(mel) for mel in np.linspace(*ends, self.bands + 2)])


@dataclass(frozen=True)
class Steps:
    """What becomes of one frame, step by step: the numbers that a page shows."""

    samples: Numbers
    windowed: Numbers
    power: Numbers
    energies: Numbers
    log_mel: Numbers


def hertz_to_mel(frequency: float) -> float:
    """Returns a frequency in mel."""
    return 2595.0 * log10(1.0 + frequency / 700.0)


def mel_to_hertz(mel: float) -> float:
    """Returns the frequency of a mel value."""
    return 700.0 * (float(10.0 ** (mel / 2595.0)) - 1.0)


@lru_cache(maxsize=8)
def hann(size: int) -> Numbers:
    """Returns the periodic Hann window.

    Example:  >>> hann(4).round(6).tolist()
              [0.0, 0.5, 1.0, 0.5]
    """
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


@lru_cache(maxsize=8)
def triangles(mel: Mel, rate: int) -> Numbers:
    """Returns the weights of the mel triangles (band, frequency).

    Raises:   DataError when a triangle lies between two frequencies of the FFT, and for
              frequencies above half the sample rate.
    """
    if not 0 <= mel.min_frequency < (mel.max_frequency or rate / 2) <= rate / 2:
        raise DataError(
            "input.min_frequency and input.max_frequency must rise, up to half the sample rate",
            got=f"{mel.min_frequency:g} and {mel.max_frequency or rate / 2:g} Hz",
            allowed=f"0 to {rate / 2:g} Hz for {rate} samples per second",
        )
    edges = mel._edges(rate)
    frequencies = np.arange(mel.fft(rate) // 2 + 1) * rate / mel.fft(rate)
    below, top, above = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - below) / (top - below)
    falling = (above - frequencies) / (above - top)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    empty = np.flatnonzero(weights.sum(axis=1) == 0)
    if len(empty):
        raise DataError(
            f"{len(empty)} of {mel.bands} mel bands lie between two frequencies of the FFT, "
            f"the first at {edges[empty[0] + 1]:.0f} Hz",
            got=f"{mel.bands} bands, an FFT of {mel.fft(rate)} at {rate} samples per second",
            do="Use fewer input.mel_bands or a larger input.frame_ms",
        )
    return weights


def log_mel(samples: NDArray[np.float32], rate: int, mel: Mel) -> Numbers:
    """Returns the log-mel energies (frame, band); samples shorter than a frame are
    padded with zeros."""
    from scipy.fft import rfft

    windowed = frames_of(samples, rate, mel) * hann(mel.frame(rate))
    spectrum = rfft(windowed, mel.fft(rate), overwrite_x=True)
    power = spectrum.real**2 + spectrum.imag**2
    energies = power @ triangles(mel, rate).T
    return np.log(np.maximum(energies, FLOOR, out=energies), out=energies)


def frames_of(samples: NDArray[np.float32], rate: int, mel: Mel) -> Numbers:
    """Returns the samples of all frames (frame, sample)."""
    size = mel.frame(rate)
    values = samples.astype(np.float64)
    if len(values) < size:
        values = np.pad(values, (0, size - len(values)))
    return np.lib.stride_tricks.sliding_window_view(values, size)[:: mel.hop(rate)]


def steps_of(samples: NDArray[np.float32], rate: int, mel: Mel, number: int) -> Steps:
    """Returns every step of one frame."""
    frame = frames_of(samples, rate, mel)[number].copy()
    windowed = frame * hann(mel.frame(rate))
    spectrum = np.fft.rfft(windowed, mel.fft(rate))
    power = spectrum.real**2 + spectrum.imag**2
    energies = triangles(mel, rate) @ power
    return Steps(frame, windowed, power, energies, np.log(np.maximum(energies, FLOOR)))


def griffin_lim(log_energies: Numbers, rate: int, mel: Mel, rounds: int = 30) -> Numbers:
    """Returns samples whose log-mel energies are close to these (frame, band).

    The energies of the bands are spread over the frequencies by the smallest energies
    that are at least 0; then phases are searched with which overlapping frames agree.
    """
    from scipy.fft import irfft, rfft

    size, hop, fft = mel.frame(rate), mel.hop(rate), mel.fft(rate)
    weights = triangles(mel, rate)
    power = np.maximum(np.exp(log_energies) @ np.linalg.pinv(weights).T, 0.0)
    for _ in range(rounds):  # multiplicative updates keep energies above 0 (Lee and Seung 2001)
        ratio = np.exp(log_energies) / np.maximum(power @ weights.T, FLOOR)
        power = np.maximum(power, FLOOR) * (ratio @ weights) / weights.sum(axis=0).clip(1e-9)
    strength = np.sqrt(power)
    count = size + hop * (len(strength) - 1)
    places = hop * np.arange(len(strength))[:, None] + np.arange(size)
    window = hann(size)
    total = np.bincount(places.ravel(), np.tile(window**2, len(strength)), minlength=count)
    generator = np.random.default_rng(0)
    spectrum = strength * np.exp(2j * np.pi * generator.random(strength.shape))
    for _ in range(rounds):
        frames = irfft(spectrum, fft)[:, :size] * window
        added = np.bincount(places.ravel(), frames.ravel(), minlength=count)
        samples = added / np.maximum(total, 1e-3)
        again = rfft(samples[places] * window, fft)
        spectrum = strength * again / np.maximum(np.abs(again), 1e-12)
    return np.asarray(samples)
