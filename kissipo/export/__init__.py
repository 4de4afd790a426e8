"""Export of a task: a script that runs without kissipo."""
