"""The training loops over an environment."""
