"""MFCC: recordings <-> the cosine transform of the log-mel energies of short frames.

c_k = sqrt(2 / B) s_k  sum over b of L_b cos(pi k (b + 1/2) / B)      s_0 = sqrt(1/2)

The first numbers say how the energy is spread over the bands in general: c_0 is the
loudness, c_1 compares low and high bands. Fine differences between neighboring bands
are left out, as the pitch of a voice.

Shapes:   column (row) of recordings -> (row, time, feature), one feature per number
Choices:  The orthonormal transform of scipy and librosa, without a lifter.
Source:   Davis and Mermelstein 1980.
Example:  >>> from kissipo.codec._sound import Sound
          >>> from kissipo.core.frame import Frame, sound_column
          >>> tone = np.sin(np.arange(4000) * 2 * np.pi * 1000 / 8000)
          >>> frame = Frame((sound_column("sound", [Sound.of(tone, 8000)]),))
          >>> codec = MFCC("sound", coefficients=13).fit(frame)
          >>> codec.spec.describe(), codec.spec.labels[:2]
          ('(batch, time 47, feature 13)', ('c0', 'c1'))
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._mel import Mel, Numbers
from kissipo.codec.log_mel import LogMel, Scaling
from kissipo.core.codec import EncodingStep
from kissipo.core.json_object import JsonMapping


class MFCC(LogMel):
    """Encodes recordings as mel-frequency cepstral coefficients.

    coefficients:  how many of them are kept
    """

    KIND: ClassVar[str] = "mfcc"
    FIELDS: ClassVar[tuple[str, ...]] = (*LogMel.FIELDS, "coefficients")

    def __init__(
        self,
        column: str,
        *,
        rate: int | None = None,
        mel: Mel | JsonMapping | None = None,
        standardize: Scaling = "training",
        dynamic_range: float | None = None,
        max_seconds: float | None = None,
        coefficients: int = 13,
    ) -> None:
        super().__init__(
            column,
            rate=rate,
            mel=mel,
            standardize=standardize,
            dynamic_range=dynamic_range,
            max_seconds=max_seconds,
        )
        self.coefficients = min(coefficients, self.mel.bands)

    @property
    def features(self) -> int:
        return self.coefficients

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"c{number}" for number in range(self.coefficients))

    def numbers_of(self, samples: NDArray[np.float32]) -> Numbers:
        return super().numbers_of(samples) @ cosines(self.mel.bands, self.coefficients)

    def energies_of(self, x: Tensor) -> Numbers:
        return super().energies_of(x) @ cosines(self.mel.bands, self.coefficients).T

    def last_steps(self, log_mel: Numbers) -> list[EncodingStep]:
        numbers = log_mel @ cosines(self.mel.bands, self.coefficients)
        description = f"cosine transform of {self.mel.bands} bands, the first {self.coefficients}"
        return [EncodingStep("cosine transform", description, numbers)]

    def describe(self) -> str:
        return f"{super().describe().rpartition(' -> ')[0]} -> {self.coefficients} MFCC"


def cosines(bands: int, count: int) -> Numbers:
    """Returns the first columns of the orthonormal cosine transform (band, number).

    Example:  >>> cosines(2, 2).round(4).tolist()
              [[0.7071, 0.7071], [0.7071, -0.7071]]
    """
    number, band = np.arange(count), np.arange(bands)[:, None]
    table = np.sqrt(2 / bands) * np.cos(np.pi * number * (band + 0.5) / bands)
    table[:, 0] /= np.sqrt(2)
    return np.asarray(table)


CODEC = MFCC
