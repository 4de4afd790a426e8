"""Runs: fit, resume, open, predict, compare, cross-validate, backtest, doctor."""
