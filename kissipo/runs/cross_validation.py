"""Cross-validation: every sample is predicted once, by a net not trained on it.

The samples are divided into folds (input/split.py). Each fold is the test split of a
run of its own; the validation split is drawn from the other folds. All runs have the
same random seed, and so the same folds.

The pooled metrics are those of the predictions of all folds together. They are left out
where the nets decide differently, as with thresholds that each run calibrates. With as
many folds as samples (leave one out) they are the metrics that count: a metric such as
AUC does not exist for a single sample.

`predictions.csv` has one row per sample: its target, and what was predicted for it by
the net that had not seen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np

from kissipo.core.errors import TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import written
from kissipo.core.task import Task
from kissipo.core.text import csv_text, describe, shorten
from kissipo.engine.checkpoint import write_whole
from kissipo.engine.evaluate import evaluate
from kissipo.engine.run_folder import next_folder
from kissipo.output.answer import Answer, Scores
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.pipeline import Pipeline
from kissipo.runs.choose_net.budget import budget_per_run
from kissipo.runs.compare import Notify, main_metric, metric_values, spread
from kissipo.runs.fit import RUNS, fit
from kissipo.runs.predict_folder import TABLE

_MAX_TEXT = 200
Predicted = tuple[Answer, Scores, Scores]  # answer, scores, truth


def cross_validate(
    task: Task,
    folds: int,
    *,
    seed: int = 0,
    out: Path | str | None = None,
    strict: bool = False,
    device: str = "auto",
    budget: str | None = None,
    notify: Notify = lambda text: None,
) -> JsonObject:
    """Trains one run per fold and returns the statistics of each metric over the folds.

    out:      the folder of the runs, with one run folder per fold
    budget:   of all runs together, as in `fit`
    Raises:   TaskError for fewer than two folds, or when samples depend on earlier
              ones; DataError for a published test split, or fewer samples than folds.
    """
    resolved = read_task(task)
    if folds < 2:
        raise TaskError("--folds needs a number of at least 2", got=str(folds))
    if not resolved.source.module.SOURCE.independent:
        raise TaskError(
            "--folds needs samples that do not depend on earlier ones, and those of "
            f"input.{resolved.source.name} do",
            do="Use `kissipo fit ... --backtest K` for a series, "
            "or --seeds K for the spread over seeds",
        )
    split = {
        key: value for key, value in written(resolved.general.split).items() if value is not None
    }
    parent = Path(out) if out is not None else next_folder(RUNS, f"{task.name or 'run'}-folds")
    limit = budget_per_run(budget, task, folds, notify)
    rows: list[JsonObject] = []
    predicted: list[list[Predicted]] = []  # of each fold, one per answer
    samples: list[list[object]] = []
    for fold in range(1, folds + 1):
        run = fit(
            task.with_words({"input.split": {**split, "folds": folds, "fold": fold}}),
            seed=seed,
            out=parent / f"fold-{fold}",
            strict=strict,
            device=device,
            budget=limit,
        )
        pipeline, values, main = (
            run.pipeline(),
            metric_values(run.metrics),
            main_metric(run.metrics),
        )
        test = evaluate(run.net, pipeline.datasets["test"], run.answers)
        predicted.append(list(zip(run.answers, test.scores, test.truths, strict=True)))
        samples += _sample_rows(pipeline, fold, predicted[-1])
        names = dict.fromkeys(
            name for answer in run.metrics["answers"] for name in answer["baselines"]
        )
        rows.append(
            {
                "run": str(run.folder),
                "samples": {name: len(part) for name, part in pipeline.splits.items()},
                "metrics": values,
                "baselines": {name: metric_values(run.metrics, name) for name in names},
            }
        )
        notify(f"fold {fold}: {main} {values[main]:.4f}")
    answers = [answer for answer in run.answers if not answer.IN_IMAGE]
    titles = ["row", "fold", *(title for answer in answers for title in _titles(answer))]
    table = csv_text([titles, *sorted(samples, key=lambda row: row[:2])])
    write_whole(parent / TABLE, table.encode())
    baselines = [name for name in names if all(name in row["baselines"] for row in rows)]
    return {
        "main": main,
        "higher_is_better": run.metrics["answers"][0]["higher_is_better"],
        "folds": rows,
        "metrics": _over_folds([row["metrics"] for row in rows]),
        "baselines": {
            name: _over_folds([row["baselines"][name] for row in rows]) for name in baselines
        },
        "pooled": _pooled([list(of_answer) for of_answer in zip(*predicted, strict=True)]),
        "predictions": str(parent / TABLE),
    }


def _titles(answer: Answer) -> list[str]:
    return [answer.name, f"{answer.name} predicted", f"{answer.name} probability"]


def _sample_rows(
    pipeline: Pipeline, fold: int, predicted: Sequence[Predicted]
) -> list[list[object]]:
    """Returns the samples of a test split with targets and predictions, one per row."""
    rows: list[list[object]] = [
        [row, fold] for row in pipeline.frame.rows[pipeline.splits["test"]].tolist()
    ]
    for answer, scores, truth in predicted:
        if answer.IN_IMAGE:
            continue
        for row, target, prediction in zip(rows, truth, answer.decode(scores), strict=True):
            words = answer.describe_target(target), describe(prediction.value)
            row += [*(shorten(text, _MAX_TEXT) for text in words)]
            row.append("" if prediction.confidence is None else prediction.confidence)
    return rows


def _over_folds(values: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Returns the statistics of each metric that exists in all folds."""
    return {
        name: spread([fold[name] for fold in values])
        for name in values[0]
        if all(name in fold and isfinite(fold[name]) for fold in values)
    }


def _pooled(predicted: Sequence[Sequence[Predicted]]) -> dict[str, float]:
    """Returns the metrics of the predictions of all folds, for each answer in turn.

    The first fold's answer evaluates them, if it agrees with the answers of the others
    about their own predictions.
    """
    pooled = {}
    for folds in predicted:
        first = folds[0][0]
        if not all(_agree(first, *fold) for fold in folds):
            continue
        scores, truth = (np.concatenate([fold[place] for fold in folds]) for place in (1, 2))
        prefix = f"{first.name} " if len(predicted) > 1 else ""
        for name, value in first.evaluate(scores, truth).metrics.items():
            pooled[prefix + name] = float(value)
    return pooled


def _agree(first: Answer, answer: Answer, scores: Scores, truth: Scores) -> bool:
    """Returns whether two answers evaluate the same predictions alike."""
    if first.spec != answer.spec:
        return False
    ours, theirs = (one.evaluate(scores, truth).metrics for one in (first, answer))
    return ours.keys() == theirs.keys() and np.array_equal(
        list(ours.values()), list(theirs.values()), equal_nan=True
    )
