"""Sentences of classification benchmarks, in the files that the NLTK collection has."""

from collections.abc import Mapping

from kissipo.core.frame import Frame, strings
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.files import open_text
from kissipo.input.source_data import Reading

HOME = "https://github.com/nltk/nltk_data"
_CORPORA = (
    "https://raw.githubusercontent.com/nltk/nltk_data/"
    "5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora"
)


def corpus_file(name: str, archive: str, file: str, sha256: str) -> File:
    """Returns a file of one of the published archives."""
    return File(name, f"{_CORPORA}/{archive}.zip", sha256, member=f"{archive}/{file}")


def lines_of(file: File, *, folder: str = "sentence-classification", encoding: str) -> list[str]:
    """Returns the lines of a file that are not empty.

    Raises:   DataError when it is not text in this encoding.
    """
    with open_text(get(folder, file), encoding) as text:
        lines = [line.strip() for line in text.read().split("\n")]
    return [line for line in lines if line]


def read_classes(files: Mapping[str, File], *, column: str, origin: str) -> Reading:
    """Reads one file of sentences per class, one sentence per line."""
    sentences: list[str] = []
    classes: list[str] = []
    for name, file in files.items():
        lines = lines_of(file, encoding="utf-8")
        sentences += lines
        classes += [name] * len(lines)
    frame = Frame((strings("sentence", sentences), strings(column, classes)), origin=origin)
    return Reading(frame, answer=column)
