"""Simple answers beside the net's, one a file: NAME as people read it, and `answer(case)`, None where it does not apply.

They see the same training samples as the net (at most 10,000, evenly drawn), and answer the same test samples.
"""
