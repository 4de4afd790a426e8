"""Metrics that `output.metrics` adds to those of the answer, one per file.

A file has SUITABLE_ANSWERS, the kinds of answers that the metric suits, and
`metric(truth, predicted, scores)`, which returns one number. For classes, `truth` and
`predicted` are class numbers, and `scores` are probabilities (sample, class). For
numbers, `predicted` equals `scores`.
"""
