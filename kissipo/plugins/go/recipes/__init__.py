"""Built-in tasks: the next move, with two nets."""
