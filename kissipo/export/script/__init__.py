"""Eject: a task as one script of plain PyTorch that runs by itself; its parts stand in the order input, process, output."""
