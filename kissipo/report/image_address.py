"""Images as data addresses, which a page carries in itself."""

import base64
import io
from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray

_MAX_SIDE = 28  # of an image in a sheet
_SMALL_SIDE, _MAX_PHOTO = 96, 320  # sides without losses, and of a photo at most
_MAX_PNG = 400_000  # values of a sheet without losses
_QUALITY = 70  # of a larger one


def address_of(pixels: Tensor) -> str:
    """Returns an image (channel, height, width) from 0 to 1 as the address of a PNG.

    Example:  >>> import torch
              >>> address_of(torch.zeros(1, 2, 2))[:22]
              'data:image/png;base64,'
    """
    array = (pixels.detach() * 255).round().byte().permute(1, 2, 0).numpy()
    return png_address(array[..., 0] if array.shape[-1] == 1 else array)


def photo_address(pixels: Tensor) -> str:
    """Returns an image (channel, height, width) from 0 to 1, with losses unless it is
    small, and at most 320 pixels wide and high.

    Example:  >>> import torch
              >>> photo_address(torch.zeros(3, 9, 9))[:14]
              'data:image/png'
              >>> photo_address(torch.zeros(3, 400, 9))[:15]
              'data:image/jpeg'
    """
    longest = max(pixels.shape[1:])
    if longest <= _SMALL_SIDE:
        return address_of(pixels)
    if longest > _MAX_PHOTO:
        pixels = functional.interpolate(
            pixels[None],
            scale_factor=_MAX_PHOTO / longest,
            mode="area",
            recompute_scale_factor=True,
        )[0]
    array = (pixels.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return _encoded(_image(array), "jpeg", quality=_QUALITY)


def png_address(pixels: NDArray[np.uint8]) -> str:
    """Returns pixels (height, width) or (height, width, 3) as the address of a PNG."""
    return _encoded(_image(pixels), "png", optimize=True)


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
    return _encoded(
        images[0],
        "gif",
        save_all=True,
        append_images=images[1:],
        duration=milliseconds,
        loop=0,
        optimize=False,
    )


def image_sheet(images: Tensor) -> JsonObject:
    """Returns many small images as one, row by row, and how they stand there.

    images:  (image, channel, height, width) from 0 to 1; large ones are shrunk
    Example:  >>> import torch
              >>> sheet = image_sheet(torch.zeros(5, 1, 8, 8))
              >>> sheet["columns"], sheet["rows"], sheet["width"]
              (3, 2, 8)
    """
    count, channels, height, width = images.shape
    if max(height, width) > _MAX_SIDE:
        scale = _MAX_SIDE / max(height, width)
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
        images = functional.interpolate(images, size=(height, width), mode="area")
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    pixels = (images.detach() * 255).round().byte().permute(0, 2, 3, 1).numpy()
    sheet = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    sheet[:count] = pixels
    sheet = sheet.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    whole = sheet.reshape(rows * height, columns * width, channels)
    whole = whole[..., 0] if channels == 1 else whole
    address = (
        png_address(whole)
        if whole.size <= _MAX_PNG
        else _encoded(_image(whole), "jpeg", quality=_QUALITY)
    )
    sizes = {"columns": columns, "rows": rows, "width": width, "height": height}
    return {"sheet": address, **sizes}


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels))


def _encoded(image: Image.Image, kind: str, **options: object) -> str:
    """Returns an image as the address of a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()
