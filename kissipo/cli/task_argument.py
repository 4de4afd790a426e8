"""The TASK argument of a verb: a name, a file or data, with options that change it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kissipo.runs.task import Task


def add_task_arguments(parser: ArgumentParser) -> None:
    """Adds TASK, key=value, --output, --time and --horizon to a parser."""
    parser.add_argument(
        "task",
        metavar="TASK",
        help="a built-in name, a .yaml file, your own data, or input.SOURCE=data",
    )
    parser.add_argument(
        "words",
        metavar="key=value",
        nargs="*",
        help="options of the task, such as epochs=5 or process.cell=gru",
    )
    add_question_arguments(parser)


def add_question_arguments(parser: ArgumentParser) -> None:
    """Adds --output, --time and --horizon to a parser."""
    parser.add_argument("--output", metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--time", metavar="COLUMN", help="the column of timestamps; makes the data a series"
    )
    parser.add_argument(
        "--horizon", type=int, metavar="STEPS", help="the number of steps to forecast"
    )


def add_device_argument(parser: ArgumentParser) -> None:
    """Adds --device to a parser."""
    parser.add_argument(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="device of the training: auto (an NVIDIA GPU where there is one), cpu, cuda or mps",
    )


def parse_task(arguments: Namespace) -> Task:
    """Returns the task of the arguments."""
    from kissipo.core.task import split_argument
    from kissipo.runs.load import load

    words = dict(split_argument(argument) for argument in arguments.words)
    if (
        arguments.task.startswith("input.")
        and "=" in arguments.task
        and not Path(arguments.task).exists()
    ):
        return _written_out(arguments, words)
    return load(
        arguments.task,
        output=arguments.output,
        time=arguments.time,
        horizon=arguments.horizon,
        words=words,
    )


def _written_out(arguments: Namespace, words: dict[str, object]) -> Task:
    """Returns a task that is given by options only; the first names the data."""
    from kissipo.core.errors import TaskError
    from kissipo.core.task import split_argument
    from kissipo.runs.load import load

    for option in ("output", "time", "horizon"):
        if getattr(arguments, option) is not None:
            raise TaskError(
                f"--{option} needs a TASK that is a file or a name",
                got=arguments.task,
                do=f"Give the data without '{arguments.task.partition('=')[0]}=', "
                "or write the output as an option, such as output.category=COLUMN",
            )
    place, value = split_argument(arguments.task)
    return load({}, words={place: value, **words}).named(place.rpartition(".")[2])


def is_run(name: str) -> bool:
    """Whether a name is the folder of a run, complete or not."""
    return any(isfile(Path(name) / file) for file in ("codecs.json", "task.yaml"))
