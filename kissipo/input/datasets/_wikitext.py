"""Files of WikiText-2 that are small enough: its validation and its test file.

Source:   Merity, Xiong, Bradbury and Socher, Pointer Sentinel Mixture Models, 2016.
License:  CC BY-SA (Wikipedia).
Example:  >>> articles([" = Oak = ", "", " An <unk> tree . ", " = = Acorn = = "])
          ['', ' = Oak = ', ' An   tree . ', ' = = Acorn = = ']
"""

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from kissipo.input.datasets.download import File

HOME = "https://github.com/pytorch/examples/tree/main/word_language_model/data/wikitext-2"
LICENSE = "CC BY-SA"
_FOLDER = (
    "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/"
    "word_language_model/data/wikitext-2/"
)
FILES = (
    File(
        "valid.txt",
        _FOLDER + "valid.txt",
        "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    ),
    File(
        "test.txt",
        _FOLDER + "test.txt",
        "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    ),
)
_TITLE = re.compile(" = [^=].*[^=] = *$")


def read_lines(path: Path) -> list[str]:
    """Returns the lines of a file, which may be compressed."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().split("\n")


def articles(lines: Iterable[str]) -> list[str]:
    """Returns the lines with a blank one before each article; `<unk>` is left out."""
    separated: list[str] = []
    for line in lines:
        if line.strip():
            separated += ["", line] if _TITLE.match(line) else [line]
    return [line.replace("<unk>", " ") for line in separated]
