"""What an object shows of itself in a notebook.

A notebook that is not trusted removes frames, SVG, styles and scripts. So the first
part, an image and plain tables, carries the answer alone; then follows the page, in a
frame without rights to the notebook. Nothing is asked for from a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from kissipo.core.description import Cell, Line, Table
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_bytes, format_score
from kissipo.inspect.trace import Trace
from kissipo.report.canvas import StillImage
from kissipo.report.still_image import comparison_image, run_image
from kissipo.report.still_trace import answer_sentence, trace_image
from kissipo.report.tables import answer_scores_table, comparison_table, trace_summary, trace_table

FRAME_HEIGHT, MAX_BYTES = 640, 1_000_000
_MAX_ROWS, _MAX_SAMPLE = 24, 60
MimeBundle = dict[str, str]


def mime_bundle(
    text: str,
    headline: Sequence[str],
    records: Sequence[Line | Table],
    *,
    image: StillImage | None = None,
    page: str = "",
    title: str = "",
    place: str = "",
) -> MimeBundle:
    """Returns the forms of an object, of which a notebook shows the best that it can.

    text:      the first line of the plain text
    headline:  the answer in sentences
    records:   tables with the numbers, and notes
    page:      a complete HTML file, which is shown in a frame
    title:     of the frame
    place:     where the page is, or how to save it, if it is too large for a notebook
    """
    answer = "".join([
        *(f"<p><strong>{escape(sentence)}</strong></p>" for sentence in headline),
        "" if image is None else f"<p>{image.to_html()}</p>",
        *map(_html, records),
    ])  # fmt: skip
    answer, frame = f"<div>{answer}</div>", _frame(page, title)
    size = len(frame.encode())
    if len(answer.encode()) + size > MAX_BYTES:
        sentence = f"The page has {format_bytes(size)}, too much for a notebook. {place}"
        frame = f"<p>{escape(sentence)}</p>"
    plain = "\n".join(filter(None, [text, *headline, *map(_plain, records)]))
    return {"text/plain": plain, "text/html": answer + frame}


def run_bundle(
    text: str,
    metrics: JsonMapping,
    history: Sequence[JsonMapping],
    *,
    page: str,
    title: str,
    place: str,
) -> MimeBundle:
    """Returns what a trained run shows: verdict, curves, scores, the report.

    metrics, history:  metrics.json and the rows of history.csv
    """
    answers = metrics["answers"]
    verdicts = [_verdict(answer) for answer in answers if answer["verdict"] is not None]
    scores = [answer_scores_table(answer) for answer in answers if answer["metrics"]]
    image = run_image(history, answers[0], best_epoch=metrics["best_epoch"])
    return mime_bundle(text, verdicts, scores, image=image, page=page, title=title, place=place)


def _verdict(answer: JsonMapping) -> str:
    main, value = answer["main"], answer["metrics"][answer["main"]]
    number = "-" if value is None else f"{value:.4g}"
    return f"{main.replace('_', ' ')} {number}: {answer['verdict']['sentence']}."


def trace_bundle(trace: Trace, page: str) -> MimeBundle:
    """Returns what a trace shows: answer, strip of layers, every step, the page."""
    table, name = trace_table(trace, max_length=_MAX_SAMPLE), trace.name or "one example"
    records: list[Line | Table] = [Table(table.titles, table.rows[:_MAX_ROWS], table.numbers)]
    if len(table.rows) > _MAX_ROWS:
        records.append(Line(f"and {len(table.rows) - _MAX_ROWS} steps more"))
    records += [Line(trace_summary(trace)), *(Line(f"Note: {note}.") for note in trace.notes)]
    return mime_bundle(
        f"Trace of {name}",
        [sentence for sentence in [answer_sentence(trace)] if sentence],
        records,
        image=trace_image(trace),
        page=page,
        title=f"X-ray of {name}",
        place='Save it with kissipo.save_page(trace, "page.html").',
    )


def comparison_bundle(rows: Sequence[JsonMapping]) -> MimeBundle:
    """Returns what a comparison shows: the main metric as bars, and all metrics."""
    metrics = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    note = (
        "faster: training speed compared with the first row; "
        "performance / cost: score per second, relative to the first row"
    )
    records: list[Line | Table] = [comparison_table(rows, metrics), Line(note)]
    text = f"Comparison of {len(rows)} tasks"
    return mime_bundle(text, [_best(rows)], records, image=comparison_image(rows))


def _best(rows: Sequence[JsonMapping]) -> str:
    """Returns the task with the best main metric in a sentence."""
    main, higher = rows[0]["main"], rows[0]["higher_is_better"]
    values = {row["task"]: row["metrics"][main]["mean"] for row in rows if row["main"] == main}
    best = (max if higher else min)(values, key=lambda name: values[name])
    return f"Best {main.replace('_', ' ')}: {best} with {format_score(values[best])}."


def progress_bundle(
    sentence: str, values: Mapping[str, str], notes: Sequence[str], image: StillImage | None
) -> MimeBundle:
    """Returns what a running training shows: a sentence, its curve, its numbers."""
    records = [Table(list(values), [list(values.values())])] if values else []
    return mime_bundle("", [sentence], [*records, *map(Line, notes)], image=image)


def history_values(row: JsonMapping) -> dict[str, str]:
    """Returns the loss and the metrics of a row of the history, formatted."""
    return {
        name.replace("_", " "): format_score(value)
        for name, value in row.items()
        if isinstance(value, float) and name != "seconds"
    }


def _frame(page: str, title: str) -> str:
    """Returns the page in a frame; scripts run in it, apart from the notebook."""
    if not page:
        return ""
    source = page.replace("&", "&amp;").replace("'", "&#39;")
    return (
        f'<iframe title="{escape(title)}" width="100%" height="{FRAME_HEIGHT}" frameborder="0" '
        f"sandbox=\"allow-scripts\" srcdoc='{source}'></iframe>"
    )


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
