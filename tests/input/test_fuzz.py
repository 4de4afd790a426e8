"""Damaged files of every format are read or refused: no traceback, no hang, no flood.

`mutated_files.py` makes and reads them, in a process of its own. A failure names the
seed and the number of its file, and `python tests/input/mutated_files.py SEED NUMBER`
writes that file.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
PROGRAM = Path(__file__).with_name("mutated_files.py")
ROOT = Path(__file__).parents[2]
SEED = 0
QUICK = (
    "many columns",
    "many equal names",
    "other names in every object",
    "a line without an end",
    "only zeros",
    "minus signs",
    "nested lists",
    "nested lists in a line",
    "a huge integer",
    "an idx header of 2^31 images",
    "an idx file that does not end",
    "an npy header of 2^40 numbers",
    "a png of 60,000 x 60,000",
    "a huge board",
)


def run(*arguments: object) -> list[dict[str, Any]]:
    """Runs the program; returns the record of each file. One that ended the program, by
    a limit or a crash of a library, has the end of its standard error as its record."""
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    with Path("stderr.txt").open("w+") as errors:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=Path.cwd(),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        errors.seek(0)
        printed = errors.read()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    records = [line for line in lines if "kind" in line]
    if done.returncode:
        number = lines[-1]["number"] if lines else None
        wrong = f"the process ended with {done.returncode}: {printed[-3000:]}"
        records.append({"number": number, "kind": "?", "code": None, "wrong": wrong})
    return records


def run_all(first: int, last: int) -> list[dict[str, Any]]:
    """Reads a range of files; after one that ended the program it goes on."""
    records: list[dict[str, Any]] = []
    while first < last:
        records += run(SEED, first, last)
        first = records[-1]["number"] + 1
    return records


def failures(records: list[dict[str, Any]]) -> str:
    wrong = [record for record in records if record["wrong"]]
    return "\n\n".join(
        f"seed {SEED}, file {record['number']} ({record['kind']}): {record['wrong']}"
        for record in wrong[:5]
    )


def test_damaged_files_are_read_or_refused() -> None:
    records = run(SEED, 0, 40, *QUICK)
    assert not failures(records)
    assert [record["number"] for record in records] == [*range(40), *QUICK]
    codes = Counter(record["code"] for record in records)
    assert codes[0] >= 10 and codes[2] >= 15 and set(codes) == {0, 2}


@pytest.mark.slow
def test_ten_thousand_damaged_files_are_read_or_refused() -> None:
    records = run_all(0, 10_000)
    assert len(records) == 10_000
    assert not failures(records)
    read = Counter(record["kind"] for record in records if record["code"] == 0)
    assert len(read) >= 10, "a kind of files that is never read tests little"
    assert max(record["megabytes"] for record in records) <= 1024


def mutated_files() -> Any:
    spec = importlib.util.spec_from_file_location("mutated_files", PROGRAM)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_all_extreme_files_are_read_or_refused() -> None:
    records = run(SEED, 0, 0, *mutated_files().EXTREMES)
    assert not failures(records)
    assert len(records) > 40


@pytest.mark.slow
def test_a_traceback_and_a_full_memory_are_failures() -> None:
    """The program itself can fail: a reader that raises, hangs or fills the memory."""
    broken = (
        "import sys; sys.path.insert(0, sys.argv[1]); import mutated_files as m, time; "
        "from pathlib import Path; import kissipo.cli.main; "
        "from kissipo.input.formats import tables; "
        "file = m.EXTREMES['only quotes'](); "
        "tables._typed = lambda *_: 1 / 0; "
        "print(m.read(file, Path('one'), fit=False)['wrong']); "
        "tables._typed = lambda *_: bytearray(b'1') * (1 << 30) and 1 / 0; "
        "assert m.read(file, Path('two'), fit=False)['megabytes'] > 1024; "
        "m.SECONDS = 1; tables._typed = lambda *_: [None for _ in iter(int, 1)]; "
        "m.read(file, Path('three'), fit=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken, str(PROGRAM.parent)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "ZeroDivisionError" in done.stdout
    assert done.returncode < 0 and "<lambda>" in done.stderr
