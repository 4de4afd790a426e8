"""Compare: tasks, or variations of one, on the same data with the same random seeds.

faster            = 100 · (seconds of the first row / seconds - 1)
performance_cost  = (score / seconds) / (first row's score / first row's seconds)

The seconds are those of training. The score is the main metric, or its inverse where
lower is better. Both are means over the seeds.

Source:   the study of LSTM and GRU on Yelp reviews that the lectures quote: the GRU
          trains 29.29 % faster, and its performance-cost ratio of accuracy is 23.45 %
          higher (1.2345 = 1.2929 times its share of the LSTM's accuracy, 0.955).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, nan
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import nn

from kissipo.core.devices import describe_machine
from kissipo.core.errors import TaskError
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.notation import read_values
from kissipo.core.task import Task
from kissipo.engine.checkpoint import write_whole
from kissipo.engine.run_folder import ENVIRONMENT, RunFolder, next_folder
from kissipo.pipeline.parse import full_place
from kissipo.pipeline.resolve import with_changes
from kissipo.process.optim import optimizer
from kissipo.report.comparison_report import comparison_page
from kissipo.report.notebook import MimeBundle, mime_bundle
from kissipo.report.plain_answer import comparison_answer
from kissipo.runs.choose_net.budget import Budget, budget_per_run, find_budget
from kissipo.runs.fit import RUNS, fit

Notify = Callable[[str], None]
SECONDS, PAGE = "training seconds", "comparison.html"


class Comparison(JsonObject):
    """What `kissipo compare --json` prints: the `rows`, and the `machine`."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        rows = self["rows"]
        return mime_bundle(f"Comparison of {counted(len(rows), 'task')}", comparison_answer(rows))


@dataclass(frozen=True)
class SeedResult:
    """A run with one seed: its folder, its `metrics.json`, its training time."""

    seed: int
    run: Path
    metrics: JsonMapping
    seconds: float


def several_seeds(
    task: Task,
    count: int,
    *,
    out: Path | str | None = None,
    first: int = 0,
    strict: bool = False,
    device: str = "auto",
    budget: str | None = None,
    notify: Notify = lambda text: None,
) -> JsonObject:
    """Trains a task once per seed; returns the statistics of each metric.

    out:     the folder of the runs, with one run folder per seed
    budget:  of all runs together, as in `fit`
    """
    parent = Path(out) if out is not None else next_folder(RUNS, f"{task.name or 'run'}-seeds")
    limit = budget_per_run(budget, task, count, notify)
    results = []
    for seed in range(first, first + count):
        results.append(_measure(task, seed, parent, budget=limit, strict=strict, device=device))
        answer = results[-1].metrics["answers"][0]
        notify(f"seed {seed}: {answer['main']} {answer['metrics'][answer['main']]:.4f}")
    return _summarize(results)


def compare(
    tasks: Mapping[str, Task],
    *,
    seeds: int = 1,
    first: int = 0,
    out: Path | str | None = None,
    device: str = "auto",
    notify: Notify = lambda text: None,
) -> Comparison:
    """Trains all tasks with the same seeds and returns one row per task.

    The tasks take turns, so that other load on the machine affects all of them alike.
    A task without a net has the default net, so that only what the tasks say differs.
    The page `comparison.html` beside the runs has their learning curves.
    """
    parent = Path(out) if out is not None else next_folder(RUNS, "compare")
    # the first optimizer loads half of torch, which must not count for the first row
    optimizer("adam", [nn.Parameter(torch.zeros(1))], rate=1.0)
    default_net = find_budget("none")
    results: dict[str, list[SeedResult]] = {name: [] for name in tasks}
    for seed in range(first, first + seeds):
        for name, task in tasks.items():
            notify(f"{name} ..." if seeds == 1 else f"{name}, seed {seed} ...")
            place = parent / _folder_name(name)
            results[name].append(_measure(task, seed, place, budget=default_net, device=device))
    rows = []
    for name, seed_results in results.items():
        run, metrics = RunFolder(seed_results[0].run), seed_results[0].metrics
        weights = sum(tensor.numel() for tensor in run.read_weights().values())
        answer = metrics["answers"][0]
        main = main_metric(metrics)
        better = answer["higher_is_better"]
        rows.append(
            {
                "task": name,
                "main": main,
                "higher_is_better": better,
                "weights": weights,
                **_summarize(seed_results),
            }
        )
    compared = [{**row, **cost(row, rows[0])} for row in rows]
    histories = {
        name: [RunFolder(result.run).read_history() for result in some]
        for name, some in results.items()
    }
    write_whole(parent / PAGE, comparison_page(compared, histories).encode())
    notify(f"Learning curves: {parent / PAGE}")
    return Comparison(rows=compared, machine=describe_machine())


