"""Opening a run again."""

from __future__ import annotations

from pathlib import Path

from kissipo.runs.run import Run


def open(path: Path | str) -> Run:  # noqa: A001 - kissipo.open, as in PIL and gzip
    """The run in a folder: it evaluates, predicts and traces as it did after training.

    Raises:   RunError when the folder is missing, cut short, damaged or of another version.
    """
    return Run.open(path)
