"""TREC: 5,952 English questions, each with the kind of answer that it asks for.

The six kinds are abbreviation, description, entity, human, location and number. The
fifty finer kinds of the authors are left out, because each belongs to one of the six.

Source:   Li and Roth, Learning Question Classifiers, COLING 2002; the official test
          split of 500 questions is that of TREC 10.
License:  none stated; a public research set.
"""

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.datasets._sentences import HOME, corpus_file, lines_of
from kissipo.input.datasets.download import File
from kissipo.input.source_data import Reading

__all__ = ["ABOUT", "FILES", "HOME", "LICENSE", "SOURCES", "read"]
SOURCES = ("table",)
ABOUT = "5,952 questions, six kinds of answers, with the official test split"
LICENSE = "not stated"
FILES = (
    corpus_file(
        "trec.train.txt",
        "qc",
        "train.txt",
        "9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3",
    ),
    corpus_file(
        "trec.test.txt",
        "qc",
        "test.txt",
        "033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
    ),
)
_KINDS = {
    "ABBR": "abbreviation",
    "DESC": "description",
    "ENTY": "entity",
    "HUM": "human",
    "LOC": "location",
    "NUM": "number",
}


def read() -> Reading:
    """Reads question and kind; the official test split is kept.

    Raises:   DataError for a line without a known kind.
    """
    train, test = (_rows(file) for file in FILES)
    kinds, questions = zip(*train, *test, strict=True)
    frame = Frame((strings("question", questions), strings("kind", kinds)), origin="trec")
    rows = np.arange(len(frame))
    parts = {"train": rows[: len(train)], "test": rows[len(train) :]}
    return Reading(frame, parts=parts, answer="kind")


def _rows(file: File) -> list[tuple[str, str]]:
    """Returns kind and question of lines such as `NUM:date When was ...`."""
    rows = []
    for number, line in enumerate(lines_of(file, encoding="latin-1"), 1):
        label, _, question = line.partition(" ")
        kind = _KINDS.get(label.partition(":")[0])
        if kind is None or not question:
            raise DataError(
                f"line {number} of {file.name} is not a question with its kind",
                got=f"'{line[:40]}'",
                allowed=f"{', '.join(_KINDS)}, as in 'NUM:date When was ...'",
                do="Delete the file and download it again",
            )
        rows.append((kind, question))
    return rows
