"""Images: files are decoded upright, first frame only, 8 bits, gray or RGB.

`changes` reads from the file header which conversions `open_image` performs.

Source:   the orientations of Exif 2.32; brightness as weighted by ITU-R BT.601.
"""

import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from kissipo.core.errors import DataError

MAX_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings(
    "ignore", category=Image.DecompressionBombWarning
)  # _header refuses such files

DEEP, FRAMES, INKS = "16 bits", "frames", "cmyk"
SEE_THROUGH, PALETTE, TURNED = "transparent", "palette", "turned"
_GRAY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F", "LA", "La")
_SIDEWAYS = (5, 6, 7, 8)


def open_image(value: object, *, wanted: int | None = None) -> Image.Image:
    """Decodes an image from a path or an array, in mode L (gray) or RGB.

    wanted:   a sufficient side; a much larger JPEG is decoded at a half, a quarter
              or an eighth of its size
    Raises:   DataError for a file that is missing, corrupt, or too large.
    """
    if isinstance(value, np.ndarray):
        return Image.fromarray(value[..., 0] if value.ndim == 3 and value.shape[-1] == 1 else value)
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


def open_mask(value: object) -> Image.Image:
    """Decodes a mask to 8 bits: the indices of its palette, or its brightness."""
    if isinstance(value, np.ndarray):
        return Image.fromarray(value)
    try:
        with _header(value) as image:
            image.load()
            return (
                image.copy()
                if image.mode == "P"
                else _plain(ImageOps.exif_transpose(image), value).convert("L")
            )
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _corrupt(value, error) from None


def size_of(value: object) -> tuple[int, int]:
    """Reads the height and width of the upright image from the file header."""
    if isinstance(value, np.ndarray):
        return int(value.shape[0]), int(value.shape[1])
    with _header(value) as image:
        sideways = _orientation(image) in _SIDEWAYS
        return (image.width, image.height) if sideways else (image.height, image.width)


def is_color(value: object) -> bool:
    """Returns whether an image has color channels."""
    if isinstance(value, np.ndarray):
        return value.ndim == 3 and value.shape[-1] >= 3
    with _header(value) as image:
        return image.mode not in _GRAY


def changes(value: object) -> tuple[str, ...]:
    """Lists how `open_image` converts an image, from the file header."""
    if isinstance(value, np.ndarray):
        return ()
    with _header(value) as image:
        deep = image.mode.startswith("I") or any(
            ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
        )
        conversions = {
            DEEP: deep,
            FRAMES: image.format != "MPO" and getattr(image, "n_frames", 1) > 1,
            INKS: image.mode == "CMYK",
            SEE_THROUGH: _is_transparent(image),
            PALETTE: image.mode in ("P", "PA"),
            TURNED: _orientation(image) != 1,
        }
    return tuple(name for name, is_done in conversions.items() if is_done)


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
    return image


def _plain(image: Image.Image, value: object) -> Image.Image:
    """Converts an image to 8 bits per channel, and transparent pixels to white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if image.mode == "F" or values.min() < 0 or values.max() > 65_535:
            raise DataError(
                f"the image {value} has values that are not 8 or 16 bits",
                got=f"{values.min():g} to {values.max():g}",
                allowed="8 or 16 bits per channel",
            )
        return Image.fromarray((values.astype(np.uint32) >> 8).astype(np.uint8))
    gray = image.mode in _GRAY
    if _is_transparent(image):
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("L" if gray else "RGB")


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
    return DataError(
        f"the image {value} is corrupt or not an image: {error}", do="Remove it or save it again"
    )


def _too_large(value: object, size: str) -> DataError:
    allowed = f"at most {MAX_PIXELS:,} pixels"
    return DataError(
        f"the image {value} has too many pixels", got=size, allowed=allowed, do="Save it smaller"
    )
