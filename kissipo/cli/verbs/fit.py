"""train a task, judge it beside simple answers, keep the run

TASK is a built-in name (kissipo list), a .yaml file, or your own data with the question:

    kissipo fit digits
    kissipo fit sms.csv --output kind
    kissipo fit photos/                                  a folder per class
    kissipo fit air.csv --time Month --output Passengers --horizon 12
    kissipo fit novel.txt
    kissipo fit digits epochs=5 process.units=[64,64]    any word of the task
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from kissipo.cli.asked import add_question, asked_task
from kissipo.cli.screen import Screen


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo fit`."""
    add_question(parser)
    parser.add_argument("--out", type=Path, help="the run folder (default: runs/NAME-N)")
    parser.add_argument("--seed", type=int, help="where all dice start (default: 0)")
    parser.add_argument("--seeds", type=int, metavar="K", help="train K times with seeds 0..K-1: mean and spread")
    parser.add_argument("--epochs", type=int, help="how often every sample is seen")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    parser.add_argument("--strict", action="store_true", help="stop at the first warning of the data check")
    parser.add_argument("--quiet", action="store_true", help="show only the result")
    parser.add_argument("--json", action="store_true", help="give the result as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Trains once, or once a seed."""
    from kissipo.cli.progress import Story
    from kissipo.plan.job import fit

    task = asked_task(arguments)
    if arguments.epochs is not None:
        task = task.with_words({"process.epochs": arguments.epochs})
    if arguments.seeds is not None:
        return _several(task, arguments, screen)
    story = Story(screen)
    try:
        made = fit(
            task,
            seed=arguments.seed,
            out=arguments.out,
            resume=arguments.resume,
            strict=arguments.strict,
            tellers=[story],
        )
    finally:
        story.close()
    screen.result_json({"run": str(made.folder), "seed": made.seed, **made.metrics})
    return None


def _several(task: Any, arguments: Namespace, screen: Screen) -> None:
    from rich.markup import escape

    from kissipo.cli.screen import table
    from kissipo.cli.tell import tell_number
    from kissipo.core.errors import TaskError
    from kissipo.plan.compare import several_seeds

    if arguments.seeds < 1 or arguments.resume:
        raise TaskError("--seeds takes a number of at least 1, and no --resume", given=str(arguments.seeds))
    found = several_seeds(
        task, arguments.seeds, out=arguments.out, first=arguments.seed or 0, strict=arguments.strict, tell=screen.note
    )
    made = table("", "mean", "spread", "lowest", "highest", right=(1, 2, 3, 4))
    for name, values in found["metrics"].items():
        made.add_row(escape(name), *(tell_number(values[key]) for key in ("mean", "spread", "lowest", "highest")))
    screen.result(f"[bold]{arguments.seeds} seeds[/]")
    screen.result(made)
    screen.result("Runs: " + escape(", ".join(found["runs"])))
    screen.result_json(found)
