"""Inputs: how a script reads, splits and encodes what the task reads, one kind of source a file.

Each writes a function `samples() -> Parts`: for train, validation and test the inputs of the net and the truth. What differs from the
reading of the task in the least is found when the script is compared with it.
"""
