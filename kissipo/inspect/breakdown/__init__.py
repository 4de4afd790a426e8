"""Opening a number: the terms that any cell of a layer's output is made of, one kind of layer a file."""

from kissipo.inspect.breakdown.breakdown import CannotOpenError, Opened, Terms
from kissipo.inspect.breakdown.explain_value import explain_value

__all__ = ["CannotOpenError", "Opened", "Terms", "explain_value"]
