"""What the terminal and the report show of a classification."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.description import (
    Cell,
    Chart,
    Example,
    Line,
    Matrix,
    Record,
    Section,
    Table,
    Threshold,
)
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score
from kissipo.output.answer import NUM_EXAMPLES, EvaluationData, Scores

MAX_CLASSES = 40  # of a drawn confusion matrix
MAX_PAIRS, MAX_IMAGES = 8, 4
MAX_IN_CELL, MAX_IN_MATRIX = 4, 120  # examples of a confusion matrix
MAX_POINTS, _MAX_CURVES = 5_000, 3
_MAX_BESIDE = 12  # classes of a confusion matrix that stands beside the rates
_MAX_PRINTED_CLASSES = 24
_RATES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "average_precision": "average precision",
}


def confused_pairs(
    truth: Scores, predicted: Scores, scores: Scores
) -> list[tuple[int, int, Scores]]:
    """Returns target, prediction and samples of confused classes, by frequency.

    The samples are sorted by the probability of the prediction, the highest first.

    Example:  >>> scores = np.array([[0.4, 0.6], [0.1, 0.9], [0.5, 0.5]])
              >>> truth, predicted = np.array([0, 0, 1]), np.array([1, 1, 1])
              >>> confused_pairs(truth, predicted, scores)
              [(0, 1, array([1, 0]))]
    """
    pairs = []
    for target, other in sorted(set(zip(truth.tolist(), predicted.tolist(), strict=True))):
        if target != other:
            mistakes = np.flatnonzero((truth == target) & (predicted == other))
            order = np.argsort(-scores[mistakes, other], kind="stable")
            pairs.append((target, other, mistakes[order]))
    return sorted(pairs, key=lambda pair: -len(pair[2]))


def confused_images(
    data: EvaluationData, predicted: Scores, classes: Sequence[str]
) -> list[Record]:
    """Returns the images of the most confident mistakes for each confused pair."""
    pairs, parts = confused_pairs(data.truth, predicted, data.scores), []
    for target, other, samples in pairs[:MAX_PAIRS]:
        images = samples[:MAX_IMAGES]
        gallery = data.gallery(images, [f"{data.scores[item, other]:.0%} sure" for item in images])
        note = f"{len(samples)} of {(data.truth == target).sum()}"
        parts.append(Section(f"{classes[target]} → {classes[other]}", [gallery], note=note))
    if not parts:
        return []
    text = "Target → prediction; for each confused pair the most confident mistakes."
    rest = len(pairs) - MAX_PAIRS
    more = [Line(f"And {rest} rarer kinds of mistakes.", "dim")] if rest > 0 else []
    return [Line(text, "dim"), Section("", parts, side_by_side=True), *more]


def confusion_table(details: JsonMapping) -> Table:
    """Returns the confusion matrix: rows are true, columns predicted classes."""
    classes, rows = details["classes"][:_MAX_PRINTED_CLASSES], []
    for index, (name, counts) in enumerate(zip(classes, details["confusion"], strict=False)):
        cells = [str(count) if count else Cell(".", "dim") for count in counts[: len(classes)]]
        cells[index] = Cell(str(counts[index]), "strong")
        rows.append([name, *cells])
    return Table(["true \\ predicted", *classes], rows, numbers=range(1, 1 + len(classes)))


def cell_samples(truth: Scores, predicted: Scores, scores: Scores) -> dict[tuple[int, int], Scores]:
    """Returns some samples of each cell of the confusion matrix, mistakes first.

    Of a mistake the most confident samples are returned, of the diagonal the least
    confident ones.
    """
    pairs = confused_pairs(truth, predicted, scores)
    cells = {(target, other): samples[:MAX_IN_CELL] for target, other, samples in pairs}
    for target in np.unique(truth[truth == predicted]).tolist():
        right = np.flatnonzero((truth == target) & (predicted == target))
        order = np.argsort(scores[right, target], kind="stable")
        cells[target, target] = right[order][:MAX_IN_CELL]
    samples_of_cells, count = {}, 0
    for cell, samples in cells.items():
        if count + len(samples) <= MAX_IN_MATRIX:
            samples_of_cells[cell], count = samples, count + len(samples)
    return samples_of_cells


def threshold_section(
    suspicion: Scores, positive: Scores, name: str, threshold: float, cost: float
) -> Section:
    """Returns a threshold on the probability of a class that can be moved."""
    some = np.unique(
        np.linspace(0, len(positive) - 1, min(len(positive), MAX_POINTS)).astype(np.int64)
    )
    record = Threshold(
        [float(value) for value in suspicion[some]],
        [bool(value) for value in positive[some]],
        name,
        threshold,
        cost,
        len(positive),
    )
    return Section("Decision threshold", [record])


def confusion_section(
    details: JsonMapping,
    images: Sequence[Record],
    examples: Mapping[tuple[int, int], Sequence[Example]],
) -> Section:
    """Returns the confusion matrix, the metrics per class, and the ROC curve."""
    classes, rates = details["classes"], details["by_class"]
    rows = [
        [
            name,
            f"{details['count'][index]:,}",
            *(format_score(rates[rate][index]) for rate in _RATES),
        ]
        for index, name in enumerate(classes)
    ]
    matrix = Matrix(details["confusion"], classes, examples)
    table = Table(["class", "samples", *_RATES.values()], rows, numbers=range(1, 6))
    both = [Section("", [matrix]), Section("", [table])]
    is_small = len(classes) <= _MAX_BESIDE
    records: list[Record] = [Section("", both, side_by_side=True)] if is_small else [matrix, table]
    if "roc" in details:
        points = list(zip(details["roc"]["fpr"], details["roc"]["tpr"], strict=True))
        curves = {"this model": points, "chance": [(0, 0), (1, 1)]}
        x_label = f"false positive rate of '{details['positive']}'"
        limits = ((0.0, 1.0), (0.0, 1.0))
        records.append(
            Chart(curves, x_label, "true positive rate", dashed=["chance"], limits=limits)
        )
    return Section("Confusion matrix", [*records, *images])


def costs_section(costs: JsonMapping) -> Section:
    """Returns the errors and their costs at the threshold and at the argmax."""
    names = {
        "at_threshold": Cell(f"at the threshold {costs['threshold']:.3g}", "strong"),
        "at_argmax": "at argmax",
    }
    rows = [
        [
            name,
            f"{costs[key]['false_negatives']} of {costs[key]['positives']}",
            f"{costs[key]['false_positives']} of {costs[key]['negatives']}",
            format_score(costs[key]["cost"]),
        ]
        for key, name in names.items()
    ]
    titles = ["", "false negatives", "false positives", "cost per 100 samples"]
    reason = costs["reason"] or "the threshold has the lowest cost on the validation split"
    note = (
        f"One false negative costs {costs['false_negative_cost']:g} false positives; {reason}. "
        "The confusion matrix and all metrics use this threshold."
    )
    table = Table(titles, rows, numbers=(1, 2, 3))
    return Section("Cost of errors", [table, Line(note, "dim")])


def precision_recall_section(details: JsonMapping) -> Section:
    """Returns the precision-recall curves of the worst classes against the rest, and
    the average precision of the other classes."""
    counts, averages = details["count"], details["by_class"]["average_precision"]
    total, parts = sum(counts) or 1, []
    present = [index for index, count in enumerate(counts) if count]
    order = sorted(present, key=lambda index: averages[index])
    for index in order[:_MAX_CURVES]:
        chance, curve = counts[index] / total, details["precision_recall"][index]
        points = list(zip(curve["recall"], curve["precision"], strict=True))
        chart = Chart(
            {"": [(0.0, curve["precision"][0]), *points]},
            "recall",
            "precision",
            level=chance,
            area=True,
            limits=((0.0, 1.0), (0.0, 1.0)),
        )
        note = f"{averages[index]:.2f} (chance {chance:.2f})"
        parts.append(Section(details["classes"][index], [chart], note=note))
    text = "The dashed line is chance. The number is the average precision."
    rows = [
        [details["classes"][index], f"{averages[index]:.2f}", f"{counts[index] / total:.2f}"]
        for index in order[_MAX_CURVES:]
    ]
    titles = ["the other classes", "average precision", "chance"]
    others = [Table(titles, rows, numbers=(1, 2))] if rows else []
    return Section(
        "Precision and recall",
        [
            Section("", parts, side_by_side=True),
            Line(text, "dim"),
            *map(Line, read_precision_recall(details)),
            *others,
        ],
    )


def read_precision_recall(details: JsonMapping) -> list[str]:
    """Returns a sentence about the best and the worst class.

    Example:  >>> curve = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 1.0, 0.4]}
              >>> details = {"classes": ["bad", "good"], "count": [2, 8]}
              >>> details["by_class"] = {"average_precision": [0.7, 0.95]}
              >>> details["precision_recall"] = [curve, curve]
              >>> read_precision_recall(details)[0].split("; ")[0]
              "The best class is 'good' (average precision 0.95), the worst 'bad' (0.70"
    """
    classes, counts = details["classes"], details["count"]
    averages, curves = details["by_class"]["average_precision"], details["precision_recall"]
    present = [index for index, count in enumerate(counts) if count]
    if len(present) < 2:
        return []
    best = max(present, key=lambda index: averages[index])
    worst = min(present, key=lambda index: averages[index])
    half, whole = (_false_positives(curves[worst], recall) for recall in (0.5, 1.0))
    name = f"'{classes[worst]}'"
    return [
        f"The best class is '{classes[best]}' (average precision {averages[best]:.2f}), "
        f"the worst {name} ({averages[worst]:.2f}; chance {counts[worst] / sum(counts):.2f}): "
        f"a recall of 0.5 for {name} costs {half}, a recall of 1 costs {whole}."
    ]


def _false_positives(curve: JsonMapping, recall: float) -> str:
    """Returns the minimum of false positives per true positive at this recall."""
    pairs = zip(curve["recall"], curve["precision"], strict=True)
    precision = max(precision for reached, precision in pairs if reached >= recall - 1e-9)
    return (
        "no false positive"
        if precision >= 1
        else f"{1 / precision - 1:.2g} false positives per true positive"
    )


def confident_errors(scores: Scores, is_right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the wrong predictions, the most confident first."""
    wrong = np.flatnonzero(~is_right)
    return wrong[np.argsort(-scores[wrong].max(axis=1), kind="stable")]


def wrong_and_right(scores: Scores, is_right: NDArray[np.bool_]) -> list[tuple[int, str]]:
    """Returns the most confident errors, and the first right predictions."""
    wrong = confident_errors(scores, is_right)[:NUM_EXAMPLES].tolist()
    right = np.flatnonzero(is_right)[:NUM_EXAMPLES].tolist()
    return [(position, "wrong") for position in wrong] + [(position, "right") for position in right]
