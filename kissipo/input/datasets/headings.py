"""Headings: the sections of 122 Wikipedia articles, with the heading of each.

The articles are the validation and the test file of WikiText-2. Those of the first file
are for training, those of the second for the test. Each paragraph of a training section
is an example of its own, because there are few sections. Sections without a text are
left out, and so are headings with a word that WikiText-2 replaced by `<unk>`. In the
texts this mark stays, as `unk`.

Source:   Merity, Xiong, Bradbury and Socher, Pointer Sentinel Mixture Models, 2016.
License:  CC BY-SA (Wikipedia).
Example:  >>> sections([" = Oak = ", " The oak is a tree . ", " = = Acorn = = ", " "])
          [('Oak', ('The oak is a tree .',))]
"""

import re
from collections.abc import Iterable

import numpy as np

from kissipo.core.frame import Frame, strings
from kissipo.input.datasets import _wikitext
from kissipo.input.datasets.download import get
from kissipo.input.source_data import Reading

SOURCES = ("table",)
FILES, HOME, LICENSE = _wikitext.FILES, _wikitext.HOME, _wikitext.LICENSE
ABOUT = "1,703 paragraphs and sections of Wikipedia articles, with their headings"
_HEADING = re.compile(r" ((?:= )+)(.+?)((?: =)+) ")


def read() -> Reading:
    """Reads text and heading, with the split by files."""
    paths = [get("wikitext-2", file) for file in FILES]
    training, evaluation = (sections(_wikitext.read_lines(path)) for path in paths)
    rows = [(text, name) for name, texts in training for text in texts]
    count = len(rows)
    rows += [(" ".join(texts), name) for name, texts in evaluation]
    texts, names = zip(*rows, strict=True)
    frame = Frame((strings("text", texts), strings("heading", names)), origin="headings")
    parts = {"train": np.arange(count), "test": np.arange(count, len(rows))}
    return Reading(frame, parts=parts, answer="heading")


def sections(lines: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the heading and the paragraphs of each section."""
    parts: list[tuple[str, list[str]]] = []
    for line in lines:
        heading = _HEADING.fullmatch(line)
        if heading and heading[1].count("=") == heading[3].count("="):
            parts.append((heading[2], []))
        elif parts and line.strip():
            parts[-1][1].append(_plain(line))
    return [(_plain(name), tuple(texts)) for name, texts in parts if texts and "<unk>" not in name]


def _plain(text: str) -> str:
    """Returns a text of WikiText without its marks: `1 @,@ 000` is `1,000`."""
    return " ".join(re.sub(r" @([-,.])@ ", r"\1", text).replace("<unk>", "unk").split())
