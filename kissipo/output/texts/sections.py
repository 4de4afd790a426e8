"""What the report and the terminal show of written texts: their score in words, the
checks before it, and examples with source, reference and text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kissipo.core.description import Cell, Line, Record, Section, Table
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score, shorten
from kissipo.output.answer import Evaluation, EvaluationData
from kissipo.output.metric_titles import metric_title
from kissipo.output.metrics.bleu import BANDS, describe_bleu

_STYLES = {"PASS": "good", "WARN": "warn", "FAIL": "bad"}
_MAX_TEXT = 300
_NUM_TEXTS = 6  # of the worst texts, and of those in the middle
Written = Callable[[NDArray[np.int64]], list[str]]


def summary_lines(evaluation: Evaluation, *, full: bool) -> list[Line]:
    """Returns the score in words, its signature, and the faults that were found."""
    lines = [Line(text) for text in score_sentences(evaluation)]
    for check in evaluation.details.get("checks", ()):
        if full or check["level"] != "PASS":
            action = f" -> {check['action']}" if check["action"] else ""
            lines.append(Line(f"{check['level']}  {check['message']}{action}"))
    return lines


def score_sentences(evaluation: Evaluation) -> list[str]:
    """Returns what BLEU is worth, and how it was computed."""
    if "bleu" not in evaluation.metrics:
        return []
    bleu, details = evaluation.metrics["bleu"], evaluation.details
    sentences = [
        f"BLEU {bleu:.1f}: {describe_bleu(bleu)}. Compare it only with a BLEU of the same data "
        "and signature: 35 on image captions is not 35 on news."
    ]
    signatures = details.get("signatures", {})
    sentences += [
        f"Signature of {metric_title(name)}: {signature}" for name, signature in signatures.items()
    ]
    if "bleu_of_data" in details:
        sentences.append(
            "The references are the targets as the codec reads them. Against the texts as they "
            f"stand in the data, BLEU is {details['bleu_of_data']:.1f}."
        )
    return sentences


def bands_section(data: EvaluationData) -> Section:
    """Returns the bands of BLEU, with the model and the baselines in them."""
    evaluations = {"model": data.evaluation, **data.baselines}
    scores = {
        name: item.metrics["bleu"] for name, item in evaluations.items() if "bleu" in item.metrics
    }
    first, *others = score_sentences(data.evaluation) or [""]
    rows = []
    for low, high, words in BANDS if first else ():
        here = {name: score for name, score in scores.items() if low <= score < high}
        rows.append(
            [
                f"{low:g} to {min(high, 100):g}",
                Cell(words, "strong" if "model" in here else ""),
                ", ".join(f"{name} {score:.1f}" for name, score in here.items()),
            ]
        )
    table = Table(["BLEU", "what it is worth", "here"], rows)
    lines = [Line(text, "dim") for text in others]
    return Section("BLEU in words", [Line(first), table, *lines] if rows else [])


def checks_section(details: JsonMapping) -> Section:
    """Returns the findings about the texts."""
    rows = [
        [
            Cell(check["level"], _STYLES[check["level"]]),
            check["check"],
            check["message"],
            check["action"],
        ]
        for check in details.get("checks", ())
    ]
    table = Table(["", "check", "what it found", "what to do"], rows)
    return Section("Checks before the score", [table] if rows else [])


def texts_sections(
    data: EvaluationData,
    column: str,
    metric: str,
    *,
    errors: NDArray[np.float64],
    written: Written,
) -> list[Section]:
    """Returns the worst texts and those in the middle, with source and reference; one
    of each is shown from the inside.

    column:   of the targets
    metric:   the main metric, by which the texts are ordered
    errors:   (sample) the error rates, by which texts of equal quality are ordered
    written:  returns the texts of some samples
    """
    quality = data.evaluation.per_sample
    if quality is None or len(quality) != len(data.rows):
        return []
    order = np.lexsort((-errors, quality))
    middle = max(0, (len(order) - _NUM_TEXTS) // 2)
    groups = {"Worst predictions": order[:_NUM_TEXTS]}
    if len(order) > 2 * _NUM_TEXTS:
        groups["Predictions in the middle"] = order[middle : middle + _NUM_TEXTS]
    titles = ["source", "reference", "text of the model", metric_title(metric)]
    sections = []
    for name, samples in groups.items():
        sources = [source for _, source in data.shown_inputs(samples)]
        references = data.rows_of(samples)[column].texts()
        rows = [
            [*(shorten(str(text), _MAX_TEXT) for text in row), format_score(score)]
            for *row, score in zip(
                sources, references, written(samples), quality[samples].tolist(), strict=True
            )
        ]
        records: list[Record] = [Table(titles, rows, numbers=(3,))]
        place = len(samples) // 2
        title = f"From the inside: {shorten(sources[place], 60)}"
        records.append(Section(title, list(data.inside(int(samples[place])))))
        sections.append(Section(name, records))
    return sections
