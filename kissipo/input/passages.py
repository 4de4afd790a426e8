"""Passages: the sentences of large texts, document by document, read as a stream.

A document is a file, a paragraph between blank lines, or a line. A line is cut into
sentences after a full stop, a question mark or an exclamation mark, also of Chinese.
Long documents are cut into parts, so that the splits can be made of whole parts.

Example:  >>> lines = ["One. Two!", "Three", "", "四。五。"]
          >>> list(Passages(lambda: [lines], "a text").sentences("paragraph", 9))
          [(0, 'One.'), (0, 'Two!'), (0, 'Three'), (1, '四。'), (1, '五。')]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kissipo.core.inferred_option import InferredOption
from kissipo.input.formats.documents import Unit

_END = re.compile("(?<=[.!?…])\\s+|(?<=[。！？])")
_MANY_FILES = 20
_LONG = 100  # words of a paragraph, on average, from which paragraphs are documents


@dataclass(frozen=True)
class PassageCounts:
    """How many files, paragraphs, lines, sentences and words a text has; empty ones do
    not count."""

    files: int
    paragraphs: int
    lines: int
    sentences: int
    words: int


@dataclass(frozen=True)
class Passages:
    """Texts that can be read several times.

    files:   returns the lines of each file, each time from the start
    origin:  the file, folder or data set, for messages
    """

    files: Callable[[], Iterable[Iterable[str]]]
    origin: str

    def sentences(self, unit: Unit, limit: int) -> Iterator[tuple[int, str]]:
        """Yields every sentence with the number of its document.

        limit:  the maximum number of sentences of a document
        """
        number, count = 0, 0
        for lines in self.files():
            for line in lines:
                text = line.strip()
                if count and (unit == "line" or (unit == "paragraph" and not text)):
                    number, count = number + 1, 0
                for sentence in split_sentences(text):
                    if count == limit:
                        number, count = number + 1, 0
                    yield number, sentence
                    count += 1
            if count:
                number, count = number + 1, 0

    def counts(self) -> PassageCounts:
        """Counts everything once."""
        files = paragraphs = full_lines = sentences = words = 0
        for lines in self.files():
            in_paragraph, words_before = False, words
            for line in lines:
                text = line.strip()
                paragraphs += bool(text) and not in_paragraph
                in_paragraph = bool(text)
                full_lines += in_paragraph
                sentences += len(split_sentences(text))
                words += len(text.split())
            files += words > words_before
        return PassageCounts(files, paragraphs, full_lines, sentences, words)


def split_sentences(text: str) -> list[str]:
    """Returns the sentences of a line.

    Example:  >>> split_sentences("Who? I. No 3.5 here")
              ['Who?', 'I.', 'No 3.5 here']
    """
    return [part for part in _END.split(text) if part and not part.isspace()]


def likely_documents(counts: PassageCounts) -> InferredOption:
    """Returns what a document is likely to be, with the reason."""
    place, mean = "input.documents", counts.words / max(1, counts.paragraphs)
    if counts.paragraphs > counts.files and mean >= _LONG:
        reason = f"blank lines separate {counts.paragraphs:,} texts of {mean:,.0f} words on average"
        return InferredOption(place, "paragraph", reason)
    if counts.files >= _MANY_FILES:
        return InferredOption(place, "file", f"there are {counts.files:,} files")
    if counts.paragraphs > counts.files:
        reason = f"{mean:,.0f} words between blank lines are a paragraph of a longer text"
        return InferredOption(place, "file", reason)
    return InferredOption(place, "file", "there are no blank lines")
