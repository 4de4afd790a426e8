"""The screen: results go to standard output, everything on the way to standard error and into the log of the run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # rich is imported when something is shown, so that `--help` is there at once
    from rich.table import Table

_LOG_WIDTH = 110


class Screen:
    """Two channels and a log.

    quiet:  nothing on the way is shown
    json:   the result is one JSON text; tables are left out
    """

    def __init__(self, *, quiet: bool = False, json: bool = False) -> None:
        from rich.console import Console

        self.quiet, self.as_json = quiet, json
        wide = None if sys.stdout.isatty() else _LOG_WIDTH
        self.out = Console(highlight=False, width=wide, soft_wrap=False)
        self.err = Console(
            stderr=True, highlight=False, width=None if sys.stderr.isatty() else _LOG_WIDTH
        )
        self._buffer: list[Any] = []
        self._log: Console | None = None

    def note(self, *content: Any) -> None:
        """Something on the way: shown on standard error unless quiet, and kept in the log."""
        if not self.quiet:
            self.err.print(*content)
        self._keep(content)

    def remarks(self, texts: Sequence[str]) -> None:
        """What is strange about what was given, a note each."""
        from rich.markup import escape

        for text in texts:
            self.note(f"[yellow]note[/]: {escape(text)}")

    def result(self, *content: Any) -> None:
        """Something that was asked for: shown on standard output, unless the result is JSON."""
        if not self.as_json:
            self.out.print(*content)
        self._keep(content)

    def result_json(self, content: Any) -> None:
        """The result as JSON, when that was asked for."""
        from kissipo.core.notation import as_json

        if self.as_json:
            print(as_json(content), end="")  # noqa: T201

    def fits(self, grid: Table) -> bool:
        """Whether nothing of a table has to be cut."""
        from rich.console import Console

        return Console(width=10_000).measure(grid).maximum <= self.out.width

    def log_to(self, path: Path) -> None:
        """From now on everything is also written to a file; what was shown before comes first."""
        from rich.console import Console

        file = path.open("a", encoding="utf-8", buffering=1)
        self._log = Console(file=file, width=_LOG_WIDTH, highlight=False, no_color=True)
        for content in self._buffer:
            self._log.print(*content)
        self._buffer = []

    def _keep(self, content: tuple[Any, ...]) -> None:
        if self._log is not None:
            self._log.print(*content)
        else:
            self._buffer.append(content)


def table(*titles: str, right: tuple[int, ...] = ()) -> Table:
    """An empty table without lines, its titles as they are; the columns in `right` stand flush right."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(titles), header_style="dim"
    )
    for number, title in enumerate(titles):
        grid.add_column(
            escape(title),
            justify="right" if number in right else "left",
            overflow="ellipsis",
            no_wrap=number in right,
        )
    return grid
