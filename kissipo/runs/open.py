"""Open: loads a trained run from its folder."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from kissipo.runs.run import Run


def open(path: Path | str, *, net: nn.Module | None = None) -> Run:  # noqa: A001
    """Returns the run in a folder, which can evaluate, predict and trace.

    net:      the torch module, where the net of the run was given in Python
    Raises:   RunError when the folder is missing, incomplete, damaged or of another
              version.
    """
    return Run.open(path, net=net)
