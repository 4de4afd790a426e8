"""Load: turns a built-in name, a YAML file or the user's own data into a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kissipo.core.config import FrozenConfig
from kissipo.core.errors import DataError, TaskError
from kissipo.core.json_object import JsonMapping
from kissipo.core.recipe import Recipe
from kissipo.core.suggest import nearest
from kissipo.engine.run_folder import TASK
from kissipo.input.formats.files import existing, path_of, readable
from kissipo.lessons import lesson, lesson_names
from kissipo.pipeline.infer_task import infer_task
from kissipo.pipeline.parse import full_place
from kissipo.pipeline.registries import ANSWERS, NETS, RECIPES, SOURCES
from kissipo.pipeline.resolve import with_changes
from kissipo.runs.task import Task, as_task

_YAML = (".yaml", ".yml")


def load(
    task: object,
    *,
    output: str | None = None,
    time: str | None = None,
    horizon: int | None = None,
    words: Mapping[str, object] | None = None,
) -> Task:
    """Returns a task.

    task:     the name of a built-in task; a .yaml file; a run folder; your own data
              (a table, a folder of images, a text, a data frame, `gym:NAME`); or a
              mapping of the three parts
    output:   the column to predict, with your own data
    time:     the column of timestamps, which makes the data a series
    horizon:  the number of steps to forecast
    words:    options to change or to add, by their places or, where unique, their names
    Raises:   a subclass of UserError, with what is wrong and a suggestion.
    """
    if isinstance(task, str) and task in lesson_names():
        _refuse_question(task, output, time, horizon)
        return as_task(lesson(task, words or {}))
    base = _find(task, output, time, horizon, words or {})
    places = {full_place(key, base): value for key, value in (words or {}).items()}
    return with_changes(base, places) if places else base


def _find(
    task: object,
    output: str | None,
    time: str | None,
    horizon: int | None,
    words: Mapping[str, object],
) -> Task:
    if isinstance(task, Task):
        return task
    if isinstance(task, Mapping):
        return Task.from_plain(task)
    if isinstance(task, str):
        if task in recipe_names():
            _refuse_question(task, output, time)
            built_in = as_task(recipe(task).task.named(task))
            return built_in if horizon is None else built_in.with_words({"output.horizon": horizon})
        path = path_of(task)
        if path.suffix in _YAML:
            return _from_yaml(path)
        if (path / TASK).is_file():
            return _from_yaml(path / TASK)
        if not path.exists() and not set(task) & set("/.:"):
            _refuse_unknown(task)
    from kissipo.input.question import Question  # it imports the readers of every format

    word, column = _answer_in(words)
    plain = {key.removeprefix("input."): value for key, value in words.items()}
    kind = None if word is None else ANSWERS.find(word, place="output").ANSWER.variant(column)
    names_column = kind is None or kind.NAMES_COLUMN
    column = output or (column if names_column else None)
    return as_task(infer_task(Question(task, column, time, horizon, word, names_column, plain)))


def _answer_in(words: JsonMapping) -> tuple[str | None, str | None]:
    """Returns the kind and the column of the (first) output, if given."""
    plain = {key.removeprefix("output."): value for key, value in words.items()}
    whole = plain.get("output")
    first = whole[0] if isinstance(whole, list | tuple) and whole else whole
    answer_words = (
        {first: None} if isinstance(first, str) else first if isinstance(first, Mapping) else plain
    )
    return next(
        ((word, answer_words[word]) for word in ANSWERS.names() if word in answer_words),
        (None, None),
    )


def recipe_names() -> list[str]:
    """Returns the names of all built-in tasks."""
    return [name.replace("_", "-") for name in RECIPES.names()]


def recipe(name: str) -> Recipe:
    """Returns a built-in task with its source and its expected score."""
    built_in: Recipe = RECIPES.find(name.replace("-", "_"), place="TASK").RECIPE
    return built_in


def _from_yaml(path: Path) -> Task:
    existing(path)
    with readable(path):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise TaskError(f"{path} is not UTF-8 text", do="Save it as UTF-8") from None
    name = path.parent.name if path.name == TASK else path.stem
    task = Task.from_yaml(text, origin=str(path), name=name)
    return task.with_words(
        {
            **_resolve_paths("input", task.input, path),
            **_resolve_paths("process", task.process, path),
        }
    )


def _resolve_paths(part: str, words: FrozenConfig, path: Path) -> dict[str, object]:
    """Resolves missing files of a task relative to the folder of the task file."""
    sources = [key for key in words if part == "input" and key in SOURCES.names()]
    paths = {"weights", *sources}
    for source in sources:
        paths.update(SOURCES.find(source, place="input").SOURCE.data_options)
    changes: dict[str, object] = {}
    for key, value in words.items():
        if (
            key in paths
            and isinstance(value, str)
            and not Path(value).exists()
            and (path.parent / value).exists()
        ):
            changes[f"{part}.{key}"] = str(path.parent / value)
    return changes


def _refuse_question(name: str, *values: object) -> None:
    if any(values):
        raise TaskError(
            f"'{name}' is a built-in task with its own output",
            do="Leave --output and --time out, or name a file",
        )


def _refuse_unknown(name: str) -> None:
    from kissipo.input.datasets import dataset_names

    names = [*recipe_names(), *lesson_names(), *dataset_names()]
    if name in names:
        return
    if name in NETS.names():
        raise DataError(
            f"'{name}' is a net, not a task",
            do=f"Name a task or data, and the net: kissipo fit digits net={name}",
        )
    matches = nearest(name, [*names, *NETS.names()]) + nearest(
        name, [path.name for path in Path().iterdir()]
    )
    hint = (
        "Did you mean " + " or ".join(f"'{path}'" for path in matches[:3]) + "?"
        if matches
        else "Built-in tasks: " + ", ".join(recipe_names())
    )
    raise DataError(f"'{name}' is not a built-in task or a file", do=hint)
