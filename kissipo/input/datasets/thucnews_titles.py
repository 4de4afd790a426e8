"""THUCNews titles: 20,000 headlines of Chinese news, ten topics of equal size.

Source:   THUCNews of Tsinghua University; its titles as published in the repository
          Chinese-Text-Classification-Pytorch. Its file of 10,000 titles for validation
          is the training split here; its 180,000 titles for training are left out.
License:  MIT (the repository); the headlines are for research.
"""

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.datasets._sentences import lines_of
from kissipo.input.datasets.download import files_at
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "20,000 headlines of Chinese news, ten topics, with the official test split"
HOME = "https://github.com/649453932/Chinese-Text-Classification-Pytorch"
LICENSE = "MIT"
_RAW = (
    "https://raw.githubusercontent.com/649453932/Chinese-Text-Classification-Pytorch/"
    "6cb26819af7b646275aff8a4693676f2849e67f6/THUCNews/data"
)
FILES = files_at(
    _RAW,
    {
        "dev.txt": "6ed73aa2c57ee1560c8f76570d48735c4b1c29ae4983fe3523d56e115813e175",
        "test.txt": "ebecc8c896635ad69730083ca7b81d37c42c9a5779bc05c9d2479d894e34f026",
        "class.txt": "005e8813ad639c219e5902dc84889202b4a717b4238497d26c3fbd5e43927a86",
    },
)


def read() -> Reading:
    """Reads title and topic; the official test split is kept.

    Raises:   DataError for a line that is not a title and the number of its topic.
    """
    train, test, topics = (
        lines_of(file, folder="thucnews-titles", encoding="utf-8") for file in FILES
    )
    rows = [_row(line, topics) for line in (*train, *test)]
    titles, names = zip(*rows, strict=True)
    frame = Frame((strings("title", titles), strings("topic", names)), origin="thucnews-titles")
    numbers = np.arange(len(frame))
    parts = {"train": numbers[: len(train)], "test": numbers[len(train) :]}
    return Reading(frame, parts=parts, answer="topic")


def _row(line: str, topics: list[str]) -> tuple[str, str]:
    title, _, number = line.rpartition("\t")
    if not title or not number.isdecimal() or int(number) >= len(topics):
        raise DataError(
            "a line of thucnews-titles is not a title and the number of its topic",
            got=f"'{line[:40]}'",
            allowed=f"a title, a tab and a number from 0 to {len(topics) - 1}",
            do="Delete the files and download them again",
        )
    return title, topics[int(number)]
