"""X-ray of an example of any run: its data flow, with everything inside the net.

Language models, and images with classes or masks, have more: `text.py`, `image.py`.
`xray_any` chooses between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kissipo.core.errors import TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.output_file import write_text
from kissipo.inspect.trace import Trace
from kissipo.report.record_json import record_json
from kissipo.runs.trace_example import trace_of
from kissipo.runs.trained import TrainedModel
from kissipo.runs.xray.image import ImageXray, shows_classes, xray_image
from kissipo.runs.xray.page import page_of
from kissipo.runs.xray.text import Xray, recurrent_vocabulary, xray


@dataclass(frozen=True)
class SampleXray:
    """The trace of one example of a run."""

    run: str
    trace: Trace

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the input."""
        return self.trace.notes

    def follow(self) -> Trace:
        """Returns the trace, as the other kinds of x-ray do."""
        return self.trace

    def to_json(self) -> JsonObject:
        """Returns trace.json (docs/trace.md) without the values of tensors."""
        sections = [record_json(section) for section in self.trace.sections]
        described = {"sections": sections} if sections else {}
        return {"run": self.run, **self.trace.content(max_bytes=-1)[0], **described}

    def to_html(self) -> str:
        """Returns a page that opens offline."""
        name = Path(self.run).resolve().name
        return page_of(self.trace, title=f"{name}: one example from the inside", run=self.run)

    def save(self, path: Path | str) -> Path:
        """Writes the page.

        Raises:   MachineError when the file cannot be written.
        """
        return write_text(path, self.to_html())


def xray_any(
    run: TrainedModel, values: Sequence[Any], neuron: int | None = None, *, position: int = 0
) -> Xray | ImageXray | SampleXray:
    """Returns the x-ray of one example of any run.

    values:   one example as `predict` takes it, or a text file; empty for an example of
              the test split
    position: the index of that example in the test split, counted from 0
    neuron:   for a language model, the neuron that colors the text
    Raises:   TaskError, DataError when values or neuron do not fit.
    """
    vocabulary = recurrent_vocabulary(run)
    if vocabulary is not None:
        if len(values) > 1:
            raise TaskError("kissipo xray takes one text", got=str(len(values)), do="Quote it")
        return xray(run, vocabulary, values[0] if values else None, neuron, position=position)
    if neuron is not None:
        raise TaskError(
            f"--neuron needs a recurrent language model; this run predicts {run.answers[0].name}",
            do="Leave --neuron out; the page shows every unit",
        )
    if shows_classes(run):
        if len(values) > 1:
            raise TaskError("kissipo xray takes one image", got=str(len(values)))
        return xray_image(run, values[0] if values else None, position=position)
    return SampleXray(str(run.folder), trace_of(run, values, position=position))
