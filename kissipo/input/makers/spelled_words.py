"""Spelled words: made words, and each of them letter by letter.

Example:  >>> frame = make().frame
          >>> frame["word"].show(0), frame["spelled"].show(0), len(frame)
          ('shiefrent', 'S-H-I-E-F-R-E-N-T', 4000)
"""

from kissipo.core.frame import Frame, strings
from kissipo.input.made_words import made_words
from kissipo.input.source_data import Reading

COUNT = 4_000


def make() -> Reading:
    """Returns one row per word: the word, and its letters in upper case."""
    words = made_words(COUNT)
    columns = strings("word", words), strings("spelled", ["-".join(word.upper()) for word in words])
    return Reading(Frame(columns, origin="spelled words"), answer="spelled")
