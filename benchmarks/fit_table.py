"""What does a whole fit of a large table cost? Processor time and memory per phase.

Question   Does `kissipo fit` of 10^6 rows x 20 mixed columns need less than 25 seconds
           of the processor and 1.5 GB, and of 10^4 rows less than 4 seconds after its
           start?
Table      of benchmarks/reading.py: numbers, classes, dates, texts, 2 % missing.
Phases     start (the imports), read (the file, its types and the task), build (data
           check, codecs, encoding), train (one epoch), evaluate (the net and the
           baselines), save (weights, traces and report).
Method     each fit is a process of its own; the medians count. Memory is the largest
           resident memory up to the end of a phase.
Profile    with --profile N: the N functions of kissipo with the most processor time,
           sampled 50 times per second, with all that they call and alone.
Run        python benchmarks/fit_table.py [--rows 10000 1000000] [--rounds 3]
           [--profile 40]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from reading import make

PHASES = ("start", "read", "build", "train", "evaluate", "save")
Phases = dict[str, tuple[float, float]]


def measure(path: Path) -> Phases:
    """Fits in this process; returns the processor time and the memory per phase."""
    done: Phases = {}

    def end(phase: str) -> None:
        before = sum(seconds for seconds, _ in done.values())
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        done[phase] = (time.process_time() - before, memory)

    from kissipo.cli.screen import Screen
    from kissipo.cli.training_output import TrainingOutput
    from kissipo.runs.fit import fit
    from kissipo.runs.load import load

    class Phase(TrainingOutput):
        """The output of the command line, which also ends the phases."""

        def on_built(self, *arguments: Any) -> None:
            super().on_built(*arguments)
            end("build")

        def on_evaluated(self, *arguments: Any) -> None:
            super().on_evaluated(*arguments)
            end("evaluate")

    end("start")
    task = load(str(path), output="kind", words={"process.epochs": 1})
    end("read")
    callback = Phase(Screen(quiet=True))
    _at_the_end_of_training(lambda: end("train"))
    with tempfile.TemporaryDirectory() as folder:
        fit(task, out=Path(folder) / "run", callbacks=[callback])
    end("save")
    return done


def _at_the_end_of_training(do: Any) -> None:
    from kissipo.runs import fit

    evaluate = fit.evaluate_test_split

    def after_training(*arguments: Any, **options: Any) -> Any:
        do()
        return evaluate(*arguments, **options)

    fit.evaluate_test_split = after_training


class Profile(threading.Thread):
    """Counts the processor time per function of kissipo on the main thread."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.inclusive: Counter[str] = Counter()
        self.alone: Counter[str] = Counter()
        self.main = threading.main_thread().ident

    def run(self) -> None:
        """Samples the stack of the main thread until the process ends."""
        before = time.process_time()
        while True:
            time.sleep(0.02)
            now = time.process_time()
            frame = sys._current_frames().get(self.main or 0)
            names: set[str] = set()
            while frame is not None:
                file = frame.f_code.co_filename
                if "kissipo/" in file:
                    place = file.rsplit("kissipo/", 1)[1]
                    if not names:
                        self.alone[f"{place}:{frame.f_lineno}"] += now - before
                    name = f"{place} {frame.f_code.co_name}"
                    if name not in names:
                        names.add(name)
                        self.inclusive[name] += now - before
                frame = frame.f_back
            before = now

    def print(self, number: int) -> None:
        """Prints the functions with the most processor time."""
        for title, counts in (("with calls", self.inclusive), ("alone", self.alone)):
            print(f"\nprocessor time {title}, s")
            for name, seconds in counts.most_common(number):
                print(f"{seconds:7.2f}  {name}")


def run_child(path: Path, profile: int) -> Phases:
    """Measures one fit in a process of its own."""
    command = [sys.executable, __file__, "--file", str(path), "--profile", str(profile)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    *printed, result = done.stdout.splitlines()
    print(*printed, sep="\n")
    return json.loads(result)  # type: ignore[no-any-return]


def compare(path: Path, rounds: int, profile: int) -> None:
    """Prints the medians per phase, and their sum with and without the start."""
    runs = [run_child(path, profile) for _ in range(rounds)]
    print("| phase | processor, s | memory, GB |\n|---|---|---|")
    for phase in PHASES:
        seconds, memory = (statistics.median(run[phase][i] for run in runs) for i in (0, 1))
        print(f"| {phase} | {seconds:.2f} | {memory:.2f} |")
    totals = [sum(seconds for seconds, _ in run.values()) for run in runs]
    starts = [run["start"][0] for run in runs]
    after = [total - start for total, start in zip(totals, starts, strict=True)]
    print(f"| all | {statistics.median(totals):.2f} | |")
    print(f"| after the start | {statistics.median(after):.2f} | |")


def main() -> None:
    """Prints a table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", type=int, default=0, metavar="N")
    parser.add_argument("--file", type=Path, help="(used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.file:
        profile = Profile()
        if arguments.profile:
            profile.start()
        phases = measure(arguments.file)
        if arguments.profile:
            profile.print(arguments.profile)
        print(json.dumps(phases))
        return
    with tempfile.TemporaryDirectory() as folder:
        for rows in arguments.rows:
            path = Path(folder) / f"{rows}.csv"
            make(path, rows)
            print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB", flush=True)
            compare(path, arguments.rounds, arguments.profile)


if __name__ == "__main__":
    main()
