"""Baselines, one file each: NAME for display, and a function from data to predictions.

The function returns None when the baseline does not apply. It trains on at most 10,000
evenly drawn training samples of the model, and predicts the same test samples. An
answer names its baselines; one of a plug-in names its answers, in SUITABLE_ANSWERS.
TRIVIAL says that a model that is worse is of no use.
"""
