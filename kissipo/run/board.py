"""TensorBoard: the numbers of every epoch as `events.out.tfevents.*` in the run folder, when the extra 'board' is installed.

The file is written by TensorBoard's own record writer, at once: torch's SummaryWriter writes from a thread of its own, which on a
full disk dies where nobody can catch it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kissipo.core.protocols import Listener


class Board(Listener):
    """Writes scalars; look at them with `tensorboard --logdir runs`."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        now = time.time_ns()
        self._writer = RecordWriter((folder / f"events.out.tfevents.{now // 10**9}.{now % 10**9}").open("wb"))
        self._write(file_version="brain.Event:2")

    def on_epoch(self, row: Mapping[str, Any]) -> None:
        """One point for every number of the row."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        points = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in row.items()
            if isinstance(value, float) and name != "seconds"
        ]
        self._write(step=row["epoch"], summary=Summary(value=points))

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(wall_time=time.time(), **content).SerializeToString())
        self._writer.flush()


def boards(folder: Path) -> list[Listener]:
    """One board, or none when TensorBoard is not installed."""
    return [Board(folder)] if find_spec("tensorboard") is not None else []
