"""An image of any kind as it is meant: upright, its first frame, eight bits a channel, gray or in red, green and blue.

What was done to it is told: `changes` reads it from the head of the file, `open_image` does it.

Source:   the orientations of Exif 2.32; brightness as ITU-R BT.601 weighs it.
"""

import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from kissipo.core.errors import DataError

MOST_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # it is refused below

DEEP, FRAMES, INKS, SEE_THROUGH, PALETTE, TURNED = (
    "16 bits",
    "frames",
    "cmyk",
    "transparent",
    "palette",
    "turned",
)
_GRAY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F", "LA", "La")
_ON_ITS_SIDE = (5, 6, 7, 8)


def open_image(value: Any, *, wanted: int | None = None) -> Image.Image:
    """An image from a path or an array, decoded, gray (L) or in color (RGB).

    wanted:   a side that is enough: a JPEG whose sides are all twice as long, or more, is decoded at a half, quarter or eighth
    Raises:   DataError for a file that is missing, damaged, or larger than an image can be.
    """
    if isinstance(value, np.ndarray):
        return Image.fromarray(value[..., 0] if value.ndim == 3 and value.shape[-1] == 1 else value)
    try:
        with _head(value) as image:
            if wanted is not None:
                image.draft(image.mode, (wanted, wanted))
            image.load()
            return _plain(ImageOps.exif_transpose(image), value)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _damaged(value, error) from None


def open_mask(value: Any) -> Image.Image:
    """A mask as numbers of 8 bits: those of its palette, or its brightness."""
    if isinstance(value, np.ndarray):
        return Image.fromarray(value)
    try:
        with _head(value) as image:
            image.load()
            return (
                image.copy()
                if image.mode == "P"
                else _plain(ImageOps.exif_transpose(image), value).convert("L")
            )
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise _damaged(value, error) from None


def size_of(value: Any) -> tuple[int, int]:
    """Height and width as it stands upright, from the head of the file."""
    if isinstance(value, np.ndarray):
        return int(value.shape[0]), int(value.shape[1])
    with _head(value) as image:
        turned = _orientation(image) in _ON_ITS_SIDE
        return (image.width, image.height) if turned else (image.height, image.width)


def is_color(value: Any) -> bool:
    """Whether an image has more than brightness."""
    if isinstance(value, np.ndarray):
        return value.ndim == 3 and value.shape[-1] >= 3
    with _head(value) as image:
        return image.mode not in _GRAY


def changes(value: Any) -> tuple[str, ...]:
    """What `open_image` does to it beyond reading it, from the head of the file."""
    if isinstance(value, np.ndarray):
        return ()
    with _head(value) as image:
        deep = image.mode.startswith("I") or any(
            ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
        )
        done = {
            DEEP: deep,
            FRAMES: image.format != "MPO" and getattr(image, "n_frames", 1) > 1,
            INKS: image.mode == "CMYK",
            SEE_THROUGH: _is_see_through(image),
            PALETTE: image.mode in ("P", "PA"),
            TURNED: _orientation(image) != 1,
        }
    return tuple(name for name, is_done in done.items() if is_done)


def _head(value: Any) -> Image.Image:
    """An image of which only the head is read."""
    try:
        image: Image.Image = Image.open(value)
    except FileNotFoundError:
        raise DataError(f"there is no image {value}") from None
    except IsADirectoryError:
        raise DataError(f"{value} is a folder", allowed="an image file") from None
    except PermissionError:
        raise DataError(f"the image {value} may not be read", do="Check its permissions") from None
    except Image.DecompressionBombError:
        raise _too_large(value, "more than twice as many") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _damaged(value, error) from None
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise _too_large(value, f"{image.height}x{image.width}")
    return image


def _plain(image: Image.Image, value: Any) -> Image.Image:
    """Eight bits a channel; what is see-through is laid on white."""
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image)
        if image.mode == "F" or levels.min() < 0 or levels.max() > 65_535:
            raise DataError(
                f"the image {value} holds numbers that are no brightness",
                given=f"{levels.min():g} to {levels.max():g}",
                allowed="8 or 16 bits a channel",
            )
        return Image.fromarray((levels.astype(np.uint32) >> 8).astype(np.uint8))
    gray = image.mode in _GRAY
    if _is_see_through(image):
        above = image.convert("RGBA")
        white = Image.new("RGBA", above.size, "white")
        image = Image.alpha_composite(white, above)
    return image.convert("L" if gray else "RGB")


def _is_see_through(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info


def _orientation(image: Image.Image) -> int:
    """1 to 8 as Exif counts them; 1, upright, where it says nothing sensible."""
    try:
        found = image.getexif().get(Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError):
        return 1
    return found if found in range(1, 9) else 1


def _damaged(value: Any, error: Exception) -> DataError:
    return DataError(
        f"the image {value} is damaged or no image: {error}", do="Remove it or save it again"
    )


def _too_large(value: Any, given: str) -> DataError:
    allowed = f"at most {MOST_PIXELS:,} pixels"
    return DataError(
        f"the image {value} has too many pixels", given=given, allowed=allowed, do="Save it smaller"
    )
