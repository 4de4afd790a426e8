"""From scores to decisions, one method per file."""
