"""Generated samples, one kind per file: `make(options)` returns a reading."""
