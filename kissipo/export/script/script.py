"""Script: a task as one file of plain PyTorch without kissipo, laid beside the task before it is given.

The script reads the same samples, starts from the same weights and takes them in the same order, as every random choice has the seed
that it has in kissipo. What it would read and the net it would build are made once and laid beside the task's: where they differ
nothing is given.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kissipo.core.errors import NotBuiltError
from kissipo.core.module_state import eval_mode
from kissipo.core.task import Task
from kissipo.export.script.inputs.source import input_part
from kissipo.export.script.learning import learning_part
from kissipo.export.script.net import net_part
from kissipo.export.script.outputs import answering_part, output_part
from kissipo.export.script.part import Part, filled
from kissipo.pipeline.experiment import Prepared, prepare

_STANDARD = (
    "bisect",
    "collections",
    "copy",
    "csv",
    "functools",
    "gzip",
    "hashlib",
    "json",
    "math",
    "pathlib",
    "pydoc_data",
    "re",
    "tarfile",
    "typing",
)

_SCRIPT = '''
"""$name as plain PyTorch.

Input     $read
Process   $net
          $learned
Output    $judged
"""

from __future__ import annotations

$imports

SEED = $seed
$constants

$types


def seed_of(*purpose: str | int, seed: int = SEED) -> int:
    """A seed for one random choice, so that no choice moves another."""
    text = "/".join(str(each) for each in (seed, *purpose))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


# Input: the world -> tensors


$input


# Process: tensors -> tensors


$process


# Output: tensors -> answers


$output
'''


def eject(task: Task, *, seed: int = 0) -> str:
    """The source of the script.

    Raises:   NotBuiltError for what no script does yet.
    """
    prepared = prepare(task, seed=seed)
    _refuse(prepared)
    source = _source(prepared, seed)
    _compare(source, prepared, seed)
    return source


def _refuse(prepared: Prepared) -> None:
    choices = prepared.choices
    if choices.learn is None or choices.learn.word != "supervised":
        raise NotBuiltError(
            "kissipo eject writes tasks that learn from known answers",
            given=f"process.algorithm={choices.learn and choices.learn.word}",
        )


def _source(prepared: Prepared, seed: int) -> str:
    read, judged = input_part(prepared), output_part(prepared)
    net, learned = net_part(prepared.net, prepared.wiring.doors[0].port.shape[1:]), learning_part(prepared)
    parts = [read, net, learned, judged]
    arrays = ["Array = NDArray[Any]"] if "Array" in read.code else []
    return (
        filled(
            _SCRIPT,
            name=prepared.task.name or "A task",
            read=read.told,
            net=net.told,
            learned=learned.told,
            judged=judged.told,
            imports=_imports(parts),
            seed=seed,
            constants=[line for part in parts for line in part.constants],
            types=[
                *arrays,
                *(line for part in parts for line in part.types),
                "Parts = dict[str, tuple[Tensor, Tensor]]",
            ],
            input=[read.code],
            process=[f"{net.code}\n\n\n{answering_part(prepared.net)}\n\n\n{learned.code}"],
            output=[judged.code],
        )
        + "\n"
    )


def _imports(parts: list[Part]) -> list[str]:
    """All imports, those of Python first, whole modules before names out of them."""
    lines = {line for part in parts for line in part.imports} | {"import hashlib", "import torch"}

    def rank(line: str) -> tuple[bool, str]:
        return line.startswith("from"), line.lower()

    own = sorted((line for line in lines if _module(line) in _STANDARD), key=rank)
    foreign = sorted((line for line in lines if _module(line) not in _STANDARD), key=rank)
    return [*_merged(own), "", *_merged(foreign)]


def _module(line: str) -> str:
    return line.split()[1].split(".")[0]


def _merged(lines: list[str]) -> list[str]:
    """Names out of one module in one line."""
    names: dict[str, list[str]] = {}
    for line in lines:
        module, _, given = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, []).extend(given.split(", ") if given else [])
    return [
        f"from {module} import {', '.join(sorted(set(given)))}" if given else module for module, given in names.items()
    ]


def _compare(source: str, prepared: Prepared, seed: int) -> None:
    """Makes what the script reads and builds; it must be what the task reads and builds.

    Raises:   NotBuiltError where it is not.
    """
    made: dict[str, Any] = {"__name__": "ejected"}
    try:
        exec(compile(source, "the script", "exec"), made)  # noqa: S102  # it was written above
        parts = made["samples"]()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(made["seed_of"]("weights"))
            net = made["Net"]()
    except Exception as error:
        raise _differs(f"it stops with {type(error).__name__}: {error}") from None
    for name, feed in prepared.wiring.feeds.items():
        told = feed.everything()
        inputs, truth = parts[name]
        if inputs.shape != told.inputs[0].shape or not torch.allclose(inputs, told.inputs[0], atol=1e-6):
            raise _differs(f"it reads other samples in the {name} part")
        if truth.shape != told.targets[0].shape or not torch.allclose(truth, told.targets[0], atol=1e-6):
            raise _differs(f"it reads other answers in the {name} part")
    if not _same_weights(net, prepared.net):
        raise _differs("its net starts from other weights")
    first = parts["train"][0][:4]
    with eval_mode(net), eval_mode(prepared.net):
        outputs, given = net(first), prepared.net(first)
    if not torch.allclose(outputs[0] if isinstance(outputs, tuple) else outputs, given, atol=1e-5):
        raise _differs("its net answers otherwise")


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether two nets have the same weights, in whatever order they keep them."""
    first, second = (
        sorted((tuple(each.shape), each.flatten().tolist()) for each in net.parameters()) for net in (one, other)
    )
    return first == second


def _differs(why: str) -> NotBuiltError:
    return NotBuiltError(f"kissipo eject cannot write this task yet: the script would not do the same, {why}")
