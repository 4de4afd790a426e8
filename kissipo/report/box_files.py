"""Predicted boxes as files: COCO, YOLO and VOC, and drawn on the images themselves.

coco.json            images, categories and annotations with a score
coco_results.json    the list that COCO evaluates, with the same numbers: all
                     detections, also those below the decision threshold
yolo/                labels/NAME.txt and classes.txt
voc/                 NAME.xml
annotated/           every image in its own size with its boxes, labels and scores
"""

import json
from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kissipo.codec._image import open_image, size_of
from kissipo.input.formats.boxes.box_coco import coco_results, write_coco
from kissipo.input.formats.boxes.box_list import BoxList, box_list
from kissipo.input.formats.boxes.box_voc import write_voc
from kissipo.input.formats.boxes.box_yolo import write_yolo
from kissipo.output.answer import Box
from kissipo.report.overlay import class_color

ANNOTATED = "annotated"
_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
_LINES, _LETTERS = 320, 40  # an image has so many line widths, and so many lines of text
_MIN_LETTER = 10


def save_boxes(
    folder: Path,
    files: Sequence[Path],
    boxes: Sequence[Sequence[Box]],
    detections: Sequence[Sequence[Box]],
    labels: Sequence[str],
) -> None:
    """Writes the predicted boxes of images in all formats, and the annotated images.

    boxes:       of each image, in its pixels
    detections:  of each image, all that an evaluation counts
    labels:      all labels, in the order of their numbers
    """
    names = _names(files)
    sizes = np.array([size_of(file) for file in files], dtype=np.int64).reshape(-1, 2)
    predicted = _listed(names, boxes, labels)
    write_coco(predicted, folder / "coco.json", sizes)
    results = json.dumps(coco_results(_listed(names, detections, labels), sizes))
    (folder / "coco_results.json").write_text(results, encoding="utf-8")
    write_yolo(predicted, folder / "yolo", sizes)
    write_voc(predicted, folder / "voc", sizes)
    for file, name, some in zip(files, names, boxes, strict=True):
        path = folder / ANNOTATED / name
        path = path if path.suffix.lower() in _JPEG else path.with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        annotated(open_image(file), some, labels).save(path, quality=92)


def annotated(image: Image.Image, boxes: Sequence[Box], labels: Sequence[str]) -> Image.Image:
    """Returns an image with a frame around each box, its label and its score.

    The most confident box is drawn last, on top of the others.
    """
    image = image.convert("RGB")
    side = max(image.size)
    width = max(1, round(side / _LINES))
    font = ImageFont.load_default(max(_MIN_LETTER, side // _LETTERS))
    draw = ImageDraw.Draw(image)
    for box in reversed(boxes):
        color = class_color(labels.index(box.label) + 1)
        corners = [round(value) for value in (box.x_min, box.y_min, box.x_max, box.y_max)]
        right, bottom = max(corners[0], corners[2] - 1), max(corners[1], corners[3] - 1)
        draw.rectangle((corners[0], corners[1], right, bottom), outline=color, width=width)
        text = f"{_drawable(box.label, labels)} {box.confidence:.2f}"
        left, top, end, base = draw.textbbox((corners[0], corners[1]), text, font=font)
        lift = min(base - corners[1] + 2, corners[1])
        draw.rectangle((left - 1, top - lift - 1, end + 1, base - lift + 1), fill=color)
        draw.text((corners[0], corners[1] - lift), text, fill="white", font=font)
    return image


def _listed(names: Sequence[str], boxes: Sequence[Sequence[Box]], labels: Sequence[str]) -> BoxList:
    """Returns the predicted boxes as a list, the labels in their order."""
    entries = [
        (name, None, [(box.label, (box.x_min, box.y_min, box.x_max, box.y_max)) for box in some])
        for name, some in zip(names, boxes, strict=True)
    ]
    scores = [box.confidence for some in boxes for box in some]
    return box_list(entries, "the predictions", labels=labels, scores=scores)


def _names(files: Sequence[Path]) -> list[str]:
    """Returns the name of each file below the folder that holds them all.

    Example:  >>> _names([Path("new/a/1.png"), Path("new/b/1.png")])
              ['a/1.png', 'b/1.png']
    """
    resolved = [file.resolve() for file in files]
    root = Path(commonpath([file.parent for file in resolved])) if files else Path()
    return [file.relative_to(root).as_posix() for file in resolved]


def _drawable(label: str, labels: Sequence[str]) -> str:
    """Returns a label, or its number where the font lacks its letters."""
    return label if label.isascii() else f"class {labels.index(label)}"
