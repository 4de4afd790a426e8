"""Named data sets, one per file: source, license, checksum and how they are read.

Files are searched in `$KISSIPO_DATA`, then in the cache (`$XDG_CACHE_HOME/kissipo` or
`~/.cache/kissipo`). Otherwise they are downloaded and verified by SHA-256. Data sets
that come with a dependency, or are made by their file, are always available.
"""

from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.registry import Registry
from kissipo.core.suggest import nearest
from kissipo.input.source_data import Reading

DATASETS = Registry(
    "kissipo.input.datasets",
    "data set",
    defaults={
        "FILE": None,  # no files: those of a dependency
        "FILES": (),
        "FOLDER": None,
        "ANSWER": None,  # the kind of its usual answer, where its source does not know it
        "DOCUMENTS": False,  # whether its rows are documents to search
        "read_links": None,  # reads the pairs of its places that are linked, if it has some
    },
)


def module_name(name: str) -> str:
    """Converts a name to a module name: `sms-spam` -> `sms_spam`."""
    return name.replace("-", "_")


def dataset_names() -> list[str]:
    """Returns all names that can replace a path."""
    return [name.replace("_", "-") for name in DATASETS.names() if name not in ("download",)]


def is_fetched(name: str) -> bool:
    """Whether a named data set has files of its own (and not those of a dependency)."""
    module = DATASETS.find(module_name(name), place="data")
    return bool(module.FILE or module.FILES or module.FOLDER)


def find_data(value: object, source: str) -> Reading | None:
    """Reads a named data set, or returns None for a path or an object in memory.

    A run folder with the name of a data set does not hide the data set.

    Raises:   DataError when the value is neither a path nor a name, with similar names.
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
            else "Named data sets: " + ", ".join(dataset_names())
        )
        raise DataError(f"there is no file and no data set '{value}'", do=hint)
    return None
