"""Built-in tasks, one file per task: its options and its expected score."""
