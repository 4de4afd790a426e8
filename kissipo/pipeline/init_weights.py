"""Loads the initial weights of a net from a file or from another run, and freezes
some."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

from torch import nn

from kissipo.core.codec import Codec, restore
from kissipo.core.config import FrozenConfig, to_plain
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping
from kissipo.core.notation import write_value
from kissipo.core.schema import option_infos, written
from kissipo.core.task import Task
from kissipo.engine.run_folder import CODECS, MODEL, TASK, RunFolder
from kissipo.input.formats.files import existing_path
from kissipo.pipeline.parse import ResolvedTask, source_of
from kissipo.pipeline.registries import NETS, SOURCES
from kissipo.process.hub import folder_of, model_name
from kissipo.process.optim import groups
from kissipo.process.pretrained import freeze_weights, load_pretrained, read_weights

_SIZE = "input.size"


def init_weights(
    net: nn.Module,
    resolved: ResolvedTask,
    codecs: Sequence[Codec] = (),
    targets: Sequence[Codec] = (),
) -> tuple[Finding, ...]:
    """Loads the weights that the task names, freezes those that it freezes, and reports
    both.

    codecs:   those of the inputs, whose labels a file may name its rows by
    targets:  those of the targets; the vocabularies of both must be those of a run
    Raises:   TaskError, RunError, DataError when the weights are missing or do not fit;
              the net is then unchanged.
    """
    assert resolved.net is not None and resolved.algorithm is not None
    options = written(resolved.net.options) | written(resolved.algorithm.options)
    findings = []
    if options.get("weights"):
        if options.get("init") == "linear":
            raise TaskError(
                "process.weights and process.init=linear both set the initial weights",
                do="Leave one out",
            )
        path = _path_of(options["weights"])
        run = run_of(path)
        if run is not None:
            _refuse_other_vocabulary(run, (*codecs, *targets))
        labels = [name for codec in codecs for name in codec.spec.labels]
        message = (
            _from_file(net, path, resolved, labels)
            if run is None
            else _from_run(net, run, resolved)
        )
        findings.append(Finding("PASS", "weights", message))
    if options.get("freeze"):
        findings.append(Finding("PASS", "frozen weights", freeze_weights(net, options["freeze"])))
    share = options.get("backbone_learning_rate_scale", 1.0)
    if share != 1:
        findings.append(Finding("PASS", "learning rates", _rates(net, share)))
    return tuple(findings)


def with_implied(task: Task) -> Task:
    """Returns the task with the options that its weights set, such as the sizes of a
    published net, and with those of the input that its net needs.

    The options of the weights replace others, which would not fit; the size of images
    does not, as it always fits.
    """
    options = [
        option
        for option in _options_of_weights(task)
        if to_plain(_part(task, option.place).get(_key(option))) != option.value
        and not (option.place == _SIZE and _key(option) in task.input)
    ]
    task = task.with_words({option.place: option.value for option in options})
    net = task.process.get("net")
    if isinstance(net, str) and net in NETS.names():
        own = option_infos(SOURCES.find(source_of(task.input), place="input").Options)
        needed = [
            option
            for option in NETS.find(net, place="process.net").NEEDED_INPUT
            if _key(option) in own and _key(option) not in task.input
        ]
        task = task.with_words({option.place: option.value for option in needed})
        own_loss = NETS.find(net, place="process.net").LOSS
        if own_loss and "loss" not in task.process and not isinstance(task.output, tuple):
            needed.append(own_loss)
            task = task.with_words({own_loss.place: own_loss.value})
        options += needed
    return Task(**task.parts(), name=task.name, inferred=(*task.inferred, *options))


def _options_of_weights(task: Task) -> Sequence[InferredOption]:
    """Returns the options that the weights set: by the net of the task, or by the
    first net that takes the weights.

    Raises:   TaskError for published weights of another net than that of the task;
              DataError for a missing path where the task names no net.
    """
    start = task.process.get("weights")
    if not isinstance(start, str):
        return ()
    path, name = _path_of(start), task.process.get("net")
    run = run_of(path)
    saved = None if run is None else task_of(run).process
    if name is None:
        return _options_of(NETS.names(), existing_path(path), saved, task)
    if not isinstance(name, str):
        return ()
    options = _options_of([name], path, saved, task)
    if not options and saved is None and path.exists():
        _refuse_other_net(name, path, task)
    return options


def _options_of(
    nets: Sequence[str], path: Path, saved: JsonMapping | None, task: Task
) -> Sequence[InferredOption]:
    """Returns the options that weights set, by the first of these nets that takes them.

    saved:    the process of the run at this path, if it is one
    """
    modules = (NETS.find(net, place="process.net") for net in nets)
    several = (module.options_of_weights(path, saved, task.answers) for module in modules)
    return next((options for options in several if options), ())


def _refuse_other_net(name: str, path: Path, task: Task) -> None:
    """Refuses published weights that another net takes.

    Raises:   TaskError that names it.
    """
    options = _options_of(NETS.names(), path, None, task)
    nets = [option.value for option in options if option.place == "process.net"]
    if nets and nets != [name]:
        raise TaskError(
            f"process.weights: {path} has the weights of process.net={nets[0]}",
            got=f"process.net={name}",
            do=f"Set process.net={nets[0]}, or leave process.net and its options out: they come "
            "from the weights",
        )


def _path_of(weights: str) -> Path:
    """Returns the path of weights; a model that is named hf:NAME is downloaded."""
    name = model_name(weights)
    return Path(weights) if name is None else folder_of(name)


def _part(task: Task, place: str) -> FrozenConfig:
    return task.input if place.startswith("input.") else task.process


def _key(option: InferredOption) -> str:
    return option.place.split(".")[1]


def _rates(net: nn.Module, share: float) -> str:
    """Reports how many parameters have a lower learning rate.

    Raises:   TaskError when none has.
    """
    counts = {
        group["share"]: sum(weight.numel() for weight in group["params"])
        for group in groups(net, 1.0, backbone=share)
    }
    slower, trainable = counts.get(share, 0), sum(counts.values())
    if not slower:
        raise TaskError(
            "process.backbone_learning_rate_scale: only the head has trainable weights",
            do="Leave it out",
        )
    return (
        f"{slower:,} of {trainable:,} trainable parameters have {share:g} of the learning rate; "
        "those of the head have all of it"
    )


def run_of(path: Path) -> RunFolder | None:
    """Returns the run of a path: its folder or its file of weights; None for anything
    else."""
    folder = path if path.is_dir() else path.parent
    if (folder / TASK).is_file() and (path.is_dir() or path.name == MODEL):
        return RunFolder(folder)
    return None


def task_of(run: RunFolder) -> Task:
    """Returns the task of a run, with every option."""
    return Task.from_yaml(run.read_text(TASK), origin=str(run.path / TASK))


def _refuse_other_vocabulary(run: RunFolder, codecs: Sequence[Codec]) -> None:
    """Refuses the weights of a run whose ids stand for other tokens.

    Raises:   TaskError naming the column.
    """
    saved = run.read_of_this_version(CODECS)
    stored = [*saved["inputs"], *(answer.get("codec") for answer in saved["answers"])]
    specs = [restore(content).spec for content in stored if content is not None]
    labels = {spec.name: spec.labels for spec in specs if spec.padded}
    for spec in (codec.spec for codec in codecs):
        if not spec.padded or labels.get(spec.name, spec.labels) == spec.labels:
            continue
        pairs = zip_longest(labels[spec.name], spec.labels, fillvalue="nothing")
        number, (there, here) = next((i, pair) for i, pair in enumerate(pairs) if len({*pair}) > 1)
        raise TaskError(
            f"process.weights: the vocabulary of '{spec.name}' does not fit the weights "
            f"in {run.path}",
            got=f"{len(spec.labels):,} tokens, of which number {number} is '{here}'",
            allowed=f"the {len(labels[spec.name]):,} tokens of that run, of which number "
            f"{number} is '{there}'",
            do="Train on the same training split with the same tokenizer, or from new weights",
        )


def _from_file(net: nn.Module, path: Path, resolved: ResolvedTask, labels: Sequence[str]) -> str:
    assert resolved.net is not None
    path = existing_path(path)
    message: str | None = resolved.net.module.load_file(net, path, labels)
    if message is not None:
        return message
    if path.is_dir():
        raise TaskError(
            f"process.weights: {path} is a folder that is not a run",
            allowed="a safetensors file, the folder of a run, or that of a published model of "
            "the same net",
        )
    weights = read_weights(path)
    ours = partial(resolved.net.module.ours, options=resolved.net.options)
    return load_pretrained(net, weights, ours=ours, origin=str(path))


def _from_run(net: nn.Module, run: RunFolder, resolved: ResolvedTask) -> str:
    weights = run.read_weights()
    try:
        return load_pretrained(net, weights, origin=str(run.path))
    except TaskError as error:
        raise TaskError(
            error.wrong, do=f"Set the options of its net: {_net_options(task_of(run), resolved)}"
        ) from None


def _net_options(stored: Task, resolved: ResolvedTask) -> str:
    """Returns the options of the net of another run as text; of another net only its
    name."""
    assert resolved.net is not None
    if stored.process.get("net") != resolved.net.name:
        return f"process.net={stored.process.get('net')}"
    own = option_infos(resolved.net.module.Options)
    options = [
        f"process.{key}={write_value(to_plain(value))}"
        for key, value in stored.process.items()
        if key in own
    ]
    return " ".join([f"process.net={resolved.net.name}", *options])
