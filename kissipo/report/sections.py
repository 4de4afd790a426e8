"""Sections of the report: scores, confusion matrix, forecasts, optimizer paths, policies, curves."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np

from kissipo.core.text import format_score
from kissipo.output.anomaly_spans import spans
from kissipo.output.score import Score
from kissipo.report import drawing
from kissipo.report.axis_labels import read_curves, read_precision_recall
from kissipo.report.page import paragraphs, table

MAX_CLASSES = 40
_MAX_POINTS = 600
_MAX_STEPS = 1000
_MAX_STATES = 200
_RATES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "average_precision": "average precision",
}
_KINDS = {1: "better", 0: "tie", -1: "worse"}


def verdicts(scores: Sequence[Score]) -> str:
    """One colored verdict line per answer."""
    parts = []
    for item in scores:
        if item.verdict is not None:
            main = item.answer.EVAL_METRIC
            words = (
                f"{main.replace('_', ' ')} {item.net.metrics[main]:.4g}: {item.verdict.sentence}."
            )
            parts.append(
                f'<div class="verdict {_KINDS[item.verdict.better]}">{escape(words)}</div>'
            )
    return "".join(parts)


def scores(score: Score) -> str:
    """The model above the baselines, as numbers and as bars."""
    names, main = list(score.net.metrics), score.answer.EVAL_METRIC
    rows = [["this model", *(format_score(score.net.metrics[name]) for name in names)]]
    for name, evaluation in score.ordered():
        rows.append(
            [name, *(format_score(evaluation.metrics.get(item, float("nan"))) for item in names)]
        )
    values = {
        "this model": score.net.metrics[main],
        **{name: evaluation.metrics[main] for name, evaluation in score.ordered()},
    }
    titles = ["", *(name.replace("_", " ") for name in names)]
    note = (
        "The model and the baselines are evaluated on the same samples, which none of them was "
        "trained on. The baselines were trained on at most 10,000 samples."
    )
    if score.part == "validation":
        note = (
            "There is no test split: the scores are those of the validation split, "
            "by which the best epoch was chosen."
        )
    if score.part == "train":
        note = "Training and evaluation use the same samples: there is no held-out split."
    if "simple_answers" in score.net.details:
        note += f" {score.net.details['simple_answers'].capitalize()}."
    html = table(titles, rows, numbers=range(1, 1 + len(names)), classes=["own"])
    return html + drawing.bars(values, first="this model") + f'<p class="dim">{note}</p>'


def curves(
    history: Sequence[Mapping[str, Any]],
    eval_metrics: Sequence[str],
    *,
    best_epoch: int,
    asked_epochs: int,
) -> str:
    """Losses and the eval metric per epoch with sentences about them; returns per episode for agents."""
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
                up=f"{main} of the validation split",
                height=180,
                mark=mark,
            )
    return content + paragraphs(
        read_curves(history, best_epoch=best_epoch, asked_epochs=asked_epochs)
    )


def confusion(details: Mapping[str, Any]) -> str:
    """The confusion matrix, the metrics of each class, the ROC curve of two classes."""
    classes = details["classes"]
    content = drawing.matrix(
        details["confusion"], classes, side=max(22, min(40, 640 // len(classes)))
    )
    rates = details["by_class"]
    rows = [
        [
            level,
            f"{details['count'][index]:,}",
            *(format_score(rates[name][index]) for name in _RATES),
        ]
        for index, level in enumerate(classes)
    ]
    content += table(["class", "samples", *_RATES.values()], rows, numbers=range(1, 6))
    if "roc" in details:
        points = list(zip(details["roc"]["fpr"], details["roc"]["tpr"], strict=True))
        across = f"false positive rate of '{details['positive']}'"
        both = {"this model": points, "chance": [(0, 0), (1, 1)]}
        content += drawing.lines(
            both, across=across, up="true positive rate", width=420, height=330
        )
    return content


def overlaps(details: Mapping[str, Any]) -> str:
    """The overlap (IoU, Dice) of each class, and how many images have a mask."""
    rates, pixels = details["by_class"], details["pixels"]
    rows = [
        [
            level,
            format_score(rates["iou"][index]),
            format_score(rates["dice"][index]),
            f"{sum(pixels[index]):,}",
            f"{sum(row[index] for row in pixels):,}",
        ]
        for index, level in enumerate(details["classes"])
    ]
    count = details["images"]
    note = (
        f"{count['marked']} evaluated images have a defect, {count['unmarked']} have none. "
        "The pixels of all images count together."
    )
    titles = ["class", "IoU", "Dice", "pixels", "pixels predicted"]
    return table(titles, rows, numbers=range(1, 5)) + f'<p class="dim">{note}</p>'


def precision_recall(details: Mapping[str, Any]) -> str:
    """A precision-recall curve for each class against the rest, with sentences about them."""
    classes, counts, record = (
        details["classes"],
        details["count"],
        details["by_class"]["average_precision"],
    )
    total = sum(counts) or 1
    figures = []
    for index, curve in enumerate(details["precision_recall"]):
        if counts[index]:
            points = [
                (0.0, curve["precision"][0]),
                *zip(curve["recall"], curve["precision"], strict=True),
            ]
            share = f'<span class="dim">(chance {counts[index] / total:.2f})</span>'
            caption = f"<b>{escape(classes[index])}</b><br>{record[index]:.2f} {share}"
            drawn = drawing.unit_square(points, counts[index] / total, number=index)
            figures.append(f"<figure><figcaption>{caption}</figcaption>{drawn}</figure>")
    note = '<p class="dim">The horizontal axis is recall, the vertical axis is precision; '
    note += "the dotted line is chance. The number is the average precision.</p>"
    words = paragraphs(read_precision_recall(classes, counts, record, details["precision_recall"]))
    return f'<div class="curves">{"".join(figures)}</div>{note}{words}'


def costs(record: Mapping[str, Any]) -> str:
    """False negatives and false positives at the chosen threshold and at argmax."""
    names = {
        f"at the threshold {record['threshold']:.3g}": "at_threshold",
        "at argmax": "at_argmax",
    }
    rows = [
        [
            title,
            f"{record[key]['false_negatives']} of {record[key]['positives']}",
            f"{record[key]['false_positives']} of {record[key]['negatives']}",
            format_score(record[key]["cost"]),
        ]
        for title, key in names.items()
    ]
    titles = ["", "false negatives", "false positives", "cost per 100 samples"]
    why = record["reason"] or "the threshold has the lowest cost on the validation split"
    price = f"One false negative costs {record['false_negative_cost']:g} false positives"
    note = f"{price}; {why}. The confusion matrix and all metrics use this threshold."
    return (
        table(titles, rows, numbers=(1, 2, 3), classes=["own"])
        + f'<p class="dim">{escape(note)}</p>'
    )


def beside_truth(answers: Any, truth: Any) -> str:
    """One point per sample; on the line the prediction equals the target."""
    pairs = list(zip(truth.tolist(), answers.tolist(), strict=True))[:_MAX_POINTS]
    line = [(min(truth), min(truth)), (max(truth), max(truth))]
    series = {"samples": pairs, "perfect": line}
    return drawing.lines(
        series,
        across="target",
        up="prediction",
        dots=["samples"],
        width=440,
        height=420,
        square=True,
    )


def forecasts(
    answers: Any,
    truth: Any,
    margins: Any,
    details: Mapping[str, Any],
    timestamps: Sequence[float],
    unit: str,
) -> str:
    """Every horizon-th forecast, so that they do not overlap, over the observed test split."""
    horizon = answers.shape[1]
    values = np.concatenate([truth[:, 0, 0], truth[-1, 1:, 0]])
    observed = list(zip(timestamps, values.tolist(), strict=True))
    starts = range(0, len(answers), horizon)

    def joined(values: Any) -> list[tuple[float, float]]:
        return [
            (timestamps[start + step], float(values[start, step, 0]))
            for start in starts
            for step in range(horizon)
        ]

    curves = {"observed": observed, "forecast": joined(answers)}
    if margins is not None:
        curves |= {"low": joined(answers - margins), "high": joined(answers + margins)}
    up = str(details["unit"]).split(", ")[0]
    content = drawing.lines(curves, across=unit, up=up, width=900, height=290, band=("low", "high"))
    if "interval" in details:
        share, wanted = details["interval"]["coverage"], details["interval"]["wanted"]
        content += (
            f'<p class="dim">The prediction interval covers {share:.1%} of the observed values; '
            f"the requested coverage is {wanted:.0%}.</p>"
        )
    if horizon > 1:
        scaled = "normalized_mae_by_step" in details
        errors = [
            (index + 1, error)
            for index, error in enumerate(
                details["normalized_mae_by_step" if scaled else "mae_by_step"]
            )
        ]
        up = "mean absolute error" + (", scaled" if scaled else "")
        content += drawing.lines({"error": errors}, across="steps ahead", up=up, height=180)
        content += f'<p class="dim">Forecasts of {horizon} steps; each starts where the one before it ended.</p>'
    if "by_variable" in details:
        rows = [
            [name, *(format_score(value) for value in item.values())]
            for name, item in details["by_variable"].items()
        ]
        content += table(["variable", "mae", "rmse", "mase"], rows, numbers=(1, 2, 3))
    return content


def alarms(
    values: Any,
    errors: Any,
    first: int,
    labels: Any,
    details: Mapping[str, Any],
    timestamps: Sequence[float],
    unit: str,
    name: str,
) -> str:
    """The series with alarms as points and labeled windows as shades; below it errors and threshold.

    errors:  of the steps from `first` on
    labels:  which steps are labeled as anomalies; None without labels
    """
    height = details["threshold"]
    html = np.unique(
        np.linspace(0, len(values) - 1, min(len(values), _MAX_STEPS)).astype(int)
    ).tolist()
    odd = (first + np.flatnonzero(errors > height)).tolist()
    odd = odd[:: len(odd) // _MAX_STEPS + 1]
    curves = {
        label: [(timestamps[index], float(values[index])) for index in places]
        for label, places in ((name, html), ("alarm", odd))
    }
    shades = (
        []
        if labels is None
        else [(timestamps[span.first], timestamps[span.last]) for span in spans(labels)]
    )
    content = drawing.lines(
        curves, across=unit, up=name, width=900, height=250, dots=("alarm",), shades=shades
    )
    starts = [index for index in html if index >= first]
    peaks = np.maximum.reduceat(
        errors, np.subtract(starts, first)
    ).tolist()  # a peak between two points is not skipped
    curves = {
        "error": [(timestamps[index], peak) for index, peak in zip(starts, peaks, strict=True)],
        "threshold": [(timestamps[first], height), (timestamps[-1], height)],
    }
    content += drawing.lines(
        curves, across=unit, up="error", width=900, height=200, shades=shades, tens=True
    )
    if details.get("windows"):
        met = [
            [
                item["from"],
                item["to"],
                item["first_alarm"] or "none",
                "yes" if item["evaluated"] else "no",
            ]
            for item in details["windows"]
        ]
        content += table(["labeled from", "to", "first alarm", "evaluated"], met)
    words = {True: "in a labeled window", False: "false alarm", None: ""}
    raised = [
        [item["from"], item["to"], format_score(item["error"]), words[item.get("labeled")]]
        for item in details["alarms"][:_MAX_STATES]
    ]
    content += table(["alarm from", "to", "highest error", ""], raised, numbers=(2,))
    return content + (
        f'<p class="dim">Evaluated from {escape(details["judged_from"])} on. Errors are in units of the '
        "standard deviation of the training split; of normal steps one in "
        f"{1 / details['false_alarm_rate']:,.0f} was expected above the threshold of {height:.4g}.</p>"
    )


def seasons(parts: Any, timestamps: Sequence[float], unit: str, season: int) -> str:
    """Trend, season and remainder of a series one below the other, with their strengths."""
    content = ""
    for name in ("trend", "season", "rest"):
        curve = list(zip(timestamps, getattr(parts, name).tolist(), strict=True))[-_MAX_STEPS:]
        content += drawing.lines({name: curve}, across=unit, up=name, width=900, height=150)
    newest = (
        f"The plots show the last {_MAX_STEPS:,} of {len(timestamps):,} steps. "
        if len(timestamps) > _MAX_STEPS
        else ""
    )
    return content + (
        f'<p class="dim">{newest}The series is the sum of the three. The season of {season} steps has '
        f"the strength {parts.seasonal:.2f}, the trend {parts.trending:.2f} "
        "(0: absent, 1: explains everything).</p>"
    )


def through_time(
    norms: Mapping[str, Mapping[str, Sequence[float]]], faded: Mapping[str, str]
) -> str:
    """For each loss one curve per layer: |dL/dh_t| at every step, and how far back it reaches.

    norms:  by loss and layer
    faded:  a sentence for each loss
    """
    content = ""
    for loss, layers in norms.items():
        html = list(layers.items())[: len(drawing.COLORS)]
        curves = {name: list(enumerate(values, start=1)) for name, values in html}
        content += drawing.lines(
            curves, across="step", up=f"|dL/dh_t|, loss of {loss}", height=220, tens=True
        )
        more = (
            f" The plot shows the first {len(html)} of {len(layers)} layers."
            if len(html) < len(layers)
            else ""
        )
        content += f'<p class="dim">{escape(faded[loss] + more)}</p>'
    return content


def weights(named: Mapping[str, float]) -> str:
    """The weights of a linear net, the largest magnitude first."""
    ordered = sorted(named.items(), key=lambda pair: -abs(pair[1]))[:MAX_CLASSES]
    return table(
        ["feature", "weight"], [[name, f"{value:.6g}"] for name, value in ordered], numbers=[1]
    )


def policy(record: Mapping[str, Any]) -> str:
    """Learned values beside the true ones in every state with more than one action."""
    actions = record["actions"]
    rows = []
    for index, state in enumerate(record["states"][:_MAX_STATES]):
        if record["matters"][index]:
            cells = [state]
            for values in (record["q_values"][index], record["best"][index]):
                cells += [*(f"{value:.4f}" for value in values), actions[int(np.argmax(values))]]
            rows.append([*cells, "agrees" if record["agrees"][index] else "differs"])
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


def unrolled_layers(
    record: Sequence[Mapping[str, Any]], height: Callable[[str, float, float], float]
) -> str:
    """A map for each start on a two-dimensional surface, and where every optimizer ended."""
    content = ""
    for surface, start in dict.fromkeys((item["surface"], tuple(item["start"])) for item in record):
        mine = [
            item for item in record if item["surface"] == surface and tuple(item["start"]) == start
        ]
        if len(start) == 2:
            paths = {
                item["optimizer"]: [(point[0], point[1]) for point in item["path"]] for item in mine
            }
            drawn = drawing.optimizer_paths(paths, partial(height, surface))
            content += f"<h3>{escape(surface)}, from {_point(start)}</h3>{drawn}"
    keys = ("start", "end")
    rows = [
        [
            item["surface"],
            item["optimizer"],
            *(_point(item[key]) for key in keys),
            f"{item['height']:.5f}",
            item["place"],
        ]
        for item in record
    ]
    return content + table(
        ["surface", "optimizer", "start", "end", "height", "place"], rows, numbers=[4]
    )


def _points(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[key]) for row in history if key in row]


def _point(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
