"""Run: a fitted task, opened from its folder or fresh from training; it evaluates, predicts and traces."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kissipo.core.errors import NotBuiltError
from kissipo.inspect.breakdown import Breakdown
from kissipo.inspect.trace import Trace
from kissipo.output.answer import Prediction
from kissipo.runs.explain_value import cell_of
from kissipo.runs.predict_folder import FolderPredictions, predict_folder
from kissipo.runs.trace_example import trace_of
from kissipo.runs.trained import TrainedModel
from kissipo.runs.xray.image import ImageXray
from kissipo.runs.xray.sample import SampleXray, xray_any
from kissipo.runs.xray.text import Xray


class Run(TrainedModel):
    """A trained task.

    Example:  run = kissipo.open("runs/digits-1"); run.evaluate(); run.predict(image); run.net
    """

    def predict(self, *values: Any) -> list[Prediction] | Prediction:
        """One decision for each value (of the first answer); a single one for a single value.

        A value is what the source has: a text, the path of an image, a dict of columns, a data frame, a file.
        """
        decisions, remarks = self.predict_all(values)
        for remark in remarks:
            warnings.warn(remark, stacklevel=2)
        return (
            decisions[0][0]
            if len(values) == 1 and len(decisions) == 1
            else [row[0] for row in decisions]
        )

    def predict_folder(self, *places: Path | str) -> FolderPredictions:
        """Answers every image of these files and folders: `.save("predictions")` writes a table and a gallery.

        Raises:   TaskError when the run is not on images; DataError when there are none.
        """
        return predict_folder(self, *places)

    def generate(
        self,
        start: str = "",
        *,
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 0,
    ) -> str:
        """What the net writes after `start`: `length` characters (or words), each drawn from what it holds likely.

        temperature:  0 always the likeliest, 1 as likely as the net says, above 1 more daring
        top_k:        draws from so many of the likeliest only
        Raises:       TaskError when this run does not write, or a number is out of range.
        """
        return "".join(self.generate_units(start, length, temperature, top_k, seed)[1])

    def xray(
        self, value: Any = None, *, neuron: int | None = None
    ) -> Xray | ImageXray | SampleXray:
        """A sample from the inside; `.save("xray.html")` writes it as a page.

        Of a text that is read on and on also how one neuron colors it; of an image where the net looked.

        value:    as `predict` takes it, or a file of text; None: the first sample of the test part
        neuron:   of a text, counted from 0; without it a telling one is chosen, and why is said
        Raises:   DataError, TaskError when value or neuron do not fit.
        """
        return xray_any(self, () if value is None else (value,), neuron)

    def explain_value(self, value: Any, layer: str, cell: Sequence[int]) -> Breakdown:
        """A number inside the net, opened: the terms that it was made of, their sum, and what PyTorch recorded.

        value:    as `predict` takes it; None: the first sample of the test part
        layer:    by its name, as `kissipo show` prints it
        cell:     its place, without the axis of the batch; of a recurrent layer time and unit
        Raises:   TaskError for a layer or a cell that is not there; NotBuiltError for a layer that no opener knows.
        """
        breakdown, remarks = cell_of(self, () if value is None else (value,), layer, cell)
        for remark in remarks if value is not None else ():
            warnings.warn(remark, stacklevel=2)
        return breakdown

    def export(self, path: Path | str) -> None:
        """Writes the net as ONNX or LiteRT.

        Raises:   NotBuiltError: it comes with the verb `export`.
        """
        raise NotBuiltError(
            f"export to {path} is not built yet",
            do="run.net is a plain torch module, model.safetensors its weights",
        )

    def trace(self, value: Any = None, *, position: int = 0) -> Trace:
        """One sample through every step, with everything inside the net; `.save("trace")` writes it as files (docs/trace.md).

        value:     as `predict` takes it; None: a sample of the test part, whose loss is then followed back through the net and time
        position:  of the sample in the test part, counted from 0
        Raises:    TaskError, DataError when the value does not fit, or there is no such sample.
        """
        return trace_of(self, () if value is None else (value,), position=position)
