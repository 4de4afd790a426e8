"""The command is there at once: nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "sklearn", "pandas", "PIL", "yaml")


@pytest.mark.parametrize(
    "code", ["import kissipo", "from kissipo.cli.main import main; main(['--help'])"]
)
def test_nothing_heavy_is_imported(code: str) -> None:
    description = (
        f"; import sys; print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code + description], capture_output=True, text=True, check=True
    ).stdout
    assert output.splitlines()[-1] == "HEAVY []"
