"""Xray of an image: for each of the likeliest answers where on the image the net looked; of marks, how likely each pixel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from kissipo.core.errors import NotBuiltError
from kissipo.core.output_file import write_text
from kissipo.engine.evaluate import answer_all
from kissipo.inspect.trace import Trace
from kissipo.output.answers.category import Category
from kissipo.output.answers.mask import Mask
from kissipo.report.gallery import strips
from kissipo.report.image_sections import looked_at
from kissipo.report.overlay import heated
from kissipo.report.page import Section, table
from kissipo.runs.example import known_example
from kissipo.runs.trace_example import trace_of
from kissipo.runs.trained import TrainedModel
from kissipo.runs.xray.page import page_of

_MOST = 4
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "center", "right")


@dataclass(frozen=True)
class Look:
    """One answer that was weighed.

    probability:  of this answer; of a class of marks the share of the image that is marked so
    heat:         (height, width) from 0 to 1, where the net looked for it; of marks how likely each pixel is
    """

    answer: str
    probability: float
    heat: Tensor

    @property
    def where(self) -> str:
        """Where it is warmest, in words.

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
        return f"{_ROWS[3 * row // height]} {_COLUMNS[3 * column // width]} (row {row + 1}, column {column + 1})"


@dataclass(frozen=True)
class ImageXray:
    """What a net weighed for one image.

    image:  (channel, height, width) from 0 to 1, as the net saw it
    looks:    the likeliest answers first
    how:      how it was found out where the net looked
    follow:   gives the trace of this image, for the page
    """

    run: str
    file: str
    image: Tensor
    looks: tuple[Look, ...]
    how: str
    notes: tuple[str, ...] = ()
    follow: Callable[[], Trace] = field(kw_only=True, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The documented form."""
        looks = [
            {
                "answer": each.answer,
                "probability": each.probability,
                "where": each.where,
                "heat": np.round(each.heat.numpy().astype(np.float64), 3).tolist(),
            }
            for each in self.looks
        ]
        return {
            "run": self.run,
            "file": self.file,
            "how": self.how,
            "looks": looks,
            "notes": list(self.notes),
        }

    def to_html(self) -> str:
        """One page that opens offline."""
        rows = [[each.answer, f"{each.probability:.1%}", each.where] for each in self.looks]
        told = table(["answer", "probability", "warmest"], rows, numbers=(1,))
        shown = [(self.image,), *((heated(self.image, each.heat),) for each in self.looks)]
        captions = [
            "as the net sees it",
            *(f"{each.answer} {each.probability:.1%}" for each in self.looks),
        ]
        drawn = f'<div class="large">{strips(shown, captions)}</div><p class="dim">{escape(self.how)}.</p>'
        return page_of(
            self.follow(),
            title=f"{Path(self.run).resolve().name}: {Path(self.file).name}",
            subtitle="an image as a net sees it, with everything inside the net",
            more=[Section("Where it looked", told + drawn)],
        )

    def save(self, path: Path | str) -> Path:
        """Writes the page.

        Raises:   MachineError when it cannot be written.
        """
        return write_text(path, self.to_html())


def xray_image(run: TrainedModel, value: Any = None) -> ImageXray:
    """Follows one image, or the first of the test part, to its answers.

    Raises:   DataError when it cannot be decoded; NotBuiltError for an answer of another kind.
    """
    answer = run.answers[0]
    if value is None:
        known = known_example(run)
        dataset, remarks = known.dataset, list(known.notes)
    else:
        _, dataset, remarks = run.encode([value])
    images, output = dataset.everything().inputs[0], answer_all(run.net, dataset)[0]
    if isinstance(answer, Mask):
        likely = output[0].softmax(dim=0)
        shares = (output[0].argmax(dim=0) == number for number in range(len(likely)))
        looks = [
            Look(level, float(share.float().mean()), heat)
            for level, share, heat in zip(answer.levels, shares, likely, strict=True)
        ][1:]
        how = "Warm is how likely each pixel is marked so; the share is that of the pixels that are"
    elif isinstance(answer, Category):
        chances = answer.scores(output)[0]
        classes = [int(at) for at in np.argsort(-chances, kind="stable")[:_MOST]]
        found = looked_at(run.net, images.expand(len(classes), -1, -1, -1), answer, classes)
        looks = [
            Look(answer.levels[at], float(chances[at]), heat)
            for at, heat in zip(classes, found.maps, strict=True)
        ]
        how = f"Warm is what speaks for the answer: {found.describe()}"
    else:
        raise NotBuiltError(f"the x-ray of an image with the answer {answer.WORD} is not built yet")
    file = str(value) if isinstance(value, str | Path) else "the image"
    values = () if value is None else (value,)
    return ImageXray(
        str(run.folder),
        file,
        images[0],
        tuple(looks),
        how,
        tuple(remarks),
        follow=cache(lambda: trace_of(run, values)),
    )
