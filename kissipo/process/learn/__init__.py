"""Ways of learning, one a file: each owns its optimizers and says what one step is."""
