"""Inspection of any net: traces, breakdowns, heat maps, costs, gradients."""
