"""Backtest: evaluates a task on successive folds of a series (rolling origin).

The test split is cut into folds. Each fold is a run of its own. It is trained on all
steps before the fold and evaluated on the steps of the fold. The mean over the folds
does not depend on a single season.
"""

from __future__ import annotations

from pathlib import Path

from kissipo.core.errors import TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option_infos, written
from kissipo.core.task import Task
from kissipo.engine.run_folder import next_folder
from kissipo.pipeline.builders.series import ordered_rows
from kissipo.pipeline.experiment import read_data
from kissipo.pipeline.parse import ResolvedTask, read_task
from kissipo.runs.choose_net.budget import budget_per_run
from kissipo.runs.compare import Notify, spread
from kissipo.runs.fit import RUNS, fit
from kissipo.runs.run import Run


def backtest(
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
    """Trains one run per fold, the oldest first, and returns the mean of their metrics.

    out:      the folder of the runs, with one run folder per fold
    budget:   of all runs together, as in `fit`
    Raises:   TaskError when the task is not a forecast of a series, or when its test
              split has fewer steps than folds.
    """
    resolved = read_task(task)
    steps, test = _count_steps(resolved, task.name)
    if not 1 <= folds <= test:
        raise TaskError(
            "--backtest cuts the test split into this many folds",
            got=str(folds),
            allowed=f"1 to {test}",
        )
    parent = Path(out) if out is not None else next_folder(RUNS, f"{task.name or 'run'}-backtest")
    split = {
        key: value for key, value in written(resolved.general.split).items() if value is not None
    }
    limit = budget_per_run(budget, task, folds, notify)
    rows = []
    for number in range(folds):
        first, end = (steps - test + test * fold // folds for fold in (number, number + 1))
        options = {"input.max_rows": end, "input.split": {**split, "test": (end - first) / end}}
        run = fit(
            task.with_words(options),
            seed=seed,
            out=parent / f"fold-{number + 1}",
            strict=strict,
            device=device,
            budget=limit,
        )
        answer = run.metrics["answers"][0]
        main = answer["main"]
        baseline_values = {
            name: evaluation[main] for name, evaluation in answer["baselines"].items()
        }
        rows.append(
            {
                "run": str(run.folder),
                **_fold_steps(run, first, end),
                "metrics": answer["metrics"],
                "baselines": baseline_values,
            }
        )
        notify(f"fold {number + 1}: {main} {answer['metrics'][main]:.4g}")
    metrics = {name: spread([row["metrics"][name] for row in rows]) for name in rows[0]["metrics"]}
    names = [name for name in rows[0]["baselines"] if all(name in row["baselines"] for row in rows)]
    baselines = {name: spread([row["baselines"][name] for row in rows]) for name in names}
    return {"main": main, "folds": rows, "metrics": metrics, "baselines": baselines}


def _count_steps(resolved: ResolvedTask, name: str) -> tuple[int, int]:
    """Returns the number of steps of the series, and of its test split."""
    if "max_rows" not in option_infos(resolved.source.module.Options):
        raise TaskError(
            f"--backtest needs a series, and '{name}' is not a series",
            do="Use --seeds K for the spread over seeds",
        )
    frame = read_data(resolved).frame
    rows = ordered_rows(frame, resolved.source.options, resolved)
    if rows.series_id is not None:
        raise TaskError(
            f"--backtest needs one series, and '{rows.series_id}' names {len(rows.starts) - 1}",
            do="Give a file with one series, or leave --backtest out",
        )
    steps = resolved.source.options.max_rows or len(frame)
    return steps, round(steps * resolved.general.split.test)


def _fold_steps(run: Run, first: int, end: int) -> JsonObject:
    """Returns the numbers of training and test steps of a fold, and its timestamps."""
    pipeline = run.pipeline()
    time = next((column for column in pipeline.frame.columns if column.kind == "time"), None)
    timestamps = (
        []
        if time is None
        else [str(time.show(step)).removesuffix("T00:00:00") for step in (first, end - 1)]
    )
    return {"train_steps": first, "test_steps": end - first, "timestamps": timestamps}
