"""The modules of the viewer, joined into one script for a page that opens offline.

The viewer consists of plain ES modules (`viewer/*.js`) and of vendored libraries
(`viewer/vendor/`, with `vendor.lock.json`: version, hash, license). A module starts
with its imports, one per line, and exports functions, constants and classes. Each one
becomes a function that returns what it exports, after those that it imports; comments
and indentation stay behind.

Example:  >>> script = page_script()
          >>> script[:13], script.split()[-1]
          ('"use strict";', 'module_main.main();')
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from kissipo.core.json_object import JsonObject

_IMPORT = re.compile(r'^import \{(?P<names>[^}]*)\} from "\./(?P<file>[\w./-]+)";$', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?P<code>(?:async )?(?:function|const|class) (?P<name>\w+))", re.MULTILINE
)
_COMMENT = re.compile(r"^ *(/\*\*.*?\*/\n|//[^\n]*\n)", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^ +", re.MULTILINE)
_LIST = re.compile(r"export\s*\{(?P<names>[^}]*)\};?\s*$")


@cache
def page_script() -> str:
    """Returns the script of a page: all modules, and the call of `main`."""
    done: dict[str, str] = {}
    modules = "\n".join(_scripts("main.js", done))
    return f'"use strict";\n{modules}\n{done["main.js"]}.main();\n'


@cache
def styles() -> str:
    """Returns the style sheets of the viewer."""
    return "".join(map(viewer_file, ("vendor/uplot.css", "style.css", "report.css")))


def viewer_file(name: str) -> str:
    """Returns a file of the viewer."""
    return (files("kissipo.report") / "viewer" / name).read_text(encoding="utf-8")


def locked_libraries() -> list[JsonObject]:
    """Returns the vendored libraries with version, hash and license."""
    libraries: list[JsonObject] = json.loads(viewer_file("vendor/vendor.lock.json"))
    return libraries


def _scripts(file: str, done: dict[str, str]) -> Iterator[str]:
    """Yields a module as a function, after the modules that it imports."""
    code = _COMMENT.sub("", viewer_file(file))
    constants = []
    for match in _IMPORT.finditer(code):
        other = match["file"]
        if other not in done:
            yield from _scripts(other, done)
        constants.append(f"const {{{_pairs(match['names'])}}} = {done[other]};")
    done[file] = "module_" + re.sub(r"\W", "_", file.removesuffix(".js"))
    body, exported = _without_exports(file, _INDENT.sub("", _IMPORT.sub("", code)))
    yield (
        f"const {done[file]} = (() => {{\n{''.join(constants)}\n{body}\n"
        f"return {{ {exported} }};\n}})();"
    )


def _without_exports(file: str, code: str) -> tuple[str, str]:
    """Returns the code without the word export, and what the module returns."""
    listed = _LIST.search(code)
    if listed:
        names = [name.split(" as ") for name in listed["names"].split(",")]
        return code[: listed.start()], ", ".join(f"{name[-1]}: {name[0]}" for name in names)
    exported = [match["name"] for match in _EXPORT.finditer(code)]
    return _EXPORT.sub(lambda match: match["code"], code), ", ".join(exported or [_global(file)])


def _global(file: str) -> str:
    """Returns the name of the one value that a vendored script defines."""
    name = file.removeprefix("vendor/")
    for library in locked_libraries():
        if name in library["files"]:
            return str(library["files"][name]["global"])
    return ""


def _pairs(names: str) -> str:
    return ", ".join(
        name.strip().replace(" as ", ": ") for name in names.split(",") if name.strip()
    )
