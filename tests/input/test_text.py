"""Plain text as a source: its tokens in order, compressed or not, and its errors."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from kissipo.core.errors import DataError
from kissipo.input.sources.text import SOURCE, Options

TEXT = "The cat, the hat.\r\nŽluťoučký kůň!\n" * 10


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("characters", list(TEXT)), ("words", TEXT.split())],
)
@pytest.mark.parametrize("name", ["novel.txt", "novel.txt.gz"])
def test_tokens_of_the_text_are_rows(name: str, unit: Any, expected: list[str]) -> None:
    content = TEXT.encode("utf-8-sig")
    Path(name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert SOURCE.read(name, Options(tokenizer=unit, window=4)).frame["text"].texts() == expected


def test_tokens_of_a_play_are_its_characters(data: Path) -> None:
    path = data / "tiny-shakespeare" / "input.txt"
    column = SOURCE.read(str(path), Options()).frame["text"]
    assert "".join(text or "" for text in column.texts()) == path.read_text(encoding="utf-8")
    assert len(column.categories) == 65


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "novel.txt is empty. Give a text of at least a few pages."),
        (b" \n\t", "novel.txt is empty."),
        (b"x" * 1009, "novel.txt is too short for windows of 100 characters; "
         "got 1009 characters. Allowed: at least 1010."),
        (b"caf\xe9" * 999, "line 1 of novel.txt is not valid utf-8: the byte 0xe9."),
        (b"\x89PNG\r\n", "novel.txt is not a text file but a PNG image."),
    ],
)  # fmt: skip
def test_text_source_refuses_other_files(content: bytes, message: str) -> None:
    Path("novel.txt").write_bytes(content)
    with pytest.raises(DataError) as refused:
        SOURCE.read("novel.txt", Options())
    assert message in str(refused.value)
