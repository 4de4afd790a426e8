"""Kinds of image files: those that can be decoded, and real images that cannot.

A kind that cannot be decoded is called by its name, with a way to convert it. The
first bytes show the kind of a file whose ending is missing or wrong.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import features

SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
    *(".jpe", ".jfif", ".pbm", ".pnm", ".tga", ".apng", ".dib", ".mpo", ".pcx", ".ico", ".qoi"),
    *((".jp2", ".j2k", ".jpx") if features.check("jpg_2000") else ()),
    *((".avif", ".avifs") if features.check("avif") else ()),
)
_HEAD = 132  # bytes that show the kind


@dataclass(frozen=True)
class ImageKind:
    """A kind of images that cannot be decoded here.

    name:      what it is, in words
    remedy:    how to convert such files
    """

    name: str
    endings: tuple[str, ...]
    remedy: str


_MAGICK = "convert them to JPEG, for example: magick mogrify -format jpg"
_HEIC = ImageKind(
    "HEIC photos",
    (".heic", ".heif", ".hif"),
    f"{_MAGICK} *.heic (an iPhone writes JPEG with Camera > Formats > Most Compatible)",
)
_AVIF = ImageKind("AVIF images", (".avif", ".avifs"), f"{_MAGICK} *.avif, or update Pillow")
_PHOTOSHOP = ImageKind(
    "Photoshop documents", (".psd", ".psb"), "export them as PNG from the image editor"
)
_JPEG_XL = ImageKind("JPEG XL images", (".jxl",), f"{_MAGICK} *.jxl")
_DICOM = ImageKind(
    "DICOM images", (".dcm", ".dicom"), "convert them to 16-bit PNG, for example with dcm2img"
)
_RAW = (".cr2", ".cr3", ".crw", ".nef", ".nrw", ".dng", ".arw", ".srf", ".sr2", ".orf", ".rw2")
KINDS = (
    _HEIC,
    _AVIF,
    _PHOTOSHOP,
    _JPEG_XL,
    _DICOM,
    ImageKind(
        "camera raw files",
        (*_RAW, ".raf", ".pef", ".srw", ".raw", ".rwl", ".3fr", ".iiq", ".x3f", ".erf", ".kdc"),
        "develop them as JPEG or 16-bit TIFF, for example: darktable-cli photo.nef photo.jpg",
    ),
    ImageKind(
        "vector drawings",
        (".svg", ".svgz", ".eps", ".ai", ".wmf", ".emf", ".cdr"),
        "export them as PNG, for example: rsvg-convert drawing.svg -o drawing.png",
    ),
    ImageKind(
        "documents of an image editor",
        (".xcf", ".kra", ".ora", ".afphoto", ".pdn", ".procreate"),
        "export them as PNG from the image editor",
    ),
    ImageKind("JPEG XR images", (".jxr", ".wdp", ".hdp"), f"{_MAGICK} *.jxr"),
    ImageKind("JPEG 2000 images", (".jp2", ".j2k", ".jpx", ".jpf", ".j2c"), f"{_MAGICK} *.jp2"),
    ImageKind("BPG images", (".bpg",), "convert them to PNG, for example: bpgdec -o photo.png"),
    ImageKind(
        "images of high dynamic range",
        (".exr", ".hdr", ".pfm"),
        "convert them to 16-bit PNG, for example: magick image.exr -depth 16 image.png",
    ),
    ImageKind(
        "medical volumes",
        (".nii", ".mha", ".mhd", ".nrrd", ".mgz"),
        "write each slice as a 16-bit PNG, for example with nibabel and Pillow",
    ),
    ImageKind(
        "FITS images", (".fits", ".fit", ".fts"), "write them as 16-bit PNG with astropy and Pillow"
    ),
    ImageKind(
        "microscope images",
        (".czi", ".lif", ".nd2", ".svs", ".ndpi", ".vsi", ".oib", ".oif"),
        "export them as 16-bit TIFF, for example with bfconvert or ImageJ",
    ),
    ImageKind("DjVu pages", (".djvu", ".djv"), "convert them to TIFF, for example with ddjvu"),
)
_BY_ENDING = {ending: kind for kind in KINDS for ending in kind.endings if ending not in SUFFIXES}
_READABLE = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"qoif")
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
}


def kind_by_ending(path: Path) -> ImageKind | None:
    """Returns the kind that a file has by its ending, where it cannot be decoded.

    Example:  >>> kind_by_ending(Path("IMG_0.HEIC")).name, kind_by_ending(Path("a.png"))
              ('HEIC photos', None)
    """
    name = path.name.lower().removesuffix(".gz")
    return _BY_ENDING.get(Path(name).suffix)


def kind_by_content(path: Path) -> ImageKind | None:
    """Returns the kind that a file has by its first bytes, if it cannot be decoded."""
    head = _head(path)
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12])
        return None if kind is None or set(kind.endings) & set(SUFFIXES) else kind
    if head.startswith(b"8BPS"):
        return _PHOTOSHOP
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return _JPEG_XL
    return _DICOM if head[128:132] == b"DICM" else None


def is_readable_content(path: Path) -> bool:
    """Whether the first bytes of a file are those of an image that can be decoded."""
    head = _head(path)
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(_READABLE) or is_webp


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
