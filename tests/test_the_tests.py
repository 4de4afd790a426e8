"""The tests are tested: each of them asserts, itself or through a helper that does, and no two of a file share a name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("test_*.py"))
SHARED = "\n".join(path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("conftest.py")))
OTHERS = ("raises", "warns", "validate")


def functions(source: str) -> dict[str, ast.FunctionDef]:
    """Every function of a file by its name, those inside others too."""
    return {
        node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)
    }


def says_something(node: ast.AST) -> bool:
    """`assert` of anything but a constant or a tuple, which would always hold."""
    return isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant | ast.Tuple)


def called(node: ast.AST) -> tuple[str, bool]:
    """The name of what is called, and whether it is borrowed: `np.testing.assert_allclose(...)` -> assert_allclose, yes."""
    function = node.func if isinstance(node, ast.Call) else None
    borrowed = isinstance(function, ast.Attribute)
    return (
        function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    ), borrowed


def asleep(source: str, shared: str = "") -> list[str]:
    """The tests of a file that cannot fail: neither they nor any helper that they call assert anything."""
    known = functions(shared) | functions(source)
    awake: set[str] = set()
    before = -1
    while len(awake) > before:
        before = len(awake)
        for name, function in known.items():
            for node in ast.walk(function):
                word, borrowed = called(node)
                theirs = (borrowed or word not in known) and (
                    word in OTHERS or word.startswith("assert_")
                )
                if says_something(node) or theirs or (word in awake and not borrowed):
                    awake.add(name)
    return [name for name in functions(source) if name.startswith("test_") and name not in awake]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_every_test_can_fail_and_is_run(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert asleep(source, SHARED) == []
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
def test_one_that_sleeps_is_noticed(body: str) -> None:
    helpers = "def helper(x):\n    return x == 1\ndef assert_helper(x):\n    x == 1\n"
    assert asleep(f"{helpers}def test_x():\n    {body}\n") == ["test_x"]


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
def test_one_that_is_awake_is_left_alone(body: str) -> None:
    helpers = "def checks(x):\n    assert x\ndef through(x):\n    checks(x)\n"
    assert asleep(f"{helpers}def test_x(x):\n    {body}\n", "def shared(x):\n    assert x\n") == []


def test_the_files_are_found() -> None:
    assert Path(__file__) in FILES
    assert len(FILES) > 20
