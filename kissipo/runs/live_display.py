"""The display of a running training below the cell of a notebook, updated in place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from kissipo.core.ipython import Display, current_cell, in_notebook, new_display
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score, format_span
from kissipo.inspect.trace import Trace
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.report.canvas import StillImage
from kissipo.report.notebook import MimeBundle, mime_bundle
from kissipo.report.plain_answer import history_values, progress_answer
from kissipo.report.still_image import run_image
from kissipo.runs.callback import Callback
from kissipo.runs.run import Run

_SECONDS, _IMAGE_SECONDS = 0.5, 2.0  # between two updates, between two curves
_TIMES = ("seconds", "best")


@contextmanager
def live_display(name: str) -> Iterator[list[Callback]]:
    """Yields the callback that shows a training in a notebook; none elsewhere."""
    if not in_notebook():
        yield []
        return
    display = LiveDisplay(name)
    try:
        yield [display]
    except BaseException as error:
        display.stop(error)
        raise


class LiveDisplay(Callback):
    """Shows epoch, loss, metrics and the seconds left, and in the end the run.

    An error of the display is reported once, and the training goes on without it.

    show:  shows content by its mime types, and returns its place
    """

    def __init__(self, name: str, show: Callable[[MimeBundle], Display] = new_display) -> None:
        self.name, self._new_display = name or "run", show
        self._display: Display | None = None
        self._is_broken = False
        self._facts: JsonMapping = {}
        self._history: list[JsonMapping] = []
        self._notes: list[str] = []
        self._image: StillImage | None = None
        self._values: dict[str, str] = {}
        self._first: tuple[int, float] | None = None
        self._left = ""
        self._time, self._image_time = 0.0, 0.0

    def on_built(self, experiment: Experiment, trace: Trace) -> None:
        self._notes += [
            finding.describe()
            for finding in experiment.pipeline.findings
            if finding.level != "PASS"
        ]
        self._update("the model is built", force=True)

    def on_folder(self, path: Path) -> None:
        self.name = f"{self.name} ({path})"

    def on_start(self, facts: JsonMapping) -> None:
        self._facts = facts
        self._update(f"{facts['epochs']} epochs", force=True)

    def on_progress(self, facts: JsonMapping) -> None:
        done = (facts["epoch"] - 1) * facts["steps"] + facts["step"]
        if self._first is None:
            self._first = done, facts["seconds"]
        steps, seconds = done - self._first[0], facts["seconds"] - self._first[1]
        if steps > 0:
            rest = facts["epochs"] * facts["steps"] - done
            self._left = f"about {format_span(seconds / steps * rest)}"
        self._values |= {"loss": format_score(facts["loss"])}
        self._update(self._position(facts["epoch"]))

    def on_epoch(self, row: JsonMapping) -> None:
        self._history.append({key: value for key, value in row.items() if key not in _TIMES})
        self._values |= history_values(row)
        if row.get("best"):
            self._values["best epoch"] = str(row["epoch"])
        self._update(self._position(row["epoch"]), force=row["epoch"] == self._facts.get("epochs"))

    def on_note(self, text: str) -> None:
        self._notes.append(text)

    def on_evaluated(self, scores: Sequence[Score]) -> None:
        self._left = ""
        self._update("evaluated; the report is being written", force=True)

    def on_saved(self, run: Run) -> None:
        if not self._is_broken:
            self._show(run.mime_bundle)
            run.displayed_in_cell = None if self._is_broken else current_cell()

    def stop(self, error: BaseException) -> None:
        """Says that the training has ended with an error."""
        self._left = ""
        text = str(error) or type(error).__name__
        self._update(f"stopped: {text}", force=True)

    def _position(self, epoch: int) -> str:
        return f"epoch {epoch} of {self._facts.get('epochs', '?')}"

    def _update(self, sentence: str, *, force: bool = False) -> None:
        now = perf_counter()
        if force or now - self._time > _SECONDS:
            self._time = now
            self._show(lambda: self._bundle(sentence))

    def _bundle(self, sentence: str) -> MimeBundle:
        now = perf_counter()
        if now - self._image_time > _IMAGE_SECONDS:
            self._image_time, self._image = now, run_image(self._history, None)
        values = self._values | ({"time left": self._left} if self._left else {})
        sentence = f"{self.name}: {sentence}"
        return mime_bundle("", progress_answer(sentence, values, self._notes, self._image))

    def _show(self, bundle: Callable[[], MimeBundle]) -> None:
        """Replaces the content; an error ends the display, not the training."""
        if self._is_broken:
            return
        try:
            content = bundle()
            if self._display is None:
                self._display = self._new_display(content)
            else:
                self._display.update(content, raw=True)
        except Exception as error:
            self._is_broken = True
            sys.stderr.write(
                f"The display of the training failed ({type(error).__name__}: {error}); "
                "the training continues without it.\n"
            )
