"""Taking a model away: a script without kissipo."""
