"""Gaussian pixels: every pixel is drawn from its own normal distribution.

Mean and standard deviation are those of the pixel in the training images; the pixels
are independent of each other.
"""

import numpy as np

from kissipo.core.seeds import numpy_generator
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "Gaussian pixels"


def predict(data: BaselineData) -> Scores:
    """Returns images (sample, channel, height, width) from 0 to 1."""
    mean, std = data.train.truth.mean(axis=0), data.train.truth.std(axis=0)
    noise = numpy_generator(data.seed, "gaussian_pixels").standard_normal(
        (len(data.test), *mean.shape)
    )
    return np.clip(mean + std * noise, 0, 1)
