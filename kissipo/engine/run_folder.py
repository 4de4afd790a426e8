"""The run folder: text and safetensors that are readable without kissipo.

Nothing is pickled, and every file is written whole or not at all.

task.yaml           all options of the task, ready to edit
candidates.json     the nets that were compared, where none was written
data.json           the data check and the fingerprint of the data
split.json          the samples of the train, validation and test splits
environment.json    versions, machine, seed, seconds
history.csv         one row per epoch
metrics.json        scores compared with baselines, and the verdict
model.safetensors   the weights of the best epoch
codecs.json         encodings and answers, as fitted
checkpoints/        the whole state of training, last and previous
report.html         everything on one page, offline
log.txt             the printed lines
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from kissipo.core.errors import RunError
from kissipo.core.json_object import JsonObject
from kissipo.core.notation import as_json
from kissipo.core.output_file import refusal
from kissipo.engine.checkpoint import write_whole

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
REPORT, LOG, CANDIDATES = "report.html", "log.txt", "candidates.json"


class RunFolder:
    """Reads and writes the files of one run.

    is_temporary:  its files need not outlive a power failure, so they are not flushed
                   to the disk, which takes most of the time of a small fit
    """

    def __init__(self, path: Path, *, is_temporary: bool = False) -> None:
        self.path, self.is_temporary = Path(path), is_temporary

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / CHECKPOINTS

    @property
    def is_begun(self) -> bool:
        """Whether the path exists and is not an empty folder."""
        return self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir()))

    @property
    def is_comparing(self) -> bool:
        """Whether the run was stopped while its candidates were compared."""
        return (self.path / CANDIDATES).exists() and not (self.path / DATA).exists()

    def create(self, files: Mapping[str, str], *, compared: bool = False) -> None:
        """Creates the folder with the first files of a run, whole or not at all.

        compared:  whether it exists, as candidates were compared in it

        Raises:   RunError when the path exists already;
                  MachineError when it cannot be created.
        """
        if self.is_begun and not compared:
            raise RunError(
                f"{self.path} exists already",
                do="Choose another --out, remove it, or resume that run with --resume",
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
        self._write(name, text.encode())

    def _write(self, name: str, content: bytes) -> None:
        path = self.path / name
        if not self.is_temporary:
            write_whole(path, content)
            return
        try:
            path.write_bytes(content)
        except OSError as error:
            raise refusal(path, error) from None

    def write_json(self, name: str, content: object) -> None:
        """Writes JSON, readable, with a trailing newline."""
        self.write_text(name, as_json(content))

    def write_history(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Writes one row per epoch, with a column for every key of any row."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(HISTORY, text.getvalue())

    def write_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Writes the weights as safetensors, tied ones under each of their names."""
        tensors = {name: tensor.detach().contiguous().clone() for name, tensor in weights.items()}
        self._write(MODEL, to_bytes(tensors, metadata={"format": str(FORMAT)}))

    def read_text(self, name: str) -> str:
        """Returns a text file of the run.

        Raises:   RunError when it is missing.
        """
        if not self.path.is_dir():
            raise RunError(f"there is no run folder {self.path}", do=_runs_beside(self.path))
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RunError(
                f"{self.path} is not a complete run: {name} is missing", do=self._advice(name)
            ) from None
        except (UnicodeDecodeError, OSError) as error:
            raise RunError(f"{self.path / name} cannot be read: {error}") from None

    def read_json(self, name: str) -> JsonObject:
        """Returns the content of a JSON file of the run.

        Raises:   RunError when it is missing or truncated.
        """
        text = self.read_text(name)
        try:
            content: JsonObject = json.loads(text)
            return content
        except json.JSONDecodeError as error:
            raise RunError(
                f"{self.path / name} is damaged: {error.msg} in line {error.lineno}",
                do=self._advice(name),
            ) from None

    def read_of_this_version(self, name: str) -> JsonObject:
        """Returns the content of a JSON file, and checks its format version.

        Raises:   RunError when it is missing, truncated or of another version.
        """
        content: JsonObject = self.read_json(name)
        if content.get("format") != FORMAT:
            raise RunError(
                f"{self.path} was written by another version of kissipo",
                got=f"format {content.get('format')}",
                allowed=f"format {FORMAT}",
                do="Open it with that version, or train it again",
            )
        return content

    def read_weights(self) -> dict[str, Tensor]:
        """Returns the weights of the best epoch.

        Raises:   RunError when they are missing or damaged.
        """
        path = self.path / MODEL
        if not path.exists():
            raise RunError(
                f"{self.path} is not a complete run: {MODEL} is missing", do=self._advice(MODEL)
            )
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise RunError(f"{path} is damaged: {error}", do=self._advice(MODEL)) from None

    def read_history(self) -> list[dict[str, float]]:
        """Returns the rows of the history without empty cells."""
        rows = csv.DictReader(io.StringIO(self.read_text(HISTORY)))
        return [{name: float(value) for name, value in row.items() if value} for row in rows]

    def _advice(self, name: str) -> str:
        if self.checkpoints.is_dir() or self.is_comparing:
            return (
                "Its training was not finished: resume with "
                f"`kissipo fit TASK --resume --out {self.path}`"
            )
        return "Train it again"


def next_folder(runs: Path, name: str) -> Path:
    """Returns the next free path: `runs/digits-3` after `runs/digits-2`."""
    return runs / f"{name}-{max([0, *_numbers(runs, name)]) + 1}"


def latest_folder(runs: Path, name: str) -> Path | None:
    """Returns the run of that name with the highest number; None when there is none."""
    numbers = _numbers(runs, name)
    return runs / f"{name}-{max(numbers)}" if numbers else None


def _numbers(runs: Path, name: str) -> list[int]:
    if not runs.is_dir():
        return []
    ends = [
        path.name.removeprefix(f"{name}-")
        for path in runs.iterdir()
        if path.is_dir() and path.name.startswith(f"{name}-")
    ]
    return [int(end) for end in ends if end.isdigit()]


def _runs_beside(path: Path) -> str:
    from kissipo.core.suggest import nearest

    parent = path.parent
    names = (
        [folder.name for folder in parent.iterdir() if (folder / TASK).exists()]
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
