"""The report of a run: a page that opens offline, and that a notebook shows."""

from __future__ import annotations

from pathlib import Path

from kissipo.core.errors import RunError
from kissipo.core.output_file import write_text
from kissipo.engine.run_folder import REPORT, RunFolder
from kissipo.report.notebook import MimeBundle, mime_bundle
from kissipo.report.plain_answer import run_answer
from kissipo.runs.trained import TrainedModel


class Report:
    """The report that was written when a run was trained.

    Example:  run.report().save("report.html")
    """

    def __init__(self, run: TrainedModel) -> None:
        self.run = run

    def to_html(self) -> str:
        """Returns a page that opens offline.

        Raises:   RunError when the training is not finished.
        """
        return RunFolder(self.run.folder).read_text(REPORT)

    def save(self, path: Path | str) -> Path:
        """Writes the page.

        Raises:   MachineError when the file cannot be written.
        """
        return write_text(path, self.to_html())

    def __repr__(self) -> str:
        return f"Report('{self.run.folder / REPORT}')"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        return report_bundle(self.run, repr(self))


def report_bundle(run: TrainedModel, text: str) -> MimeBundle:
    """Returns what a run shows in a notebook; an unfinished one only its name."""
    folder = RunFolder(run.folder)
    try:
        metrics, history, page = run.metrics, run.history, folder.read_text(REPORT)
    except RunError as error:
        return {"text/plain": f"{text}\n{run.remark or error}"}
    return mime_bundle(
        text,
        run_answer(metrics, history),
        page=page,
        title=f"Report of {run.folder.name}",
        place=f"It is the file {folder.path / REPORT}.",
    )
