"""Sections of the report about ratings: lists with reasons, and where errors are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kissipo.core.description import Cell, Chart, Line, Record, Section, Table
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score
from kissipo.output.answer import Evaluation, EvaluationData
from kissipo.output.metric_titles import metric_title
from kissipo.output.rating_history import RatingHistory
from kissipo.output.recommendation import Reason, Recommendation

_LISTED, _MAX_RATINGS = 10, 20
_COUNTS = ((0, 0), (1, 5), (6, 20), (21, 100), (101, None))


def lists_section(lists: Sequence[JsonMapping], *, relevant: float, is_implicit: bool) -> Section:
    """Returns the lists of some users, with reasons and the tested ratings."""
    records: list[Record | Section] = []
    for entry in lists:
        rows = []
        for item in entry["items"][:_LISTED]:
            tested = item["test_rating"]
            liked = tested is not None and tested >= relevant
            cell = "" if tested is None else "chosen" if is_implicit else f"{tested:g}"
            reasons = [Reason(**reason).describe() for reason in item["reasons"]]
            rows.append(
                [
                    item["item"],
                    format_score(item["score"]),
                    Cell(cell, "good" if liked else "") if cell else "",
                    "; ".join(reasons),
                ]
            )
        titles = ["item", "score", "in the test split", "nearest liked items"]
        records.append(Section(f"User {entry['user']}", [Table(titles, rows, numbers=(1,))]))
    if records:
        text = (
            "Items that a user rated in earlier splits are left out. The cosine compares the "
            "vectors of two items; the reasons are items that the user liked."
        )
        records.append(Line(text, "dim"))
    return Section("Recommended items of some users", records)


def ranking_table(evaluation: Evaluation) -> Table | None:
    """Returns the ranking metrics of the model and the baselines; None without any."""
    ranking = evaluation.details.get("ranking")
    if not ranking:
        return None
    names = list(ranking["model"])
    rows = [
        [name, *(f"{metrics[metric]:.4f}" for metric in names)] for name, metrics in ranking.items()
    ]
    titles = ["all unrated items", *(metric_title(name) for name in names)]
    return Table(titles, rows, numbers=tuple(range(1, 1 + len(names))))


def recommended_table(items: Sequence[Recommendation]) -> Table:
    """Returns items with their scores and reasons."""
    rows = [[item.item, format_score(item.score), item.describe_reasons()] for item in items]
    return Table(["item", "score", "nearest liked items"], rows, numbers=(1,))


def error_by_count(data: EvaluationData, history: RatingHistory) -> Section:
    """Returns the error by the number of training ratings of the item."""
    ids = data.codecs[1].encode(data.frame.take(data.rows)).numpy()
    is_train = history.in_parts(["train"])
    counts = np.bincount(history.items[is_train], minlength=ids.max() + 1)
    counts[0] = 0
    rated = counts[ids]
    errors, rows = np.square(data.scores - data.truth), []
    for low, high in _COUNTS:
        inside = (rated >= low) & (rated <= (np.inf if high is None else high))
        name = f"{low}" if low == high else f"{low} or more" if high is None else f"{low} to {high}"
        if inside.any():
            rmse = float(np.sqrt(errors[inside].mean()))
            rows.append([name, f"{inside.sum():,}", f"{rmse:.4f}"])
    titles = ["training ratings of the item", "test ratings", "RMSE"]
    text = "Items with few ratings are predicted worse; a new one has no bias and no vector."
    return Section(
        "Error by the number of ratings",
        [Table(titles, rows, numbers=(1, 2)), Line(text, "dim")],
    )


def mean_by_rating(data: EvaluationData, limits: tuple[float, float]) -> Section:
    """Returns the mean prediction for each rating."""
    values = np.unique(data.truth)
    if len(values) > _MAX_RATINGS:
        return Section("", [])
    means = [(float(value), float(data.scores[data.truth == value].mean())) for value in values]
    low, high = limits
    chart = Chart(
        {"mean prediction": means, "perfect": [(low, low), (high, high)]},
        "rating",
        "prediction",
        dashed=["perfect"],
    )
    return Section("Mean prediction of each rating", [chart])
