"""Codecs: reversible conversions between columns and tensors, saved as JSON."""
