"""Log-mel: recordings <-> the loudness of mel bands in short frames of time.

By default each band is scaled by its mean and its standard deviation in the training
split. With `recording` both are those of each recording, with `recording_mean` only the
mean is: that removes its loudness and the coloring of its microphone. With
`dynamic_range` all that is more decibels below the loudest energy of the recording is
raised to that level, so that rooms of different noise look alike.

Recordings keep their lengths: a batch is padded with steps of zeros, and the first
number of a real step is never 0. A recording that is longer than the limit is cut at
its end. Other sample rates are resampled.

Shapes:   column (row) of recordings -> (row, time, feature), one feature per band
Source:   Davis and Mermelstein 1980; the steps stand in `_mel.py`. `decode` makes a
          sound with these energies by the algorithm of Griffin and Lim 1984.
Raises:   DataError for frames in which a mel band holds no frequency.
Example:  >>> from kissipo.core.frame import Frame, sound_column
          >>> tone = np.sin(np.arange(4000) * 2 * np.pi * 1000 / 8000)
          >>> frame = Frame((sound_column("sound", [Sound.of(tone, 8000)]),))
          >>> codec = LogMel("sound", standardize="none").fit(frame)
          >>> x = codec.encode(frame)
          >>> codec.spec.describe(), codec.spec.labels[int(x[0, 20].argmax())]
          ('(batch, time 47, feature 40)', '992 Hz')
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._mel import DECIBEL, FLOOR, Mel, Numbers, Steps, griffin_lim, log_mel, steps_of
from kissipo.codec._sound import SILENCE, Sound, common_rate
from kissipo.codec._sound_sections import frame_sections, recording
from kissipo.codec._sound_windows import loud_frames, trimmed, windows_of
from kissipo.core.batch import is_step, trim
from kissipo.core.codec import Codec, EncodingStep, refuse_unfitted
from kissipo.core.description import Record, Section
from kissipo.core.frame import Frame, sound_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping
from kissipo.core.tensor_spec import TensorSpec

Scaling = Literal["training", "recording", "recording_mean", "none"]
NEARLY_ZERO, MIN_STD = 1e-6, 1e-3  # the first number of a step is not 0: padding is
_DRAWN = 12  # recordings that a report plays
_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
_LENGTH_QUANTILE, _OUTLIER = 0.99, 4  # longer recordings than four times the quantile are cut


class LogMel(Codec):
    """Encodes recordings as log-mel energies."""

    KIND: ClassVar[str] = "log_mel"
    FIELDS: ClassVar[tuple[str, ...]] = (
        "column",
        "rate",
        "mel",
        "standardize",
        "dynamic_range",
        "max_seconds",
        "length",
        "mean",
        "std",
        "typical",
    )

    def __init__(
        self,
        column: str,
        *,
        rate: int | None = None,
        mel: Mel | JsonMapping | None = None,
        standardize: Scaling = "training",
        dynamic_range: float | None = None,
        max_seconds: float | None = None,
    ) -> None:
        self.column, self.rate, self.max_seconds = column, rate, max_seconds
        self.mel = mel if isinstance(mel, Mel) else Mel(**(mel or {}))
        self.standardize: Scaling = standardize
        self.dynamic_range = dynamic_range
        self.length: int | None = None
        self.mean: tuple[float, ...] = ()
        self.std: tuple[float, ...] = ()
        self.typical: tuple[float, ...] = ()  # quantiles of the durations in training

    @property
    def features(self) -> int:
        """The number of numbers per frame."""
        return self.mel.bands

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each number of a frame: the middle of its band."""
        return tuple(f"{hertz:.0f} Hz" for hertz in self.mel.centers(self.rate or 1))

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(
            self.column,
            ("time", "feature"),
            (self.length or 0, self.features),
            labels=self.labels,
            padded=True,
        )

    def fit(self, frame: Frame) -> Self:
        sounds = list(frame[self.column].values)
        if self.rate is None:
            self.rate = common_rate(sounds)
        if self.max_seconds is None:
            self.max_seconds = _longest([sound.seconds for sound in sounds])
        quantiles = np.quantile([sound.seconds for sound in sounds], _QUANTILES)
        self.typical = tuple(quantiles.tolist())
        counts = [self.count(sound) for sound in sounds]
        self.length = max(counts)
        sums, squares = np.zeros(self.features), np.zeros(self.features)
        for values in self.raw(sounds):
            if self.standardize == "recording_mean":
                values = values - values.mean(axis=0)
            sums += values.sum(axis=0)
            squares += (values**2).sum(axis=0)
        mean = sums / sum(counts)
        std = np.sqrt(np.maximum(squares / sum(counts) - mean**2, 0.0))
        self.mean, self.std = tuple(mean.tolist()), tuple(np.maximum(std, MIN_STD).tolist())
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.length, self)
        sounds = list(frame[self.column].values)
        encoded = np.zeros((len(sounds), self.length or 1, self.features), dtype=np.float32)
        for row, values in zip(encoded, self.raw(sounds), strict=True):
            count = min(len(values), len(row))
            row[:count] = self.scaled(values[:count])
            row[:count, 0][row[:count, 0] == 0] = NEARLY_ZERO
        return torch.from_numpy(encoded)

    def raw(self, sounds: Sequence[Sound]) -> Iterator[Numbers]:
        """Yields the numbers (frame, feature) of each recording before they are
        scaled."""
        for sound in sounds:
            yield self.numbers_of(self.heard(sound))

    def heard(self, sound: Sound) -> NDArray[np.float32]:
        """Returns the samples of a recording that the codec reads, at its rate."""
        whole = sound.part(0.0, self.max_seconds or sound.seconds)
        return whole.samples(self.rate)

    def numbers_of(self, samples: NDArray[np.float32]) -> Numbers:
        """Returns the numbers of samples (frame, feature)."""
        return self.ranged(log_mel(samples, self.rate or 1, self.mel))

    def ranged(self, energies: Numbers, loudest: float | None = None) -> Numbers:
        """Returns log energies, those below the dynamic range raised to its lower end.

        loudest:   of the recording; of these energies when omitted
        """
        if self.dynamic_range is None:
            return energies
        top = float(energies.max(initial=-np.inf)) if loudest is None else loudest
        return np.maximum(energies, top - self.dynamic_range * DECIBEL)

    def count(self, sound: Sound) -> int:
        """Returns the number of frames of a recording, at least 1."""
        samples = round(min(sound.seconds, self.max_seconds or np.inf) * (self.rate or 1))
        return max(1, self.mel.count(samples, self.rate or 1))

    def scaled(self, values: Numbers) -> Numbers:
        """Returns numbers with mean 0 and standard deviation 1."""
        if self.standardize == "none":
            return values
        if self.standardize == "recording":
            std = np.maximum(values.std(axis=0), MIN_STD)
            return np.asarray((values - values.mean(axis=0)) / std)
        mean = values.mean(axis=0) if self.standardize == "recording_mean" else np.array(self.mean)
        return np.asarray((values - mean) / np.array(self.std))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.length, self)
        rate = self.rate or 1
        sounds = [
            Sound.of(griffin_lim(self.energies_of(x), rate, self.mel), rate)
            for x in tensor.to(torch.float64)
        ]
        return Frame((sound_column(self.column, sounds),))

    def energies_of(self, x: Tensor) -> Numbers:
        """Returns the log-mel energies (frame, band) of an encoded recording; of one
        that was scaled by itself, those of a typical recording."""
        values = x[is_step(x)].numpy()
        if self.standardize != "none":
            values = values * np.array(self.std) + np.array(self.mean)
        return np.asarray(values)

    def encoding_steps(self, frame: Frame) -> list[EncodingStep]:
        samples, number, steps = self._loudest(frame)
        rate, size, fft = (
            self.rate or 1,
            self.mel.frame(self.rate or 1),
            self.mel.fft(self.rate or 1),
        )
        start = number * self.mel.hop(rate)
        count = self.mel.count(len(samples), rate)
        return [
            EncodingStep("samples", f"one channel, {rate} per second", samples),
            EncodingStep(
                "frame",
                f"frame {number + 1} of {max(1, count)}, the loudest: {size} samples from "
                f"{start / rate:.3f} s",
                steps.samples,
            ),
            EncodingStep("window", "times a Hann window", steps.windowed),
            EncodingStep("power", f"FFT of {fft}, squared: 0 to {rate / 2:g} Hz", steps.power),
            EncodingStep("mel", f"{self.mel.bands} triangles (HTK)", steps.energies),
            EncodingStep("logarithm", f"natural, of at least {FLOOR:g}", steps.log_mel),
            *self._range_step(samples, steps),
            *self.last_steps(self._in_range(samples, steps)),
        ]

    def _in_range(self, samples: NDArray[np.float32], steps: Steps) -> Numbers:
        """Returns the log energies of a frame within the dynamic range."""
        loudest = float(log_mel(samples, self.rate or 1, self.mel).max())
        return self.ranged(steps.log_mel, loudest)

    def _range_step(self, samples: NDArray[np.float32], steps: Steps) -> list[EncodingStep]:
        if self.dynamic_range is None:
            return []
        description = f"at most {self.dynamic_range:g} dB below the loudest of the recording"
        return [EncodingStep("range", description, self._in_range(samples, steps))]

    def last_steps(self, log_mel: Numbers) -> list[EncodingStep]:
        """Returns the steps between the log-mel energies of a frame and its numbers."""
        return []

    def example_sections(self, frame: Frame) -> Sequence[Section]:
        samples, number, steps = self._loudest(frame)
        name = Path(frame[self.column].values[0].path).name or "the recording"
        x = self.encode(frame.take(np.arange(1)))[0]
        energies = log_mel(samples, self.rate or 1, self.mel)
        player = recording(name, samples, self.rate or 1, energies, self.mel)
        scaled = x[min(number, len(x) - 1)].numpy()
        numbers = frame_sections(
            steps, self.mel, self.rate or 1, number, scaled=scaled, labels=self.labels
        )
        return [Section("The recording", [player]), *numbers]

    def row_drawings(self, frame: Frame, captions: Sequence[str]) -> Sequence[Record]:
        records = []
        for sound, caption in list(zip(frame[self.column].values, captions, strict=True))[:_DRAWN]:
            samples = self.heard(sound)
            energies = log_mel(samples, self.rate or 1, self.mel)
            records.append(recording(caption, samples, self.rate or 1, energies, self.mel))
        return records

    def as_image(self, x: Tensor) -> Tensor | None:
        bright = ((trim(x[None])[0].T.flip(0) + 2) / 4).clamp(0, 1)
        return bright.repeat_interleave(2, 0).repeat_interleave(2, 1)[None]

    def _loudest(self, frame: Frame) -> tuple[NDArray[np.float32], int, Steps]:
        """Returns the samples of the first row, and its loudest frame step by step."""
        samples, rate = self.heard(frame[self.column].values[0]), self.rate or 1
        number = int(np.exp(log_mel(samples, rate, self.mel)).sum(axis=1).argmax())
        return samples, number, steps_of(samples, rate, self.mel, number)

    def windows(self, sound: Sound) -> tuple[list[Sound], Numbers, Numbers]:
        """Returns the windows of a long recording in which a word may be, the times of
        what is loud in each (window, 2) in seconds, and their weights."""
        rate = self.rate or 1
        loud = loud_frames(sound, rate, self.mel)
        hop, frame = self.mel.hop(rate) / rate, self.mel.frame(rate) / rate
        lengths = [round(max(0.0, seconds - frame) / hop) + 1 for seconds in self.typical]
        ends, weights = windows_of(loud, lengths)
        parts = [sound.part(first * hop, (last - 1) * hop + frame) for first, last in ends]
        heard = [trimmed(loud, first, last) for first, last in ends.tolist()]
        half = (frame - hop) / 2  # a frame is as long as several hops, and loud in the middle
        times = [(first * hop + half, last * hop + half) for first, last in heard]
        return parts, np.array(times).reshape(-1, 2), weights

    def suggested_net(self) -> InferredOption | None:
        reason = "recordings have different lengths, and both directions help"
        return InferredOption("process.net", "recurrent", reason)

    def net_options(self, net: str) -> tuple[InferredOption, ...]:
        if net == "cnn":
            return (
                InferredOption("process.filters", [32, 64, 96]),
                InferredOption("process.norm", True),
                InferredOption("process.units", []),
                InferredOption("process.dropout", 0.3),
                InferredOption("process.epochs", 15),
                InferredOption("process.learning_rate", 3e-3),
                InferredOption("process.schedule", "one_cycle"),
            )
        if net != "recurrent":
            return ()
        return (
            InferredOption("process.cell", "gru"),
            InferredOption("process.units", 64),
            InferredOption("process.bidirectional", True, "a recording is known to its end"),
            InferredOption("process.pooling", "mean", "every frame has its say"),
            InferredOption("process.dropout", 0.3),
            InferredOption("process.epochs", 25),
            InferredOption("process.learning_rate", 3e-3),
        )

    def fitted_options(self) -> tuple[InferredOption, ...]:
        return (
            InferredOption("input.sample_rate", self.rate, "the rate of most recordings"),
            InferredOption("input.max_seconds", self.max_seconds, "the longest recording"),
        )

    def remarks(self, frame: Frame) -> list[str]:
        sounds = list(frame[self.column].values)
        of = f"of {len(sounds)} recordings"
        others = sorted({sound.rate for sound in sounds} - {self.rate})
        counts = {
            f"resampled to {self.rate} Hz from {', '.join(map(str, others))} Hz": sum(
                sound.rate != self.rate for sound in sounds
            ),
            "have several channels: their mean is heard": sum(
                sound.channels > 1 for sound in sounds
            ),
            f"cut after {self.max_seconds:g} seconds": sum(
                sound.seconds > (self.max_seconds or np.inf) + 1e-9 for sound in sounds
            ),
            "are silent, so the prediction says nothing": sum(
                bool(np.abs(self.heard(sound)).max(initial=0.0) < SILENCE) for sound in sounds
            ),
        }
        return [f"{count} {of} {text}" for text, count in counts.items() if count]

    def describe(self) -> str:
        frame, hop = self.mel.frame_ms, self.mel.hop_ms
        return f"{self.rate} Hz, frames of {frame:g} ms every {hop:g} ms -> {self.features} bands"


def _longest(seconds: Sequence[float]) -> float:
    """Returns the duration of the longest recording, without a few that are much
    longer, in hundredths of a second."""
    limit = _OUTLIER * float(np.quantile(seconds, _LENGTH_QUANTILE))
    return float(np.ceil(100 * min(max(seconds), max(limit, 1.0)))) / 100


CODEC = LogMel
