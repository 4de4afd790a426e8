"""What stands behind a verb: a task by name, file or data, its question, and words that change it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kissipo.runs.task import Task


def add_task_arguments(parser: ArgumentParser) -> None:
    """TASK, key=value and the three options of a question."""
    parser.add_argument(
        "task", metavar="TASK", help="a built-in name, a .yaml, your own data, or input.WORD=data"
    )
    parser.add_argument(
        "words",
        metavar="key=value",
        nargs="*",
        help="words of the task, such as epochs=5 or process.cell=gru",
    )
    parser.add_argument("--output", metavar="COLUMN", help="the column that is asked for")
    parser.add_argument(
        "--time", metavar="COLUMN", help="the column of moments: the data are a series"
    )
    parser.add_argument(
        "--horizon", type=int, metavar="STEPS", help="how many steps ahead are forecast"
    )


def parse_task(arguments: Namespace) -> Task:
    """The task that the arguments mean."""
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


def _written_out(arguments: Namespace, words: dict[str, Any]) -> Task:
    """A task that is words alone, of which the first names the data."""
    from kissipo.core.errors import TaskError
    from kissipo.core.task import split_argument
    from kissipo.runs.load import load

    for option in ("output", "time", "horizon"):
        if getattr(arguments, option) is not None:
            raise TaskError(
                f"--{option} asks about data that stand alone as TASK",
                given=arguments.task,
                do="Leave out what stands before the = there, or say it as a word, too",
            )
    place, value = split_argument(arguments.task)
    return load({}, words={place: value, **words}).named(place.rpartition(".")[2])


def is_run(name: str) -> bool:
    """Whether a name is the folder of a run, whole or not."""
    return any((Path(name) / file).is_file() for file in ("codecs.json", "task.yaml"))
