"""Experiments and trained runs: fit, resume, open, predict, compare, backtest, doctor."""
