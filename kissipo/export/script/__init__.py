"""Eject: a task as a folder of plain PyTorch that runs by itself: the loop, the net, the encoded samples."""
