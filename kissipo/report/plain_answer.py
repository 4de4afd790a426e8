"""The answer of a run or a trace without scripts: sentences, a still image, tables.

It stands in a notebook above the page, in a notebook that is not trusted in place of
the page, and in a page where there is no JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from kissipo.core.description import Cell, Line, Table
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score
from kissipo.inspect.trace import Trace
from kissipo.report.canvas import StillImage
from kissipo.report.still_image import comparison_image, run_image
from kissipo.report.still_trace import answer_sentence, trace_image
from kissipo.report.tables import (
    answer_scores_table,
    compared_metrics,
    comparison_table,
    trace_summary,
    trace_table,
)

_MAX_ROWS, _MAX_SAMPLE = 24, 60


@dataclass(frozen=True)
class PlainAnswer:
    """An answer that needs neither scripts nor styles.

    headline:  the answer in sentences
    records:   tables with the numbers, and notes
    """

    headline: Sequence[str]
    records: Sequence[Line | Table]
    image: StillImage | None = None

    def to_html(self) -> str:
        """Returns paragraphs, the image and tables."""
        return "".join([
            *(f"<p><strong>{escape(sentence)}</strong></p>" for sentence in self.headline),
            "" if self.image is None else f"<p>{self.image.to_html()}</p>",
            *map(_html, self.records),
        ])  # fmt: skip

    def to_text(self) -> str:
        """Returns the sentences and the tables as lines of text."""
        return "\n".join([*self.headline, *map(_plain, self.records)])


def run_answer(metrics: JsonMapping, history: Sequence[JsonMapping]) -> PlainAnswer:
    """Returns the verdict, the learning curve and the scores of a run.

    metrics, history:  metrics.json and the rows of history.csv
    """
    answers = metrics["answers"]
    return PlainAnswer(
        [_verdict(answer) for answer in answers if answer["verdict"] is not None],
        [answer_scores_table(answer) for answer in answers if answer["metrics"]],
        run_image(history, answers[0], best_epoch=metrics["best_epoch"]),
    )


def trace_answer(trace: Trace) -> PlainAnswer:
    """Returns the answer, the strip of layers and the steps of a trace."""
    table, sentence = trace_table(trace, max_length=_MAX_SAMPLE), answer_sentence(trace)
    records: list[Line | Table] = [Table(table.titles, table.rows[:_MAX_ROWS], table.numbers)]
    if len(table.rows) > _MAX_ROWS:
        records.append(Line(f"and {len(table.rows) - _MAX_ROWS} steps more"))
    records += [Line(trace_summary(trace)), *(Line(f"Note: {note}.") for note in trace.notes)]
    return PlainAnswer([sentence] if sentence else [], records, trace_image(trace))


def comparison_answer(rows: Sequence[JsonMapping]) -> PlainAnswer:
    """Returns the best task, its metric as bars and all metrics of a comparison."""
    metrics = compared_metrics(rows)
    note = (
        "faster: training speed compared with the first row; "
        "performance / cost: score per second, relative to the first row"
    )
    return PlainAnswer(
        [_best(rows)], [comparison_table(rows, metrics), Line(note)], comparison_image(rows)
    )


def progress_answer(
    sentence: str, values: Mapping[str, str], notes: Sequence[str], image: StillImage | None
) -> PlainAnswer:
    """Returns what a running training shows: a sentence, its curve, its numbers."""
    tables = [Table(list(values), [list(values.values())])] if values else []
    return PlainAnswer([sentence], [*tables, *map(Line, notes)], image)


def history_values(row: JsonMapping) -> dict[str, str]:
    """Returns the loss and the metrics of a row of the history, formatted."""
    return {
        name.replace("_", " "): format_score(value)
        for name, value in row.items()
        if isinstance(value, float) and name != "seconds"
    }


def _verdict(answer: JsonMapping) -> str:
    main, value = answer["main"], answer["metrics"][answer["main"]]
    number = "-" if value is None else f"{value:.4g}"
    return f"{main.replace('_', ' ')} {number}: {answer['verdict']['sentence']}."


def _best(rows: Sequence[JsonMapping]) -> str:
    """Returns the task with the best main metric in a sentence."""
    main, higher = rows[0]["main"], rows[0]["higher_is_better"]
    values = {row["task"]: row["metrics"][main]["mean"] for row in rows if row["main"] == main}
    best = (max if higher else min)(values, key=lambda name: values[name])
    return f"Best {main.replace('_', ' ')}: {best} with {format_score(values[best])}."


def _html(record: Line | Table) -> str:
    match record:
        case Line():
            return f"<p>{escape(record.text)}</p>"
        case Table():
            numbers = set(record.numbers)
            head = "".join(
                _cell(title, "th", index in numbers) for index, title in enumerate(record.titles)
            )
            lines = [
                "".join(_cell(cell, "td", index in numbers) for index, cell in enumerate(row))
                for row in record.rows
            ]
            body = "".join(f"<tr>{line}</tr>" for line in lines)
            return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: str, tag: str, is_number: bool) -> str:
    """Returns a cell; notebooks align to the right what has no alignment of its own."""
    text = escape(cell)
    if isinstance(cell, Cell) and cell.style == "strong":
        text = f"<strong>{text}</strong>"
    return (
        f"<{tag}>{text}</{tag}>" if is_number else f'<{tag}><div align="left">{text}</div></{tag}>'
    )


def _plain(record: Line | Table) -> str:
    """Returns a record as plain text with aligned columns."""
    if isinstance(record, Line):
        return record.text
    rows = [[" ".join(cell.split()) for cell in row] for row in (record.titles, *record.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = set(record.numbers)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
