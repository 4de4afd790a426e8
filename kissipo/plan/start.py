"""Where a net starts: the weights of a file or of another run, and which of them are held."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding
from kissipo.core.notation import write_value
from kissipo.core.schema import words_of
from kissipo.core.task import Task
from kissipo.core.words import thaw
from kissipo.input.formats.files import existing
from kissipo.plan.grammar import Choices
from kissipo.process.pretrained import hold, lay_in, read_weights
from kissipo.run.folder import TASK, RunFolder


def start_net(net: nn.Module, choices: Choices) -> tuple[Finding, ...]:
    """Lays in the weights that the task names and holds those that it freezes; says what it came to.

    Raises:   TaskError, RunError, DataError when they are not there or do not fit; the net is then as it was.
    """
    assert choices.net is not None and choices.learn is not None
    options: Any = choices.learn.options
    findings = []
    if getattr(options, "from_", None):
        path = Path(options.from_)
        told = _from_run(net, path, choices) if path.is_dir() else _from_file(net, path, choices)
        findings.append(Finding("PASS", "weights", told))
    if getattr(options, "freeze", None):
        findings.append(Finding("PASS", "held weights", hold(net, options.freeze)))
    return tuple(findings)


def _from_file(net: nn.Module, path: Path, choices: Choices) -> str:
    assert choices.net is not None
    given = read_weights(existing(path))
    if not hasattr(choices.net.module, "ours"):
        return lay_in(net, given, origin=str(path))
    return lay_in(net, given, ours=partial(choices.net.module.ours, options=choices.net.options), origin=str(path))


def _from_run(net: nn.Module, path: Path, choices: Choices) -> str:
    assert choices.net is not None
    folder = RunFolder(path)
    if not (path / TASK).is_file():
        raise TaskError(
            f"process.from: {path} is a folder that is no run", allowed="a safetensors file, or the folder of a run"
        )
    weights = folder.read_weights()
    stored = Task.from_yaml(folder.read_text(TASK), origin=str(path / TASK))
    try:
        return lay_in(net, weights, origin=str(path))
    except TaskError as error:
        raise TaskError(error.wrong, do=f"Say the words of its net: {_words_of_net(stored, choices)}") from None


def _words_of_net(stored: Task, choices: Choices) -> str:
    """The words of the net of another run, as they are written; where it is another net only its name."""
    assert choices.net is not None
    if stored.process.get("net") != choices.net.word:
        return f"process.net={stored.process.get('net')}"
    own = words_of(choices.net.module.Options)
    said = [f"process.{key}={write_value(thaw(value))}" for key, value in stored.process.items() if key in own]
    return " ".join([f"process.net={choices.net.word}", *said])
