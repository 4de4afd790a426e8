"""Breakdown: the terms of any value of a layer's output, one file per kind of layer."""

from kissipo.inspect.breakdown.breakdown import Breakdown, CannotExplainError, Terms
from kissipo.inspect.breakdown.explain_value import explain_value

__all__ = ["Breakdown", "CannotExplainError", "Terms", "explain_value"]
