"""search better options of a task: many trainings, one table, the best task

kissipo tune airline-lstm-window --trials 20 --workers 2
kissipo tune sms.csv --output kind epochs=5        such options stay as they are
kissipo tune digits --search learning_rate --search units=[32],[64,64]
kissipo tune digits --search process.learning_rate=1e-4..1e-2 --sampler random
kissipo tune digits --sampler hyperband            stops bad trials early
kissipo tune digits --resume                       continues the latest study
kissipo fit runs/digits-tune-1/task.yaml           trains the best task

Trial 0 is the task as it is. Trials are compared on the validation split.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path

from kissipo.cli.screen import Screen
from kissipo.cli.task_argument import add_device_argument, add_task_arguments, parse_task


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo tune`."""
    add_task_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="the number of trainings (default: 20)"
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="the number of processes (default: 1)"
    )
    parser.add_argument(
        "--sampler",
        metavar="NAME",
        help="random, tpe (default), or hyperband: tpe that stops early",
    )
    parser.add_argument(
        "--search",
        metavar="KEY=VALUES",
        action="append",
        default=[],
        help="an option to search, alone or with a range (1e-4..1e-2) or choices (32,64); "
        "only these are searched; all: every option that declares values",
    )
    parser.add_argument("--seed", type=int, help="random seed of every trial (default: 0)")
    parser.add_argument("--out", type=Path, help="the folder (default: runs/NAME-tune-N)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the study in --out, or the latest; start a new one where there is none",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the result")
    add_device_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--worker", action="store_true", help=SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=SUPPRESS)


def run(arguments: Namespace, screen: Screen) -> None:
    """Runs a study and prints its trials, or works for one (`--worker`)."""
    from rich.markup import escape

    from kissipo.cli.study_output import StudyOutput
    from kissipo.cli.tables import render
    from kissipo.core.task import split_argument
    from kissipo.pipeline.parse import full_place
    from kissipo.runs.tune.study import TuneConfig
    from kissipo.runs.tune.tune import run_study

    if arguments.worker:
        from kissipo.runs.tune.worker import work

        work(Path(arguments.task), device=arguments.device, threads=arguments.threads)
        return
    task = parse_task(arguments)
    fixed = [full_place(split_argument(word)[0], task) for word in arguments.words]
    config = TuneConfig(
        arguments.trials,
        arguments.workers,
        arguments.sampler,
        arguments.search,
        tuple(fixed),
        arguments.seed,
        arguments.out,
        arguments.resume,
        arguments.device,
    )
    result = run_study(task, config, StudyOutput(screen))
    screen.result(f"\n[bold]{len(result.trials)} trials[/]")
    screen.result(render(result.trials_table()))
    screen.result(f"\n{escape(result.headline())}")
    screen.result(render(result.test_table()))
    folder = escape(str(result.folder))
    screen.result(f"\nSaved to [bold]{folder}[/]; the best task: {folder}/task.yaml")
    screen.note(f"[dim]Next: kissipo fit {folder}/task.yaml[/]")
    screen.result_json(result.to_json())
