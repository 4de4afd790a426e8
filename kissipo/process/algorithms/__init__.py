"""Algorithms of training, one per file: each owns its optimizers and says what one step is."""
