"""Names in texts: the words of a text that a person writes, and what the report and the
terminal show of names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import prod

from kissipo.codec._bio_tags import spans, to_bio
from kissipo.core.description import Cell, Line, Record, Section, Table
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score
from kissipo.output.answer import Entity, Prediction

_OPENING = re.compile(r"[\"'(\[{<«“‘„¿¡]")
_CLOSING = re.compile(r"['’]s|[\"')\]}>»”’,;:!?…。，！？；：]|\.+")
_ABBREVIATION = re.compile(r"(?:\w\.){2,}$")
_MAX_TEXT = 400
_STYLES = {"right": "good", "not found": "warn", "false": "bad"}


def separated(text: str) -> str:
    """Returns a text whose punctuation marks are words, as those of tagged corpora.

    The points of an abbreviation stay in it. A word without a letter or a digit stays
    as it is.

    Example:  >>> separated('"Anna" left the U.S. (at noon).')
              '" Anna " left the U.S. ( at noon ) .'
              >>> separated("Anna's :-) @home ...")
              "Anna 's :-) @home ..."
    """
    return " ".join(piece for word in text.split() for piece in _pieces(word))


def _pieces(word: str) -> Iterator[str]:
    if not any(sign.isalnum() for sign in word):
        yield word
        return
    while match := _OPENING.match(word):
        yield match[0]
        word = word[match.end() :]
    after: list[str] = []
    while match := re.search(rf"(?:{_CLOSING.pattern})$", word):
        if _ABBREVIATION.search(word):
            break
        after.append(match[0])
        word = word[: match.start()]
    yield word
    yield from reversed(after)


def named(words: Sequence[str], tags: Sequence[str], shares: Sequence[float]) -> Prediction:
    """Returns the names in a text, from the tags of its words and their probabilities.

    Example:  >>> tags = ["B-person", "O", "I-place", "I-place"]
              >>> names = named("Anna in Hong Kong".split(), tags, [0.9, 1.0, 0.8, 0.5])
              >>> names.value, names.describe()
              ('B-person O B-place I-place', 'Anna (person 90%), Hong Kong (place 40%)')
    """
    in_bio = to_bio(tags)[0]
    entities = tuple(
        Entity(" ".join(words[start:end]), kind, prod(shares[start:end]), start, end)
        for start, end, kind in spans(in_bio)
    )
    return Prediction(
        " ".join(in_bio),
        tags=tuple(zip(in_bio, shares, strict=True)),
        words=tuple(words),
        entities=entities,
    )


def kinds_table(details: JsonMapping) -> Table:
    """Returns precision, recall and F1 of each kind of names."""
    rates = details["by_kind"]
    rows = [
        [
            kind,
            *(format_score(rates[name][place]) for name in ("precision", "recall", "f1")),
            f"{rates['targets'][place]:,}",
            f"{rates['predicted'][place]:,}",
        ]
        for place, kind in enumerate(details["kinds"])
    ]
    titles = ["kind", "precision", "recall", "F1", "names", "names predicted"]
    return Table(titles, rows, numbers=range(1, 6))


def sentences_section(
    title: str, targets: Sequence[Prediction], predictions: Sequence[Prediction]
) -> Section:
    """Returns texts with their names in brackets; predictions are right or false."""
    rows = []
    for target, prediction in zip(targets, predictions, strict=True):
        names, answers = _entities(target), _entities(prediction)
        places, answered = set(map(_place, names)), set(map(_place, answers))
        groups = {
            "right": [name for name in answers if _place(name) in places],
            "not found": [name for name in names if _place(name) not in answered],
            "false": [name for name in answers if _place(name) not in places],
        }
        cells = [
            Cell(", ".join(f"{name.text} ({name.kind})" for name in names), _STYLES[group])
            for group, names in groups.items()
        ]
        rows.append([marked(target), *cells])
    note = Line("Brackets enclose the true names. A name is right with all its words and its kind.")
    records: list[Record] = [Table(["text", "right", "not found", "false"], rows), note]
    return Section(title, records if rows else [])


def marked(prediction: Prediction) -> str:
    """Returns a text with its names in brackets.

    Example:  >>> marked(named(["Anna", "slept"], ["B-person", "O"], [1.0, 1.0]))
              '[Anna] slept'
    """
    words = list(prediction.words)
    for entity in _entities(prediction):
        words[entity.start] = "[" + words[entity.start]
        words[entity.end - 1] += "]"
    text = " ".join(words)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + " ..."


def _entities(prediction: Prediction) -> tuple[Entity, ...]:
    return prediction.entities or ()


def _place(entity: Entity) -> tuple[int, int, str]:
    return entity.start, entity.end, entity.kind
