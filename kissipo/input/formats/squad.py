"""SQuAD: questions about paragraphs, with answers that stand in the paragraphs.

{"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [
    {"id": ..., "question": ..., "answers": [{"text": ..., "answer_start": 17}, ...],
     "is_impossible": false}]}]}]}

A row is a question. Its columns are id, title (of the article), paragraph, question,
context (the text of the paragraph), answer, answer_start (in characters) and answers
(all accepted answers, as a JSON list).

The answer is the accepted answer that most people gave; of equally frequent answers it
is the first. It is empty where the paragraph does not answer the question (SQuAD 2.0),
and missing where nobody answered it.

Source:   Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text,
          2016; Rajpurkar, Jia and Liang, Know What You Don't Know, 2018.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some, shorten
from kissipo.input.formats.files import open_text
from kissipo.input.formats.json_text import parse_json
from kissipo.input.source_data import Reading

ANSWER, START, ACCEPTED = "answer", "answer_start", "answers"
TITLE, PARAGRAPH, QUESTION, CONTEXT = "title", "paragraph", "question", "context"
_HEAD, _MAX_ROWS = 65_536, 10


class _Row(NamedTuple):
    """A question, by the names of the columns."""

    id: str
    title: str
    paragraph: str
    question: str
    context: str
    answer: str | None
    answer_start: int | None
    answers: str | None


def read_squad(path: Path, encoding: str) -> Reading | None:
    """Reads a file of questions; None for a file of another layout.

    Raises:   DataError for a part that is missing or of another type, which it names.
    """
    with open_text(path, encoding) as file:
        head = file.read(_HEAD)
        if not head.lstrip().startswith("{") or '"paragraphs"' not in head:
            return None
        content = parse_json(head + file.read(), path)
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        return None
    return reading_of_articles(content["data"], str(path))


def reading_of_articles(articles: Sequence[object], origin: str) -> Reading:
    """Returns the questions of all articles, with their usual task.

    Raises:   DataError as `read_squad`; and when there is no question.
    """
    rows = list(_rows(articles, origin))
    if not rows:
        raise DataError(f"{origin} has no question", do='Give paragraphs with questions: "qas"')
    texts = ("id", TITLE, PARAGRAPH, QUESTION, CONTEXT, ANSWER)
    columns = [strings(name, [getattr(row, name) for row in rows]) for name in texts]
    places = numbers(START, [row.answer_start for row in rows])
    accepted = strings(ACCEPTED, [row.answers for row in rows])
    frame = Frame((*columns, places, accepted), origin=origin)
    return Reading(frame, tuple(_findings(frame)), answer=ANSWER, usual_task=_usual_task(frame))


def _usual_task(frame: Frame) -> tuple[InferredOption, ...]:
    several = len(frame[TITLE].used_categories()) > 1
    group = (
        InferredOption("input.split.group", TITLE, "the questions of an article stay together")
        if several
        else InferredOption(
            "input.split.group",
            PARAGRAPH,
            "there is a single article; the questions of a paragraph stay together",
        )
    )
    reason = "the file has the format of SQuAD: questions about paragraphs"
    return (
        InferredOption("input.text", [QUESTION, CONTEXT], reason),
        InferredOption(
            "input.drop",
            ["id", PARAGRAPH if several else TITLE],
            "these columns only name the rows",
        ),
        group,
        InferredOption("output.span", ANSWER, "the answers stand in the paragraphs"),
    )


def _findings(frame: Frame) -> Iterator[Finding]:
    count = len(frame[CONTEXT].used_categories())
    unanswerable = frame[ANSWER].counts().get("", 0)
    message = (
        f"{len(frame):,} questions about {count:,} paragraphs of "
        f"{len(frame[TITLE].used_categories()):,} articles"
    )
    if unanswerable:
        message += f", {unanswerable:,} of them without an answer in the paragraph"
    yield Finding("PASS", "questions", message)
    repeated = [name for name, times in frame["id"].counts().items() if times > 1 and name]
    if repeated:
        some = dict.fromkeys(repeated[:_MAX_ROWS])
        rows = [row for row, name in enumerate(frame["id"].texts(), 1) if name in some]
        yield Finding(
            "WARN",
            "duplicate ids",
            f"{counted(len(repeated), 'id')} of several questions: {list_some(repeated, 3)}",
            "all of these questions are kept",
            tuple(rows[:_MAX_ROWS]),
        )


def _rows(articles: Sequence[object], origin: str) -> Iterator[_Row]:
    for number, article in enumerate(articles, 1):
        where = f"article {number} of {origin}"
        title = _part(article, "title", str, where, default=f"article {number}")
        for count, paragraph in enumerate(_part(article, "paragraphs", list, where), 1):
            place = f"paragraph {count} of {where}"
            context = _part(paragraph, "context", str, place)
            for position, question in enumerate(_part(paragraph, "qas", list, place), 1):
                yield _row(question, f"question {position} of {place}", title, count, context)


def _row(question: object, where: str, title: str, count: int, context: str) -> _Row:
    text = _part(question, "question", str, where)
    name = _part(question, "id", str | int, where, default="")
    answers = [
        (
            _part(answer, "text", str, f"an answer of {where}"),
            _part(answer, "answer_start", int, f"an answer of {where}"),
        )
        for answer in _part(question, "answers", list, where, default=[])
    ]
    is_impossible = _part(question, "is_impossible", bool, where, default=False)
    answer: str | None = None
    start, accepted = None, None
    if is_impossible:
        answer, accepted = "", "[]"
    elif answers:
        answer, start = _most_frequent(answers, context)
        accepted = json.dumps([text for text, _ in answers], ensure_ascii=False)
    paragraph = f"{title}, paragraph {count}"
    return _Row(str(name), title, paragraph, text, context, answer, start, accepted)


def _most_frequent(answers: Sequence[tuple[str, int]], context: str) -> tuple[str, int]:
    """Returns the text and the place that most people gave, among those at their place.

    Example:  >>> _most_frequent([("He", 0), ("sea", 7), ("sea", 7)], "He saw sea")
              ('sea', 7)
    """
    right = [pair for pair in answers if pair[0] and pair[1] >= 0 and context.startswith(*pair)]
    return Counter(right or answers).most_common(1)[0][0]


def _part(
    whole: object, name: str, kind: type | UnionType, where: str, *, default: object = None
) -> Any:
    """Returns one value of an object of JSON.

    Raises:   DataError when it is missing without a default, or of another type.
    """
    value = whole.get(name, default) if isinstance(whole, Mapping) else None
    if isinstance(value, kind):
        return value
    is_there = isinstance(whole, Mapping) and name in whole
    raise DataError(
        f"'{name}' of {where} is of another type" if is_there else f"{where} has no '{name}'",
        got=shorten(json.dumps(value if is_there else whole, ensure_ascii=False), 60),
        allowed="the format of SQuAD: articles with paragraphs, paragraphs with a context "
        "and qas, questions with an id and answers, answers with a text and an answer_start",
    )
