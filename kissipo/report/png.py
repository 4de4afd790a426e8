"""Images as PNG files inside a page."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kissipo.core.numpy_array import NumpyArray


def image_address(pixels: NDArray[np.uint8]) -> str:
    """Returns a gray or color image as a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def shades(heights: NumpyArray) -> str:
    """Returns heights as an image of twelve shades with equal area; darker is lower."""
    rank = np.searchsorted(np.sort(heights, axis=None), heights) / heights.size
    return image_address((120 + 130 * np.floor(rank * 12) / 12).astype(np.uint8))
