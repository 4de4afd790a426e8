"""Baselines for the next move."""
