"""Environments of our own, one a file: WORLD is a gymnasium environment, ACTIONS the names of its actions."""
