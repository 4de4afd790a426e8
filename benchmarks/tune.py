"""What does `kissipo tune` find, and how much faster are two workers than one?

Question   By how much is the best of some trials better than the task as it is, on the
           validation split and on the test split? How long do one and two workers take
           for the same random trials?
Tasks      spam (S06's SMS messages), airline-lstm-window, and the wines of scikit-learn
           as a person's own table.
Method     one thread per process, seed 0; `tpe` for the first question; `random` for
           the second, in turns, where all trials and their values are equal. The wall
           time means nothing on a busy machine, so its load is printed.
Run        OMP_NUM_THREADS=1 python benchmarks/tune.py best
           OMP_NUM_THREADS=1 python benchmarks/tune.py workers
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from sklearn.datasets import load_wine

import kissipo as ki
from kissipo.runs.tune.result import TuneResult

TASKS = ("spam", "airline", "wine")


def task_of(name: str, folder: Path) -> ki.Task:
    """Returns a task by the name that it has here."""
    if name == "spam":
        return ki.load("spam")
    if name == "airline":
        return ki.load("airline-lstm-window")
    path = folder / "wine.csv"
    frame = load_wine(as_frame=True).frame
    frame["target"] = frame["target"].map(dict(enumerate("abc")))
    frame.to_csv(path, index=False)
    # by more than chance, no net is better than the linear solution
    return ki.load(str(path), output="target", words={"init": "random"})


def processor_seconds() -> float:
    """Returns the seconds of this process and of those that have ended."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def show_best(name: str, result: TuneResult, seconds: float) -> None:
    """Prints the best trial beside trial 0."""
    main = next(iter(result.test["best"]))
    first, best = result.trials[0], result.best
    states = [record.state for record in result.trials]
    print(
        f"{name:8} {result.sampler:9} {len(states):3} trials, {states.count('pruned')} pruned, "
        f"{states.count('failed')} failed, {seconds:6.1f} CPU s\n"
        f"    {result.monitor.name}: {first.value:.4f} -> {best.value:.4f} (trial {best.number})\n"
        f"    test {main}: {result.test['default'][main]:.4f} -> {result.test['best'][main]:.4f}\n"
        f"    {dict(best.options)}",
        flush=True,
    )


def compare_workers(task: ki.Task, trials: int, rounds: int, folder: Path) -> None:
    """Prints the wall time of one and of two workers, in turns."""
    results = {}
    for turn in range(rounds):
        for workers in (1, 2):
            started, before = time.perf_counter(), processor_seconds()
            out = folder / f"{turn}-{workers}"
            results[workers] = task.tune(trials=trials, workers=workers, sampler="random", out=out)
            print(
                f"{workers} workers: {time.perf_counter() - started:6.1f} s, "
                f"{processor_seconds() - before:6.1f} CPU s, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    values = [[record.value for record in result.trials] for result in results.values()]
    print("the values of all trials are equal:", values[0] == values[1])


def main() -> None:
    """Prints one block per task, or one line per study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", choices=("best", "workers"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sampler", default="tpe")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for task in options.tasks:
            if options.question == "workers":
                place = folder / task
                compare_workers(task_of(task, folder), options.trials, options.rounds, place)
                continue
            before = processor_seconds()
            result = task_of(task, folder).tune(
                trials=options.trials, sampler=options.sampler, out=folder / task
            )
            show_best(task, result, processor_seconds() - before)


if __name__ == "__main__":
    main()
