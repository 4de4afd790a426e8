"""The training loops and their state: fit, rollout, evaluation, generation, checkpoints and the run folder."""
