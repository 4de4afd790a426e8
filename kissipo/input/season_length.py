"""Season length: the period of a series, inferred from its autocorrelation.

Example:  >>> import numpy as np
          >>> step = np.arange(240)
          >>> find_season(np.sin(step * 2 * np.pi / 12) + 0.01 * step)
          12
"""

import numpy as np
from numpy.typing import NDArray

_MIN_HEIGHT = 0.25
_MIN_PROMINENCE = 0.15
_NEAR_MAXIMUM = 0.85


def find_season(values: NDArray[np.float64]) -> int:
    """Returns the shortest lag with a clear peak of the autocorrelation.

    The linear trend is removed first. The result is 0 when there is no such lag.
    """
    values = values[~np.isnan(values)]
    count = len(values)
    if count < 12 or np.all(values == values[0]):
        return 0
    steps = np.arange(count)
    rest = values - np.polyval(np.polyfit(steps, values, 1), steps)
    spectrum = np.fft.rfft(rest, 2 * count)
    autocorrelation = np.fft.irfft(spectrum * np.conj(spectrum))[:count]
    if autocorrelation[0] <= 0:
        return 0
    autocorrelation = autocorrelation / autocorrelation[0] * count / np.maximum(count - steps, 1)
    from scipy.signal import find_peaks  # the import takes a second

    peaks, _ = find_peaks(
        autocorrelation[: count // 3 + 1],
        height=max(_MIN_HEIGHT, 2 / np.sqrt(count)),
        prominence=_MIN_PROMINENCE,
    )
    peaks = peaks[peaks >= 2]
    if not len(peaks):
        return 0
    return int(
        peaks[np.argmax(autocorrelation[peaks] >= _NEAR_MAXIMUM * autocorrelation[peaks].max())]
    )
