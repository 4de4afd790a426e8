"""Help is fast and needs only Python; missing packages are named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kissipo.cli.main import VERBS, help_text

_LOADED = """
import sys
from kissipo.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(sorted({"torch", "rich", "numpy", "sklearn"} & set(sys.modules)), file=sys.stderr)
"""
_BLOCKED = """
import sys
sys.modules[sys.argv[1]] = None
from kissipo.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], *([verb, "--help"] for verb in VERBS.names())], ids=" ".join
)
def test_help_imports_neither_torch_nor_rich(arguments: list[str]) -> None:
    done = python(_LOADED, *arguments)
    assert done.stdout.startswith(("kissipo: Input", "usage: kissipo"))
    assert done.stderr == "[]\n"


def test_help_prints_the_first_docstring_line_of_each_verb() -> None:
    lines = [line.split(maxsplit=1) for line in help_text().splitlines() if line.startswith("  ")]
    first = [
        [verb, (VERBS.find(verb, place="here").__doc__ or "").splitlines()[0]]
        for verb in VERBS.names()
    ]
    assert sorted(lines) == first


@pytest.mark.parametrize(
    ("module", "arguments", "package"),
    [
        ("rich", ["list"], "rich"),
        ("torch", ["show", "vgg16"], "torch"),
        ("yaml", ["fit", "digits"], "pyyaml"),
    ],
)
def test_a_missing_core_dependency_is_named_with_the_line_that_installs_it(
    module: str, arguments: list[str], package: str
) -> None:
    done = python(_BLOCKED, module, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"kissipo: the package '{package}', which kissipo needs, is not installed. Install "
        f"it with: "
        f"python -m pip install '{package}', or all packages with: python -m pip install kissipo.\n"
    )
