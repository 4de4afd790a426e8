"""The season of a series: after how many steps it repeats itself, found from its autocorrelation.

Example:  >>> import numpy as np
          >>> find_season(np.sin(np.arange(240) * 2 * np.pi / 12) + 0.01 * np.arange(240))
          12
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

_LEAST = 0.25
_PROMINENT = 0.15
_NEARLY = 0.85


def find_season(values: NDArray[np.float64]) -> int:
    """The shortest lag at which the series, freed from its trend, is clearly like itself; 0 when there is none."""
    values = values[~np.isnan(values)]
    count = len(values)
    if count < 12 or np.all(values == values[0]):
        return 0
    steps = np.arange(count)
    rest = values - np.polyval(np.polyfit(steps, values, 1), steps)
    spectrum = np.fft.rfft(rest, 2 * count)
    likeness = np.fft.irfft(spectrum * np.conj(spectrum))[:count]
    if likeness[0] <= 0:
        return 0
    likeness = likeness / likeness[0] * count / np.maximum(count - steps, 1)
    peaks, _ = find_peaks(
        likeness[: count // 3 + 1], height=max(_LEAST, 2 / np.sqrt(count)), prominence=_PROMINENT
    )
    peaks = peaks[peaks >= 2]
    if not len(peaks):
        return 0
    return int(peaks[np.argmax(likeness[peaks] >= _NEARLY * likeness[peaks].max())])
