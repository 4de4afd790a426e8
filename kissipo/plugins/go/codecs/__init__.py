"""Codecs: a board."""
