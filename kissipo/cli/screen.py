"""The screen: results go to standard output, progress to standard error and the log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.core.text import printable

if TYPE_CHECKING:  # rich is imported on first use, so that `--help` is fast
    from rich.table import Table

_LOG_WIDTH = 110


class Screen:
    """Two output streams and a log.

    quiet:  progress and notes are not printed
    json:   the result is printed as JSON, without tables
    """

    def __init__(self, *, quiet: bool = False, json: bool = False) -> None:
        from rich.console import Console

        self.quiet, self.as_json = quiet, json
        wide = None if sys.stdout.isatty() else _LOG_WIDTH
        self.out = Console(highlight=False, width=wide, soft_wrap=False)
        self.err = Console(
            stderr=True, highlight=False, width=None if sys.stderr.isatty() else _LOG_WIDTH
        )
        self._buffer: list[tuple[object, ...]] = []
        self._log: Console | None = None

    def note(self, *content: object) -> None:
        """Prints a note to standard error, unless quiet, and writes it to the log."""
        content = _printable(content)
        if not self.quiet:
            self.err.print(*content)
        self._keep(content)

    def remarks(self, texts: Sequence[str]) -> None:
        """Prints one note per remark on the input."""
        from rich.markup import escape

        for text in texts:
            self.note(f"[yellow]note[/]: {escape(text)}")

    def result(self, *content: object) -> None:
        """Prints a result to standard output, unless the result is JSON."""
        content = _printable(content)
        if not self.as_json:
            self.out.print(*content)
        self._keep(content)

    def result_json(self, content: object) -> None:
        """Prints the result as JSON, with `--json`."""
        from kissipo.core.notation import as_json

        if self.as_json:
            print(as_json(content), end="")  # noqa: T201

    def fits(self, grid: Table | str) -> bool:
        """Whether a table fits into the width of the screen."""
        from rich.console import Console

        return Console(width=10_000).measure(grid).maximum <= self.out.width

    def log_to(self, path: Path) -> None:
        """Writes everything to a file from now on, after the earlier output."""
        from rich.console import Console

        file = path.open("a", encoding="utf-8", buffering=1)
        self._log = Console(file=file, width=_LOG_WIDTH, highlight=False, no_color=True)
        for content in self._buffer:
            self._log.print(*content)
        self._buffer = []

    def _keep(self, content: tuple[object, ...]) -> None:
        if self._log is not None:
            self._log.print(*content)
        else:
            self._buffer.append(content)


def _printable(content: Iterable[object]) -> tuple[object, ...]:
    return tuple(printable(item) if isinstance(item, str) else item for item in content)


def table(*titles: str, right: tuple[int, ...] = ()) -> Table:
    """Returns an empty table without borders; `right` columns are right-aligned."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(titles), header_style="dim"
    )
    for number, title in enumerate(titles):
        grid.add_column(
            escape(printable(title)),
            justify="right" if number in right else "left",
            overflow="ellipsis",
            no_wrap=number in right,
        )
    return grid
