"""The command `kissipo`: reads the arguments, runs the verb, and prints errors.

Exit codes: 0 done; 1 a bug in kissipo; 2 an error of the user's input; 130 interrupted,
after saving.
"""

import argparse
import ast
import errno
import gc
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from kissipo import __version__
from kissipo.core.errors import StoppedError, TaskError, UserError
from kissipo.core.registry import Registry
from kissipo.core.suggest import did_you_mean, nearest
from kissipo.core.text import printable, shorten

VERBS = Registry(
    "kissipo.cli.verbs",
    "verb",
    planned={
        "studio": "S46",
        "export": "S44",
        "serve": "S44",
    },
)
_ORDER = (
    "list",
    "show",
    "fit",
    "evaluate",
    "predict",
    "generate",
    "compare",
    "tune",
    "xray",
    "eject",
    "data",
    "doctor",
)
DONE, BUG, SLIP, STOPPED = 0, 1, 2, 130
_OBJECTS_OF_MODULES = 600_000  # of torch, scikit-learn and kissipo together
_CORE = {  # the import name, and the name of the package
    "torch": "torch",
    "numpy": "numpy",
    "sklearn": "scikit-learn",
    "narwhals": "narwhals",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "rich": "rich",
    "safetensors": "safetensors",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Without arguments it is the command of this process. Python then does not search the
    modules for garbage, neither during their import nor at the end of the process,
    which would take a third of a short command.
    """
    if arguments is not None:
        return _result(list(arguments))
    usual = gc.get_threshold()

    def search_as_usual(phase: str, _: object) -> None:
        if phase == "stop" and gc.get_threshold() != usual:
            gc.set_threshold(*usual)
            gc.freeze()

    gc.callbacks.append(search_as_usual)
    gc.set_threshold(_OBJECTS_OF_MODULES)
    try:
        return _result(sys.argv[1:])
    finally:
        gc.freeze()


def _result(arguments: list[str]) -> int:
    """Runs one command; an error becomes one paragraph and an exit code."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        return _run(arguments)
    except StoppedError as stop:
        return _print_error(str(stop), STOPPED)
    except KeyboardInterrupt:
        return _print_error("stopped", STOPPED)
    except UserError as error:
        if debug:
            raise
        return _print_error(str(error), SLIP)
    except ModuleNotFoundError as error:
        if debug or (package := _CORE.get((error.name or "").partition(".")[0])) is None:
            return _bug(error, debug=debug)
        return _print_error(
            f"the package '{package}', which kissipo needs, is not installed. "
            f"Install it with: python -m pip install '{package}', "
            "or all packages with: python -m pip install kissipo",
            SLIP,
        )
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except MemoryError as error:
        if debug:
            raise
        reason = f": {error}" if str(error) else ""
        return _print_error(f"the memory of this machine does not suffice{reason}", SLIP)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) and not debug:
            return _print_error(
                "there is no space left on the disk; free some space, then use --resume", SLIP
            )
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG and not debug:
            name = shorten(str(error.filename), 60)
            return _print_error(f"'{name}' is too long for the name of a file. Name a file", SLIP)
        return _bug(error, debug=debug)


def _bug(error: Exception, *, debug: bool) -> int:
    """Reports a bug; with --debug the error is raised instead."""
    if debug:
        raise error
    return _print_error(
        f"a bug in kissipo: {type(error).__name__}: {error}. Nothing that was saved is lost. "
        "Please report it with the output of --debug",
        BUG,
    )


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(help_text())  # noqa: T201
        return DONE
    if arguments[0] in ("-V", "--version"):
        print(f"kissipo {__version__}")  # noqa: T201
        return DONE
    verb, rest = arguments[0], arguments[1:]
    if verb.startswith("-"):
        raise TaskError(
            f"'{verb}' is not an option of kissipo", do="Name a verb first: " + ", ".join(_verbs())
        )
    module = VERBS.find(verb, place=f"kissipo {verb}")
    parser = Parser(
        prog=f"kissipo {verb}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.options(parser)
    parsed = parser.parse_intermixed_args(rest)
    from kissipo.cli.screen import Screen

    code: int | None = module.run(
        parsed, Screen(quiet=getattr(parsed, "quiet", False), json=getattr(parsed, "json", False))
    )
    return code or DONE


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors look like all errors of kissipo."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        """Raises an error for wrong arguments, with a suggestion."""
        hint = f"See {self.prog} --help"
        if message.startswith("unrecognized arguments:"):
            wrong = message.split(":", 1)[1].split()[0]
            options = [
                option
                for action in self._actions
                for option in action.option_strings
                if option.startswith("--")
            ]
            if nearest(wrong.split("=")[0], options):
                hint = did_you_mean(wrong.split("=")[0], options)
            message = f"{wrong} is not an option of {self.prog}"
        raise TaskError(message.replace(", key=value", ""), do=hint)


def help_text() -> str:
    """Returns the text of `kissipo --help`."""
    lines = [
        "kissipo: Input -> Process -> Output, for neural networks of every kind",
        "",
        "usage: kissipo VERB ...",
        "",
    ]
    for verb in _verbs():
        lines.append(f"  {verb:<10}{_docstring(verb).splitlines()[0]}")
    lines += [
        "",
        "Start with: kissipo fit digits        Help for a verb: kissipo VERB --help",
    ]
    return "\n".join(lines)


def _docstring(verb: str) -> str:
    """Returns the docstring of a verb without importing it."""
    spec = find_spec(f"{VERBS.package}.{verb}")
    assert spec and spec.origin
    return (
        ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")), clean=False)
        or ""
    )


def _verbs() -> list[str]:
    names = VERBS.names()
    return [verb for verb in _ORDER if verb in names] + [
        verb for verb in names if verb not in _ORDER
    ]


def _print_error(message: str, code: int) -> int:
    text = re.sub(r"\s*\n\s*", " ", printable(message))
    text = text if text.endswith((".", "?", "`")) else text + "."
    print(f"kissipo: {text}", file=sys.stderr)  # noqa: T201
    return code
