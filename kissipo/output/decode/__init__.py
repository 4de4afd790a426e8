"""From scores to decisions, one way a file."""
