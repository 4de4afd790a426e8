"""Answers: one file per kind, with its codec, loss, decoder, metrics and baselines."""
