"""Compare: tasks, or variations of one, on the same data with the same seeds; one table of score, time and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import nan
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from kissipo.core.devices import describe_machine
from kissipo.core.errors import TaskError
from kissipo.core.notation import read_value
from kissipo.core.task import Task
from kissipo.plan.grammar import full_place
from kissipo.plan.job import RUNS, fit
from kissipo.run.folder import ENVIRONMENT, RunFolder, next_folder

Tell = Callable[[str], None]


def several_seeds(
    task: Task,
    count: int,
    *,
    out: Path | str | None = None,
    first: int = 0,
    strict: bool = False,
    tell: Tell = lambda text: None,
) -> dict[str, Any]:
    """The same task once a seed; mean, spread (sample standard deviation), lowest and highest of every measure.

    out:  the folder under which one run a seed is kept
    """
    parent = Path(out) if out is not None else next_folder(RUNS, f"{task.name or 'run'}-seeds")
    found: dict[str, list[float]] = {}
    runs, seconds = [], []
    for seed in range(first, first + count):
        run = fit(task, seed=seed, out=parent / f"seed-{seed}", strict=strict)
        runs.append(str(run.folder))
        seconds.append(float(RunFolder(run.folder).read_json(ENVIRONMENT)["training_seconds"]))
        for answer in run.metrics["answers"]:
            for name, value in answer["metrics"].items():
                known = nan if value is None else value
                found.setdefault(_named(answer, name, run.metrics), []).append(known)
        answer = run.metrics["answers"][0]
        tell(f"seed {seed}: {answer['main']} {found[_named(answer, answer['main'], run.metrics)][-1]:.4f}")
    metrics = {name: spread(values) for name, values in {**found, "training seconds": seconds}.items()}
    return {"runs": runs, "seeds": list(range(first, first + count)), "metrics": metrics}


def compare(
    tasks: Mapping[str, Task],
    *,
    seeds: int = 1,
    first: int = 0,
    out: Path | str | None = None,
    tell: Tell = lambda text: None,
) -> dict[str, Any]:
    """Each task with the same seeds: one row a task."""
    parent = Path(out) if out is not None else next_folder(RUNS, "compare")
    rows = []
    for name, task in tasks.items():
        tell(f"{name} ...")
        found = several_seeds(task, seeds, first=first, out=parent / _plain(name))
        run = RunFolder(Path(found["runs"][0]))
        weights = sum(tensor.numel() for tensor in run.read_weights().values())
        answer = run.read_json("metrics.json")["answers"][0]
        rows.append({"task": name, "main": answer["main"], "weights": weights, **found})
    return {"rows": rows, "machine": describe_machine()}


def variations(task: Task, vary: Sequence[str]) -> dict[str, Task]:
    """`process.cell=lstm,gru` -> two tasks; several such words -> every combination.

    Raises:   TaskError when a word names no values.
    """
    axes = []
    for each in vary:
        place, equals, text = each.partition("=")
        values = _values(text)
        if not equals or not values:
            raise TaskError(f"--vary {each} names no values", do="Write --vary process.cell=lstm,gru")
        axes.append([(full_place(place, task), value) for value in values])
    made = {}
    for chosen in product(*axes):
        label = " ".join(f"{place.split('.')[-1]}={value}" for place, value in chosen)
        made[label] = task.with_words(dict(chosen))
    return made


def _values(text: str) -> list[Any]:
    """Splits at commas outside brackets."""
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [read_value(part.strip()) for part in [*parts, current] if part.strip()]


def _named(answer: Mapping[str, Any], name: str, metrics: Mapping[str, Any]) -> str:
    return name if len(metrics["answers"]) == 1 else f"{answer['column']} {name}"


def spread(values: list[float]) -> dict[str, float]:
    """Mean, sample standard deviation, lowest and highest."""
    deviation = stdev(values) if len(values) > 1 else 0.0
    return {"mean": mean(values), "spread": deviation, "lowest": min(values), "highest": max(values)}


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")
