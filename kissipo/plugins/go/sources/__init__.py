"""Sources: games of go."""
