"""compare tasks, or variations of one task, by score, training time and size

kissipo compare digits mnist
kissipo compare sms.csv --output kind --vary process.cell=rnn,lstm,gru
kissipo compare inception-naive inception-bottleneck    the costs of nets
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.cli.screen import Screen
from kissipo.cli.task_argument import add_device_argument, add_question_arguments

if TYPE_CHECKING:
    from kissipo.core.task import Task

_PREFERRED = (
    "recall",
    "f1",
    "roc_auc",
)  # the metrics of the lectures besides accuracy and time; the last to be left out


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo compare`."""
    parser.add_argument(
        "tasks",
        metavar="TASK",
        nargs="+",
        help="built-in names, .yaml files or data; key=value changes all tasks",
    )
    parser.add_argument(
        "--vary", metavar="KEY=A,B", action="append", default=[], help="an option and its values"
    )
    add_question_arguments(parser)
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="K",
        help="the number of random seeds per task (default: 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="the first random seed (default: 0)")
    parser.add_argument("--out", type=Path, help="the folder of the runs (default: runs/compare-N)")
    add_device_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Trains the tasks and prints one row per task."""
    from rich.markup import escape

    from kissipo.cli.tables import render
    from kissipo.core.errors import TaskError
    from kissipo.core.task import split_argument
    from kissipo.report.tables import compared_metrics, comparison_table
    from kissipo.runs.compare import SECONDS, compare, variations
    from kissipo.runs.load import load
    from kissipo.runs.model_summary import is_bare_net

    names = [argument for argument in arguments.tasks if "=" not in argument]
    words = dict(split_argument(argument) for argument in arguments.tasks if "=" in argument)
    if any(map(is_bare_net, names)):
        return _costs(names, words, arguments, screen)
    tasks: dict[str, Task] = {}
    for name in names:
        task = load(
            name,
            output=arguments.output,
            time=arguments.time,
            horizon=arguments.horizon,
            words=words,
        )
        tasks |= variations(task, arguments.vary) if arguments.vary else {name: task}
    if len(tasks) < 2:
        raise TaskError(
            "kissipo compare needs at least two tasks",
            do="Name another task, or use --vary process.cell=lstm,gru",
        )
    if arguments.vary and len(names) > 1:
        raise TaskError("--vary needs exactly one task", got=", ".join(names))
    notify = lambda text: screen.note(escape(text))  # noqa: E731
    comparison = compare(
        tasks,
        seeds=arguments.seeds,
        first=arguments.seed,
        out=arguments.out,
        device=arguments.device,
        notify=notify,
    )
    rows = comparison["rows"]
    metrics = compared_metrics(rows)
    spare = [name for name in metrics if name not in {row["main"] for row in rows} | {SECONDS}]
    spare.sort(key=lambda name: name.split(" ")[-1] in _PREFERRED, reverse=True)
    left_out: list[str] = []
    while not screen.fits(grid := render(comparison_table(rows, metrics))) and spare:
        left_out.insert(0, spare.pop())
        metrics.remove(left_out[0])
    screen.result(grid)
    if left_out:
        screen.note(f"[dim]No room here for {', '.join(left_out)}: see --json[/]")
    screen.note(
        "[dim]faster: training speed compared with the first row; "
        "performance / cost: score per second, relative to the first row[/]"
    )
    screen.result_json(comparison)
    return None


def _costs(
    names: list[str], words: dict[str, object], arguments: Namespace, screen: Screen
) -> None:
    """Prints one row per net with its costs for one image."""
    from kissipo.cli.cost_tables import costs_side_by_side
    from kissipo.core.errors import TaskError
    from kissipo.runs.model_summary import is_bare_net, net_costs

    tasks = [name for name in names if not is_bare_net(name)]
    if tasks or len(names) < 2 or arguments.vary:
        raise TaskError(
            "nets without data can only be compared with other nets",
            got=", ".join([*names, *arguments.vary]),
            do="Name at least two nets, or tasks with net=...",
        )
    nets = {name: net_costs(name, words) for name in names}
    screen.result(costs_side_by_side(nets))
    screen.remarks(list(dict.fromkeys(note for costs in nets.values() for note in costs.notes)))
    screen.result_json({"nets": [{"net": name, **costs.to_json()} for name, costs in nets.items()]})
