"""Open: loads a trained run from its folder."""

from __future__ import annotations

from pathlib import Path

from kissipo.runs.run import Run


def open(path: Path | str) -> Run:  # noqa: A001 - kissipo.open, as in PIL and gzip
    """Returns the run in a folder, which can evaluate, predict and trace.

    Raises:   RunError when the folder is missing, incomplete, damaged or of another
              version.
    """
    return Run.open(path)
