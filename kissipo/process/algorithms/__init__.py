"""Training algorithms, one per file: each has its optimizers and defines one step."""