def cost(row: JsonMapping, first: JsonMapping) -> dict[str, float | None]:
    """Compares the training time and the cost of a row with those of the first row.

    The values are None where two rows cannot be compared.

    Example:  >>> def row(score, seconds):
              ...     values = {"f1": {"mean": score}, SECONDS: {"mean": seconds}}
              ...     return {"main": "f1", "higher_is_better": True, "metrics": values}
              >>> ratios = cost(row(0.955, 10.0), row(1.0, 12.929))
              >>> round(ratios["faster"], 2), round(ratios["performance_cost"], 4)
              (29.29, 1.2347)
    """
    own, others = row["metrics"][SECONDS]["mean"], first["metrics"][SECONDS]["mean"]
    if not own or not others:
        return {"faster": None, "performance_cost": None}
    score, before, same = _score(row), _score(first), row["main"] == first["main"]
    ratio = score / before * others / own if score and before and same else None
    return {"faster": 100 * (others / own - 1), "performance_cost": ratio}


def _score(row: JsonMapping) -> float | None:
    """Returns the main metric, or its inverse where lower is better, if positive."""
    value = row["metrics"][row["main"]]["mean"]
    if not 0 < value < inf:
        return None
    return value if row["higher_is_better"] else 1 / value


def variations(task: Task, vary: Sequence[str]) -> dict[str, Task]:
    """Returns one task per combination: two for `process.cell=lstm,gru`.

    Raises:   TaskError when an argument has no values.
    """
    axes = []
    for argument in vary:
        place, equals, text = argument.partition("=")
        values = read_values(text)
        if not equals or not values:
            raise TaskError(
                f"--vary {argument} has no values", do="Write --vary process.cell=lstm,gru"
            )
        axes.append([(full_place(place, task), value) for value in values])
    tasks = {}
    for combination in product(*axes):
        label = " ".join(f"{place.split('.')[-1]}={value}" for place, value in combination)
        tasks[label] = with_changes(task, dict(combination))
    return tasks


def _measure(
    task: Task, seed: int, parent: Path, *, budget: Budget, strict: bool = False, device: str
) -> SeedResult:
    place = parent / f"seed-{seed}"
    run = fit(task, seed=seed, out=place, strict=strict, device=device, budget=budget)
    seconds = float(RunFolder(run.folder).read_json(ENVIRONMENT)["training_seconds"])
    return SeedResult(seed, run.folder, run.metrics, seconds)


def _summarize(results: Sequence[SeedResult]) -> JsonObject:
    """Returns the runs, the seeds and the statistics of each metric over the seeds."""
    values_by_name: dict[str, list[float]] = {}
    for result in results:
        for name, value in metric_values(result.metrics).items():
            values_by_name.setdefault(name, []).append(value)
        values_by_name.setdefault(SECONDS, []).append(result.seconds)
    runs, seeds = [str(result.run) for result in results], [result.seed for result in results]
    return {
        "runs": runs,
        "seeds": seeds,
        "metrics": {name: spread(values) for name, values in values_by_name.items()},
    }


def metric_values(metrics: JsonMapping, baseline: str = "") -> dict[str, float]:
    """Returns the metrics of all answers by name, of the net or of a baseline."""
    return {
        _metric_name(answer, name, metrics): nan if value is None else value
        for answer in metrics["answers"]
        for name, value in (
            answer["baselines"].get(baseline, {}) if baseline else answer["metrics"]
        ).items()
    }


def main_metric(metrics: JsonMapping) -> str:
    """Returns the name of the main metric of the first answer."""
    answer = metrics["answers"][0]
    return _metric_name(answer, answer["main"], metrics)


def _metric_name(answer: JsonMapping, name: str, metrics: JsonMapping) -> str:
    return name if len(metrics["answers"]) == 1 else f"{answer['column']} {name}"


def spread(values: list[float]) -> dict[str, float]:
    """Returns the mean, the sample standard deviation, the minimum and the maximum."""
    std = stdev(values) if len(values) > 1 else 0.0
    return {"mean": mean(values), "std": std, "min": min(values), "max": max(values)}


def _folder_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")
