"""A lesson in the terminal: arrays as grids, the windows of filters, and tables."""

from collections.abc import Iterator

import numpy as np
from rich.markup import escape
from rich.table import Table

from kissipo.cli.screen import table
from kissipo.inspect.conv_windows import Window
from kissipo.inspect.explanation import Cell, Explanation, Figure
from kissipo.report.page import grid

_APART = (0, 4, 0, 0)


def explanation(page: Explanation) -> Iterator[object]:
    """Yields the parts of a lesson, in the order of printing."""
    yield f"\n[bold]{escape(page.title)}[/]: [dim]{escape(page.description)}[/]"
    if page.figures:
        yield _side_by_side(page.figures)
    if page.windows:
        yield _windows(dict(page.windows))
    if page.rows:
        yield _rows(page)


def _side_by_side(figures: tuple[Figure, ...]) -> Table:
    layout = Table.grid(padding=_APART)
    for _ in figures:
        layout.add_column()
    layout.add_row(*(f"[dim]{escape(figure.name)}[/]" for figure in figures))
    layout.add_row(*(grid(figure.values) for figure in figures))
    return layout


def _windows(windows_by_filter: dict[str, tuple[Window, ...]]) -> Table:
    """Returns one row per position: its values, and the products of each filter."""
    sums = tuple(3 + 2 * number for number in range(len(windows_by_filter)))
    layout = table(
        "window",
        "values",
        *(name for filter_ in windows_by_filter for name in (filter_, "sum")),
        right=sums,
    )
    for row in zip(*windows_by_filter.values(), strict=True):
        first = row[0]
        cells = [
            cell
            for window in row
            for cell in (_in_rows(window.products), f"[bold]{window.sum:g}[/]")
        ]
        layout.add_row(
            f"{first.row + 1}, {first.column + 1}", f"[dim]{_in_rows(first.patch)}[/]", *cells
        )
    return layout


def _in_rows(values: object) -> str:
    """Returns the rows of a window in one line."""
    cells = [[f"{value:g}" for value in row] for channel in np.asarray(values) for row in channel]
    width = max(len(cell) for row in cells for cell in row)
    return " | ".join(" ".join(cell.rjust(width) for cell in row) for row in cells)


def _rows(page: Explanation) -> Table:
    numbers = tuple(index for index, cell in enumerate(page.rows[0]) if not isinstance(cell, str))
    layout = table(*page.titles, right=numbers)
    for row in page.rows:
        layout.add_row(*(escape(_cell(cell)) for cell in row))
    return layout


def _cell(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if isinstance(cell, int) else f"{cell:g}"
