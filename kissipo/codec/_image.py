"""Images: files are decoded upright, first frame only, 8 bits, gray or RGB.

`deep_pixels` decodes images of 16 bits without loss. `changes` reads from the file
header which conversions `open_image` performs.

Source:   the orientations of Exif 2.32; brightness as weighted by ITU-R BT.601.
"""

import os
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from kissipo.codec._image_kinds import kind_by_content, kind_by_ending
from kissipo.core.errors import DataError
from kissipo.core.numpy_array import NumpyArray

MAX_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# _header refuses too large images
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# damaged Exif data do not matter for the pixels
warnings.filterwarnings("ignore", module=r"PIL\.")

_PNG_BITS = {"RGB": 24, "RGBA": 32, "LA": 16, "I;16": 16}  # others may have one
_DEFLATE_RATIO = 1100  # deflate packs at most 1032 bytes into one
DEEP, FRAMES, INKS = "16 bits", "frames", "cmyk"
SEE_THROUGH, PALETTE, TURNED = "transparent", "palette", "turned"
_GRAY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F", "LA", "La")
_SIDEWAYS = (5, 6, 7, 8)
_MAX_HEADERS = 100_000  # files whose headers are not read again


def open_image(value: object, *, wanted: int | None = None) -> Image.Image:
    """Decodes an image from a path or an array, in mode L (gray) or RGB.

    wanted:   a sufficient side; a much larger JPEG is decoded at a half, a quarter
              or an eighth of its size
    Raises:   DataError for a file that is missing, corrupt, or too large.
    """
    if isinstance(value, np.ndarray):
        pixels = value[..., 0] if value.ndim == 3 and value.shape[-1] == 1 else value
        return Image.fromarray(_upper_byte(pixels))
    try:
        with _header(value) as image:
            if wanted is not None:
                image.draft(image.mode, (wanted, wanted))
            image.load()
            return _plain(ImageOps.exif_transpose(image), value)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _corrupt(value, error) from None


def deep_pixels(value: object) -> NDArray[np.uint16] | None:
    """Decodes an image of 16 bits per channel; None for one of 8 bits.

    Pillow reads 16-bit colors as their upper bytes. With the order of the bytes swapped
    it reads the lower ones.

    Shapes:   (height, width), or (height, width, channel) with 3 or 4 channels
    Raises:   DataError as `open_image`.
    """
    if isinstance(value, np.ndarray):
        return value.astype(np.uint16) if value.dtype == np.uint16 else None
    try:
        with _header(value) as image:
            if not _is_deep(image):
                return None
            image.load()
            upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            return _in_16_bits(np.asarray(upright), value).astype(np.uint16)
        upper = np.asarray(upright).astype(np.uint16)
        lower = _lower_bytes(value)
        # without the lower bytes, 255 is 65,535
        return upper * np.uint16(257) if lower is None else upper << np.uint16(8) | lower
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _corrupt(value, error) from None


def open_mask(value: object) -> Image.Image:
    """Decodes a mask to 8 bits: the indices of its palette, or its brightness.

    A mask of 16 bits holds numbers of classes up to 255, or two values.
    """
    if isinstance(value, np.ndarray):
        return Image.fromarray(value)
    try:
        with _header(value) as image:
            image.load()
            if image.mode == "P":
                return image.copy()
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                return Image.fromarray(_deep_mask(np.asarray(upright), value))
            return _plain(upright, value).convert("L")
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _corrupt(value, error) from None


def size_of(value: object) -> tuple[int, int]:
    """Reads the height and width of the upright image from the file header."""
    if isinstance(value, np.ndarray):
        return int(value.shape[0]), int(value.shape[1])
    return _facts(value).size


def orientation_of(value: object) -> int:
    """Reads the Exif orientation, 1 to 8; 1 is upright."""
    if isinstance(value, np.ndarray):
        return 1
    return _facts(value).orientation


def is_color(value: object) -> bool:
    """Returns whether an image has color channels."""
    if isinstance(value, np.ndarray):
        return value.ndim == 3 and value.shape[-1] >= 3
    return _facts(value).is_color


def changes(value: object) -> tuple[str, ...]:
    """Lists how `open_image` converts an image, from the file header."""
    if isinstance(value, np.ndarray):
        return ()
    return _facts(value).changes


class _Facts(NamedTuple):
    """What the header of a file says."""

    size: tuple[int, int]
    orientation: int
    is_color: bool
    changes: tuple[str, ...]


def _facts(value: object) -> _Facts:
    """Reads the header of a file; that of a file that did not change is kept."""
    if not isinstance(value, str | Path):
        return _read_facts(value)
    try:
        status = os.stat(value)
    except OSError:
        return _read_facts(value)
    version = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
    return _cached_facts(str(value), version)


@lru_cache(maxsize=_MAX_HEADERS)
def _cached_facts(path: str, version: tuple[int, ...]) -> _Facts:
    return _read_facts(path)


def _read_facts(value: object) -> _Facts:
    try:
        return _facts_of(value)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError) as error:
        raise _corrupt(value, error) from None


