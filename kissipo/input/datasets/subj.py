"""Subj: 10,000 sentences about films, 5,000 subjective and 5,000 objective.

Subjective sentences come from reviews, objective ones from summaries of plots.

Source:   Pang and Lee, A Sentimental Education, ACL 2004; subjectivity data set v1.0.
          It has no official split: Kim 2014 reports the mean of ten folds.
License:  CC BY 4.0 (NLTK).
"""

from kissipo.input.datasets._sentences import HOME, corpus_file, read_classes
from kissipo.input.source_data import Reading

__all__ = ["ABOUT", "FILES", "HOME", "LICENSE", "SOURCES", "read"]
SOURCES = ("table",)
ABOUT = "10,000 sentences about films, subjective or objective"
LICENSE = "CC BY 4.0"
FILES = (
    corpus_file(
        "subj.objective",
        "subjectivity",
        "plot.tok.gt9.5000",
        "5ddc9b44dc60d64d651347fcd7bdd489b0c70661e3f768215c16eea36f51204a",
    ),
    corpus_file(
        "subj.subjective",
        "subjectivity",
        "quote.tok.gt9.5000",
        "cc5d85345896d3fa44ca6b826b108418030977f958a004eb97860043b3b37624",
    ),
)


def read() -> Reading:
    """Reads sentence and kind, the objective ones first."""
    files = dict(zip(("objective", "subjective"), FILES, strict=True))
    return read_classes(files, column="kind", origin="subj")
