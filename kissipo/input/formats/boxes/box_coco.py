"""Boxes of COCO: one JSON file with images, annotations and categories.

The bbox of an annotation is x, y, width, height in pixels. Numbers of categories may
have gaps: their names are the labels. An image without annotations shows no objects. A
box around a crowd (iscrowd) is one region with many objects; it is left out.

Source:   Lin et al., Microsoft COCO: Common Objects in Context, 2014.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.json_object import JsonObject
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import shorten
from kissipo.input.formats.boxes.box_list import BoxList, BoxWords, to_corners
from kissipo.input.formats.files import read_bytes

SUFFIX = ".json"
_NEEDED = {"images": ("id", "file_name"), "annotations": ("image_id", "category_id", "bbox"),
           "categories": ("id", "name")}  # fmt: skip
_START = 4096  # bytes


def is_coco(path: Path) -> bool:
    """Whether a path is a JSON file of one object, or a folder with such files."""
    if path.is_dir():
        return any(is_coco(file) for file in path.glob(f"*{SUFFIX}"))
    if path.suffix.lower() != SUFFIX or not path.is_file():
        return False
    return _start(path).startswith(b"{")


def is_results(path: Path) -> bool:
    """Whether a file is a list of results, which only looks like annotations."""
    return path.suffix.lower() == SUFFIX and path.is_file() and b'"category_id"' in _start(path)


def read_coco(path: Path, words: BoxWords) -> BoxList:
    """Reads the annotations of a file.

    Raises:   DataError for a file that is not of COCO, and for an annotation whose
              image, category or box is not there.
    """
    content = _content(path)
    images = {entry["id"]: number for number, entry in enumerate(content["images"])}
    categories = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
    names = list(dict.fromkeys(categories.values()))
    codes = {key: names.index(name) for key, name in categories.items()}
    annotations = content["annotations"]
    for entry in annotations:
        _check(entry, path, images, codes)
    ids = [entry.get("id", n) for n, entry in enumerate(annotations, start=1)]
    values = np.array([entry["bbox"] for entry in annotations], dtype=np.float64).reshape(-1, 4)
    crowds = np.array([bool(entry.get("iscrowd")) for entry in annotations], dtype=bool)
    sizes = [(entry.get("height") or 0, entry.get("width") or 0) for entry in content["images"]]
    message = (
        f"{path} is read as COCO: {len(annotations):,} boxes of {len(content['images']):,} images, "
        f"{len(names)} categories; x, y, width, height in pixels"
    )
    return BoxList(
        images=tuple(str(entry["file_name"]) for entry in content["images"]),
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
        owners=np.array([images[entry["image_id"]] for entry in annotations], dtype=np.int64),
        labels=tuple(names),
        codes=np.array([codes[entry["category_id"]] for entry in annotations], dtype=np.int64),
        corners=to_corners(values, words.layout or "xywh"),
        unit=words.unit or "pixels",
        origin=str(path),
        place=lambda number: f"annotation {ids[number]} of {path}",
        is_crowd=crowds,
        findings=(Finding("PASS", "boxes", message),),
    )


def write_coco(boxes: BoxList, path: Path, sizes: NDArray[np.int64]) -> None:
    """Writes images, annotations and categories; predicted boxes have a score.

    sizes:   (image, 2) height and width of the images
    """
    images = [
        {"id": number, "file_name": name, "width": int(width), "height": int(height)}
        for number, (name, (height, width)) in enumerate(
            zip(boxes.images, sizes, strict=True), start=1
        )
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(boxes.labels, start=1)]
    annotations = [
        {"id": number, **entry, "area": entry["bbox"][2] * entry["bbox"][3], "iscrowd": 0}
        for number, entry in enumerate(coco_results(boxes, sizes), start=1)
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def coco_results(boxes: BoxList, sizes: NDArray[np.int64]) -> list[JsonObject]:
    """Returns the boxes as COCO lists results: image_id, category_id, bbox, score.

    Images and categories are numbered from 1, in their order in the list.
    """
    corners = boxes.pixels(sizes)
    first, sides = corners[:, :2], corners[:, 2:] - corners[:, :2]
    scores = [{}] * len(corners) if boxes.scores is None else (
        [{"score": score} for score in boxes.scores.tolist()]
    )  # fmt: skip
    return [
        {
            "image_id": int(boxes.owners[box]) + 1,
            "category_id": int(boxes.codes[box]) + 1,
            "bbox": np.concatenate([first[box], sides[box].round(10)]).tolist(),
            **scores[box],
        }
        for box in range(len(corners))
    ]


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START).lstrip(b"\xef\xbb\xbf \t\r\n")


def _content(path: Path) -> JsonObject:
    """Returns the content of a file, with the three lists that it needs."""
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}", do="Save it again") from None
    if isinstance(content, list):
        raise DataError(
            f"{path} is a list of results, which names neither images nor categories",
            allowed="an object with images, annotations and categories",
            do="Name the file of annotations, such as instances_val2017.json",
        )
    for name, keys in _NEEDED.items():
        entries = content.get(name)
        if not isinstance(entries, list):
            raise DataError(
                f"{path} has no list '{name}'",
                got="the keys " + shorten(", ".join(content), 80),
                allowed=", ".join(_NEEDED),
            )
        for number, entry in enumerate(entries, start=1):
            absent = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if absent:
                raise DataError(
                    f"entry {number} of '{name}' in {path} has no '{absent[0]}'",
                    got=shorten(str(entry), 80),
                )
    return dict(content)


def _check(
    entry: JsonObject, path: Path, images: dict[object, int], categories: dict[object, int]
) -> None:
    """Refuses an annotation whose image, category or box is not there."""
    place = f"annotation {entry.get('id', '')} of {path}".replace("  ", " ")
    if entry["image_id"] not in images:
        raise DataError(
            f"{place} names an image that 'images' does not list", got=str(entry["image_id"])
        )
    if entry["category_id"] not in categories:
        raise DataError(
            f"{place} names a category that 'categories' does not list",
            got=str(entry["category_id"]),
            do=did_you_mean(str(entry["category_id"]), map(str, categories)),
        )
    box = entry["bbox"]
    is_box = isinstance(box, list) and len(box) == 4
    if not is_box or not all(isinstance(value, int | float) for value in box):
        raise DataError(
            f"{place} has no box of four numbers",
            got=shorten(str(box), 60),
            allowed="bbox: [x, y, width, height]",
        )
