"""English texts: the texts of twelve public data sets, 4.2 million words.

Articles, questions and paragraphs, captions, film reviews, plays, messages, essays: a
small corpus for word vectors, and to pre-train a net. A blank line separates
documents; captions, sentences and messages of a folder are one document. Each folder is
used where it is on this machine; Wikitext must be there.

Source:   the data sets of these names; their files are described in each folder.
License:  those of the data sets; nothing is downloaded or passed on.
"""

import csv
import gzip
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from kissipo.core.frame import Frame, strings
from kissipo.input.datasets import _wikitext
from kissipo.input.datasets.download import folder_only, look_for
from kissipo.input.source_data import Reading

SOURCES = ("text",)
HOME = _wikitext.HOME
ABOUT = "texts of twelve data sets in English, 4.2 million words"
LICENSE = "those of the data sets"
FOLDER = "wikitext-2"
_MARK = re.compile("<[^>]*>")


def read() -> Reading:
    """Reads all texts as one value of 'text', with a blank line between documents and a
    sentence or a paragraph per line."""
    folder_only(FOLDER, HOME)
    lines: list[str] = []
    for name, reader in _READERS.items():
        folder = look_for(name, "")
        lines += [] if folder is None else [*reader(folder), ""]
    return Reading(
        Frame((strings("text", ["\n".join(lines)]),), origin="english-texts"), answer="text"
    )


def _text(path: Path, encoding: str = "utf-8") -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode(encoding)


def _plain(*patterns: str, encoding: str = "utf-8") -> Callable[[Path], Iterator[str]]:
    """Returns a reader of files with one text per line, each file a document."""

    def lines(folder: Path) -> Iterator[str]:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                text = _text(path, encoding).replace("<unk>", " ")
                yield from filter(str.strip, text.splitlines())
                yield ""

    return lines


def _encyclopedia(folder: Path) -> Iterator[str]:
    """Yields the lines of articles."""
    for path in sorted(folder.glob("*.txt.gz")):
        yield from _wikitext.articles(_wikitext.read_lines(path))
        yield ""


class _Unquoted(csv.excel_tab):
    """Tables in which quotes are a part of the text."""

    quoting = csv.QUOTE_NONE


def _cells(
    pattern: str, column: int, *, delimiter: str = "\t", apart: bool = False
) -> Callable[[Path], Iterator[str]]:
    """Returns a reader of one column of tables.

    apart:   whether each cell is a document
    """

    def texts(folder: Path) -> Iterator[str]:
        for path in sorted(folder.glob(pattern)):
            dialect = _Unquoted if delimiter == "\t" else csv.excel
            for row in csv.reader(io.StringIO(_text(path)), dialect):
                if len(row) > column:
                    yield _MARK.sub(" ", row[column]).replace("\n", " ")
                    if apart:
                        yield ""

    return texts


def _reviews(folder: Path) -> Iterator[str]:
    with tarfile.open(folder / "review_polarity.tar.gz", "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".txt") else None
            if file is not None:
                yield from file.read().decode("utf-8").splitlines()
                yield ""


def _articles(folder: Path) -> Iterator[str]:
    """Yields paragraphs and questions of files in the format of SQuAD."""
    for name in ("new_wiki_v1.0.json.gz", "reddit_v1.0.json.gz", "xquad.en.json.gz"):
        for article in json.loads(_text(folder / name))["data"]:
            for paragraph in article["paragraphs"]:
                yield paragraph["context"].replace("\n", " ")
                yield from (question["question"] for question in paragraph["qas"])
                yield ""


def _sentences(folder: Path) -> Iterator[str]:
    """Yields the sentences of files with a token per line."""
    for path in sorted(folder.glob("*.conll.gz")):
        words: list[str] = []
        for line in _text(path).splitlines():
            token = line.split("\t")[0].strip()
            if not token:
                yield " ".join(words)
                words = []
            words += [token] if token else []
        yield " ".join(words)


_READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "wikitext-2": _encyclopedia,
    "squad-style": _articles,
    "multi30k": _plain("*.en.gz"),
    "flickr8k-800": _cells("captions.tsv", 1),
    "imdb-review-polarity": _reviews,
    "tiny-shakespeare": _plain("input.txt"),
    "sentence-classification": _plain("mr.*.gz", "subj.*.gz", "trec*.gz", encoding="latin-1"),
    "cola": _cells("*.tsv", 3),
    "covid-fake-news": _cells("*.csv.gz", 1, delimiter=","),
    "sms-spam": _cells("*.tsv", 1),
    "federalist": _cells("*.csv.gz", 2, delimiter=",", apart=True),
    "wnut17-ner": _sentences,
}
