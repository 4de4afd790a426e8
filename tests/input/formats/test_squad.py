"""Questions in the format of SQuAD: rows, faults, the usual task."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kissipo.core.errors import DataError
from kissipo.input.formats.squad import read_squad
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.input.question import Question
from kissipo.pipeline.infer_task import infer_task

CONTEXT = "Ada Lovelace wrote the first program in 1843."


def answer(text: str, start: int | None = None) -> dict[str, Any]:
    return {"text": text, "answer_start": CONTEXT.find(text) if start is None else start}


def entry(name: str, *answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "question": f"What is {name}?", "answers": list(answers), **more}


def article(*questions: dict[str, Any], title: str = "Ada", context: str = CONTEXT) -> Any:
    return {"title": title, "paragraphs": [{"context": context, "qas": list(questions)}]}


def written(folder: Path, *articles: Any, name: str = "squad.json") -> Path:
    path, text = folder / name, json.dumps({"version": "2.0", "data": list(articles)})
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["squad.json", "squad.json.gz"])
def test_row_is_a_question_with_all_accepted_answers(tmp_path: Path, name: str) -> None:
    path = written(
        tmp_path,
        article(
            entry("q1", answer("Ada Lovelace"), answer("Ada"), answer("Ada")),
            entry("q2", is_impossible=True, plausible_answers=[answer("1843")]),
            entry("q3"),
        ),
        name=name,
    )
    frame = table_reading(path, FileWords()).frame
    assert [column.texts() for column in frame.columns if column.kind == "string"] == [
        ["q1", "q2", "q3"],
        ["Ada"] * 3,
        ["Ada, paragraph 1"] * 3,
        ["What is q1?", "What is q2?", "What is q3?"],
        [CONTEXT] * 3,
        ["Ada", "", None],  # the most frequent one; no answer; not known
        ['["Ada Lovelace", "Ada", "Ada"]', "[]", None],
    ]
    assert frame["answer_start"].values[0] == 0
    assert frame["answer_start"].missing.tolist() == [False, True, True]


def test_answer_at_its_place_is_preferred(tmp_path: Path) -> None:
    path = written(
        tmp_path, article(entry("q", answer("Ada", 3), answer("Ada", 3), answer("program")))
    )
    frame = table_reading(path, FileWords()).frame
    assert frame["answer"].texts() == ["program"]


def test_usual_task_groups_by_article_or_by_paragraph(tmp_path: Path) -> None:
    one = written(tmp_path, article(entry("q", answer("Ada"))), name="one.json")
    two = written(
        tmp_path,
        article(entry("q", answer("Ada"))),
        article(entry("p", answer("Ada")), title="Other"),
        name="two.json",
    )
    tasks = [infer_task(Question(path)) for path in (one, two)]
    assert [task.input["split"]["group"] for task in tasks] == ["paragraph", "title"]
    assert tasks[0].input["text"] == ("question", "context")
    assert tasks[0].output["span"] == "answer"
    assert {option.place for option in tasks[1].inferred} == {
        "input.text", "input.drop", "input.split.group", "output.span",
    }  # fmt: skip


def test_repeated_ids_are_reported_with_rows(tmp_path: Path) -> None:
    path = written(
        tmp_path, article(*[entry("same", answer("Ada"))] * 2, entry("q", answer("Ada")))
    )
    findings = table_reading(path, FileWords()).findings
    (repeated,) = [item for item in findings if item.check == "duplicate ids"]
    assert (repeated.level, repeated.rows) == ("WARN", (1, 2))
    assert "1 id of several questions: same" in repeated.message


@pytest.mark.parametrize(
    ("articles", "message"),
    [
        ([{"title": "x", "paragraphs": [{"qas": []}]}], "paragraph 1 of article 1 of .* 'context'"),
        ([{"paragraphs": [{"context": "x"}]}], "paragraph 1 of article 1 of .* has no 'qas'"),
        ([{"paragraphs": {}}], "'paragraphs' of article 1 of .* is of another type"),
        ([article({"question": "a?", "answers": [{"text": "x"}]})], "an answer of question 1 of"),
        ([article({"id": "q"})], "question 1 of paragraph 1 of article 1 of .* has no 'question'"),
        (
            [article(entry("q", is_impossible="no"))],
            "'is_impossible' of question 1 .* another type",
        ),
        ([{"title": "x", "paragraphs": []}], "has no question"),
    ],
)
def test_missing_part_is_named(tmp_path: Path, articles: list[Any], message: str) -> None:
    path = written(tmp_path, *articles)
    with pytest.raises(DataError, match=message):
        table_reading(path, FileWords())


def test_other_json_is_no_squad(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text('[{"paragraphs": 3, "b": 4}, {"paragraphs": 5, "b": 6}]')
    assert read_squad(path, "utf-8") is None
    assert table_reading(path, FileWords()).frame.names == ["paragraphs", "b"]
