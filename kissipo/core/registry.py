"""Families of parts, found by their file names: `process/nets/ffn.py` is what the word `ffn` means.

Nothing is imported before it is asked for, and only words that share a file are listed: the VARIANTS of a package say which
file means them, and its `variant(word)` gives what a file of that name would hold. FrozenConfig that the grammar knows but kissipo does not
do yet are kept with the system (S row) that they belong to, so that they are refused by name and not as a typing slip.

Example:  >>> Registry("kissipo.core", "core file").names()[:2]
          ['axes', 'batch']
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.core.suggest import did_you_mean


class Registry:
    """The parts of one package, each a module (or a variant of one) that is imported when its word is used."""

    def __init__(
        self, package: str, noun: str, *, planned: Mapping[str, str] | None = None
    ) -> None:
        self.package, self.noun, self.planned = package, noun, dict(planned or {})

    def names(self) -> list[str]:
        """All words of the family, sorted; nothing is imported but the package itself."""
        spec = find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            return []
        files = {module.name for module in pkgutil.iter_modules(spec.submodule_search_locations)}
        shared = self._variants()
        return sorted(
            {name for name in files - set(shared.values()) if not name.startswith("_")}
            | set(shared)
        )

    def find(self, name: str, *, place: str) -> ModuleType:
        """The module that a word means, or the variant.

        Raises:   NotBuiltError for a planned word; TaskError with a 'did you mean' for any other.
        """
        known = self.names()
        if name in known:
            if file := self._variants().get(name):
                variant: ModuleType = import_module(f"{self.package}.{file}").variant(name)
                return variant
            return import_module(f"{self.package}.{name}")
        if name in self.planned:
            raise NotBuiltError(
                f"{place}: the {self.noun} '{name}' ({self.planned[name]}) is not built yet",
                allowed=", ".join(known),
            )
        raise TaskError(
            f"{place} names no {self.noun} of kissipo",
            given=f"'{name}'",
            do=did_you_mean(name, known),
        )

    def _variants(self) -> dict[str, str]:
        """FrozenConfig that share a file, with its name."""
        shared = getattr(import_module(self.package), "VARIANTS", {})
        return {word: file for file, words in shared.items() for word in words}
