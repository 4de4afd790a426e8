"""Reversed words: made words, and each of them read from its end.

Example:  >>> frame = make().frame
          >>> frame["word"].show(0), frame["reversed"].show(0), len(frame)
          ('shiefrent', 'tnerfeihs', 4000)
"""

from kissipo.core.frame import Frame, strings
from kissipo.input.made_words import made_words
from kissipo.input.source_data import Reading

COUNT = 4_000


def make() -> Reading:
    """Returns one row per word: the word, and the reversed word."""
    words = made_words(COUNT)
    columns = strings("word", words), strings("reversed", [word[::-1] for word in words])
    return Reading(Frame(columns, origin="reversed words"), answer="reversed")
