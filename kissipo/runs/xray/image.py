"""X-ray of an image: a heatmap for each of the most probable classes, or of a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from torch import Tensor

from kissipo.core.json_object import JsonObject
from kissipo.core.output_file import write_text
from kissipo.engine.evaluate import answer_all
from kissipo.inspect.trace import Trace
from kissipo.report.image_address import address_of
from kissipo.report.image_sections import looked_at
from kissipo.report.overlay import heated
from kissipo.runs.example import stored_example
from kissipo.runs.trace_example import trace_of
from kissipo.runs.trained import TrainedModel
from kissipo.runs.xray.page import page_of

_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "center", "right")


@dataclass(frozen=True)
class Look:
    """The heatmap of one class.

    probability:  of this class; for a mask the share of the image with this class
    heat:         (height, width) from 0 to 1, the heatmap of the class; for a mask the
                  probability of each pixel
    """

    answer: str
    probability: float
    heat: Tensor

    @property
    def where(self) -> str:
        """The position of the maximum in words.

        Example:  >>> import torch
                  >>> heat = torch.zeros(9, 9)
                  >>> heat[8, 4] = 1.0
                  >>> Look("crack", 0.9, heat).where
                  'lower center (row 9, column 5)'
        """
        height, width = self.heat.shape
        row, column = divmod(int(self.heat.argmax()), width)
        if not self.heat.any():
            return "nowhere"
        place = f"{_ROWS[3 * row // height]} {_COLUMNS[3 * column // width]}"
        return f"{place} (row {row + 1}, column {column + 1})"


@dataclass(frozen=True)
class ImageXray:
    """The heatmaps of one image.

    image:    (channel, height, width) from 0 to 1, as the net sees it
    looks:    the heatmaps of the classes, the most probable first
    how:      the method of the heatmaps
    follow:   returns the trace of this image, for the page
    """

    run: str
    file: str
    image: Tensor
    looks: tuple[Look, ...]
    how: str
    notes: tuple[str, ...] = ()
    follow: Callable[[], Trace] = field(kw_only=True, repr=False, compare=False)

    def to_json(self) -> JsonObject:
        """Returns the form that docs/json.md describes."""
        looks = [
            {
                "answer": look.answer,
                "probability": look.probability,
                "where": look.where,
                "heat": np.round(look.heat.numpy().astype(np.float64), 3).tolist(),
            }
            for look in self.looks
        ]
        return {
            "run": self.run,
            "file": self.file,
            "how": self.how,
            "looks": looks,
            "notes": list(self.notes),
        }

    def to_html(self) -> str:
        """Returns a page that opens offline."""
        images = [
            {"caption": "as the net sees it", "address": address_of(self.image)},
            *(
                {
                    "caption": f"{look.answer} {look.probability:.1%}",
                    "address": address_of(heated(self.image, look.heat)),
                    "note": f"strongest at {look.where}"
                    if look.heat.any()
                    else "no pixel supports it",
                }
                for look in self.looks
            ),
        ]
        return page_of(
            self.follow(),
            title=f"{Path(self.run).resolve().name}: {Path(self.file).name}",
            subtitle="an image as a net sees it, with everything inside the net",
            run=self.run,
            images={"how": self.how, "images": images},
        )

    def save(self, path: Path | str) -> Path:
        """Writes the page.

        Raises:   MachineError when the file cannot be written.
        """
        return write_text(path, self.to_html())


def shows_classes(run: TrainedModel) -> bool:
    """Returns whether a run chooses a class for an image, or for its pixels."""
    return run.has_images and bool(run.answers[0].classes)


def xray_image(run: TrainedModel, value: object = None, *, position: int = 0) -> ImageXray:
    """Returns the x-ray of one image, or of an image of the test split.

    Raises:   DataError when the image cannot be decoded.
    """
    answer = run.answers[0]
    if value is None:
        example = stored_example(run, position)
        dataset, remarks = example.dataset, list(example.notes)
    else:
        _, dataset, remarks = run.encode([value])
    output = answer_all(run.net, dataset, run.answers)[0]
    images = dataset.everything().inputs[0]
    classes = answer.image_classes(output)
    maps = [item.pixels for item in classes if item.pixels is not None]
    how = "Warm colors are the probability of the class per pixel; the percentage is its area"
    if not maps:
        numbers = [item.number for item in classes]
        record = looked_at(run.net, images.expand(len(numbers), -1, -1, -1), answer, numbers)
        maps, how = list(record.maps), f"Warm colors support the class: {record.describe()}"
    looks = [
        Look(answer.classes[item.number], item.probability, heat)
        for item, heat in zip(classes, maps, strict=True)
    ]
    file = str(value) if isinstance(value, str | Path) else "the image"
    values = () if value is None else (value,)
    return ImageXray(
        str(run.folder),
        file,
        images[0],
        tuple(looks),
        how,
        tuple(remarks),
        follow=cache(lambda: trace_of(run, values, position=position)),
    )
