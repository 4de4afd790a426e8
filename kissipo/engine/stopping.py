"""Stopping: after Ctrl-C (or SIGTERM) the loop ends its step, saves and stops.

The second Ctrl-C interrupts at once.
"""

from __future__ import annotations

import signal
import threading
from types import TracebackType
from typing import Any, Self


class Stopping:
    """A context in which `wished` is true after Ctrl-C or SIGTERM."""

    def __init__(self) -> None:
        self.wished = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._wish)
                for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _wish(self, number: int, frame: object) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True
