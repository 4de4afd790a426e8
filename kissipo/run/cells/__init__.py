"""Opening a number: the terms that any cell of a layer's output is made of, one kind of layer a file."""

from kissipo.run.cells.open_cell import open_cell
from kissipo.run.cells.opened import CannotOpenError, Opened, Terms

__all__ = ["CannotOpenError", "Opened", "Terms", "open_cell"]
