"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 gray pixels, split by its authors.

Source:   LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998.
License:  usually quoted as CC BY-SA 3.0.
"""

import numpy as np

from kissipo.core.frame import Frame, class_column, image_column
from kissipo.input.datasets.download import files_at, get
from kissipo.input.formats.idx import read_idx
from kissipo.input.source_data import Reading

SOURCES = ("images",)
ABOUT = "70,000 handwritten digits, 28x28 gray, ten classes, with the official test split"
HOME = "https://ossci-datasets.s3.amazonaws.com/mnist"
LICENSE = "CC BY-SA 3.0"
FILES = files_at(
    HOME,
    {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
)


def read() -> Reading:
    """Reads images and digits; the official test split is kept."""
    train_images, train_digits, test_images, test_digits = (
        read_idx(get("mnist", file)) for file in FILES
    )
    pixels = np.concatenate([train_images, test_images])
    digits = np.concatenate([train_digits, test_digits])
    frame = Frame(
        (
            image_column("image", pixels),
            class_column("digit", digits),
        ),
        origin="mnist",
    )
    parts = {"train": np.arange(60_000), "test": np.arange(60_000, 70_000)}
    return Reading(frame, parts=parts, answer="digit")
