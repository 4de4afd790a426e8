"""Every test asserts something, itself or through a helper.

No two tests of a file have the same name.
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("test_*.py"))
SHARED = "\n".join(path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("conftest.py")))
LIBRARY_ASSERTIONS = ("raises", "warns", "validate")


def asserts_something(node: ast.AST) -> bool:
    """True for an `assert`, but not of a constant or a tuple, which always holds."""
    return isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant | ast.Tuple)


def called(call: ast.Call) -> tuple[str, bool]:
    """Returns the name of the called function, and whether it is an attribute.

    For `np.testing.assert_allclose(...)` these are assert_allclose and True.
    """
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr, True
    return getattr(function, "id", ""), False


@cache
def functions(source: str) -> dict[str, tuple[bool, set[tuple[str, bool]]]]:
    """Returns every function of a file by its name, nested ones included.

    Of each it says whether it asserts something itself, and what it calls.
    """
    by_name = {}
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            nodes = list(ast.walk(function))
            calls = {called(node) for node in nodes if isinstance(node, ast.Call)}
            by_name[function.name] = any(map(asserts_something, nodes)), calls
    return by_name


def cannot_fail(source: str, shared: str = "") -> list[str]:
    """Returns the tests of a file that cannot fail.

    Neither they nor any helper that they call assert anything.
    """
    functions_by_name = functions(shared) | functions(source)
    can_fail: set[str] = set()
    helpers: dict[str, set[str]] = {}
    for name, (asserts, calls) in functions_by_name.items():
        library_assertion = any(
            (is_attribute or callee not in functions_by_name)
            and (callee in LIBRARY_ASSERTIONS or callee.startswith("assert_"))
            for callee, is_attribute in calls
        )
        if library_assertion or asserts:
            can_fail.add(name)
        helpers[name] = {callee for callee, is_attribute in calls if not is_attribute}
    while more := {name for name in helpers if name not in can_fail and helpers[name] & can_fail}:
        can_fail |= more
    return [name for name in functions(source) if name.startswith("test_") and name not in can_fail]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_every_test_can_fail_and_is_run(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert cannot_fail(source, SHARED) == []
    names = Counter(
        node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    "body",
    [
        "1 + 1 == 3",
        "assert True",
        "assert (1 == 2, 'a tuple always holds')",
        "helper(1)",
        "assert_helper(1)",
        "print('assert')",
    ],
)
def test_assertion_that_cannot_fail_is_detected(body: str) -> None:
    helpers = "def helper(x):\n    return x == 1\ndef assert_helper(x):\n    x == 1\n"
    assert cannot_fail(f"{helpers}def test_x():\n    {body}\n") == ["test_x"]


@pytest.mark.parametrize(
    "body",
    [
        "assert x == 1",
        "checks(x)",
        "through(x)",
        "shared(x)",
        "np.testing.assert_allclose(x, 1)",
        "jsonschema.validate(x, y)",
        "with pytest.raises(ValueError):\n        x()",
    ],
)
def test_assertion_that_can_fail_is_accepted(body: str) -> None:
    helpers = "def checks(x):\n    assert x\ndef through(x):\n    checks(x)\n"
    assert (
        cannot_fail(f"{helpers}def test_x(x):\n    {body}\n", "def shared(x):\n    assert x\n")
        == []
    )


def test_test_files_are_discovered() -> None:
    assert Path(__file__) in FILES
    assert len(FILES) > 20
