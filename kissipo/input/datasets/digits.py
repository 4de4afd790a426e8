"""Digits: 1,797 handwritten digits, 8x8 gray pixels (0-16), the test split of UCI 80.

Source:   Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998; it
          comes with scikit-learn.
License:  CC BY 4.0 (UCI); scikit-learn's copy BSD-3.
Example:  >>> frame = read().frame
          >>> len(frame), frame["digit"].show(0), frame["image"].values.shape
          (1797, '0', (1797, 8, 8))
"""

import numpy as np

from kissipo.core.frame import Frame, class_column, image_column
from kissipo.input.datasets._sklearn_file import sklearn_file
from kissipo.input.source_data import Reading

SOURCES = ("images",)
ABOUT = "1,797 handwritten digits, 8x8 gray, ten classes; comes with scikit-learn"
HOME = "https://archive.ics.uci.edu/dataset/80"
LICENSE = "CC BY 4.0"


def read() -> Reading:
    """Reads images and digits; the pixels are scaled from 0-16 to 0-255."""
    table = np.loadtxt(sklearn_file("digits.csv.gz"), delimiter=",")
    images, digits = table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(int)
    pixels = np.round(images * (255 / 16)).astype(np.uint8)
    frame = Frame(
        (image_column("image", pixels), class_column("digit", digits)),
        origin="digits",
    )
    return Reading(frame, answer="digit")
