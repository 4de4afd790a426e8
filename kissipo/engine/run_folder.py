"""The run folder: readable without kissipo, nothing pickled, every file written whole or not at all.

task.yaml          every word of the task, ready to edit          model.safetensors   the weights of the best epoch
data.json          the data check, the fingerprint                codecs.json         encodings and answers, as fitted
split.json         which samples train, choose and judge
environment.json   versions, machine, seed, seconds               checkpoints/        the whole state, last and previous
history.csv        one row an epoch                               report.html         all of it to look at, offline
metrics.json       scores beside baselines, verdict               log.txt             what was printed
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from kissipo.core.errors import RunError
from kissipo.core.notation import as_json
from kissipo.engine.checkpoint import refusal, write_whole

FORMAT = 3
TASK, DATA, SPLIT, ENVIRONMENT, HISTORY = (
    "task.yaml",
    "data.json",
    "split.json",
    "environment.json",
    "history.csv",
)
METRICS, MODEL, CODECS, CHECKPOINTS = (
    "metrics.json",
    "model.safetensors",
    "codecs.json",
    "checkpoints",
)
REPORT, LOG = "report.html", "log.txt"


class RunFolder:
    """Reading and writing the files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def checkpoints(self) -> Path:
        """Where the whole state is saved."""
        return self.path / CHECKPOINTS

    @property
    def is_begun(self) -> bool:
        """Whether anything stands where the run is to be."""
        return self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir()))

    def create(self, files: Mapping[str, str]) -> None:
        """Makes the folder with the files that a run begins with; whoever is killed meanwhile has begun no run.

        Raises:   RunError when something is there already; MachineError when it cannot be made.
        """
        if self.is_begun:
            raise RunError(
                f"{self.path} exists already",
                do="Choose another --out, remove it, or go on with that run: --resume",
            )
        aside = (
            self if self.path.is_dir() else RunFolder(self.path.with_name(self.path.name + ".part"))
        )
        try:
            aside.path.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                aside.write_text(name, text)
            if aside is not self:
                aside.path.replace(self.path)
        except OSError as error:
            raise refusal(self.path, error) from None

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file whole."""
        write_whole(self.path / name, text.encode())

    def write_json(self, name: str, content: Any) -> None:
        """Writes JSON, readable, with a trailing newline."""
        self.write_text(name, as_json(content))

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """One row an epoch; a column for everything that any row has."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(HISTORY, text.getvalue())

    def write_weights(self, weights: Mapping[str, Tensor]) -> None:
        """The weights as safetensors, tied ones written once each."""
        tensors = {name: tensor.detach().contiguous().clone() for name, tensor in weights.items()}
        write_whole(self.path / MODEL, to_bytes(tensors, metadata={"format": str(FORMAT)}))

    def read_text(self, name: str) -> str:
        """A text file of the run.

        Raises:   RunError when it is not there.
        """
        if not self.path.is_dir():
            raise RunError(f"there is no run folder {self.path}", do=_runs_beside(self.path))
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RunError(
                f"{self.path} is no whole run: {name} is missing", do=self._advice(name)
            ) from None
        except (UnicodeDecodeError, OSError) as error:
            raise RunError(f"{self.path / name} cannot be read: {error}") from None

    def read_json(self, name: str) -> Any:
        """The content of a JSON file of the run.

        Raises:   RunError when it is missing or cut short.
        """
        text = self.read_text(name)
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise RunError(
                f"{self.path / name} is damaged: {error.msg} in line {error.lineno}",
                do=self._advice(name),
            ) from None

    def read_of_this_version(self, name: str) -> dict[str, Any]:
        """The content of a JSON file that says in which form it is written.

        Raises:   RunError when it is missing, cut short or of another version.
        """
        content: dict[str, Any] = self.read_json(name)
        if content.get("format") != FORMAT:
            raise RunError(
                f"{self.path} was written by another version of kissipo",
                given=f"format {content.get('format')}",
                allowed=f"format {FORMAT}",
                do="Open it with that version, or train it again",
            )
        return content

    def read_weights(self) -> dict[str, Tensor]:
        """The weights of the best epoch.

        Raises:   RunError when they are missing or damaged.
        """
        path = self.path / MODEL
        if not path.exists():
            raise RunError(
                f"{self.path} is no whole run: {MODEL} is missing", do=self._advice(MODEL)
            )
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise RunError(f"{path} is damaged: {error}", do=self._advice(MODEL)) from None

    def read_history(self) -> list[dict[str, float]]:
        """The rows of the history, empty cells left out."""
        rows = csv.DictReader(io.StringIO(self.read_text(HISTORY)))
        return [{name: float(value) for name, value in row.items() if value} for row in rows]

    def _advice(self, name: str) -> str:
        if self.checkpoints.is_dir():
            return (
                "Its training was not finished: go on with `kissipo fit TASK --resume --out "
                + f"{self.path}`"
            )
        return "Train it again"


def next_folder(runs: Path, name: str) -> Path:
    """`runs/digits-3` after `runs/digits-2`."""
    return runs / f"{name}-{max([0, *_numbers(runs, name)]) + 1}"


def latest_folder(runs: Path, name: str) -> Path | None:
    """The run of that name with the highest number."""
    numbers = _numbers(runs, name)
    return runs / f"{name}-{max(numbers)}" if numbers else None


def _numbers(runs: Path, name: str) -> list[int]:
    if not runs.is_dir():
        return []
    ends = [
        each.name.removeprefix(f"{name}-")
        for each in runs.iterdir()
        if each.is_dir() and each.name.startswith(f"{name}-")
    ]
    return [int(end) for end in ends if end.isdigit()]


def _runs_beside(path: Path) -> str:
    from kissipo.core.suggest import nearest

    parent = path.parent
    names = (
        [each.name for each in parent.iterdir() if (each / TASK).exists()]
        if parent.is_dir()
        else []
    )
    close = nearest(path.name, names)
    if close:
        return "Did you mean " + " or ".join(f"'{parent / name}'" for name in close) + "?"
    return (
        f"Runs in {parent}: " + ", ".join(sorted(names)[:10])
        if names
        else "Train one first: kissipo fit digits"
    )
