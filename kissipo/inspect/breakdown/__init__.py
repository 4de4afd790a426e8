"""Opening a number: the terms that any cell of a layer's output is made of, one kind of layer a file."""

from kissipo.inspect.breakdown.breakdown import Breakdown, CannotExplainError, Terms
from kissipo.inspect.breakdown.explain_value import explain_value

__all__ = ["Breakdown", "CannotExplainError", "Terms", "explain_value"]
