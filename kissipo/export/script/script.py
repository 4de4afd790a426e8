"""Writes the folder of a task after a comparison of its net and loss with those of the
task.

The folder contains train.py, net.py, the encoded samples and the initial weights. Both
nets are evaluated on the first samples in double precision, so rounding errors do not
count.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from kissipo.core.errors import MachineError, NotBuiltError, TaskError
from kissipo.core.output_file import write_text
from kissipo.core.script_part import ScriptedAlgorithm
from kissipo.core.task import Task
from kissipo.engine.evaluate import as_tuple
from kissipo.export.script.net import net_source
from kissipo.export.script.train import MARK, augment_source, evaluation_source, train_source
from kissipo.input.augment import Augment
from kissipo.pipeline.experiment import Experiment, build_experiment

_FIRST = 8  # samples on which both nets are compared


def eject(task: Task, out: Path | str, *, seed: int = 0) -> Path:
    """Writes the folder and returns its path.

    Raises:   NotBuiltError for options that scripts do not support; TaskError when the
              folder contains other files.
    """
    folder = Path(out)
    _refuse_other(folder)
    experiment = build_experiment(task, seed=seed)
    algorithm = _scripted(experiment)
    experiment.algorithm.begin(experiment.pipeline.datasets["train"])
    name = experiment.task.name or "a task"
    texts = {
        "train.py": train_source(experiment, algorithm, name, seed),
        "net.py": net_source(experiment.net, name),
    }
    augment = experiment.pipeline.augment
    if isinstance(augment, Augment):
        texts["augment.py"] = augment_source(augment.names, augment.masks, augment.boxes)
    evaluation = evaluation_source(experiment.pipeline.answers)
    if evaluation is not None:
        texts["evaluation.py"] = evaluation
    _compare(texts, experiment)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            write_text(folder / file, text)
        save_file(_samples(experiment), folder / "samples.safetensors")
        save_file(_own(experiment.net.state_dict()), folder / "start.safetensors")
    except (OSError, SafetensorError) as error:
        raise MachineError(f"{folder} cannot be written: {error}") from None
    return folder


def _refuse_other(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise TaskError(f"{folder} is a file", do="Name a new folder with --out")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    script = folder / "train.py"
    if not script.is_file() or MARK not in script.read_text(encoding="utf-8", errors="replace"):
        raise TaskError(
            f"{folder} contains files that kissipo eject did not write",
            do="Name a new folder with --out",
        )


def _scripted(experiment: Experiment) -> ScriptedAlgorithm:
    """Returns the algorithm of a task that the script can train.

    Raises:   NotBuiltError for another algorithm, and for an option without a line.
    """
    algorithm, component = experiment.algorithm, experiment.resolved.algorithm
    if not isinstance(algorithm, ScriptedAlgorithm):
        raise NotBuiltError(
            "kissipo eject only writes tasks that are trained with process.algorithm=supervised",
            got=f"process.algorithm={component and component.name}",
            do="Name a net that is trained in steps, such as process.net=ffn"
            if algorithm.epochs == 0
            else "",
        )
    for option in algorithm.unwritten_options():
        raise NotBuiltError(
            f"kissipo eject does not write process.{option} yet",
            do="Leave it out, or use another net",
        )
    if experiment.pipeline.datasets["train"].weights is not None:
        raise NotBuiltError(
            "kissipo eject does not write input.sample_weight yet", do="Leave it out"
        )
    if experiment.pipeline.datasets["train"].texts is not None:
        raise NotBuiltError(
            "kissipo eject does not write batches of similar length yet",
            do="Use input.bucketing=false",
        )
    augment = experiment.pipeline.augment
    if augment is not None and not isinstance(augment, Augment):
        names = augment.describe().partition(" (")[0]
        raise NotBuiltError(
            f"kissipo eject does not write input.augment={names} yet", do="Use input.augment=[]"
        )
    norms = (layer for layer in experiment.net.modules() if isinstance(layer, nn.BatchNorm2d))
    if any(not layer.weight.requires_grad for layer in norms):
        raise NotBuiltError(
            "kissipo eject does not write frozen batch normalization yet",
            do="Leave process.freeze out",
        )
    return algorithm


def _samples(experiment: Experiment) -> dict[str, Tensor]:
    """Returns all encoded samples by split, kind and number."""
    samples: dict[str, Tensor] = {}
    for split, dataset in experiment.pipeline.datasets.items():
        batch = dataset.everything()
        for kind, tensors in (("input", batch.inputs), ("target", batch.targets)):
            samples |= {
                f"{split}.{kind}{number:03}": tensor for number, tensor in enumerate(tensors)
            }
    return _own(samples)


def _own(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns copies that share no memory."""
    return {
        name: tensor.clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def _compare(texts: Mapping[str, str], experiment: Experiment) -> None:
    """Builds the net of the script and compares it with that of the task.

    Raises:   NotBuiltError when outputs or loss differ.
    """
    modules = {file.removesuffix(".py"): ModuleType(file.removesuffix(".py")) for file in texts}
    modules["train"].__file__ = "train.py"
    before = dict(sys.modules)
    try:
        sys.modules.update(modules)
        for name in reversed(modules):  # train.py, which imports the others, is the last
            code = compile(texts[f"{name}.py"], f"{name}.py", "exec")
            exec(code, vars(modules[name]))  # noqa: S102
        with torch.random.fork_rng(devices=[]):
            net = modules["net"].build()
        net.load_state_dict(experiment.net.state_dict())
        batch = experiment.pipeline.datasets["train"].batch(slice(0, _FIRST))
        inputs, targets = (
            [_double(tensor) for tensor in tensors] for tensors in (batch.inputs, batch.targets)
        )
        with torch.no_grad():
            ours, theirs = (
                as_tuple(module.double().eval()(*inputs))
                for module in (deepcopy(experiment.net), net)
            )
            expected = experiment.algorithm.loss(ours if len(ours) > 1 else ours[0], tuple(targets))
            loss = modules["train"].loss_of(list(theirs), targets)
    except Exception as error:
        raise _differs(f"it stops with {type(error).__name__}: {error}") from None
    finally:
        for name in modules:
            sys.modules.pop(name)
            if name in before:
                sys.modules[name] = before[name]
    if not all(
        torch.allclose(one, other, rtol=1e-9) for one, other in zip(ours, theirs, strict=True)
    ):
        raise _differs("its net has other outputs")
    if not torch.allclose(loss, expected, rtol=1e-9):
        raise _differs("its loss is different")


def _double(values: Tensor) -> Tensor:
    return values.double() if values.is_floating_point() else values


def _differs(reason: str) -> NotBuiltError:
    return NotBuiltError(
        f"kissipo eject cannot write this task yet: the script would differ: {reason}"
    )
