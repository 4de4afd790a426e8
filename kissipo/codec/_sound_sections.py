"""Sections of a recording: a player with its spectrogram, and one frame in numbers.

The frame with the largest energy is followed from its samples to the number that the
net reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._mel import FLOOR, Mel, Numbers, Steps, hann, triangles
from kissipo.codec._sound import Samples, resampled, wav_bytes
from kissipo.core.description import Line, Recording, Section, Table

_MAX_SECONDS, _MAX_RATE, _PARTS, _ROWS = 8.0, 16_000, 400, 8
_QUIET = 8.0  # natural logarithms below the loudest that are drawn as the darkest shade


def recording(
    name: str,
    samples: Samples,
    rate: int,
    log_mel: Numbers,
    mel: Mel,
    spans: Sequence[tuple[float, float, str]] = (),
) -> Recording:
    """Returns a recording that can be played, at most its first seconds."""
    heard = samples[: round(_MAX_SECONDS * rate)]
    energies = log_mel[: max(1, mel.count(len(heard), rate))]
    seconds = len(heard) / rate
    if len(heard) < len(samples):
        name += f" (the first {_MAX_SECONDS:g} of {len(samples) / rate:.0f} seconds)"
    played = heard if rate <= _MAX_RATE else resampled(heard, rate, _MAX_RATE)
    return Recording(
        name,
        wav_bytes(played, min(rate, _MAX_RATE)),
        round(seconds, 4),
        envelope(heard),
        shades(energies),
        mel.centers(rate).tolist(),
        mel.frame(rate) / rate,
        mel.hop(rate) / rate,
        int(np.exp(energies).sum(axis=1).argmax()),
        spans,
    )


def envelope(samples: Samples) -> list[tuple[float, float]]:
    """Returns the lowest and the highest sample of each short part.

    Example:  >>> envelope(np.array([0.5, -0.5], dtype=np.float32))
              [(0.5, 0.5), (-0.5, -0.5)]
    """
    parts = np.array_split(samples, min(len(samples), _PARTS)) if len(samples) else []
    return [(float(part.min()), float(part.max())) for part in parts]


def shades(log_mel: Numbers) -> NDArray[np.uint8]:
    """Returns energies as bytes: 255 is the loudest, 0 is 35 decibels below or less."""
    share = 1 + (log_mel - log_mel.max(initial=-np.inf)) / _QUIET
    return np.asarray(np.round(255 * share.clip(0, 1)), dtype=np.uint8)


def frame_sections(
    steps: Steps, mel: Mel, rate: int, number: int, *, scaled: Numbers, labels: Sequence[str]
) -> Iterator[Section]:
    """Yields the steps of one frame, with the terms of its strongest band.

    scaled:   what the net reads of this frame
    """
    start = number * mel.hop(rate) / rate
    size, band = mel.frame(rate), int(steps.energies.argmax())
    end = start + size / rate
    yield Section(
        f"Frame {number + 1}, the loudest: {size} samples from {start:.3f} to {end:.3f} seconds",
        [
            Line(
                f"Each sample is multiplied by the Hann window, which is 0 at the start and 1 in "
                f"the middle of the frame. {_ROWS} of {size} samples:"
            ),
            _samples_table(steps, number * mel.hop(rate)),
        ],
    )
    weights = triangles(mel, rate)[band]
    bins = np.flatnonzero(weights)
    hertz = bins * rate / mel.fft(rate)
    rows = [
        [f"{one:.1f}", f"{steps.power[k]:.5g}", f"{weights[k]:.4f}",
         f"{weights[k] * steps.power[k]:.5g}"]
        for one, k in zip(hertz, bins, strict=True)
    ]  # fmt: skip
    energy = steps.energies[band]
    text = (
        f"The FFT of {mel.fft(rate)} says how strong each of {len(steps.power)} frequencies is. "
        f"Band {band + 1} of {mel.bands} is the strongest of this frame: its triangle has its top "
        f"at {mel.centers(rate)[band]:.1f} Hz."
    )
    total = (
        f"The sum is the energy of the band: {energy:.6g}. Its logarithm is {np.log(energy):.6g}"
    )
    total += f" (of at least {FLOOR:g})." if energy > FLOOR else f", of {FLOOR:g} at least."
    titles = ["frequency (Hz)", "power", "weight in the triangle", "product"]
    table = Table(titles, rows, (0, 1, 2, 3))
    yield Section("From the FFT to a mel band", [Line(text), table, Line(total)])
    yield _last_section(steps.log_mel, scaled, mel.centers(rate), labels)


def _samples_table(steps: Steps, first: int) -> Table:
    size = len(steps.samples)
    window = hann(size)
    places = np.linspace(0, size - 1, _ROWS).round().astype(int)
    rows = [
        [f"{first + place:,}", f"{steps.samples[place]:.5f}", f"{window[place]:.5f}",
         f"{steps.windowed[place]:.5f}"]
        for place in places.tolist()
    ]  # fmt: skip
    return Table(["sample", "value", "window", "product"], rows, (0, 1, 2, 3))


def _last_section(
    log_mel: Numbers, scaled: Numbers, middle: Numbers, labels: Sequence[str]
) -> Section:
    """Returns the logarithms of all bands, and what the net reads of the frame."""
    if len(log_mel) == len(scaled):
        rows = [
            [f"{hertz:.0f} Hz", f"{energy:.4f}", f"{number:.4f}"]
            for hertz, energy, number in zip(middle, log_mel, scaled, strict=True)
        ]
        table = Table(["band", "log energy", "as the net reads it"], rows, (1, 2))
    else:
        rows = [[name, f"{number:.4f}"] for name, number in zip(labels, scaled, strict=True)]
        table = Table(["number", "as the net reads it"], rows, (1,))
    text = "The numbers of this frame after scaling:"
    return Section("What the net reads of this frame", [Line(text), table])
