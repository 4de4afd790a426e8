"""The page of a comparison: its table, and the learning curves of each task.

A curve is the mean over the seeds, with a band from the lowest to the highest. Seeds
may stop at different times; a point is a mean over those that reached it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

from kissipo.core.description import Chart, Line, Record, Section
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping
from kissipo.report.document import document
from kissipo.report.plain import plain_page
from kissipo.report.record_json import section_json
from kissipo.report.run_report import page_content
from kissipo.report.still_image import comparison_image
from kissipo.report.tables import compared_metrics, comparison_table

CURVES = ("return", "greedy_return", "validation_loss", "loss")
_AXES = ("step", "episode", "epoch")  # the first that a history has
_LOWEST, _MEAN, _HIGHEST = "lowest", "mean", "highest"
_NOTE = (
    "{name}: the mean over {seeds}, and a band from the lowest to the highest. "
    "A point is a mean over the seeds whose training reached it."
)
History = Sequence[Mapping[str, float]]


def comparison_page(rows: Sequence[JsonMapping], histories: Mapping[str, Sequence[History]]) -> str:
    """Returns the page of a comparison as one HTML file.

    histories:  per task, the history of each seed
    """
    table = Section("Comparison", [comparison_table(rows, compared_metrics(rows))])
    curves = [Section(task, curve_records(some)) for task, some in histories.items()]
    sections = [table, *(section for section in curves if section.content)]
    title, subtitle = f"Comparison of {counted(len(rows), 'task')}", "Learning curves over seeds"
    return document(
        page_content(title, subtitle, [section_json(section) for section in sections]),
        plain=plain_page(title, subtitle, sections, comparison_image(rows)),
    )


def curve_records(histories: Sequence[History]) -> list[Record]:
    """Returns one chart per curve that the histories have.

    Example:  >>> one, other = [{"epoch": 1, "loss": 2.0}], [{"epoch": 1, "loss": 4.0}]
              >>> chart, _ = curve_records([one, other])
              >>> chart.series["mean"], chart.series["highest"]
              ([(1, 3.0)], [(1, 4.0)])
    """
    records: list[Record] = []
    rows = [row for history in histories for row in history]
    axis = next((name for name in _AXES if any(name in row for row in rows)), "")
    for name in CURVES:
        values: dict[float, list[float]] = {}
        for row in rows:
            if name in row and axis in row:
                values.setdefault(row[axis], []).append(row[name])
        if not values:
            continue
        points = sorted(values.items())
        series = {
            _MEAN: [(x, mean(some)) for x, some in points],
            _LOWEST: [(x, min(some)) for x, some in points],
            _HIGHEST: [(x, max(some)) for x, some in points],
        }
        title = name.replace("_", " ")
        records.append(Chart(series, axis, title, band=(_LOWEST, _HIGHEST)))
        seeds = counted(len(histories), "seed")
        records.append(Line(_NOTE.format(name=title.capitalize(), seeds=seeds), "dim"))
    return records
