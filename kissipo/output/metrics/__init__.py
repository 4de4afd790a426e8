"""Metrics: one file per family, each with the formula of the lecture (S08)."""
