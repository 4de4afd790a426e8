"""Parses a task: checks every option and returns them in typed dataclasses.

    input     one source and its options; split, batch_size
    process   one net and its options; one algorithm and its options
    output    one answer (or a list) and its options; baselines

Options that are left out are inferred later. All others are checked here, before any
data are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from kissipo.core.config import FrozenConfig, to_plain
from kissipo.core.errors import NotBuiltError, TaskError, UserError
from kissipo.core.python_object import is_module, is_remark
from kissipo.core.registry import Registry
from kissipo.core.schema import option_infos, read, unknown_option
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.input import options as input_general
from kissipo.output import options as output_general
from kissipo.output.answer import Answer
from kissipo.output.metric_object import Metric
from kissipo.pipeline.registries import (
    ALGORITHMS,
    ANSWERS,
    BASELINES,
    BUILDERS,
    LOSSES,
    METRICS,
    NETS,
    PLANNED_VALUES,
    PLANNED_WORDS,
    SHORT_LOSSES,
    SOURCES,
    allowed_baselines,
)
from kissipo.pipeline.renamed_options import RENAMED, VALUES, current_name

AUTO = "auto"  # the net that is the best of several candidates
AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class Component:
    """A source, net, algorithm or answer: its name, module, value, typed options and
    place.

    written:  the options of a source that the task has, also general ones
    """

    name: str
    module: ModuleType
    value: object
    options: Any
    place: str = ""
    written: tuple[str, ...] = ()

    @property
    def answer(self) -> type[Answer]:
        """The class of an answer for its value."""
        word: type[Answer] = self.module.ANSWER
        return word.variant(self.value)


@dataclass(frozen=True)
class ResolvedTask:
    """A parsed task; net and algorithm are None where they must still be inferred.

    baselines:   one entry per answer; None where they are to be inferred
    losses:      full names or objects, one per answer (None: the default loss of the
                 answer); empty where they are to be inferred
    metrics:     further metrics, names or functions, one entry per answer
    """

    source: Component
    general: input_general.Options
    net: Component | None
    algorithm: Component | None
    answers: tuple[Component, ...]
    baselines: tuple[tuple[str, ...] | None, ...]
    losses: tuple[Any, ...] = ()
    metrics: tuple[tuple[Metric, ...], ...] = ((),)


def read_task(task: Task) -> ResolvedTask:
    """Returns the parsed task after a check of every option.

    Raises:   TaskError naming the place; NotBuiltError for an option that is planned.
    """
    source, general = _read_input(task.input)
    answers, general_outputs = _read_output(task, source.module.SOURCE.answer_files)
    net, algorithm = _read_process(task.process, source.module)
    losses = _full_losses(task.process).get("loss", ())
    resolved = ResolvedTask(
        source,
        general,
        net,
        algorithm,
        answers,
        tuple(options.baselines for options in general_outputs),
        losses,
        tuple(
            tuple(metric for metric in options.metrics if not is_remark(metric))
            for options in general_outputs
        ),
    )
    _refuse_unused(resolved)
    return resolved


def builder_of(resolved: ResolvedTask) -> ModuleType:
    """Returns the builder that turns what the source reads into samples.

    It is that of the source, unless an answer needs another one.
    """
    source = resolved.source
    needed = [component.answer.BUILDER for component in resolved.answers]
    name = next(filter(None, needed), source.module.SOURCE.builder)
    return BUILDERS.find(name, place=f"input.{source.name}")


def unused_options(resolved: ResolvedTask) -> set[str]:
    """Returns the options of the input that the builder does not use."""
    names: set[str] = set()
    for item in builder_of(resolved).UNUSED_OPTIONS:
        if isinstance(item, str):
            names.add(item)
        elif isinstance(resolved.source.options, item):
            names |= item.unused(resolved.source.options)
    return names


def _refuse_unused(resolved: ResolvedTask) -> None:
    """Refuses options that the builder does not use, and answers that it does not
    build."""
    alone = next((answer for answer in resolved.answers if answer.answer.BUILDER), None)
    if alone is not None and len(resolved.answers) > 1:
        raise TaskError(f"output.{alone.name}={alone.value} stands alone", got="a list of answers")
    unused = unused_options(resolved)
    name = next((name for name in resolved.source.written if name in unused), None)
    if name is None:
        return
    infos = {**option_infos(type(resolved.source.options)), **option_infos(input_general.Options)}
    answers = [
        f"output.{answer.name}" + (f"={answer.value}" if answer.answer.BUILDER else "")
        for answer in resolved.answers
    ]
    raise TaskError(
        f"input.{name} ({infos[name].doc}) has no meaning for "
        + (" and ".join(answers) or "this task"),
        do="Leave it out",
    )


def source_of(part: FrozenConfig) -> str:
    """Returns the name of the source in the input of a task.

    Raises:   TaskError when there is none or more than one.
    """
    names = [key for key in part if key in SOURCES.names() or key in SOURCES.planned]
    if not names and "explain" in part:
        message = f"'{part['explain']}' is a lesson and trains nothing"
        raise TaskError(message, do=f"Look at it with `kissipo show {part['explain']}`")
    if not names:
        close = next(
            (key for key in part if not did_you_mean(key, SOURCES.names()).startswith("Known")),
            None,
        )
        do = (
            did_you_mean(close, SOURCES.names())
            if close
            else "Name the source of the data, for example input: {table: sms.csv}"
        )
        raise TaskError(
            "input names no source",
            got=", ".join(part) or "nothing",
            allowed=f"one of {', '.join(SOURCES.names())}",
            do=do,
        )
    if len(names) > 1:
        owners = [
            key
            for key in names
            if key in SOURCES.names() and _owns(key, [other for other in names if other != key])
        ]
        if len(owners) != 1:
            raise TaskError("input names two sources", got=" and ".join(names), allowed="one")
        return owners[0]
    return names[0]


def _owns(source: str, others: list[str]) -> bool:
    infos = option_infos(SOURCES.find(source, place="input").Options)
    return all(other in infos for other in others)


def _read_input(part: FrozenConfig) -> tuple[Component, input_general.Options]:
    source = source_of(part)
    module = SOURCES.find(source, place="input")
    rest = {key: value for key, value in part.items() if key != source}
    own, general = _divide(
        rest, {"own": module.Options, "general": input_general.Options}, place="input"
    )
    return (
        Component(
            source,
            module,
            part[source],
            read(module.Options, own, place="input"),
            written=tuple(rest),
        ),
        read(input_general.Options, general, place="input"),
    )


def _read_process(
    part: FrozenConfig, source: ModuleType
) -> tuple[Component | None, Component | None]:
    rest = {key: value for key, value in part.items() if key not in ("net", "algorithm")}
    net_name, algorithm_name = written_net(part), part.get("algorithm")
    for key, name in (("net", net_name), ("algorithm", algorithm_name)):
        if (
            name is not None
            and not isinstance(name, str)
            and not (key == "net" and is_module(name))
        ):
            raise TaskError(f"process.{key} must be a name", got=repr(to_plain(name)))
        if f"process.{key}={name}" in VALUES:
            raise TaskError(f"process.{key}={name} is called {VALUES[f'process.{key}={name}']}")
    net_name, net = net_of(part)
    if net is None:
        named = algorithm_name and ALGORITHMS.find(algorithm_name, place="process.algorithm")
        _check_loosely(rest, named or None)
        return None, None
    algorithm_name, algorithm = algorithm_of(part, net, source)
    own, training = _divide(
        rest, {"net": net.Options, "algorithm": algorithm.Options}, place="process"
    )
    if source.SOURCE.interactive != algorithm.INTERACTIVE:
        where = " in an environment" if source.SOURCE.interactive else " from samples"
        raise _not_built(algorithm_name, net_name, where, list(_suitable(net, source)))
    names = _full_losses(training)
    if not all(isinstance(name, str) for name in names.get("loss", ())):
        names = {"loss": None}
    training = {**training, **names}
    return (
        Component(net_name, net, None, read(net.Options, own, place="process")),
        Component(
            algorithm_name, algorithm, None, read(algorithm.Options, training, place="process")
        ),
    )


def algorithm_of(part: FrozenConfig, net: ModuleType, source: ModuleType) -> tuple[str, ModuleType]:
    """Returns the algorithm of a task, or the first of its net that suits the source.

    Raises:   NotBuiltError for an algorithm that cannot train the net.
    """
    name = part.get("algorithm") or next(_suitable(net, source), net.ALGORITHMS[0])
    module = ALGORITHMS.find(name, place="process.algorithm")
    if name not in net.ALGORITHMS:
        raise _not_built(str(name), str(net_of(part)[0]), "", net.ALGORITHMS)
    return str(name), module


def _suitable(net: ModuleType, source: ModuleType) -> Iterator[str]:
    """Yields the algorithms of a net that train on what the source gives."""
    for name in net.ALGORITHMS:
        module = ALGORITHMS.find(name, place="process.algorithm")
        if source.SOURCE.interactive == module.INTERACTIVE:
            yield name


def _not_built(name: str, net: str, where: str, allowed: Sequence[str]) -> NotBuiltError:
    return NotBuiltError(
        f"process.algorithm: '{name}' for the net '{net}'{where} is not built yet",
        allowed=f"{' or '.join(map(repr, allowed))} for '{net}'" if allowed else "another net",
    )


def written_net(part: FrozenConfig) -> object:
    """Returns what the process of a task names as its net; None where it names none, or
    the word auto, which leaves the choice to kissipo."""
    net = part.get("net")
    return None if isinstance(net, str) and net == AUTO else net


def without_auto(task: AnyTask) -> AnyTask:
    """Returns the task without process.net=auto, which means the same."""
    is_auto = "net" in task.process and written_net(task.process) is None
    return task.with_words({"process.net": None}) if is_auto else task


def net_of(part: FrozenConfig) -> tuple[str, ModuleType | None]:
    """Returns the name and the module of the net in the process of a task, if any.

    Raises:   TaskError for a name without a net.
    """
    net = written_net(part)
    if is_module(net):
        from kissipo.process.module_net import net_from_module

        return type(net).__name__, NETS.completed(net_from_module(net))
    if is_remark(net):
        raise TaskError(
            f"the net of this task is a torch module: {net}",
            do="Give the module again: kissipo.open(folder, net=module)",
        )
    return str(net), NETS.find(str(net), place="process.net") if net else None


def _check_loosely(rest: Mapping[str, object], algorithm: ModuleType | None) -> None:
    """Checks that every option belongs to some net or algorithm, as no net is named."""
    if not rest:
        return
    _full_losses(rest)
    owners = [NETS.find(name, place="process.net").Options for name in NETS.names()]
    owners += (
        [algorithm.Options]
        if algorithm
        else [
            ALGORITHMS.find(name, place="process.algorithm").Options for name in ALGORITHMS.names()
        ]
    )
    for key, value in rest.items():
        takers = [owner for owner in owners if key in option_infos(owner)]
        if not takers:
            raise _unknown(
                "process", key, value, [name for owner in owners for name in option_infos(owner)]
            )
        _read_by_any(takers, key, value)


def _read_by_any(owners: list[type], key: str, value: object) -> None:
    problem: TaskError | None = None
    for owner in owners:
        try:
            read(owner, {key: value}, place="process")
        except TaskError as error:
            problem = error
        else:
            return
    if problem is not None:
        raise problem


def _full_losses(process: Mapping[str, object]) -> dict[str, Any]:
    """Returns the losses under their full names: `mse` means mean_squared_error.

    Objects stay as they are; a remark on one is None.
    """
    value = process.get("loss")
    if value is None:
        return {}
    names = value if isinstance(value, tuple) else (value,)
    losses = tuple(
        None if is_remark(name) else SHORT_LOSSES.get(name, name) if isinstance(name, str) else name
        for name in names
    )
    for name in losses:
        if name is not None and not isinstance(name, str) and not callable(name):
            raise TaskError(
                "process.loss must be a name, or a function of outputs and targets",
                got=repr(to_plain(name)),
            )
        if isinstance(name, str) and name not in LOSSES.names():
            raise TaskError(
                "process.loss names no loss of kissipo",
                got=f"'{name}'",
                do=did_you_mean(name, [*LOSSES.names(), *SHORT_LOSSES]),
            )
    return {"loss": losses}


def _read_output(
    task: Task, files: Mapping[str, str]
) -> tuple[tuple[Component, ...], tuple[output_general.Options, ...]]:
    answers, every = [], []
    for number, part in enumerate(task.answers):
        place = f"output.{number}" if isinstance(task.output, tuple) else "output"
        answer, general = _read_answer(part, place, files)
        _check_baselines(general.baselines or (), answer, place)
        for metric in general.metrics:
            _check_metric(metric, answer, place)
        answers += [answer] if answer else []
        every.append(general)
    return tuple(answers), tuple(every)


def _check_metric(metric: object, answer: Component | None, place: str) -> None:
    """Checks that a metric is a function, or exists and suits this answer."""
    if is_remark(metric) or (callable(metric) and not isinstance(metric, str)):
        return
    if not isinstance(metric, str):
        raise TaskError(
            f"{place}.metrics must be names, or functions of targets and predictions",
            got=repr(to_plain(metric)),
        )
    suits = METRICS.find(metric, place=f"{place}.metrics").SUITABLE_ANSWERS
    if answer and answer.name not in suits:
        raise TaskError(
            f"{place}.metrics: '{metric}' does not suit the answer {answer.name}",
            allowed=" or ".join(suits),
        )


def _check_baselines(names: tuple[str, ...], answer: Component | None, place: str) -> None:
    """Checks that every baseline exists and belongs to this answer."""
    if not names:
        return
    allowed = allowed_baselines(answer.answer) if answer else BASELINES.names()
    for name in names:
        if name not in allowed:
            noun = f"baseline for {answer.name}" if answer else "baseline of kissipo"
            hint = did_you_mean(name, allowed)
            raise TaskError(f"{place}.baselines names no {noun}", got=f"'{name}'", do=hint)


def _read_answer(
    part: FrozenConfig, place: str, files: Mapping[str, str]
) -> tuple[Component | None, output_general.Options]:
    """Returns an answer and its general options.

    files:  the file of an answer, where the source needs another one
    """
    names = [key for key in part if key in ANSWERS.names() or key in ANSWERS.planned]
    if len(names) > 1:
        raise TaskError(
            f"{place} names two answers",
            got=" and ".join(names),
            allowed="one, or a list: output: [{category: a}, {number: b}]",
        )
    if not names:
        _, general = _divide(
            part,
            {"own": _Nothing, "general": output_general.Options},
            place=place,
            others=ANSWERS.names(),
        )
        return None, read(output_general.Options, general, place=place)
    if _is_planned("output", names[0], part[names[0]]):
        raise _unknown(place, names[0], part[names[0]], [])
    module = ANSWERS.find(files.get(names[0], names[0]), place=place)
    rest = {key: value for key, value in part.items() if key != names[0]}
    own, general = _divide(
        rest, {"own": module.Options, "general": output_general.Options}, place=place
    )
    options = read(module.Options, own, place=place)
    answer = Component(names[0], module, part[names[0]], options, place)
    return answer, read(output_general.Options, general, place=place)


@dataclass(frozen=True)
class _Nothing:
    """The empty options of an answer that is not named."""


def _divide(
    rest: Mapping[str, object],
    owners: Mapping[str, type],
    *,
    place: str,
    others: list[str] | None = None,
) -> tuple[dict[str, object], dict[str, object]]:
    """Divides options between two owners; an option of both goes to the first."""
    tables = {name: option_infos(owner) for name, owner in owners.items()}
    parts: dict[str, dict[str, object]] = {name: {} for name in owners}
    for key, value in rest.items():
        _refuse_renamed(place, key, value)
        owner = next((name for name, table in tables.items() if key in table), None)
        is_planned = _is_planned(place.split(".")[0], key, value)
        if owner is None or (is_planned and not tables[owner][key].takes(value)):
            names = [*(others or []), *(name for table in tables.values() for name in table)]
            raise _unknown(place, key, value, names)
        parts[owner][key] = value
    first, second = parts.values()
    return first, second


def _refuse_renamed(place: str, key: str, value: object) -> None:
    """Refuses former names inside a nested option."""
    for name in value if isinstance(value, Mapping) else ():
        nested = f"{place.split('.')[0]}.{key}.{name}"
        if nested in RENAMED:
            raise TaskError(current_name(nested))


def _unknown(place: str, key: str, value: object, names: list[str]) -> UserError:
    part = place.split(".")[0]
    if _is_planned(part, key, value):
        return NotBuiltError(
            f"{place}.{key}={value} ({PLANNED_VALUES[f'{part}.{key}={value}']}) is not built yet"
        )
    if f"{part}.{key}" in PLANNED_WORDS:
        return NotBuiltError(
            f"{place}.{key} ({PLANNED_WORDS[f'{part}.{key}']}) is not built yet",
            allowed=", ".join(sorted(set(names))),
        )
    if renamed := current_name(f"{part}.{key}"):
        return TaskError(renamed)
    return unknown_option(f"{place}.{key}", key, names)


def _is_planned(part: str, key: str, value: object) -> bool:
    return isinstance(value, str) and f"{part}.{key}={value}" in PLANNED_VALUES


def full_place(key: str, task: Task) -> str:
    """Returns an option with the one part that it belongs to: `epochs` ->
    `process.epochs`.

    That is the part of this task that has it, else the only part of kissipo that does.

    Raises:   TaskError when no part has the option, or more than one.
    """
    first = key.split(".")[0]
    if first in ("input", "process", "output"):
        return key
    own = [part for part, names in _own_option_names(task).items() if first in names]
    if len(own) == 1:
        return f"{own[0]}.{key}"
    parts = [part for part, names in _option_names().items() if first in names]
    parts = parts or [part for part, names in _planned_names().items() if first in names]
    if len(parts) > 1:
        written = [part for part in parts if first in getattr(task, part)]
        parts = written or parts
    if len(parts) == 1:
        return f"{parts[0]}.{key}"
    everything = [name for names in _option_names().values() for name in names]
    if not parts and (renamed := current_name(first)):
        raise TaskError(renamed)
    if not parts:
        raise TaskError(f"'{key}' is not an option of a task", do=did_you_mean(first, everything))
    raise TaskError(
        f"'{key}' is an option of several parts",
        allowed=" or ".join(f"{part}.{key}" for part in parts),
    )


def _option_names() -> dict[str, list[str]]:
    """Returns all options of each part; every source, net and answer is imported."""
    return _names(SOURCES.names(), NETS.names(), ALGORITHMS.names(), ANSWERS.names())


def _own_option_names(task: Task) -> dict[str, list[str]]:
    """Returns the options of the source, the net, the algorithm and the answers of a
    task; of all of them where it names none."""
    sources = [name for name in SOURCES.names() if name in task.input] or SOURCES.names()
    nets = [name for name in NETS.names() if name == task.process.get("net")] or NETS.names()
    answers = [name for name in ANSWERS.names() if any(name in part for part in task.answers)]
    algorithms = [
        name for name in ALGORITHMS.names() if name == task.process.get("algorithm")
    ] or ALGORITHMS.names()
    if len(sources) == 1:
        source = SOURCES.find(sources[0], place="input")
        answers = [source.SOURCE.answer_files.get(name, name) for name in answers]
        if len(nets) == 1 and len(algorithms) > 1:
            net = NETS.find(nets[0], place="process.net")
            algorithms = [next(_suitable(net, source), net.ALGORITHMS[0])]
    return _names(sources, nets, algorithms, answers or ANSWERS.names())


def _names(
    sources: list[str], nets: list[str], algorithms: list[str], answers: list[str]
) -> dict[str, list[str]]:
    inputs, outputs = option_infos(input_general.Options), option_infos(output_general.Options)
    return {
        "input": [*SOURCES.names(), *inputs, *_options_in(SOURCES, sources)],
        "process": [
            "net",
            "algorithm",
            *_options_in(NETS, nets),
            *_options_in(ALGORITHMS, algorithms),
        ],
        "output": [*ANSWERS.names(), *outputs, *_options_in(ANSWERS, answers)],
    }


def _planned_names() -> dict[str, list[str]]:
    """Returns the planned options of each part; an option that is built takes
    precedence."""
    planned: dict[str, list[str]] = {
        "input": [*SOURCES.planned],
        "process": [],
        "output": [*ANSWERS.planned],
    }
    for place in PLANNED_WORDS:
        part, name = place.split(".")
        planned[part].append(name)
    return planned


def _options_in(registry: Registry, names: Sequence[str]) -> list[str]:
    return [option for name in names for option in option_infos(options_of(registry, name))]


def options_of(registry: Registry, name: str) -> type:
    """Returns the dataclass of the options of an entry of a registry."""
    options: type = registry.find(name, place=registry.noun).Options
    return options
