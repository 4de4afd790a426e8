"""Named data sets, one a file: where they come from, their license, their checksum, and how they are read.

A name is looked for in `$KISSIPO_DATA`, then in the cache (`$XDG_CACHE_HOME/kissipo` or `~/.cache/kissipo`), then it is
downloaded and checked by sha256. Sets that ship with a dependency are always there.
"""

from pathlib import Path
from typing import Any

from kissipo.core.errors import DataError
from kissipo.core.registry import Registry
from kissipo.core.suggest import nearest
from kissipo.input.source_data import Reading

DATASETS = Registry("kissipo.input.datasets", "data set")


def module_name(name: str) -> str:
    """`sms-spam` -> `sms_spam`."""
    return name.replace("-", "_")


def dataset_names() -> list[str]:
    """All names that can be used in place of a path."""
    return [name.replace("_", "-") for name in DATASETS.names() if name not in ("download",)]


def is_fetched(name: str) -> bool:
    """Whether a named set does not come with a dependency."""
    module = DATASETS.find(module_name(name), place="data")
    return any(hasattr(module, each) for each in ("FILE", "FILES", "FOLDER"))


def find_data(value: Any, source: str) -> Reading | None:
    """The named set that `value` means, or None when it means a path or an object in memory; the folder of a run of that name is no data.

    Raises:   DataError when it is neither a path nor a name, with both kinds of near misses.
    """
    if not isinstance(value, str) or (
        Path(value).exists() and not (Path(value) / "task.yaml").is_file()
    ):
        return None
    if value in dataset_names():
        module = DATASETS.find(module_name(value), place=f"input.{source}")
        if source not in module.SOURCES:
            raise DataError(
                f"the data set '{value}' cannot be read as {source}",
                allowed=", ".join(module.SOURCES),
            )
        reading: Reading = module.read()
        return reading
    if "/" not in value and "." not in value and not Path(value).exists():
        close = nearest(value, dataset_names())
        hint = (
            "Did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
            if close
            else "Named sets: " + ", ".join(dataset_names())
        )
        raise DataError(f"there is no file and no data set '{value}'", do=hint)
    return None
