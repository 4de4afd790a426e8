"""Registry: components found by file name; `process/nets/ffn.py` is the net `ffn`.

A module is imported only when it is used. Several names may share a file: VARIANTS of
the package maps a file to its names, and `variant(name)` of the file returns what a
file of that name would contain. Planned names, which kissipo does not implement yet,
are listed with their system (S row), so that the error can say so.

A plug-in adds components of its own: it is a package that is named by an entry point
of the group `kissipo.plugins`, with a folder per registry (`nets`, `sources` ...), and
each file in it is a component, as in this package. The packages below `kissipo.plugins`
are plug-ins, too, also where kissipo runs from its source and no entry point is
installed.

Example:  >>> Registry("kissipo.core", "core file").names()[:2]
          ['algorithm', 'attention_maps']
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from kissipo.core.errors import NotBuiltError, PluginError, TaskError
from kissipo.core.suggest import did_you_mean

PLUGINS = "kissipo.plugins"  # a group of entry points, and a package


class Registry:
    """The components of one kind; a module is imported when it is used.

    package:   the package of the built-in components
    noun:      what a component is called in messages
    folder:    the subpackage of a plug-in that holds components of this kind
    planned:   names that are not built yet, with their systems
    defaults:  what a component has unless its file says otherwise
    """

    def __init__(
        self,
        package: str,
        noun: str,
        *,
        folder: str = "",
        planned: Mapping[str, str] | None = None,
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        self.package, self.noun, self.folder = package, noun, folder
        self.planned, self.defaults = dict(planned or {}), dict(defaults or {})

    def names(self) -> list[str]:
        """Returns all names, sorted; it imports only the packages themselves.

        Raises:   PluginError when a plug-in cannot be imported, or has a name that is
                  taken.
        """
        return sorted(self._places())

    def find(self, name: str, *, place: str) -> ModuleType:
        """Imports and returns the module of a name, or its variant.

        Raises:   NotBuiltError for a planned name; PluginError when the file of a
                  plug-in cannot be imported; otherwise TaskError.
        """
        places = self._places()
        if name in places:
            package, file = places[name]
            path = f"{package}.{file}"
            module = import_module(path) if package == self.package else _import(path, package)
            return self.completed(module if file == name else module.variant(name))
        if name in self.planned:
            raise NotBuiltError(
                f"{place}: the {self.noun} '{name}' ({self.planned[name]}) is not built yet",
                allowed=", ".join(places),
            )
        raise TaskError(
            f"{place} names no {self.noun} of kissipo",
            got=f"'{name}'",
            do=did_you_mean(name, sorted(places)),
        )

    def names_in_plugins(self) -> list[str]:
        """Returns the names that plug-ins have added, sorted."""
        return [name for name, (package, _) in self._places().items() if package != self.package]

    def completed(self, component: ModuleType) -> ModuleType:
        """Returns the component with the defaults of what it does not say itself."""
        for key, value in self.defaults.items():
            vars(component).setdefault(key, value)
        return component

    def _places(self) -> dict[str, tuple[str, str]]:
        """Returns the package and the file of every name."""
        places = {name: (self.package, file) for name, file in _files(self.package).items()}
        for plugin in plugins() if self.folder else ():
            package = f"{plugin}.{self.folder}"
            if _import(plugin, plugin) and find_spec(package) is None:
                continue
            _import(package, plugin)
            for name, file in _files(package).items():
                if name in places:
                    raise PluginError(
                        f"the plug-in {plugin} has a {self.noun} '{name}', "
                        f"and so has {places[name][0].rpartition('.')[0]}",
                        do="Rename one of the two, or uninstall one of the plug-ins",
                    )
                places[name] = (package, file)
        return dict(sorted(places.items()))


@cache
def plugins() -> tuple[str, ...]:
    """Returns the packages of all plug-ins, sorted by their names."""
    from importlib.metadata import entry_points  # only here; --help needs no plug-ins

    installed = {point.value for point in entry_points(group=PLUGINS)}
    return tuple(sorted(installed | {f"{PLUGINS}.{name}" for name in _files(PLUGINS)}))


@cache
def _files(package: str) -> Mapping[str, str]:
    """Returns the file of each name; it imports only the package itself.

    A process reads each folder once.
    """
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return {}
    modules = pkgutil.iter_modules(spec.submodule_search_locations)
    files = {module.name for module in modules if not module.name.startswith("_")}
    shared = vars(import_module(package)).get("VARIANTS", {})
    variants = {name: file for file, names in shared.items() for name in names}
    return {**{name: name for name in files - set(variants.values())}, **variants}


def _import(path: str, plugin: str) -> ModuleType:
    """Imports a module of a plug-in.

    Raises:   PluginError when that fails, whatever the reason is.
    """
    try:
        return import_module(path)
    except Exception as error:
        raise PluginError(
            f"the plug-in {plugin} cannot be imported",
            got=f"{type(error).__name__} in {path}: {error}",
            do="Mend the plug-in, or uninstall its package",
        ) from error
