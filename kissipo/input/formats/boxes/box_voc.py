"""Boxes of Pascal VOC: a folder of XML files, one per image, or an archive of them.

An object has a name and the corners xmin, ymin, xmax, ymax in pixels. They are taken
as edges, as they are written: the tools of today count from 0. An object that is marked
difficult is an object like others.

The name of the XML file is the name of its image; `filename` inside is used where no
image has that name, because images are often renamed.

Source:   Everingham et al., The Pascal Visual Object Classes Challenge, 2010.
"""

import tarfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.input.formats.boxes.box_list import BoxList, BoxWords, Entry, box_list, to_corners
from kissipo.input.formats.files import read_bytes
from kissipo.input.formats.images.image_files import is_system

SUFFIX = ".xml"
_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".zip")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def is_voc(path: Path) -> bool:
    """Whether a path is a folder with XML files, an archive of them, or one of them."""
    if path.is_dir():
        return any(_files(path))
    return path.suffix.lower() == SUFFIX or path.name.lower().endswith(_ARCHIVES)


def read_voc(path: Path, words: BoxWords) -> BoxList:
    """Reads the objects of all XML files.

    Raises:   DataError for a file that is not an annotation, and for an object without
              a name or without four numbers.
    """
    entries: list[Entry] = []
    places: list[str] = []
    difficult = 0
    for name, content in _contents(path):
        root = _parsed(name, content)
        boxes = []
        for number, item in enumerate(root.iter("object"), start=1):
            place = f"object {number} of {name}"
            label = (item.findtext("name") or "").strip()
            if not label:
                raise DataError(f"{place} has no name", do="Name its class: <name>cat</name>")
            boxes.append((label, _numbers(item, place)))
            places.append(place)
            difficult += item.findtext("difficult", "0").strip() == "1"
        stem = PurePosixPath(name).with_suffix("").as_posix()
        entries.append((stem, _size(root), boxes))
    if not entries:
        raise DataError(f"{path} contains no XML file", allowed="one XML file per image")
    boxes_read = box_list(
        entries, str(path), unit=words.unit or "pixels", place=lambda number: places[number]
    )
    corners = to_corners(boxes_read.corners, words.layout or "xyxy")
    message = f"{path} is read as VOC: {len(entries):,} XML files with the corners in pixels"
    message += f"; {difficult:,} difficult objects are objects like others" if difficult else ""
    return boxes_read.changed(corners, (Finding("PASS", "boxes", message),))


def write_voc(boxes: BoxList, folder: Path, sizes: NDArray[np.int64]) -> None:
    """Writes one XML file per image, with the corners in pixels.

    sizes:   (image, 2) height and width of the images
    """
    corners = boxes.pixels(sizes)
    for number, own in enumerate(boxes.by_image()):
        name, (height, width) = PurePosixPath(boxes.images[number]), sizes[number].tolist()
        lines = [
            "<annotation>",
            f"  <filename>{escape(name.name)}</filename>",
            f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
        ]
        for box in own:
            values = zip(_CORNERS, corners[box].tolist(), strict=True)
            score = "" if boxes.scores is None else f"<score>{boxes.scores[box]:.6g}</score>"
            lines += [
                f"  <object><name>{escape(boxes.label(box))}</name>{score}",
                "    <bndbox>"
                + "".join(f"<{tag}>{_plain(value)}</{tag}>" for tag, value in values)
                + "</bndbox></object>",
            ]
        path = folder / name.with_suffix(SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, "</annotation>", ""]), encoding="utf-8")


def _files(folder: Path) -> Iterator[Path]:
    return (
        path for path in sorted(folder.rglob("*")) if path.suffix.lower() == SUFFIX
        and not is_system(path)
    )  # fmt: skip


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Returns the name and the content of each XML file."""
    if path.is_dir():
        for file in _files(path):
            yield file.relative_to(path).as_posix(), read_bytes(file)
        return
    if path.suffix.lower() == SUFFIX:
        yield path.name, read_bytes(path)
        return
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as packed:
                names = sorted(name for name in packed.namelist() if _is_annotation(name))
                yield from ((name, packed.read(name)) for name in names)
            return
        with tarfile.open(path) as archive:
            for member in sorted(archive.getmembers(), key=lambda member: member.name):
                packed_file = archive.extractfile(member) if _is_annotation(member.name) else None
                if packed_file is not None:
                    yield member.name, packed_file.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"the archive {path} cannot be read: {error}") from None


def _is_annotation(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() == SUFFIX and not is_system(path)


def _parsed(name: str, content: bytes) -> ET.Element:
    if b"<!ENTITY" in content:
        raise DataError(f"{name} defines entities, which files of VOC do not", do="Remove it")
    try:
        root = ET.fromstring(content)  # noqa: S314  without entities it cannot grow
    except (ET.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{name} is not XML: {error}", do="Remove it or save it again") from None
    if root.tag != "annotation":
        raise DataError(
            f"{name} is not a file of VOC", got=f"<{root.tag}>", allowed="<annotation> with objects"
        )
    return root


def _size(root: ET.Element) -> tuple[int, int] | None:
    """Returns height and width; None where the file does not say them."""
    texts = [root.findtext(f"size/{side}", "").strip() for side in ("height", "width")]
    sides = [int(float(text)) if text.replace(".", "", 1).isdecimal() else 0 for text in texts]
    return (sides[0], sides[1]) if min(sides) > 0 else None


def _numbers(item: ET.Element, place: str) -> list[float]:
    texts = [item.findtext(f"bndbox/{tag}", "").strip() for tag in _CORNERS]
    try:
        return [float(text) for text in texts]
    except ValueError:
        got = ", ".join(f"{tag} '{text}'" for tag, text in zip(_CORNERS, texts, strict=True))
        raise DataError(
            f"{place} has no box of four numbers", got=got, allowed="<bndbox> with xmin ... ymax"
        ) from None


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
