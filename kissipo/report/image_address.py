"""Images as data addresses, which a page carries in itself."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kissipo.core.numpy_array import NumpyArray


def address_of(pixels: Tensor) -> str:
    """Returns an image (channel, height, width) from 0 to 1 as the address of a PNG.

    Example:  >>> import torch
              >>> address_of(torch.zeros(1, 2, 2))[:22]
              'data:image/png;base64,'
    """
    array = (pixels.detach() * 255).round().byte().permute(1, 2, 0).numpy()
    return png_address(array[..., 0] if array.shape[-1] == 1 else array)


def png_address(pixels: NDArray[np.uint8]) -> str:
    """Returns pixels (height, width) or (height, width, 3) as the address of a PNG."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def gif_address(frames: Sequence[NumpyArray], milliseconds: int) -> str:
    """Returns images (height, width, 3) as the address of a GIF that repeats.

    Its palette has 32 colors, those of a few of the images.

    Example:  >>> gif_address([np.zeros((2, 2, 3), np.uint8)], 80)[:22]
              'data:image/gif;base64,'
    """
    some = np.concatenate(list(frames[:: -(-len(frames) // 6)]))
    palette = Image.fromarray(some).quantize(32)
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    file = io.BytesIO()
    images[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=milliseconds,
        loop=0,
        optimize=False,
    )
    return "data:image/gif;base64," + base64.b64encode(file.getvalue()).decode()
