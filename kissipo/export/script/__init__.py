"""Writes a task as a folder of plain PyTorch: the loop, the net and the samples."""
