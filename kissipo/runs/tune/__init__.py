"""Tune: many trainings of one task with other options, and the best of them."""
