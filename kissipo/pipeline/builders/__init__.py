"""How samples are made of what a source hands over, one way a file: rows, series, prose, moves, episodes.

Each file has `wire(reading, choices, seed, strict)`, which fits codecs and encodes all parts, and `question(frame, doors, answers)`,
which encodes new data in the same way. A source names its way in SAMPLES.
"""
