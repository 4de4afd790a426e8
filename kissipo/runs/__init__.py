"""Runs: fit, resume, open, predict, compare, backtest, doctor."""
