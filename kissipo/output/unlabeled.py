"""Unlabeled samples: rows without a target, which are predicted after the training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from kissipo.core.description import Detail, Line, Section, Table
from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.text import describe, list_some, shorten
from kissipo.output.answer import Answer, Prediction

MAX_PREDICTED = 200
_MAX_PRINTED, _MAX_CLASSES, _MAX_TEXT = 20, 6, 60


def unlabeled_finding(frame: Frame) -> Finding:
    """Returns that these rows are predicted."""
    limit = f"; the first {MAX_PREDICTED} of them" if len(frame) > MAX_PREDICTED else ""
    message = f"{counted(len(frame), 'row')} without a target ({format_rows(frame.rows)})"
    action = f"not trained on; predicted after the training{limit}"
    return Finding("PASS", "unlabeled", message, action, first_rows(frame.rows))


def unlabeled_detail(
    answer: Answer,
    frame: Frame,
    columns: Sequence[str],
    predictions: Sequence[Prediction],
    outputs: Tensor,
) -> Detail:
    """Returns the predictions of unlabeled rows, with the probabilities of classes.

    frame:    all of these rows, of which the first are predicted
    columns:  those that the net reads
    """
    names: Sequence[str] = ()
    shares = answer.class_probabilities(outputs)
    if shares is not None and len(answer.classes) <= _MAX_CLASSES:
        names = answer.classes
    chances_of = [[]] * len(predictions) if not names or shares is None else shares.tolist()
    content, rows = [], []
    for number, prediction in enumerate(predictions):
        chances = dict(zip(names, chances_of[number], strict=True))
        item: JsonObject = {"row": int(frame.rows[number]), **answer.to_json(prediction)}
        content.append(item | ({"probabilities": chances} if chances else {}))
        text = describe(prediction.value) if chances else prediction.describe()
        cells = [str(frame.rows[number]), text, *(f"{chance:.1%}" for chance in chances.values())]
        rows.append([*cells, _words(frame, columns, number)])
    titles = ["row", answer.name, *(f"P({name})" for name in names), "sample"]
    numbers = range(2, 2 + len(names))
    counts = Counter(describe(item.value) for item in predictions)
    few = len(counts) <= _MAX_CLASSES
    listed = list_some([f"{value} {count}" for value, count in counts.most_common()], 6)
    text = f"{counted(len(frame), 'sample')} without a target"
    text += f", predicted: {listed}." if few else "."
    left = len(frame) - len(rows)
    more = [Line(f"{left} more are not predicted here: kissipo predict.", "dim")] if left else []
    printed = Table(titles[:-1], [row[:-1] for row in rows[:_MAX_PRINTED]], numbers=numbers)
    hidden = len(rows) - _MAX_PRINTED
    end = [Line(f"{hidden} more stand in the report.", "dim")] if hidden > 0 else []
    section = Section("Samples without a target", [Line(text), Table(titles, rows, numbers), *more])
    return Detail(content, [Line(text), printed, *end], [section])


def _words(frame: Frame, columns: Sequence[str], row: int) -> str:
    """Returns the columns of a row in words."""
    cells = [str(describe(frame[name].show(row))) for name in columns]
    if len(cells) > 1:
        cells = [f"{name} {cell}" for name, cell in zip(columns, cells, strict=True)]
    return shorten(", ".join(cells), _MAX_TEXT)
