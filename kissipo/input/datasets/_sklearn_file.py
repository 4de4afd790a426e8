"""Files of scikit-learn, read without its import, which takes a second."""

from importlib.util import find_spec
from pathlib import Path


def sklearn_file(name: str) -> Path:
    """Returns the path of a file among the data of scikit-learn.

    Example:  >>> sklearn_file("iris.csv").is_file()
              True
    """
    spec = find_spec("sklearn")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("datasets") / "data" / name
