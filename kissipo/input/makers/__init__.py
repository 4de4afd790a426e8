"""Samples that are made, not read, one kind a file: `make(options)` gives a reading."""
