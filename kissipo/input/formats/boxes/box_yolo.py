"""Boxes of YOLO: one text file per image, one line per box, all numbers as fractions.

A line is: class number, center x, center y, width, height, as fractions of the sides of
the image; predicted boxes have a score behind them. A longer line is a polygon: its box
goes around its points. An empty file says that the image shows no objects.

The names of the classes stand in data.yaml, classes.txt or obj.names, beside the files
or above them, one per line or as the list `names`.

Source:   Redmon, Darknet, 2016; the files of Darknet and of its successors.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import yaml
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, Level
from kissipo.core.text import shorten
from kissipo.input.formats.boxes.box_list import (
    BoxList,
    BoxWords,
    Entry,
    box_list,
    describe_layout,
    to_corners,
)
from kissipo.input.formats.files import read_bytes
from kissipo.input.formats.images.image_files import is_system
from kissipo.input.formats.split_folders import is_part_name

SUFFIX, CLASSES = ".txt", "classes.txt"
_LISTS = ("classes.txt", "obj.names", "*.names", "predefined_classes.txt")
_OTHERS = re.compile(r"(?i)classes|predefined_classes|readme.*|notes?|license|labels|obj")
_HEIGHTS = 3  # folders above the files in which the names are searched


def is_yolo(path: Path) -> bool:
    """Whether a path is a folder with text files of boxes."""
    return path.is_dir() and any(map(_is_of_boxes, files_of_images(path)))


def read_yolo(path: Path, words: BoxWords) -> BoxList:
    """Reads the boxes of all text files of a folder.

    Raises:   DataError for a line that is not a class number and four numbers, and for
              a class number without a name.
    """
    names, source = _names(path)
    layout = words.layout or "cxcywh"
    entries: list[Entry] = []
    places: list[str] = []
    polygons = 0
    for file in files_of_images(path):
        boxes = []
        for number, line in enumerate(read_bytes(file).decode("utf-8-sig").splitlines(), start=1):
            if not line.strip():
                continue
            place = f"line {number} of {file}"
            code, values = _line(line, place)
            polygons += len(values) > 5
            if len(values) > 5:
                points = np.array(values).reshape(-1, 2)
                corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
            else:
                corners = to_corners(np.array([values[:4]]), layout)[0]
            boxes.append((_label(code, names, place, source), corners.tolist()))
            places.append(place)
        entries.append((file.relative_to(path).with_suffix("").as_posix(), None, boxes))
    unit = words.unit or "fractions"
    result = box_list(entries, str(path), unit=unit, place=lambda number: places[number])
    message = f"{path} is read as YOLO: {len(entries):,} files, {describe_layout(layout, unit)}"
    message += f"; {polygons:,} polygons became boxes" if polygons else ""
    level: Level = "PASS"
    action = f"the names of the classes come from {source}"
    if names is None:
        level, action = "WARN", f"no names of classes: the labels are numbers; add {CLASSES}"
    return result.changed(result.corners, (Finding(level, "boxes", message, action),))


def write_yolo(boxes: BoxList, folder: Path, sizes: NDArray[np.int64]) -> None:
    """Writes labels/NAME.txt per image, and classes.txt.

    sizes:   (image, 2) height and width of the images
    """
    sides = sizes[boxes.owners][:, [1, 0, 1, 0]]
    corners = boxes.corners if boxes.unit == "fractions" else boxes.corners / sides
    first, last = corners[:, :2], corners[:, 2:]
    values = np.concatenate([(first + last) / 2, last - first], axis=1)
    for number, own in enumerate(boxes.by_image()):
        lines = []
        for box in own:
            numbers = [repr(value) for value in values[box].tolist()]
            score = [] if boxes.scores is None else [f"{boxes.scores[box]:.6g}"]
            lines.append(" ".join([str(boxes.codes[box]), *numbers, *score]) + "\n")
        path = folder / "labels" / PurePosixPath(boxes.images[number]).with_suffix(SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
    (folder / CLASSES).write_text("".join(f"{label}\n" for label in boxes.labels), "utf-8")


def files_of_images(folder: Path) -> Iterator[Path]:
    """Returns the text files of images: not those of names, of lists and of notes."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() != SUFFIX or is_system(path) or not path.is_file():
            continue
        if not _OTHERS.fullmatch(path.stem) and not is_part_name(Path(path.stem)):
            yield path


def _is_of_boxes(path: Path) -> bool:
    """Whether the first line of a text file is a box, or the file is empty."""
    with path.open("rb") as file:
        first = file.readline(4096).decode("utf-8-sig", errors="replace").split()
    if not first:
        return path.stat().st_size < 4096
    try:
        return len([float(text) for text in first]) >= 5
    except ValueError:
        return False


def _line(line: str, place: str) -> tuple[int, list[float]]:
    """Returns the class number and the other numbers of a line."""
    try:
        code, *values = (float(text) for text in line.replace(",", " ").split())
    except ValueError:
        code, values = -1.0, []
    is_box = len(values) in (4, 5) or (len(values) >= 6 and len(values) % 2 == 0)
    if not is_box or code < 0 or not code.is_integer():
        raise DataError(
            f"{place} is not a box",
            got=f"'{shorten(line.strip(), 60)}'",
            allowed="class number, center x, center y, width, height",
        )
    return int(code), values


def _label(code: int, names: Sequence[str] | None, place: str, source: str) -> str:
    if names is None:
        return str(code)
    if code >= len(names):
        raise DataError(
            f"{place} has the class number {code}, and {source} names {len(names)} classes",
            allowed=f"0 to {len(names) - 1}",
        )
    return names[code]


def _names(folder: Path) -> tuple[list[str] | None, str]:
    """Returns the names of the classes and the file that holds them."""
    places = [folder, *folder.resolve().parents[:_HEIGHTS]]
    for place in places:
        for pattern in _LISTS:
            for path in sorted(place.glob(pattern)):
                lines = read_bytes(path).decode("utf-8-sig").splitlines()
                while lines and not lines[-1].strip():
                    lines.pop()
                return [line.strip() for line in lines], str(path)
        for path in sorted([*place.glob("*.yaml"), *place.glob("*.yml")]):
            names = _names_in(path)
            if names:
                return names, str(path)
    return None, ""


def _names_in(path: Path) -> list[str]:
    """Returns the list `names` of a YAML file; an empty list where it has none."""
    try:
        content = yaml.safe_load(read_bytes(path))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return []
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict):
        numbers = {int(key): str(name) for key, name in names.items() if str(key).isdecimal()}
        return [numbers.get(code, str(code)) for code in range(max(numbers, default=-1) + 1)]
    return [str(name) for name in names] if isinstance(names, list) else []
