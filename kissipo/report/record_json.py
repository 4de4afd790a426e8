"""Records of a description as JSON, which `viewer/report_records.js` draws.

Example:  >>> record_json(Line("best", "better"))
          {'kind': 'line', 'text': 'best', 'style': 'better'}
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from math import isfinite

import numpy as np
from torch import Tensor

from kissipo.core.description import (
    Bars,
    Chart,
    ColoredText,
    DetectionErrors,
    DetectionInside,
    Example,
    Examples,
    Film,
    Gallery,
    Histogram,
    Image,
    Lattice,
    Line,
    MarkedImage,
    Matrix,
    PlaceFilm,
    Record,
    ScatterMap,
    Section,
    Table,
    Threshold,
    Tree,
    Weights,
    plain_json,
)
from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.report.image_address import (
    address_of,
    gif_address,
    image_sheet,
    photo_address,
    png_address,
)
from kissipo.report.overlay import color_name, overlaid

_MAX_PARTS, _MAX_STORED = 10.0, 65_535.0  # counts are stored in tenths, in two bytes


def section_json(section: Section, stage: str = "") -> JsonObject:
    """Returns a section of the page.

    stage:  input, process or output, whose color it has
    """
    return {**record_json(section), "stage": stage}


def record_json(record: Record) -> JsonObject:
    """Returns one record."""
    match record:
        case Line() | Table() | ColoredText() | Weights() | Tree():
            return plain_json(record)
        case Chart():
            return _chart(record)
        case Bars():
            values = [[name, _finite(value)] for name, value in record.values.items()]
            return {"kind": "bars", "values": values, "first": record.first}
        case Histogram():
            return {"kind": "histogram", **vars(record)}
        case Matrix():
            return _matrix(record)
        case Gallery():
            return _gallery(record)
        case Film():
            address = gif_address(record.frames, record.milliseconds)
            height, width, _ = record.frames[0].shape
            size = {"width": width, "height": height}
            return {"kind": "film", "image": address, "caption": record.caption, **size}
        case Examples():
            return {"kind": "examples", "examples": list(map(_example, record.examples))}
        case Threshold():
            return _threshold(record)
        case PlaceFilm():
            return _place_film(record)
        case ScatterMap():
            return _scatter_map(record)
        case DetectionErrors():
            return _detection_errors(record)
        case DetectionInside():
            return _detection_inside(record)
        case Section():
            return {
                "kind": "section",
                "title": record.title,
                "note": record.note,
                "side_by_side": record.side_by_side,
                "records": [record_json(item) for item in record.content if is_shown(item)],
            }


def is_shown(record: Record) -> bool:
    """Returns whether a record has anything to show."""
    match record:
        case Section():
            return any(map(is_shown, record.content))
        case Line():
            return bool(record.text)
        case Gallery():
            return bool(record.groups) or len(record.classes) > 1
        case _:
            return True


def _chart(chart: Chart) -> JsonObject:
    series = [
        {"name": name, "points": [[_finite(x), _finite(y)] for x, y in points]}
        for name, points in chart.series.items()
    ]
    plain = vars(chart) | {"series": series, "surface": None}
    if chart.surface is not None:
        plain["surface"] = _shades(chart.surface[::-1])
    return {"kind": "chart", **plain}


def _matrix(matrix: Matrix) -> JsonObject:
    examples = {
        f"{row},{column}": list(map(_example, some))
        for (row, column), some in matrix.examples.items()
    }
    counts = [list(map(int, row)) for row in matrix.counts]
    return {"kind": "matrix", "counts": counts, "labels": list(matrix.labels), "examples": examples}


def _place_film(film: PlaceFilm) -> JsonObject:
    """Returns the counts of each layer as numbers of two bytes, compressed."""
    layers = []
    for name, counts in film.layers.items():
        parts = min(_MAX_PARTS, _MAX_STORED / max(1.0, float(counts.max(initial=0.0))))
        whole = np.rint(counts * parts).astype("<u2")
        planes = np.frombuffer(whole.tobytes(), dtype=np.uint8).reshape(-1, 2).T.tobytes()
        packed = b64encode(zlib.compress(planes, 9)).decode()
        layers.append({"name": name, "parts": parts, "packed": packed})
    positions = {"x": list(map(float, film.x)), "y": list(map(float, film.y))}
    names, times = list(film.places), list(film.times)
    facts = {"unit": film.unit, "top_k": film.top_k, "layers": layers}
    return {"kind": "place_film", "places": names, "times": times, **positions, **facts}


def _gallery(gallery: Gallery) -> JsonObject:
    files = [file if isinstance(file, str) else "" for file in gallery.files]
    return {
        "kind": "gallery",
        "groups": [list(map(_image, group)) for group in gallery.groups],
        "captions": list(gallery.captions),
        "files": files,
        "classes": _legend(gallery.classes),
    }


def _legend(classes: Sequence[str]) -> list[JsonObject]:
    """Returns the classes of masks with their colors; the first is the background."""
    return [
        {"name": name, "color": color_name(number)} for number, name in enumerate(classes) if number
    ]


def _image(item: Image | Lattice) -> JsonObject:
    if isinstance(item, Lattice):
        crossings = {name: [list(place) for place in some] for name, some in item.crossings.items()}
        return {"lattice": {"columns": item.columns, "rows": item.rows, "crossings": crossings}}
    pixels = overlaid(item)
    _, height, width = pixels.shape
    address = address_of(pixels) if item.boxes is None else photo_address(pixels)
    return {"image": address, "width": width, "height": height}


def _example(example: Example) -> JsonObject:
    image = None if example.image is None else _image(example.image)
    return {**vars(example), "image": image}


def _shades(heights: NumpyArray) -> str:
    """Returns heights as an image of twelve shades with equal area; darker is lower."""
    rank = np.searchsorted(np.sort(heights, axis=None), heights) / heights.size
    return png_address((120 + 130 * np.floor(rank * 12) / 12).astype(np.uint8))


def _threshold(record: Threshold) -> JsonObject:
    return {
        "kind": "threshold",
        **vars(record),
        "probabilities": [round(value, 9) for value in record.probabilities],
        "targets": _bits(record.targets),
    }


def _scatter_map(record: ScatterMap) -> JsonObject:
    plain = vars(record) | {
        "points": [[round(float(value), 5) for value in point] for point in record.points],
        "groups": [_finite(value) for value in record.groups],
        "images": None if record.images is None else image_sheet(record.images),
    }
    return {"kind": "scatter_map", **plain}


def _detection_errors(record: DetectionErrors) -> JsonObject:
    """Returns the errors; a position is rounded to 4 digits."""
    curves = [
        {
            "name": name,
            "note": record.notes[name],
            "points": [
                [
                    *(round(value, 4) for value in (point.recall, point.precision, point.score)),
                    point.rank,
                    list(point.place or ()),
                    point.text,
                ]
                for point in points
            ],
        }
        for name, points in record.curves.items()
    ]
    causes = [{**vars(cause), "places": list(map(list, cause.places))} for cause in record.causes]
    return {
        "kind": "detection_errors",
        "images": list(map(_marked_image, record.images)),
        "classes": _legend(("", *record.classes)),
        "columns": plain_json(record.table())["titles"][2:-1],
        "causes": causes,
        "curves": curves,
    }


def _detection_inside(record: DetectionInside) -> JsonObject:
    """Returns the inside of a detector; a position is rounded to 4 digits."""
    objects = [
        {
            **vars(item),
            "corners": _rounded(item.corners),
            "cell": None if item.cell is None else _rounded(item.cell),
            "anchor": None if item.anchor is None else _rounded(item.anchor),
            "candidates": [
                {
                    **vars(some),
                    "corners": _rounded(some.corners),
                    "score": round(some.score, 6),
                    "iou": round(some.iou, 4),
                }
                for some in item.candidates
            ],
            "numbers": plain_json(item.numbers),
        }
        for item in record.objects
    ]
    steps = [
        {
            "survivor": step.survivor,
            "removed": [[place, round(iou, 4)] for place, iou in step.removed],
        }
        for step in record.steps
    ]
    _, height, width = record.pixels.shape
    return {
        "kind": "detection_inside",
        "image": photo_address(_colored(record.pixels)),
        "width": width,
        "height": height,
        "classes": _legend(("", *record.classes)),
        "objects": objects,
        "compared": list(map(_rounded, record.compared)),
        "steps": steps,
        "sentences": record.sentences(),
        "overlaps": list(map(_rounded, record.overlaps)),
    }


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 4) for value in values]


def _colored(pixels: Tensor) -> Tensor:
    return pixels.expand(3, -1, -1) if len(pixels) == 1 else pixels[:3]


def _marked_image(image: MarkedImage) -> JsonObject:
    pixels = _colored(image.pixels)
    _, height, width = pixels.shape
    boxes = [
        {
            "number": mark.number,
            "corners": _rounded(mark.corners),
            "target": mark.is_target,
            "error": mark.is_error,
            "text": mark.text,
        }
        for mark in image.boxes
    ]
    size = {"width": width, "height": height}
    facts = {"name": image.name, "position": image.position}
    return {"image": photo_address(pixels), **size, **facts, "boxes": boxes}


def _bits(flags: Iterable[bool]) -> str:
    return "".join("1" if flag else "0" for flag in flags)


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
