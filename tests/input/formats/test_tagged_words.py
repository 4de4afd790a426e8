"""Files of BIO tags: a row per sentence, and one paragraph for a faulty line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kissipo.core.errors import DataError
from kissipo.input.datasets import wnut17
from kissipo.input.formats.split_tables import reading_of
from kissipo.input.formats.tables import FileWords
from kissipo.input.source_data import Reading


def read(path: Path, content: str) -> Reading:
    path.write_text(content, encoding="utf-8")
    return reading_of(str(path), FileWords())


def rows_of(reading: Reading) -> list[tuple[object, object]]:
    frame = reading.frame
    return [(frame["text"].show(row), frame["tags"].show(row)) for row in range(len(frame))]


def test_words_and_tags_stand_in_the_first_and_the_last_column(tmp_path: Path) -> None:
    reading = read(
        tmp_path / "a.conll",
        "# sentence 1\n-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\n# NN I-NP O\n\n\n"
        "Peter NNP B-NP B-PER\nBlackburn NNP I-NP I-PER\n",
    )
    assert rows_of(reading) == [("EU #", "B-ORG O"), ("Peter Blackburn", "B-PER I-PER")]
    assert (reading.answer, reading.findings) == ("tags", ())


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_line_of_blanks_and_tabs_ends_a_sentence(tmp_path: Path, line_end: str) -> None:
    content = line_end.join(["Anna\tB-person", "slept\tO", "\t", "Bob\tB-person", "  ", "so\tO"])
    texts = [text for text, _ in rows_of(read(tmp_path / "a.bio", content))]
    assert texts == ["Anna slept", "Bob", "so"]


def test_a_word_with_blanks_is_one_word_and_counted(tmp_path: Path) -> None:
    reading = read(tmp_path / "a.iob", "New York\tB-place\n\u00a0\tO\n#\tO\n")
    assert rows_of(reading) == [("New_York _ #", "B-place O O")]
    assert [finding.message for finding in reading.findings] == ["2 words of a.iob contain blanks"]


def test_other_notations_become_bio_and_a_name_without_b_is_counted(tmp_path: Path) -> None:
    reading = read(
        tmp_path / "a.conll",
        "a O\n\nb I-x\nc I-x\nd I-y\ne B-y\n\nf S-x\ng B-x\nh I-x\ni E-x\n\nj U-x\nk L-y\nl B\n",
    )
    assert [tags for _, tags in rows_of(reading)] == [
        "O",
        "B-x I-x B-y B-y",
        "B-x B-x I-x I-x",
        "B-x B-y B-name",
    ]
    (finding,) = reading.findings
    assert finding.describe() == (
        "WARN  3 names of a.conll begin with I, without a B before, first in the sentence at "
        "line 3 -> each is read as a beginning, B"
    )


def test_three_files_are_the_published_split(tmp_path: Path) -> None:
    for name, text in (("train", "Anna B-x\n\nslept O"), ("dev", "Bob I-x"), ("test", "Eve B-x")):
        with gzip.open(tmp_path / f"{name}.conll.gz", "wt") as file:
            file.write(text)
    reading = reading_of(str(tmp_path), FileWords())
    assert reading.parts is not None
    parts = {name: rows.tolist() for name, rows in reading.parts.items()}
    assert parts == {"train": [0, 1], "validation": [2], "test": [3]}
    assert reading.answer == "tags" and reading.frame["text"].show(2) == "Bob"
    assert any("dev.conll.gz begin with I" in finding.message for finding in reading.findings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Anna B-x\nslept\n", r"line 2 of .*a.conll has one column; got 'slept'. Allowed: a word"),
        ("Anna\tB-x\nslept O\n", r"line 2 .* has one column; got 'slept O'.*by a tab"),
        ("Anna NNP\n", r"line 1 .* ends with a text that is not a tag; got 'NNP'. Allowed: O, B-"),
        ("\n\t\n# text\n-DOCSTART- O\n", r"a.conll has no word with a tag. Allowed: one word"),
        ("", r"a.conll is empty. Allowed: one word and its tag per line: .* Write each word"),
        ("Anna \udcff B-x\n", r"line 1 of .*a.conll is not valid utf-8"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=message):
        reading_of(str(path), FileWords())


def test_wnut17_has_the_published_sentences_and_names(data: Path) -> None:
    reading = wnut17.read()
    assert reading.parts is not None and reading.findings == ()
    sizes = {name: len(rows) for name, rows in reading.parts.items()}
    assert sizes == {"train": 3394, "validation": 1009, "test": 1287}
    tags = [str(text) for text in reading.frame["tags"].texts()]
    counts = [
        sum(tags[row].count("B-") for row in rows.tolist()) for rows in reading.parts.values()
    ]
    assert counts == [1975, 836, 1079]  # as the paper of the shared task counts them
    lines = gzip.open(data / "wnut17-ner" / "test.conll.gz", "rt", encoding="utf-8").read()
    words = [line.split("\t")[0] for line in lines.split("\n") if line.strip()]
    test = [str(reading.frame["text"].show(row)) for row in reading.parts["test"].tolist()]
    assert " ".join(test).split() == words
