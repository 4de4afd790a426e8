"""TensorBoard: the numbers of every epoch as `events.out.tfevents.*` in the run folder, when the extra 'board' is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kissipo.core.protocols import Listener


class Board(Listener):
    """Writes scalars; look at them with `tensorboard --logdir runs`."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def on_epoch(self, row: Mapping[str, Any]) -> None:
        """One point for every number of the row."""
        for name, value in row.items():
            if isinstance(value, float) and name != "seconds":
                self._writer.add_scalar(name, value, row["epoch"])
        self._writer.flush()


def boards(folder: Path) -> list[Listener]:
    """One board, or none when TensorBoard is not installed."""
    return [Board(folder)] if find_spec("tensorboard") is not None else []
