"""Run: a trained task, which evaluates, predicts, generates and traces.

Traces and pages are imported when they are asked for: a prediction needs none of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kissipo.core.errors import NotBuiltError
from kissipo.core.ipython import current_cell
from kissipo.runs.predict_values import predict_intervals, predict_probabilities, predict_values
from kissipo.runs.trained import TrainedModel

if TYPE_CHECKING:
    from kissipo.inspect.breakdown import Breakdown
    from kissipo.report.notebook import MimeBundle
    from kissipo.runs.predict_folder import FolderPredictions
    from kissipo.runs.report import Report
    from kissipo.runs.spotting import SpottedWords
    from kissipo.runs.trace import Trace
    from kissipo.runs.xray.image import ImageXray
    from kissipo.runs.xray.sample import SampleXray
    from kissipo.runs.xray.text import Xray


class Run(TrainedModel):
    """A trained task.

    Example:  run = kissipo.open("runs/digits-1")
              run.evaluate(); run.predict(image); run.net

    displayed_in_cell:  the cell of a notebook whose training display shows this run
    """

    displayed_in_cell: int | None = None

    def predict(self, *values: object) -> Any:
        """Returns one plain value (of the first output) per value.

        One value gives one plain value: a label in the type that it has in the data, a
        number, a list of the steps ahead, or an array of a mask or an image. Several
        values, a list and a file of several rows give a list. A data frame gives a data
        frame of the same library and index, with the columns `prediction` and, where
        there are any, `probability_CLASS`, the bounds `low` and `high`, or `error` and
        `threshold`. With several outputs, each title ends with the name of its output.

        A value is a text, the path of an image, an array, a dict of columns, or a file,
        depending on the source.
        """
        return predict_values(self, values)

    def predict_proba(self, *values: object) -> Any:
        """Returns the class probabilities (sample, class), in the order of `classes`.

        A data frame gives a data frame with one column per class.

        Raises:   TaskError when the first output is not a class.
        """
        return predict_probabilities(self, values)

    def predict_interval(self, *values: object) -> Any:
        """Returns the bounds (low, high) of one prediction, or a list of them.

        Raises:   TaskError when the first output has no prediction intervals.
        """
        return predict_intervals(self, values)

    @property
    def classes(self) -> tuple[object, ...]:
        """The classes of the first output, in the type that they have in the data."""
        answer = self.answers[0]
        return tuple(answer.codec.original_value(name) for name in answer.classes)

    def predict_folder(self, *places: Path | str) -> FolderPredictions:
        """Predicts all images of these files and folders.

        `.save("predictions")` writes a table and a gallery.

        Raises:   TaskError when the run is not on images; DataError without images.
        """
        from kissipo.runs.predict_folder import predict_folder

        return predict_folder(self, *places)

    def spot(self, *values: object) -> list[SpottedWords] | None:
        """Returns the words in long recordings with their times in seconds; None where
        they are not much longer than those of the training.

        Raises:   DataError, TaskError when the values do not fit, or some are long.
        """
        from kissipo.runs.spotting import spot_words

        return spot_words(self, values) or None

    def generate(
        self,
        start: str = "",
        *,
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 0,
    ) -> str:
        """Generates `length` characters (or words) after `start`.

        temperature:  0 takes the most probable token, 1 samples from the probabilities
                      of the net, above 1 flattens them
        top_k:        samples from the k most probable tokens only
        Raises:       TaskError when the run is not a language model, or a number is out
                      of range.
        """
        return "".join(self.generate_tokens(start, length, temperature, top_k, seed)[1])

    def xray(
        self, value: object = None, *, neuron: int | None = None
    ) -> Xray | ImageXray | SampleXray:
        """Returns the x-ray of one example; `.save("xray.html")` writes a page.

        For a language model it also colors the text by a neuron; for an image it shows
        a heatmap.

        value:    as `predict` takes it, or a text file; None for the first example of
                  the test split
        neuron:   the neuron for a text, counted from 0; default: an interpretable one
        Raises:   DataError, TaskError when value or neuron do not fit.
        """
        from kissipo.runs.xray.sample import xray_any

        return xray_any(self, () if value is None else (value,), neuron)

    def explain_value(self, value: object, layer: str, cell: Sequence[int]) -> Breakdown:
        """Explains a value inside the net: its terms, their sum, the recorded value.

        value:    as `predict` takes it; None for the first example of the test split
        layer:    the name of the layer, as `kissipo show` prints it
        cell:     the index without the batch axis; for a recurrent layer time and unit
        Raises:   TaskError for a layer or an index that does not exist; NotBuiltError
                  for a layer that cannot be explained.
        """
        from kissipo.runs.explain_value import cell_of

        breakdown, remarks = cell_of(self, () if value is None else (value,), layer, cell)
        for remark in remarks if value is not None else ():
            warnings.warn(remark, stacklevel=2)
        return breakdown

    def export(self, path: Path | str) -> None:
        """Will write the net as ONNX or LiteRT.

        Raises:   NotBuiltError, as the verb `export` does not exist yet.
        """
        raise NotBuiltError(
            f"export to {path} is not built yet",
            do="run.net is a plain torch module, model.safetensors its weights",
        )

    def report(self) -> Report:
        """Returns the report of the training; its `save` writes the page."""
        from kissipo.runs.report import Report

        return Report(self)

    def trace(self, value: object = None, *, position: int = 0) -> Trace:
        """Returns the trace of one example; `.save("trace")` writes it (docs/trace.md).

        A notebook shows it as a page.

        value:     as `predict` takes it; None for an example of the test split, with
                   the gradients of its loss
        position:  the index of the example in the test split, counted from 0
        Raises:    TaskError, DataError when the value does not fit, or there is no such
                   example.
        """
        from kissipo.runs.trace import as_trace
        from kissipo.runs.trace_example import trace_of

        return as_trace(trace_of(self, () if value is None else (value,), position=position))

    def mime_bundle(self) -> MimeBundle:
        """Returns what a notebook shows: text, curves and scores, the report."""
        from kissipo.runs.report import report_bundle

        return report_bundle(self, repr(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        cell = current_cell()
        if cell is not None and cell == self.displayed_in_cell:
            return {"text/plain": repr(self)}
        return self.mime_bundle()
