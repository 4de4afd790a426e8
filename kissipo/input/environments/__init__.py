"""Environments of this package, one per file.

If its states are discrete, WORLD is a gymnasium environment and ACTIONS names its
actions.
"""
