"""Predicts a folder of new images: a table of predictions and a gallery (S18).

Where the predictions are images, `save_images` writes them into a folder.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from PIL import Image
from torch import Tensor

from kissipo.core.description import Gallery, Line, Record, Section, Table
from kissipo.core.description import Image as PageImage
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonObject
from kissipo.core.output_file import new_folder
from kissipo.core.text import csv_text
from kissipo.engine.checkpoint import write_whole
from kissipo.engine.evaluate import answer_all
from kissipo.input.check.images import check_images
from kissipo.input.formats.arrays import is_array_file
from kissipo.input.formats.images.image_folder import images_below
from kissipo.output.answer import Answer, Prediction
from kissipo.report.box_files import save_boxes
from kissipo.report.document import document
from kissipo.report.image_sections import is_heatable, looked_at
from kissipo.report.overlay import heated, overlaid
from kissipo.report.plain import plain_page
from kissipo.report.record_json import is_shown, section_json
from kissipo.report.run_report import page_content
from kissipo.runs.parse_inputs import frame_of
from kissipo.runs.trained import TrainedModel

TABLE, GALLERY = "predictions.csv", "gallery.html"
_BATCH_SIZE, _MAX_IMAGES = 32, 60


@dataclass(frozen=True)
class ImagePrediction:
    """The predictions for one image, or the reason why there are none.

    views:   the image as the net sees it, and the image with its mask or heatmap
    """

    file: Path
    answers: tuple[Prediction, ...] = ()
    note: str = ""
    views: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class FolderPredictions:
    """The predictions for all images, sorted by file name.

    notes:   remarks on how the images were changed
    """

    run: str
    answers: tuple[Answer, ...]
    images: tuple[ImagePrediction, ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the outputs."""
        return [answer.name for answer in self.answers]

    def counts(self) -> dict[str, int]:
        """Returns the counts of the first output's values, the most frequent first."""
        return dict(
            Counter(
                str(image.answers[0].value) for image in self.images if image.answers
            ).most_common()
        )

    @property
    def unread(self) -> list[ImagePrediction]:
        """The images that could not be decoded."""
        return [image for image in self.images if not image.answers]

    def to_csv(self) -> str:
        """Returns one line per image, with the area of each class of a mask; one line
        per box, and a line without a box for an image without boxes."""
        titles = ["file", *(title for answer in self.answers for title in answer.table_columns())]
        rows = [[*titles, "note"]]
        for image in self.images:
            parts = [
                answer.table_rows(prediction)
                for answer, prediction in zip(self.answers, image.answers, strict=False)
            ]
            for some in zip_longest(*parts, fillvalue=()) if parts else [()]:
                row = [str(image.file)]
                for answer, cells in zip(self.answers, some, strict=False):
                    row += cells or [""] * len(answer.table_columns())
                rows.append([*row, *[""] * (len(titles) - len(row)), image.note])
        return csv_text(rows)

    def to_html(self) -> str:
        """Returns a page that opens offline, with counts and the top images."""
        rows = [[value, f"{count:,}"] for value, count in self.counts().items()]
        records: list[Record] = [Table([self.answers[0].name, "images"], rows, numbers=(1,))]
        if self.unread:
            records.append(Line(f"{counted(len(self.unread), 'image')} could not be read:"))
            records += [Line(image.note) for image in self.unread[:_MAX_IMAGES]]
        sections = [Section("Predictions", records), self._gallery_section()]
        sections = [section for section in sections if is_shown(section)]
        title = f"Predictions of {Path(self.run).name}"
        subtitle = counted(len(self.images), "image")
        content = page_content(title, subtitle, [section_json(section) for section in sections])
        return document(content, plain=plain_page(title, subtitle, sections))

    def to_json(self) -> list[JsonObject]:
        """Returns the predictions for `--json`."""
        return [
            {
                "file": str(image.file),
                **{
                    answer.name: answer.to_json(decision)
                    for answer, decision in zip(self.answers, image.answers, strict=False)
                },
                **({"note": image.note} if image.note else {}),
            }
            for image in self.images
        ]

    def save(self, folder: Path | str) -> Path:
        """Writes predictions.csv and gallery.html into a new folder.

        Predicted boxes are also written in other formats, and drawn on the images.

        Raises:   TaskError when the folder is not empty; MachineError when it cannot be
                  written.
        """
        with new_folder(folder) as folder:
            write_whole(folder / TABLE, self.to_csv().encode())
            write_whole(folder / GALLERY, self.to_html().encode())
            self._save_boxes(folder)
        return folder

    def _save_boxes(self, folder: Path) -> None:
        """Writes the boxes of the first output that has some."""
        for number, answer in enumerate(self.answers):
            located = [
                (image.file, boxes, image.answers[number].detections)
                for image in self.images
                if image.answers and (boxes := image.answers[number].boxes) is not None
            ]
            if located:
                files, boxes_of, detections = zip(*located, strict=True)
                save_boxes(folder, files, boxes_of, detections, answer.legend[1:])
                return

    def _gallery_section(self) -> Section:
        first = self.answers[0]
        readable = [image for image in self.images if image.views]
        order = sorted(readable, key=lambda image: first.gallery_rank(image.answers[0]))
        some = order[:_MAX_IMAGES]
        captions = [f"{first.caption(image.answers[0])}: {image.file.name}" for image in some]
        groups = [[PageImage(view) for view in image.views] for image in some]
        files = [str(image.file) for image in some]
        records: list[Record] = [Gallery(groups, captions, files, classes=first.legend)]
        if len(order) > len(some):
            records.append(Line(f"{len(order) - len(some)} more are in {TABLE}."))
        return Section(first.GALLERY_TITLE, records if some else [])