def _facts_of(value: object) -> _Facts:
    with _header(value) as image:
        is_deep = _is_deep(image)  # before the orientation, for which a PNG is decoded
        orientation = _orientation(image)
        conversions = {
            DEEP: is_deep,
            FRAMES: image.format != "MPO" and getattr(image, "n_frames", 1) > 1,
            INKS: image.mode == "CMYK",
            SEE_THROUGH: _is_transparent(image),
            PALETTE: image.mode in ("P", "PA"),
            TURNED: orientation != 1,
        }
        size = (image.height, image.width)
        return _Facts(
            size[::-1] if orientation in _SIDEWAYS else size,
            orientation,
            image.mode not in _GRAY,
            tuple(name for name, is_done in conversions.items() if is_done),
        )


def _header(value: Any) -> Image.Image:
    """Opens an image and reads only its header."""
    try:
        image: Image.Image = Image.open(value)
    except FileNotFoundError:
        raise DataError(f"there is no image {value}") from None
    except IsADirectoryError:
        raise DataError(f"{value} is a folder", allowed="the path of an image") from None
    except PermissionError:
        raise DataError(f"the image {value} may not be read", do="Check its permissions") from None
    except Image.DecompressionBombError:
        raise _too_large(value, "more than twice as many") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _corrupt(value, error) from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise _too_large(value, f"{image.height}x{image.width}")
    if _is_hollow(image, value):
        image.close()
        raise _corrupt(
            value,
            ValueError(f"the file is too small for {image.height}x{image.width} pixels"),
        )
    return image


def _is_hollow(image: Image.Image, value: object) -> bool:
    """Whether the header of a PNG asks for more pixels than its bytes can hold: Pillow
    would fill gigabytes with black."""
    if image.format != "PNG" or not isinstance(value, str | Path):
        return False
    size = image.width * image.height * _PNG_BITS.get(image.mode, 1) / 8
    return size > _DEFLATE_RATIO * Path(value).stat().st_size


def _plain(image: Image.Image, value: object) -> Image.Image:
    """Converts an image to 8 bits per channel, and transparent pixels to white."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_upper_byte(_in_16_bits(np.asarray(image), value)))
    gray = image.mode in _GRAY
    if _is_transparent(image):
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("L" if gray else "RGB")


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or any(
        ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
    )


def _in_16_bits(values: NumpyArray, value: object) -> NumpyArray:
    """Returns whole numbers from 0 to 65,535; others are refused."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65_535:
        raise DataError(
            f"the image {value} has values that are not 8 or 16 bits",
            got=f"{values.min():g} to {values.max():g}",
            allowed="8 or 16 bits per channel",
            do="Scale all images alike and save them with 16 bits, for example "
            "Image.fromarray((65535 * values / maximum).astype('uint16'))",
        )
    return values


def _upper_byte(values: NumpyArray) -> NumpyArray:
    return values if values.dtype == np.uint8 else (values.astype(np.uint32) >> 8).astype(np.uint8)


def _lower_bytes(value: object) -> NDArray[np.uint8] | None:
    """Returns the lower bytes of 16-bit colors; None where Pillow cannot read them."""
    with _header(value) as image:
        tiles = [tile._replace(args=_swapped(tile.args)) for tile in getattr(image, "tile", ())]
        if not all(";16" in str(tile.args) for tile in tiles):
            return None
        vars(image)["tile"] = tiles
        try:
            image.load()
        except (OSError, ValueError, SystemError):
            return None
        return np.asarray(ImageOps.exif_transpose(image))


def _swapped(arguments: object) -> object:
    """Returns the arguments of a decoder with the other order of the two bytes."""
    if isinstance(arguments, tuple):
        return tuple(map(_swapped, arguments))
    if not isinstance(arguments, str):
        return arguments
    native, other = ("16L", "16B") if sys.byteorder == "little" else ("16B", "16L")
    mode, _, order = arguments.partition(";")
    swapped = {"16L": "16B", "16B": "16L", "16N": other, native: other}.get(order, order)
    return f"{mode};{swapped}" if order else arguments


def _deep_mask(values: NumpyArray, value: object) -> NDArray[np.uint8]:
    distinct = np.unique(values)
    if len(distinct) == 2 and distinct[0] == 0 and distinct[1] > 255:
        return np.where(values > 0, np.uint8(255), np.uint8(0))
    if distinct[0] < 0 or distinct[-1] > 255:
        raise DataError(
            f"the mask {value} of 16 bits has values that are not numbers of classes",
            got=f"{len(distinct)} values, {distinct[0]} to {distinct[-1]}",
            allowed="0 to 255, or 0 and one other value",
            do="Give each class one number from 1 to 254; the background is 0",
        )
    return values.astype(np.uint8)


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info


def _orientation(image: Image.Image) -> int:
    """Returns the Exif orientation, 1 to 8; 1 (upright) where it is invalid."""
    try:
        orientation = image.getexif().get(Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError):
        return 1
    return orientation if orientation in range(1, 9) else 1


def _corrupt(value: object, error: Exception) -> DataError:
    path = Path(str(value))
    kind = kind_by_content(path) or kind_by_ending(path)
    if kind is not None:
        return DataError(
            f"the image {value} cannot be read here: it is one of the {kind.name}",
            do=kind.remedy[:1].upper() + kind.remedy[1:],
        )
    return DataError(
        f"the image {value} is corrupt or not an image: {error}", do="Remove it or save it again"
    )


def _too_large(value: object, size: str) -> DataError:
    allowed = f"at most {MAX_PIXELS:,} pixels"
    return DataError(
        f"the image {value} has too many pixels", got=size, allowed=allowed, do="Save it smaller"
    )
