"""Answers against the truth, as numbers that people know: one measure a file, each the formula of the lecture (S08)."""
