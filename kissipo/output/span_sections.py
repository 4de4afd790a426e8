"""What the report and the x-ray show of answers that stand in paragraphs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.spans import Passage
from kissipo.core.description import ColoredText, Line, Record, Section, Table
from kissipo.core.text import format_score, shorten
from kissipo.output.answer import Evaluation
from kissipo.output.text_span import NO_ANSWER, TextSpan

_NUM_PASSAGES = 3  # of the wrong, of the partly right and of the right answers
_MIN_QUESTIONS = 5
_WORD = re.compile(r"\S+")
_QUESTION_WORDS = ("who", "what", "when", "where", "why", "how", "which")
_BOTH, _ACCEPTED, _PREDICTED = 1.0, 0.4, -1.0
_CAPTION = (
    "Red words are accepted and predicted, pale red ones are accepted only, "
    "blue ones are predicted only."
)
Characters = tuple[int, int]


def passages_sections(
    questions: Sequence[str],
    passages: Sequence[Passage],
    predicted: Sequence[Characters],
    quality: NDArray[np.float64],
) -> list[Section]:
    """Returns some paragraphs in which the accepted and the predicted words are marked.

    predicted:  the first character of each predicted answer, and the one after its last
    quality:    (sample) the F1 of each answer
    """
    kinds = {
        "Wrong answers": np.flatnonzero(quality == 0),
        "Partly right answers": np.flatnonzero((quality > 0) & (quality < 1)),
        "Right answers": np.flatnonzero(quality == 1),
    }
    sections = []
    for title, samples in kinds.items():
        examples = [
            _marked_passage(questions[sample], passages[sample], predicted[sample])
            for sample in _spread(samples, _NUM_PASSAGES)
        ]
        share = f"{len(samples):,} of {len(quality):,}"
        sections.append(Section(title, examples, note=share))
    return sections


def question_words_section(
    questions: Sequence[str], evaluation: Evaluation, right: NDArray[np.float64]
) -> Section:
    """Returns the metrics of the questions by their question words."""
    quality = evaluation.per_sample
    words = np.array([question_word(text) for text in questions])
    rows = []
    for word in (*_QUESTION_WORDS, "others"):
        some = words == word
        if quality is not None and some.sum() >= _MIN_QUESTIONS:
            scores = (quality[some].mean(), right[some].mean())
            rows.append([word, f"{some.sum():,}", *(format_score(float(x)) for x in scores)])
    table = Table(["question word", "questions", "F1", "exact match"], rows, numbers=(1, 2, 3))
    return Section("By question word", [table] if rows else [])


def question_word(question: str) -> str:
    """Returns the first question word of a question, or "others".

    Example:  >>> question_word("In what year was it?"), question_word("Is it red?")
              ('what', 'others')
    """
    words = re.findall(r"\w+", question.lower())
    return next((word for word in words if word in _QUESTION_WORDS), "others")


def edges_section(
    pieces: Sequence[str], probabilities: NDArray[np.float64], spans: Sequence[TextSpan]
) -> Section:
    """Returns how probable a start and an end is at each piece, and the best spans.

    Shapes:   probabilities (piece, 2)
    """
    records: list[Record] = []
    for number, edge in enumerate(("starts", "ends")):
        shares = probabilities[:, number]
        largest = float(shares.max(initial=0.0)) or 1.0
        caption = (
            f"The darker a piece, the more probable it is that the answer {edge} there; "
            f"the darkest has {largest:.1%}."
        )
        records.append(ColoredText(tuple(pieces), (shares / largest).tolist(), " ", caption))
    rows = [[span.text or NO_ANSWER, f"{span.confidence:.1%}"] for span in spans]
    records.append(Table(["most probable answers", "probability"], rows, numbers=(1,)))
    return Section("Where the answer starts and ends", records)


def _marked_passage(question: str, passage: Passage, predicted: Characters) -> Section:
    context, accepted = passage.context, passage.accepted
    place = context.find(accepted[0]) if accepted else -1
    true = (place, place + len(accepted[0])) if place >= 0 else (0, 0)
    tokens, values = [], []
    for match in _WORD.finditer(context):
        is_true, is_predicted = (
            match.start() < end and match.end() > start for start, end in (true, predicted)
        )
        tokens.append(match[0])
        values.append(
            _BOTH if is_true and is_predicted else _ACCEPTED * is_true + _PREDICTED * is_predicted
        )
    text = context[slice(*predicted)] or NO_ANSWER
    wanted = " | ".join(dict.fromkeys(accepted)) or NO_ANSWER
    lines: list[Record] = [
        Line(f"predicted: {shorten(text, 200)}"),
        Line(f"accepted: {shorten(wanted, 300)}"),
    ]
    return Section(question, [*lines, ColoredText(tokens, values, " ", _CAPTION)])


def _spread(samples: NDArray[np.int64], count: int) -> list[int]:
    """Returns so many of the samples, evenly spread over them."""
    if not len(samples):
        return []
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).round().astype(int)
    return [int(sample) for sample in samples[places]]
