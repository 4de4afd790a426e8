"""kissipo = KISS + IPO: every job is one pipeline Input -> Process -> Output.

    import kissipo as ki
    task = ki.load("digits")  # a built-in name, a .yaml, your data, or ki.Task(...)
    run = task.fit(seed=0)
    run.evaluate(); run.predict(value); run.trace(value); run.net
    run = ki.open("runs/digits-1")

Modules are imported when they are used: `import kissipo` takes a few milliseconds and
does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kissipo.core.errors import UserError
    from kissipo.process.layers.accelerate import accelerate
    from kissipo.runs.callback import Callback
    from kissipo.runs.compare import compare
    from kissipo.runs.load import load
    from kissipo.runs.open import open  # noqa: A004
    from kissipo.runs.task import Task
    from kissipo.runs.trace import trace
    from kissipo.runs.tune.tune import tune
    from kissipo.runs.xray.page import save_page

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "Task",
    "UserError",
    "accelerate",
    "compare",
    "load",
    "open",
    "save_page",
    "trace",
    "tune",
]

_HOMES = {
    "Callback": "kissipo.runs.callback",
    "Task": "kissipo.runs.task",
    "UserError": "kissipo.core.errors",
    "accelerate": "kissipo.process.layers.accelerate",
    "compare": "kissipo.runs.compare",
    "load": "kissipo.runs.load",
    "open": "kissipo.runs.open",
    "save_page": "kissipo.runs.xray.page",
    "trace": "kissipo.runs.trace",
    "tune": "kissipo.runs.tune.tune",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'kissipo' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
