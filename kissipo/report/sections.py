"""Sections of the report that speak of answers: scores, confusion, forecasts, ways, policies, curves."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from kissipo.core.text import format_score
from kissipo.output.anomaly_spans import spans
from kissipo.output.score import Score
from kissipo.report import drawing
from kissipo.report.axis_labels import read_curves, read_precision_recall
from kissipo.report.page import paragraphs, table

MOST_CLASSES = 40
_MOST_POINTS = 600
_MOST_STEPS = 1000
_MOST_STATES = 200
_RATES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "average_precision": "average precision",
}
_KINDS = {1: "better", 0: "tie", -1: "worse"}


def verdicts(scores: Sequence[Score]) -> str:
    """One colored line an answer."""
    parts = []
    for each in scores:
        if each.verdict is not None:
            main = each.answer.EVAL_METRIC
            words = (
                f"{main.replace('_', ' ')} {each.net.metrics[main]:.4g}: {each.verdict.sentence}."
            )
            parts.append(
                f'<div class="verdict {_KINDS[each.verdict.better]}">{escape(words)}</div>'
            )
    return "".join(parts)


def scores(score: Score) -> str:
    """The net above the simple answers, as numbers and as bars."""
    names, main = list(score.net.metrics), score.answer.EVAL_METRIC
    rows = [["this net", *(format_score(score.net.metrics[name]) for name in names)]]
    for name, judged in score.ordered():
        rows.append(
            [name, *(format_score(judged.metrics.get(each, float("nan"))) for each in names)]
        )
    values = {
        "this net": score.net.metrics[main],
        **{name: judged.metrics[main] for name, judged in score.ordered()},
    }
    titles = ["", *(name.replace("_", " ") for name in names)]
    note = (
        "All answers are judged on the same samples, which none of them saw while learning. "
        "The simple ones learned from at most 10,000 training samples."
    )
    if score.part == "validation":
        note = "There is no test part: the validation part judges, by which the best epoch of the net was chosen."
    if score.part == "train":
        note = "The same samples train and judge: there is no unseen part."
    if "simple_answers" in score.net.details:
        note += f" {score.net.details['simple_answers'].capitalize()}."
    shown = table(titles, rows, numbers=range(1, 1 + len(names)), classes=["own"])
    return shown + drawing.bars(values, first="this net") + f'<p class="dim">{note}</p>'


def curves(
    history: Sequence[Mapping[str, Any]],
    eval_metrics: Sequence[str],
    *,
    best_epoch: int,
    asked_epochs: int,
) -> str:
    """Losses and the main measure by epoch, and what they say; returns by episode where there are any."""
    if history and "return" in history[-1]:
        returns = [(row["episode"], row["return"]) for row in history]
        return drawing.lines(
            {"mean return": returns}, across="episode", up="mean return of a block of episodes"
        )
    keys = {"training": "loss", "validation": "validation_loss"}
    series = {name: _points(history, key) for name, key in keys.items()}
    series = {name: points for name, points in series.items() if len(points) > 1}
    mark = best_epoch if "validation" in series else None
    content = drawing.lines(series, across="epoch", up="loss", mark=mark)
    for main in eval_metrics:
        points = _points(history, f"validation_{main}")
        if len(points) > 1:
            content += drawing.lines(
                {main: points},
                across="epoch",
                up=f"{main} of the validation part",
                height=180,
                mark=mark,
            )
    return content + paragraphs(
        read_curves(history, best_epoch=best_epoch, asked_epochs=asked_epochs)
    )


def confusion(details: Mapping[str, Any]) -> str:
    """The matrix, each class by itself, the ROC curve of two classes."""
    classes = details["classes"]
    content = drawing.matrix(
        details["confusion"], classes, side=max(22, min(40, 640 // len(classes)))
    )
    rates = details["by_class"]
    rows = [
        [level, f"{details['count'][at]:,}", *(format_score(rates[name][at]) for name in _RATES)]
        for at, level in enumerate(classes)
    ]
    content += table(["class", "samples", *_RATES.values()], rows, numbers=range(1, 6))
    if "roc" in details:
        points = list(zip(details["roc"]["fpr"], details["roc"]["tpr"], strict=True))
        across = f"false positive rate of '{details['positive']}'"
        both = {"this net": points, "chance": [(0, 0), (1, 1)]}
        content += drawing.lines(
            both, across=across, up="true positive rate", width=420, height=330
        )
    return content


def overlaps(details: Mapping[str, Any]) -> str:
    """Overlap of each class, and on how many images something is marked."""
    rates, pixels = details["by_class"], details["pixels"]
    rows = [
        [
            level,
            format_score(rates["iou"][at]),
            format_score(rates["dice"][at]),
            f"{sum(pixels[at]):,}",
            f"{sum(row[at] for row in pixels):,}",
        ]
        for at, level in enumerate(details["classes"])
    ]
    count = details["images"]
    told = f"{count['marked']} judged images are marked, {count['unmarked']} are not. All pixels of all images count together."
    titles = ["class", "IoU", "Dice", "pixels", "pixels answered so"]
    return table(titles, rows, numbers=range(1, 5)) + f'<p class="dim">{told}</p>'


def precision_recall(details: Mapping[str, Any]) -> str:
    """A small curve for each class against the rest, and what they say."""
    classes, counts, found = (
        details["classes"],
        details["count"],
        details["by_class"]["average_precision"],
    )
    total = sum(counts) or 1
    shown = []
    for at, curve in enumerate(details["precision_recall"]):
        if counts[at]:
            points = [
                (0.0, curve["precision"][0]),
                *zip(curve["recall"], curve["precision"], strict=True),
            ]
            share = f'<span class="dim">(chance {counts[at] / total:.2f})</span>'
            caption = f"<b>{escape(classes[at])}</b><br>{found[at]:.2f} {share}"
            drawn = drawing.unit_square(points, counts[at] / total, number=at)
            shown.append(f"<figure><figcaption>{caption}</figcaption>{drawn}</figure>")
    told = '<p class="dim">Across: recall, the share of a class that is found. Up: precision, the share of what is answered so that is so; '
    told += "dotted what chance would reach. The number is the average precision.</p>"
    words = paragraphs(read_precision_recall(classes, counts, found, details["precision_recall"]))
    return f'<div class="curves">{"".join(shown)}</div>{told}{words}'


def costs(found: Mapping[str, Any]) -> str:
    """What is missed and called for nothing, at the threshold and at the likeliest class."""
    names = {
        f"at the threshold {found['threshold']:.3g}": "at_threshold",
        "at the likeliest class": "at_argmax",
    }
    rows = [
        [
            title,
            f"{found[key]['false_negatives']} of {found[key]['positives']}",
            f"{found[key]['false_positives']} of {found[key]['negatives']}",
            format_score(found[key]["cost"]),
        ]
        for title, key in names.items()
    ]
    titles = ["", "defects missed", "sound ones called", "cost of 100 samples"]
    why = found["reason"] or "the threshold is the cheapest on the validation part"
    price = f"One missed defect counts as {found['false_negative_cost']:g} false alarms"
    note = f"{price}; {why}. The matrix and all measures are at the threshold."
    return (
        table(titles, rows, numbers=(1, 2, 3), classes=["own"])
        + f'<p class="dim">{escape(note)}</p>'
    )


def beside_truth(answers: Any, truth: Any) -> str:
    """A point a sample; on the line the answer is the truth."""
    pairs = list(zip(truth.tolist(), answers.tolist(), strict=True))[:_MOST_POINTS]
    line = [(min(truth), min(truth)), (max(truth), max(truth))]
    series = {"samples": pairs, "perfect": line}
    return drawing.lines(
        series, across="truth", up="answer", dots=["samples"], width=440, height=420, square=True
    )


def forecasts(
    answers: Any,
    truth: Any,
    margins: Any,
    details: Mapping[str, Any],
    timestamps: Sequence[float],
    unit: str,
) -> str:
    """Every horizon-th forecast, so that they do not overlap, over the truth of the test part."""
    horizon = answers.shape[1]
    values = np.concatenate([truth[:, 0, 0], truth[-1, 1:, 0]])
    known = list(zip(timestamps, values.tolist(), strict=True))
    starts = range(0, len(answers), horizon)

    def joined(values: Any) -> list[tuple[float, float]]:
        return [
            (timestamps[start + step], float(values[start, step, 0]))
            for start in starts
            for step in range(horizon)
        ]

    curves = {"truth": known, "forecast": joined(answers)}
    if margins is not None:
        curves |= {"low": joined(answers - margins), "high": joined(answers + margins)}
    up = str(details["unit"]).split(", ")[0]
    content = drawing.lines(curves, across=unit, up=up, width=900, height=290, band=("low", "high"))
    if "interval" in details:
        share, wanted = details["interval"]["coverage"], details["interval"]["wanted"]
        content += f'<p class="dim">Between low and high lies {share:.1%} of the truth; {wanted:.0%} was wanted.</p>'
    if horizon > 1:
        scaled = "normalized_mae_by_step" in details
        errors = [
            (at + 1, error)
            for at, error in enumerate(
                details["normalized_mae_by_step" if scaled else "mae_by_step"]
            )
        ]
        up = "mean absolute error" + (", scaled" if scaled else "")
        content += drawing.lines({"error": errors}, across="steps ahead", up=up, height=180)
        content += f'<p class="dim">Forecasts of {horizon} steps, one after the other, each made when the one before it ended.</p>'
    if "by_variable" in details:
        rows = [
            [name, *(format_score(value) for value in each.values())]
            for name, each in details["by_variable"].items()
        ]
        content += table(["variable", "mae", "rmse", "mase"], rows, numbers=(1, 2, 3))
    return content


def alarms(
    values: Any,
    errors: Any,
    first: int,
    marks: Any,
    details: Mapping[str, Any],
    timestamps: Sequence[float],
    unit: str,
    name: str,
) -> str:
    """The series with its alarms as points and the labeled windows as shades; the errors and their threshold below it.

    errors:  of the steps from `first` on
    marks:   which steps are labeled odd, None where no one said
    """
    height = details["threshold"]
    shown = np.unique(
        np.linspace(0, len(values) - 1, min(len(values), _MOST_STEPS)).astype(int)
    ).tolist()
    odd = (first + np.flatnonzero(errors > height)).tolist()
    odd = odd[:: len(odd) // _MOST_STEPS + 1]
    curves = {
        label: [(timestamps[at], float(values[at])) for at in places]
        for label, places in ((name, shown), ("alarm", odd))
    }
    shades = (
        []
        if marks is None
        else [(timestamps[span.first], timestamps[span.last]) for span in spans(marks)]
    )
    content = drawing.lines(
        curves, across=unit, up=name, width=900, height=250, dots=("alarm",), shades=shades
    )
    starts = [at for at in shown if at >= first]
    peaks = np.maximum.reduceat(
        errors, np.subtract(starts, first)
    ).tolist()  # a peak between two points is not skipped
    curves = {
        "error": [(timestamps[at], peak) for at, peak in zip(starts, peaks, strict=True)],
        "threshold": [(timestamps[first], height), (timestamps[-1], height)],
    }
    content += drawing.lines(
        curves, across=unit, up="error", width=900, height=200, shades=shades, tens=True
    )
    if details.get("windows"):
        met = [
            [
                each["from"],
                each["to"],
                each["first_alarm"] or "missed",
                "yes" if each["judged"] else "no",
            ]
            for each in details["windows"]
        ]
        content += table(["labeled from", "to", "first alarm", "judged"], met)
    words = {True: "in a labeled window", False: "false alarm", None: ""}
    raised = [
        [each["from"], each["to"], format_score(each["error"]), words[each.get("labeled")]]
        for each in details["alarms"][:_MOST_STATES]
    ]
    content += table(["alarm from", "to", "highest error", ""], raised, numbers=(2,))
    return content + (
        f'<p class="dim">Judged from {escape(details["judged_from"])} on. Errors count in spreads of the training part; one in '
        f"{1 / details['false_alarm_rate']:,.0f} of what is ordinary was expected above the threshold of {height:.4g}.</p>"
    )


def seasons(found: Any, timestamps: Sequence[float], unit: str, season: int) -> str:
    """The parts of a series one below the other, and in words how strong they are."""
    content = ""
    for name in ("trend", "season", "rest"):
        curve = list(zip(timestamps, getattr(found, name).tolist(), strict=True))[-_MOST_STEPS:]
        content += drawing.lines({name: curve}, across=unit, up=name, width=900, height=150)
    newest = (
        f"Shown are the newest {_MOST_STEPS:,} of {len(timestamps):,} steps. "
        if len(timestamps) > _MOST_STEPS
        else ""
    )
    return content + (
        f'<p class="dim">{newest}The series is the sum of the three. The season of {season} steps has strength {found.seasonal:.2f}, '
        f"the trend {found.trending:.2f} (0: not there, 1: all there is).</p>"
    )


def through_time(
    norms: Mapping[str, Mapping[str, Sequence[float]]], faded: Mapping[str, str]
) -> str:
    """For each loss a curve a layer, |dL/dh_t| at every step, and in words how far back it reaches.

    norms:  by loss and layer
    faded:  what is to be said of each loss
    """
    content = ""
    for loss, layers in norms.items():
        shown = list(layers.items())[: len(drawing.COLORS)]
        curves = {name: list(enumerate(values, start=1)) for name, values in shown}
        content += drawing.lines(
            curves, across="step", up=f"|dL/dh_t|, loss of {loss}", height=220, tens=True
        )
        more = (
            f" Drawn are the first {len(shown)} of {len(layers)}."
            if len(shown) < len(layers)
            else ""
        )
        content += f'<p class="dim">{escape(faded[loss] + more)}</p>'
    return content


def weights(named: Mapping[str, float]) -> str:
    """The weights of a linear net, the greatest first."""
    ordered = sorted(named.items(), key=lambda pair: -abs(pair[1]))[:MOST_CLASSES]
    return table(
        ["feature", "weight"], [[name, f"{value:.6g}"] for name, value in ordered], numbers=[1]
    )


def policy(found: Mapping[str, Any]) -> str:
    """Learned values beside the true ones in every state in which something can be decided."""
    actions = found["actions"]
    rows = []
    for at, state in enumerate(found["states"][:_MOST_STATES]):
        if found["matters"][at]:
            cells = [state]
            for values in (found["learned"][at], found["best"][at]):
                cells += [*(f"{value:.4f}" for value in values), actions[int(np.argmax(values))]]
            rows.append([*cells, "agrees" if found["agrees"][at] else "differs"])
    titles = [
        "state",
        *(f"learned {name}" for name in actions),
        "best",
        *(f"true {name}" for name in actions),
        "best",
        "",
    ]
    flush = [*range(1, 1 + len(actions)), *range(2 + len(actions), 2 + 2 * len(actions))]
    return table(titles, rows, numbers=flush)


def walks(found: Sequence[Mapping[str, Any]], height: Callable[[str, float, float], float]) -> str:
    """A map for each start on a surface of two dimensions, and where every walk ended."""
    content = ""
    for surface, start in dict.fromkeys((each["surface"], tuple(each["start"])) for each in found):
        mine = [
            each for each in found if each["surface"] == surface and tuple(each["start"]) == start
        ]
        if len(start) == 2:
            paths = {
                each["optimizer"]: [(point[0], point[1]) for point in each["way"]] for each in mine
            }
            drawn = drawing.ways(paths, lambda x, y, surface=surface: height(surface, x, y))  # type: ignore[misc]
            content += f"<h3>{escape(surface)}, from {_point(start)}</h3>{drawn}"
    keys = ("start", "end")
    rows = [
        [
            each["surface"],
            each["optimizer"],
            *(_point(each[key]) for key in keys),
            f"{each['height']:.5f}",
            each["place"],
        ]
        for each in found
    ]
    return content + table(
        ["surface", "optimizer", "start", "end", "height", "place"], rows, numbers=[4]
    )


def _points(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[key]) for row in history if key in row]


def _point(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
