"""Sound: one recording, or a part of one, which is decoded when its samples are needed.

WAV files of any depth are read by `_wav.py`; FLAC, OGG and other files by the optional
package soundfile. Several channels become their mean.

Example:  >>> sound = Sound.of(np.array([0.0, 0.5, -0.5, 0.0]), 8)
          >>> sound.seconds, str(sound), len(sound.samples(16))
          (0.5, '0.50 s, 8 Hz', 8)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._wav import REMEDY, WavHeader, read_header, read_samples
from kissipo.core.errors import DataError
from kissipo.core.extras import need
from kissipo.core.numpy_array import NumpyArray

Samples = NDArray[np.float32]
WAV, PACKED = (".wav", ".wave"), (".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
SUFFIXES = (*WAV, *PACKED)
SILENCE = 1e-4  # of full scale: a quieter recording is silent
_MAX_DENOMINATOR = 1_000  # of the ratio of two rates, for a filter of bounded length


@dataclass(frozen=True)
class Sound:
    """A recording with one rate.

    path:      its file; empty for samples in memory
    rate:      samples per second of the file
    start, stop:  the first sample and the one after the last
    channels:  of the file; their mean is taken
    data:      samples in memory, from -1 to 1
    header:    of a WAV file
    """

    path: str
    rate: int
    start: int
    stop: int
    channels: int = 1
    data: Samples | None = None
    header: WavHeader | None = None

    @classmethod
    def of(cls, samples: NumpyArray, rate: int) -> Self:
        """Returns a sound of samples in memory (time) or (time, channel)."""
        mono = _mono(np.asarray(samples))
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        return cls("", rate, 0, len(mono), channels, mono)

    def __len__(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.rate} Hz"

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return len(self) / self.rate

    @property
    def is_long(self) -> bool:
        """Whether its samples are read in parts."""
        return len(self) > 10 * 60 * self.rate

    def part(self, start: float, end: float) -> Sound:
        """Returns the part between two times in seconds, as far as it exists."""
        first, last = (self.start + round(second * self.rate) for second in (start, end))
        first = min(max(first, self.start), self.stop)
        return replace(self, start=first, stop=min(max(last, first), self.stop))

    def samples(self, rate: int | None = None) -> Samples:
        """Returns the samples from -1 to 1 as one channel, at the rate of the file or
        at another one.

        Raises:   DataError when the file cannot be decoded.
        """
        data = self.data[self.start : self.stop] if self.data is not None else self._decoded()
        return data if rate in (None, self.rate) else resampled(data, self.rate, int(rate or 0))

    def tobytes(self) -> bytes:
        """Returns the content, by which recordings are compared: rate and samples."""
        return struct.pack("<q", self.rate) + self.samples().tobytes()

    def _decoded(self) -> Samples:
        return _mono(_read_part(self.path, self.header, self.start, self.stop))


def open_sound(path: str | Path) -> Sound:
    """Returns the recording in a file, whose samples are not decoded yet.

    Raises:   DataError for an empty file and for one that is not a recording;
              MissingExtraError for a format that needs soundfile.
    """
    name = str(path)
    if name.lower().endswith(PACKED):
        with _soundfile(Path(path)) as soundfile:
            file = soundfile.info(name)
        return Sound(name, int(file.samplerate), 0, int(file.frames), int(file.channels))
    header = read_header(name)
    return Sound(name, header.rate, 0, header.count, header.channels, header=header)


def resampled(samples: Samples, rate: int, new: int) -> Samples:
    """Returns samples at another rate, by a filter that keeps out what it cannot hold.

    Example:  >>> len(resampled(np.zeros(100, dtype=np.float32), 44_100, 8_000))
              19
    """
    from fractions import Fraction

    from scipy.signal import resample_poly

    if not len(samples):
        return samples
    ratio = Fraction(new, rate).limit_denominator(_MAX_DENOMINATOR)
    changed = resample_poly(samples.astype(np.float64), ratio.numerator, ratio.denominator)
    return np.asarray(changed, dtype=np.float32)


def wav_bytes(samples: Samples, rate: int) -> bytes:
    """Returns samples as the content of a WAV file of 16 bits.

    Example:  >>> len(wav_bytes(np.zeros(10, dtype=np.float32), 8_000))
              64
    """
    from scipy.io import wavfile

    file = io.BytesIO()
    whole = np.round(np.clip(samples, -1, 1) * 32_767).astype(np.int16)
    wavfile.write(file, rate, whole)
    return file.getvalue()


def common_rate(sounds: Sequence[Sound]) -> int:
    """Returns the rate of most recordings; of two as frequent ones the lower."""
    rates, counts = np.unique([sound.rate for sound in sounds], return_counts=True)
    return int(rates[counts.argmax()])


def _read_part(path: str, header: WavHeader | None, start: int, stop: int) -> NumpyArray:
    if path.lower().endswith(PACKED):
        with _soundfile(Path(path)) as soundfile:
            values, _ = soundfile.read(path, start=start, stop=stop, dtype="float32")
        return np.asarray(values)
    return read_samples(path, header or read_header(path), start, stop)


@contextmanager
def _soundfile(path: Path) -> Iterator[ModuleType]:
    """The package that reads packed files.

    Raises:   MissingExtraError without it; DataError for a damaged file.
    """
    purpose = f"reading {path.suffix.lower().lstrip('.').upper()} files"
    soundfile = need("soundfile", extra="sound", purpose=purpose)
    try:
        yield soundfile
    except soundfile.SoundFileError as error:
        raise DataError(
            f"the recording {path} is damaged, or of another kind than its ending says",
            got=str(error).rsplit(": ", 1)[-1].rstrip("."),
            do=REMEDY,
        ) from None


def _mono(values: NumpyArray) -> Samples:
    """Returns values of any depth as one channel from -1 to 1."""
    kind = values.dtype
    scaled: Samples = np.asarray(values, dtype=np.float32)
    if kind == np.uint8:
        scaled = (scaled - np.float32(128)) / np.float32(128)
    elif kind.kind == "i":
        scaled = scaled / np.float32(2.0 ** (8 * kind.itemsize - 1))
    return scaled if scaled.ndim == 1 else scaled.mean(axis=1, dtype=np.float32)
