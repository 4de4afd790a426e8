"""Optional packages: each is imported in the one file that needs it."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from kissipo.core.errors import MissingExtraError


def need(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Imports an optional module; the error names the extra that installs it.

    Raises:   MissingExtraError when it is not installed.
    Example:  >>> need("json", extra="none", purpose="reading JSON").__name__
              'json'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtraError(
            f"{purpose} needs the package '{module.split('.')[0]}', which is not installed",
            do=f"Install it with: python -m pip install 'kissipo[{extra}]'",
        ) from None


def is_installed(module: str) -> bool:
    """Returns whether an optional package is there; it is not imported.

    Example:  >>> is_installed("json"), is_installed("no_such_package")
              (True, False)
    """
    return find_spec(module) is not None
