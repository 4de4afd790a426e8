"""Builders of pipelines: the moves of games."""
