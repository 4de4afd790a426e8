"""Unlabeled samples: rows without a target, which are predicted after the training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from kissipo.core.description import Detail, Line, Section, Table
from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Frame
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
    names, shares = _class_shares(answer, outputs, len(predictions))
    row_numbers = frame.rows[: len(predictions)].tolist()
    content = [
        {"row": row, **answer.to_json(prediction), **({"probabilities": some} if some else {})}
        for row, prediction, some in zip(row_numbers, predictions, shares, strict=True)
    ]
    titles = ["row", answer.name, *(f"P({name})" for name in names), "sample"]
    numbers = range(2, 2 + len(names))
    rows = []
    for number, (prediction, some) in enumerate(zip(predictions, shares, strict=True)):
        text = describe(prediction.value) if some else prediction.describe()
        cells = [text, *(f"{share:.1%}" for share in some.values())]
        rows.append([str(row_numbers[number]), *cells, _words(frame, columns, number)])
    count = Line(_count(frame, predictions))
    left = len(frame) - len(rows)
    more = [Line(f"{left} more are not predicted here: kissipo predict.", "dim")] if left else []
    printed = Table(titles[:-1], [row[:-1] for row in rows[:_MAX_PRINTED]], numbers=numbers)
    hidden = len(rows) - _MAX_PRINTED
    end = [Line(f"{hidden} more stand in the report.", "dim")] if hidden > 0 else []
    section = Section("Samples without a target", [count, Table(titles, rows, numbers), *more])
    return Detail(content, [count, printed, *end], [section])


def _class_shares(
    answer: Answer, outputs: Tensor, count: int
) -> tuple[Sequence[str], list[dict[str, float]]]:
    """Returns the classes, and the probability of each one per prediction; none where
    there are many classes."""
    shares = answer.class_probabilities(outputs)
    if shares is None or len(answer.classes) > _MAX_CLASSES:
        return (), [{}] * count
    names = answer.classes
    return names, [dict(zip(names, row, strict=True)) for row in shares.tolist()]


def _count(frame: Frame, predictions: Sequence[Prediction]) -> str:
    """Returns how many rows there are, and how many get each of a few values."""
    text = f"{counted(len(frame), 'sample')} without a target"
    counts = Counter(describe(item.value) for item in predictions).most_common()
    if len(counts) > _MAX_CLASSES:
        return f"{text}."
    listed = list_some([f"{value} {count}" for value, count in counts], _MAX_CLASSES)
    return f"{text}, predicted: {listed}."


def _words(frame: Frame, columns: Sequence[str], row: int) -> str:
    """Returns the columns of a row in words."""
    cells = [describe(frame[name].show(row)) for name in columns]
    if len(cells) > 1:
        cells = [f"{name} {cell}" for name, cell in zip(columns, cells, strict=True)]
    return shorten(", ".join(cells), _MAX_TEXT)
