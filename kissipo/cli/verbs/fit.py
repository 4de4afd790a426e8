"""train a task, evaluate it against baselines, save the run

TASK is a built-in name (kissipo list), a .yaml file, or your own data with an output:

    kissipo fit digits
    kissipo fit sms.csv --output kind
    kissipo fit photos/                                  a folder per class
    kissipo fit air.csv --time Month --output Passengers --horizon 12
    kissipo fit novel.txt
    kissipo fit input.text=novel.txt                     the same with options only
    kissipo fit digits epochs=5 process.units=[64,64]    any option of the task
    kissipo fit sms.csv --output kind --folds 5          cross-validated with five folds
    kissipo fit air.csv --output Passengers --backtest 4 evaluated on four folds
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.cli.screen import Screen
from kissipo.cli.task_argument import add_device_argument, add_task_arguments, parse_task
from kissipo.core.json_object import JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from kissipo.runs.task import Task


_SEVERAL = ("seeds", "folds", "backtest")
_MAX_RUNS = 12


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo fit`."""
    add_task_arguments(parser)
    parser.add_argument("--out", type=Path, help="the run folder (default: runs/NAME-N)")
    parser.add_argument("--seed", type=int, help="random seed (default: 0)")
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="K",
        help="train with K random seeds, 0 to K-1; print mean and std",
    )
    parser.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="cross-validation: train K times, each sample in one test split; "
        "K=number of samples is leave-one-out",
    )
    parser.add_argument(
        "--backtest",
        type=int,
        metavar="K",
        help="series only: evaluate on K successive folds (rolling origin)",
    )
    parser.add_argument("--epochs", type=int, help="number of passes over the training split")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="resume a stopped run: --out, the run folder TASK, or the latest; start a new one "
        "where there is none",
    )
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first warning of the data check"
    )
    parser.add_argument(
        "--budget",
        metavar="BUDGET",
        help="how long candidates are compared where no net is written: none, small (about 20 s "
        "on two cores), medium (60 s, the default) or large (5 min); also KISSIPO_BUDGET",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the result")
    add_device_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Trains once, once per seed, or once per fold."""
    from kissipo.cli.training_output import TrainingOutput
    from kissipo.core.errors import TaskError
    from kissipo.runs.fit import fit

    several = [name for name in _SEVERAL if vars(arguments)[name] is not None]
    if len(several) > 1:
        names = " and ".join(f"--{name}" for name in several)
        raise TaskError(
            "a task is trained several times in one way", got=names, do="Give only one of them"
        )
    task = parse_task(arguments)
    if arguments.epochs is not None:
        task = task.with_words({"process.epochs": arguments.epochs})
    if arguments.seeds is not None:
        return _several(task, arguments, screen)
    if arguments.folds is not None:
        return _cross_validate(task, arguments, screen)
    if arguments.backtest is not None:
        return _backtest(task, arguments, screen)
    output = TrainingOutput(screen)
    try:
        trained = fit(
            task,
            seed=arguments.seed,
            out=arguments.out or (_named_run(arguments) if arguments.resume else None),
            resume=arguments.resume,
            strict=arguments.strict,
            device=arguments.device,
            budget=arguments.budget,
            callbacks=[output],
        )
    finally:
        output.close()
    screen.result_json({"run": str(trained.folder), "seed": trained.seed, **trained.metrics})
    return None


def _named_run(arguments: Namespace) -> Path | None:
    """Returns the run folder that stands in the place of the task, if it is one."""
    from kissipo.engine.run_folder import CANDIDATES, DATA

    named = Path(arguments.task)
    return named if any((named / name).is_file() for name in (DATA, CANDIDATES)) else None


def _several(task: Task, arguments: Namespace, screen: Screen) -> None:
    from rich.markup import escape

    from kissipo.cli.screen import table
    from kissipo.core.errors import TaskError
    from kissipo.core.text import format_score
    from kissipo.runs.compare import several_seeds

    if arguments.seeds < 1 or arguments.resume:
        raise TaskError(
            "--seeds needs a number of at least 1, without --resume", got=str(arguments.seeds)
        )
    result = several_seeds(
        task,
        arguments.seeds,
        out=arguments.out,
        first=arguments.seed or 0,
        strict=arguments.strict,
        device=arguments.device,
        budget=arguments.budget,
        notify=screen.note,
    )
    grid = table("", "mean", "std", "min", "max", right=(1, 2, 3, 4))
    for name, values in result["metrics"].items():
        grid.add_row(
            escape(name), *(format_score(values[key]) for key in ("mean", "std", "min", "max"))
        )
    screen.result(f"[bold]{arguments.seeds} seeds[/]")
    screen.result(grid)
    screen.result("Runs: " + escape(", ".join(result["runs"])))
    screen.result_json(result)


def _cross_validate(task: Task, arguments: Namespace, screen: Screen) -> None:
    from kissipo.core.errors import TaskError
    from kissipo.runs.cross_validation import cross_validate

    if arguments.resume:
        raise TaskError("--folds cannot be combined with --resume")
    result = cross_validate(
        task,
        arguments.folds,
        seed=arguments.seed or 0,
        out=arguments.out,
        strict=arguments.strict,
        device=arguments.device,
        budget=arguments.budget,
        notify=screen.note,
    )
    main, sign = result["main"], -1 if result["higher_is_better"] else 1
    names = sorted(
        result["baselines"], key=lambda name: sign * result["baselines"][name][main]["mean"]
    )
    screen.result(f"[bold]{arguments.folds} folds[/] [dim](mean ± standard deviation)[/]")
    _show_folds(screen, result, names, _over_folds)


def _show_folds(
    screen: Screen,
    result: JsonObject,
    names: list[str],
    build: Callable[[JsonObject, list[str]], Table],
) -> None:
    """Prints the folds with as many baselines as have room, and the runs."""
    from rich.markup import escape

    left_out: list[str] = []
    while not screen.fits(grid := build(result, names)) and names:
        left_out.append(names.pop())
    screen.result(grid)
    if left_out:
        screen.note(f"[dim]No room here for {', '.join(left_out)}: see --json[/]")
    runs = [fold["run"] for fold in result["folds"]]
    names_of_runs = f"{runs[0]} to {runs[-1]}" if len(runs) > _MAX_RUNS else ", ".join(runs)
    if "predictions" in result:
        screen.result("Predictions: " + escape(result["predictions"]))
    screen.result("Runs: " + escape(names_of_runs))
    screen.result_json(result)


def _over_folds(result: JsonObject, names: list[str]) -> Table:
    """Returns one row per metric: the net, all folds pooled, and the baselines."""
    from kissipo.cli.screen import table
    from kissipo.core.text import format_score

    def spread(values: dict[str, float] | None) -> str:
        if values is None:
            return ""
        return f"{format_score(values['mean'])} ± {format_score(values['std'])}"

    pooled = result["pooled"]
    titles = ["", "model", *(["pooled"] if pooled else []), *names]
    grid = table(*titles, right=tuple(range(1, len(titles))))
    for metric in {**result["metrics"], **pooled}:
        values = result["metrics"].get(metric)
        together = format_score(pooled[metric]) if metric in pooled else ""
        grid.add_row(
            metric,
            spread(values),
            *([together] if pooled else []),
            *(spread(result["baselines"][name].get(metric)) for name in names),
        )
    return grid


def _backtest(task: Task, arguments: Namespace, screen: Screen) -> None:
    from kissipo.core.errors import TaskError
    from kissipo.runs.backtest import backtest

    if arguments.resume:
        raise TaskError("--backtest cannot be combined with --resume")
    result = backtest(
        task,
        arguments.backtest,
        seed=arguments.seed or 0,
        out=arguments.out,
        strict=arguments.strict,
        device=arguments.device,
        budget=arguments.budget,
        notify=screen.note,
    )
    names = sorted(result["baselines"], key=lambda name: result["baselines"][name]["mean"])
    _show_folds(screen, result, names, _folds)


def _folds(result: JsonObject, names: list[str]) -> Table:
    """Returns one row per fold with the main metric of the model and the baselines."""
    from kissipo.cli.screen import table
    from kissipo.core.text import format_score

    main = result["main"]
    grid = table(
        "test steps", "training steps", main, *names, right=tuple(range(1, 3 + len(names)))
    )
    for fold in result["folds"]:
        period = " to ".join(fold["timestamps"]) or f"{fold['test_steps']} steps"
        values = [fold["metrics"][main], *(fold["baselines"][name] for name in names)]
        grid.add_row(
            period, f"{fold['train_steps']:,} steps", *(format_score(value) for value in values)
        )
    means = [result["metrics"][main], *(result["baselines"][name] for name in names)]
    grid.add_row(
        "[bold]mean[/]",
        "",
        *(
            f"{format_score(statistics['mean'])} ± {format_score(statistics['std'])}"
            for statistics in means
        ),
    )
    return grid