def save_named(
    folder: Path | str,
    answers: Sequence[Answer],
    names: Sequence[str],
    predictions: Sequence[Sequence[Prediction]],
    notes: Mapping[str, str],
) -> Path:
    """Writes predictions.csv with one row per named sample into a new folder.

    notes:    why a sample has no prediction

    Raises:   TaskError when the folder is not empty; MachineError when it cannot be
              written.
    """
    titles = ["file", *(title for answer in answers for title in answer.table_columns())]
    predicted, empty = iter(predictions), [""] * (len(titles) - 1)
    rows = []
    for name in names:
        cells = empty
        if name not in notes:
            parts = zip(answers, next(predicted), strict=True)
            cells = [cell for answer, item in parts for cell in answer.table_rows(item)[0]]
        rows.append([name, *cells, notes.get(name, "")])
    with new_folder(folder) as folder:
        write_whole(folder / TABLE, csv_text([[*titles, "note"], *rows]).encode())
    return folder / TABLE


def predict_folder(run: TrainedModel, *places: Path | str) -> FolderPredictions:
    """Predicts all images of these files and folders; damaged images are listed.

    Raises:   TaskError when the run is not on images; DataError when there are none.
    """
    if not run.has_images:
        raise TaskError(
            f"a folder needs a run on images; this run is on {run.resolved.source.name}",
            do="Give values or --file",
        )
    files = [file for place in places for file in _files(Path(place))]
    portions = (files[start : start + _BATCH_SIZE] for start in range(0, len(files), _BATCH_SIZE))
    images = tuple(verdict for some in portions for verdict in _predict_files(run, some))
    readable = [verdict.file for verdict in images if verdict.answers]
    unread = [verdict.note for verdict in images if not verdict.answers]
    frame = frame_of(readable, run.resolved, run.codecs) if readable else None
    notes = (
        [note for codec in run.codecs for note in codec.remarks(frame)] if frame is not None else []
    )
    return FolderPredictions(str(run.folder), run.answers, images, (*unread, *notes))


def save_images(
    folder: Path | str, names: Sequence[str], predictions: Sequence[Prediction]
) -> list[Path]:
    """Writes generated images as NAME.png into a new folder and returns their paths.

    Raises:   TaskError when the predictions are not images, or the folder is not empty;
              MachineError when it cannot be written.
    """
    if any(prediction.pixels is None for prediction in predictions):
        raise TaskError("--out needs a run on images", do="Leave --out out")
    with new_folder(folder) as folder:
        paths = [folder / f"{name}.png" for name in names]
        for path, prediction in zip(paths, predictions, strict=True):
            content = io.BytesIO()
            Image.fromarray(prediction.pixels).save(content, "png")
            write_whole(path, content.getvalue())
    return paths


def _files(place: Path) -> list[Path]:
    if is_array_file(place):
        raise DataError(
            f"{place} holds arrays, and --out writes one row per image file",
            do="Leave --out out, or save each image as a file",
        )
    if not place.exists():
        raise DataError(f"there is no image {place}", do="Check the path")
    if not place.is_dir():
        return [place]
    files = images_below(place)
    if not files:
        raise DataError(f"{place} contains no images", do="Name a folder of .jpg, .png or the like")
    return files


def _predict_files(run: TrainedModel, files: Sequence[Path]) -> Iterator[ImagePrediction]:
    looks = check_images(frame_of(files, run.resolved, run.codecs)["image"])
    readable = [file for file, look in zip(files, looks, strict=True) if not look.damage]
    predictions = iter(_predictions_of(run, readable)) if readable else iter(())
    for file, look in zip(files, looks, strict=True):
        yield ImagePrediction(file, note=look.damage) if look.damage else next(predictions)


def _predictions_of(run: TrainedModel, files: Sequence[Path]) -> list[ImagePrediction]:
    frame = frame_of(files, run.resolved, run.codecs)
    dataset = run.encode_frame(frame)
    outputs = answer_all(run.net, dataset, run.answers)
    decided = [
        answer.predictions(output, ()) for answer, output in zip(run.answers, outputs, strict=True)
    ]
    inputs, first = dataset.everything().inputs, run.answers[0]
    x = inputs[0]
    overlays = [
        overlaid(overlay)
        for image, prediction in zip(x, decided[0], strict=True)
        if (overlay := first.overlay(image, prediction)) is not None
    ]
    if is_heatable(inputs, first):
        classes = [first.classes.index(str(prediction.value)) for prediction in decided[0]]
        maps = looked_at(run.net, x, first, classes).maps
        overlays = [heated(image, heat) for image, heat in zip(x, maps, strict=True)]
    decided = [
        answer.in_units_of(predictions, frame)
        for answer, predictions in zip(run.answers, decided, strict=True)
    ]
    views = zip(x, overlays, strict=True) if overlays else ((image,) for image in x)
    return [
        ImagePrediction(file, answers, views=tuple(images))
        for file, answers, images in zip(files, zip(*decided, strict=True), views, strict=True)
    ]
