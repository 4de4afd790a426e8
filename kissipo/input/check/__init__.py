"""The data check: finds problems of the data before any training.

Each finding has row numbers and says what is done about the problem.
"""
