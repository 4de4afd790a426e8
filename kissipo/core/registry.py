"""Registry: components found by file name; `process/nets/ffn.py` is the net `ffn`.

A module is imported only when it is used. Several names may share a file: VARIANTS of
the package maps a file to its names, and `variant(name)` of the file returns what a
file of that name would contain. Planned names, which kissipo does not implement yet,
are listed with their system (S row), so that the error can say so.

Example:  >>> Registry("kissipo.core", "core file").names()[:2]
          ['batch', 'codec']
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.core.suggest import did_you_mean


class Registry:
    """The components of one package; a module is imported when it is used."""

    def __init__(
        self, package: str, noun: str, *, planned: Mapping[str, str] | None = None
    ) -> None:
        self.package, self.noun, self.planned = package, noun, dict(planned or {})

    def names(self) -> list[str]:
        """Returns all names, sorted; it imports only the package itself."""
        spec = find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            return []
        files = {module.name for module in pkgutil.iter_modules(spec.submodule_search_locations)}
        variants = self._variants()
        files = {name for name in files if not name.startswith("_")}
        return sorted((files - set(variants.values())) | set(variants))

    def find(self, name: str, *, place: str) -> ModuleType:
        """Imports and returns the module of a name, or its variant.

        Raises:   NotBuiltError for a planned name; otherwise TaskError.
        """
        names = self.names()
        if name in names:
            if file := self._variants().get(name):
                variant: ModuleType = import_module(f"{self.package}.{file}").variant(name)
                return variant
            return import_module(f"{self.package}.{name}")
        if name in self.planned:
            raise NotBuiltError(
                f"{place}: the {self.noun} '{name}' ({self.planned[name]}) is not built yet",
                allowed=", ".join(names),
            )
        raise TaskError(
            f"{place} names no {self.noun} of kissipo",
            got=f"'{name}'",
            do=did_you_mean(name, names),
        )

    def _variants(self) -> dict[str, str]:
        """Returns the file of each name that shares a file with others."""
        variants = getattr(import_module(self.package), "VARIANTS", {})
        return {name: file for file, names in variants.items() for name in names}
