"""Kinds of answers, one a file: each brings its codec, its port, its loss, its decoder, its measures and its baselines."""
