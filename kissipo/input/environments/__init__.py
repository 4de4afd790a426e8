"""Worlds of our own, one a file: where states can be counted, WORLD is a gymnasium environment, ACTIONS the names of its actions."""
