"""The data sets of sentences: texts, classes and published splits as in their files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kissipo.core.errors import DataError
from kissipo.input.datasets import mr, subj, thucnews_titles, trec


def test_trec_has_each_question_of_both_files_with_its_coarse_kind(data: Path) -> None:
    folder = data / "sentence-classification"
    lines = [
        *gzip.open(folder / "trec.train.txt.gz", "rt", encoding="latin-1"),
        *(folder / "trec.test.txt").open(encoding="latin-1"),
    ]
    reading = trec.read()
    frame, parts = reading.frame, reading.parts
    assert parts is not None and [len(parts[name]) for name in ("train", "test")] == [5452, 500]
    short = {"abbreviation": "ABBR", "description": "DESC", "entity": "ENTY"}
    short |= {"human": "HUM", "location": "LOC", "number": "NUM"}
    for row, line in enumerate(lines):
        label, question = line.strip().split(" ", 1)
        assert short[str(frame["kind"].show(row))] == label.split(":")[0]
        assert frame["question"].show(row) == question
    assert frame["question"].show(5452) == "How far is it from Denver to Aspen ?"


def test_sentences_without_a_split_have_two_classes_of_equal_size(data: Path) -> None:
    for module, column, counts in (
        (mr, "feeling", {"negative": 5331, "positive": 5331}),
        (subj, "kind", {"objective": 5000, "subjective": 5000}),
    ):
        reading = module.read()
        assert reading.parts is None and reading.frame[column].counts() == counts
    first = mr.read().frame["sentence"]
    assert first.show(0) == "simplistic , silly and tedious ."
    assert any("café" in (text or "") for text in first.texts())  # the files are UTF-8


def test_thucnews_has_a_thousand_titles_of_each_topic_in_both_splits(data: Path) -> None:
    reading = thucnews_titles.read()
    assert reading.parts is not None
    for rows in reading.parts.values():
        counts = reading.frame.take(rows)["topic"].counts()
        assert len(counts) == 10 and set(counts.values()) == {1000}
    title, topic = (reading.frame[name].show(0) for name in ("title", "topic"))
    assert (title, topic) == ("体验2D巅峰 倚天屠龙记十大创新概览", "game")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("NUM:date", "line 2 of trec.test.txt is not a question with its kind; got 'NUM:date'"),
        ("What:is it ?", "got 'What:is it ?'. Allowed: ABBR, DESC, "),
    ],
)
def test_trec_refuses_another_line(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KISSIPO_DATA", str(tmp_path))
    folder = tmp_path / "sentence-classification"
    folder.mkdir()
    (folder / "trec.train.txt").write_text("LOC:city Where ?\n", encoding="latin-1")
    (folder / "trec.test.txt").write_text(f"LOC:city Wo ?\n{line}\n", encoding="latin-1")
    with pytest.raises(DataError) as refused:
        trec.read()
    assert message in str(refused.value)


@pytest.mark.parametrize("line", ["标题", "标题\t9", "标题\tsports", "\t1"])
def test_thucnews_refuses_another_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KISSIPO_DATA", str(tmp_path))
    folder = tmp_path / "thucnews-titles"
    folder.mkdir()
    for name, text in {"dev.txt": "一\t0\n", "test.txt": line, "class.txt": "a\nb"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is not a title and the number of its topic"):
        thucnews_titles.read()
