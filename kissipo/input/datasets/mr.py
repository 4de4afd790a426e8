"""MR: 10,662 sentences of film reviews, 5,331 positive and 5,331 negative.

Source:   Pang and Lee, Seeing Stars, ACL 2005; sentence polarity data set v1.0. It has
          no official split: Kim 2014 reports the mean of ten folds.
License:  CC BY 4.0 (NLTK).
"""

from kissipo.input.datasets._sentences import HOME, corpus_file, read_classes
from kissipo.input.source_data import Reading

__all__ = ["ABOUT", "FILES", "HOME", "LICENSE", "SOURCES", "read"]
SOURCES = ("table",)
ABOUT = "10,662 sentences of film reviews, positive or negative"
LICENSE = "CC BY 4.0"
FILES = (
    corpus_file(
        "mr.neg",
        "sentence_polarity",
        "rt-polarity.neg",
        "614274f81185a850e5a88d533d4679f916d6f62e9af6f0b4ec71fb94bf466ea5",
    ),
    corpus_file(
        "mr.pos",
        "sentence_polarity",
        "rt-polarity.pos",
        "c2dc6b2f55bcf725725372916287cc3f8f9b19402edaa9167de5287cb3ade421",
    ),
)


def read() -> Reading:
    """Reads sentence and feeling, the negative ones first."""
    files = dict(zip(("negative", "positive"), FILES, strict=True))
    return read_classes(files, column="feeling", origin="mr")
