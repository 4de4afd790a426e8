"""The data sets of sentences: texts, classes and published splits as in their files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from kissipo.core.errors import DataError
from kissipo.input.datasets import cola, covid_fake_news, mr, subj, thucnews_titles, trec


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


def test_cola_has_each_sentence_with_its_verdict(data: Path) -> None:
    reading = cola.read()
    assert reading.parts is not None
    names = ("in_domain_train", "in_domain_dev", "out_of_domain_dev")
    lines = [
        line.rstrip("\n").split("\t")
        for name in names
        for line in (data / "cola" / f"{name}.tsv").open(encoding="utf-8")
    ]
    assert {name: len(rows) for name, rows in reading.parts.items()} == {
        "train": 8551,
        "test": 1043,
    }
    assert reading.frame["sentence"].texts() == [line[3] for line in lines]
    verdicts = ["acceptable" if line[1] == "1" else "unacceptable" for line in lines]
    assert reading.frame["verdict"].texts() == verdicts


def test_posts_have_the_official_splits(data: Path) -> None:
    reading = covid_fake_news.read()
    assert reading.parts is not None
    sizes = {name: len(rows) for name, rows in reading.parts.items()}
    assert sizes == {"train": 6420, "validation": 2140, "test": 2140}
    test = pd.read_csv(data / "covid-fake-news" / "test.csv.gz")
    frame = reading.frame.take(reading.parts["test"])
    assert frame["label"].texts() == test["label"].tolist()
    assert frame["tweet"].texts() == test["tweet"].str.strip().tolist()


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
