"""The trace as files: `trace.json` and one binary file a tensor, which any language reads (docs/trace.md says each field).

    trace/trace.json             steps, operations, layers, statistics of every tensor, gates, gradients, opened numbers
    trace/tensors/t12.bin        the numbers of one tensor, row by row, little-endian, of the type that trace.json says

Of a tensor that is larger than a limit only the statistics are written; weights are in the run's model.safetensors.

Example:  >>> import tempfile, torch
          >>> from torch import nn
          >>> from kissipo.inspect.tracing.record import record
          >>> from kissipo.inspect.trace import Trace, steps_of
          >>> recording = record(nn.Linear(2, 1), (torch.ones(1, 2),))
          >>> folder = Trace(tuple(steps_of(recording)), recording=recording).save(tempfile.mkdtemp())
          >>> content, tensor = read_trace(folder)
          >>> content["operations"][0]["text"], tensor("t0").tolist()
          ('linear(t0, weight, bias)', [[1.0, 1.0]])
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import MachineError, RunError
from kissipo.inspect.tracing.recording import Value, as_array

CONTENT, TENSORS = "trace.json", "tensors"
MOST_BYTES = 16_000_000
VERSION = 3


def tensor_table(
    values: Iterable[Value], *, most_bytes: int
) -> tuple[dict[str, dict[str, Any]], dict[str, NDArray[Any]]]:
    """What `trace.json` says of every tensor, and the numbers of those that have a file, by their keys.

    most_bytes:  of a tensor; of a larger one only statistics are given
    """
    table, arrays = {}, {}
    for number, value in enumerate(values):
        key, array = value.key, as_array(value.tensor)
        is_kept = value.origin != "weight" and array.nbytes <= most_bytes
        if is_kept:
            arrays[key] = array
        table[key] = {
            "origin": value.origin,
            "axes": list(value.axes),
            "shape": list(array.shape),
            "dtype": array.dtype.name,
            "bytes": array.nbytes,
            **value.figures,
            "file": f"{TENSORS}/{number}.bin" if is_kept else None,
        }
    return table, arrays


def write_trace(
    folder: Path | str, content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Path:
    """Writes what `Trace.content` gives, whole or not at all; a trace that lies there is replaced.

    Raises:   MachineError when it cannot be written; RunError when something else lies there.
    """
    folder = Path(folder)
    if folder.exists() and not (
        (folder / CONTENT).is_file() or (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise RunError(f"{folder} is there already and is no trace", do="Name another folder")
    aside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        (aside / TENSORS).mkdir()
        for key, array in arrays.items():
            (aside / content["tensors"][key]["file"]).write_bytes(array.tobytes())
        (aside / CONTENT).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        if folder.exists():
            os.replace(folder, aside.with_name(f"{aside.name}-before"))
        os.replace(aside, folder)
        shutil.rmtree(aside.with_name(f"{aside.name}-before"), ignore_errors=True)
    except OSError as error:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        raise MachineError(f"the trace cannot be written to {folder}: {error.strerror}") from None
    return folder


def read_trace(folder: Path | str) -> tuple[dict[str, Any], Callable[[str], NDArray[Any]]]:
    """What `trace.json` says, and a function from the key of a tensor to its numbers, which are read when they are asked for.

    Raises:   RunError when there is no trace, or one of another version.
    """
    folder = Path(folder)
    try:
        content: dict[str, Any] = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"there is no trace in {folder}: {error}") from None
    if content.get("version") != VERSION:
        raise RunError(
            f"the trace in {folder} is of another version",
            given=str(content.get("version")),
            allowed=str(VERSION),
        )

    def tensor(key: str) -> NDArray[Any]:
        about = content["tensors"][key]
        if about["file"] is None:
            raise RunError(
                f"of the tensor '{key}' only statistics were written",
                do="Write the trace with a higher limit",
            )
        return np.fromfile(
            folder / about["file"], dtype=np.dtype(about["dtype"]).newbyteorder("<")
        ).reshape(about["shape"])

    return content, tensor
