"""The training loops and their state, evaluation, generation and the run folder."""
