"""Tagged words: files of BIO tags (CoNLL), a word per line and a blank line between
sentences.

Anna    B-person          The word stands in the first column and its tag in the last
flew    O                 one; other columns, such as parts of speech, are not read.
to      O                 Columns are separated by tabs, or else by blanks. A line that
Taipei  B-location        begins with -DOCSTART- is a border, too, and one that begins
                          with # and is not a word with a tag is a remark.

A sentence is a row: `text` holds its words, and `tags` their tags in BIO, joined by
blanks. Names that begin with I, without a B before, are counted and shown.

Raises:   DataError for a line with one column, a tag that is not a BIO tag, and a file
          without a word, naming the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kissipo.codec._bio_tags import is_tag, to_bio
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame, strings
from kissipo.core.text import shorten
from kissipo.input.formats.files import open_text
from kissipo.input.source_data import Reading

TAGGED = (".conll", ".bio", ".iob", ".iob2", ".bioes", ".iobes")
TEXT, TAGS = "text", "tags"
_BORDER = "-DOCSTART-"
_TAG_NOTATION = "O, B-KIND and I-KIND, such as B-person"
_JOINER = "_"  # in place of a blank inside a word
_TABS, _BLANKS = re.compile("\t+"), re.compile("[ \t]+")
_NAMES = {_TABS: "a tab", _BLANKS: "blanks"}


@dataclass
class _Sentence:
    """The words and tags of one sentence, and the number of its first line."""

    line: int = 0
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def read_tagged(path: Path, encoding: str) -> Reading:
    """Reads a row per sentence; the answer is `tags`."""
    with open_text(path, encoding) as file:
        lines = [line.rstrip("\r\n") for line in file]
    separator = _TABS if any("\t" in line.strip() for line in lines) else _BLANKS
    sentences = list(_sentences(path, lines, separator))
    if not sentences:
        raise DataError(
            f"{path} has no word with a tag" if lines else f"{path} is empty",
            allowed=f"one word and its tag per line: {_TAG_NOTATION}",
            do="Write each word and its tag in a line, and an empty line between two sentences",
        )
    texts, tags, repaired, blanks, first = [], [], 0, 0, 0
    for sentence in sentences:
        in_bio, count = to_bio(sentence.tags)
        first = sentence.line if count and not repaired else first
        repaired += count
        blanks += sum(not _is_word(word) for word in sentence.words)
        texts.append(" ".join(_JOINER.join(word.split()) or _JOINER for word in sentence.words))
        tags.append(" ".join(in_bio))
    frame = Frame((strings(TEXT, texts), strings(TAGS, tags)), origin=str(path))
    findings = []
    if repaired:
        message = (
            f"{counted(repaired, 'name')} of {path.name} begin with I, without a B before, "
            f"first in the sentence at line {first}"
        )
        findings.append(Finding("WARN", "tags", message, "each is read as a beginning, B"))
    if blanks:
        message = f"{counted(blanks, 'word')} of {path.name} contain blanks"
        findings.append(Finding("WARN", "words", message, f"read as {_JOINER}"))
    return Reading(frame, tuple(findings), answer=TAGS)


def _is_word(word: str) -> bool:
    return len(word.split()) == 1


def _sentences(path: Path, lines: Iterable[str], separator: re.Pattern[str]) -> Iterator[_Sentence]:
    sentence = _Sentence()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(_BORDER):
            if sentence.words:
                yield sentence
            sentence = _Sentence()
            continue
        cells = separator.split(line.strip("\t" if separator is _TABS else "\t "))
        tag = cells[-1].strip()
        if line.startswith("#") and (len(cells) < 2 or not is_tag(tag)):
            continue
        _refuse_line(path, number, line, cells, separator)
        sentence.line = sentence.line or number
        sentence.words.append(cells[0])
        sentence.tags.append(tag)
    if sentence.words:
        yield sentence


def _refuse_line(
    path: Path, number: int, line: str, cells: list[str], separator: re.Pattern[str]
) -> None:
    """Refuses a line that is not a word with a tag."""
    if len(cells) < 2:
        raise DataError(
            f"line {number} of {path} has one column",
            got=f"'{shorten(line, 40)}'",
            allowed=f"a word and its tag, separated by {_NAMES[separator]}",
            do="Add the tag of the word, or leave the line empty between two sentences",
        )
    if not is_tag(cells[-1].strip()):
        raise DataError(
            f"line {number} of {path} ends with a text that is not a tag",
            got=f"'{shorten(cells[-1].strip(), 40)}'",
            allowed=_TAG_NOTATION,
            do="The tag stands in the last column",
        )
