"""The trace as files: `trace.json` and one binary file per tensor (see docs/trace.md).

    trace/trace.json           steps, operations, layers, statistics of every tensor,
                               gates, gradients, breakdowns
    trace/tensors/12.bin       the values of one tensor, row-major, little-endian; the
                               dtype is in trace.json

A tensor above the size limit has statistics only. Weights are in model.safetensors of
the run.

Example:  >>> import tempfile, torch
          >>> from torch import nn
          >>> from kissipo.inspect.tracing.record import record
          >>> from kissipo.inspect.trace import Trace, steps_of
          >>> recording = record(nn.Linear(2, 1), (torch.ones(1, 2),))
          >>> trace = Trace(tuple(steps_of(recording)), recording=recording)
          >>> content, tensor = read_trace(trace.save(tempfile.mkdtemp()))
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

import numpy as np

from kissipo.core.errors import MachineError, RunError
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.inspect.tracing.recording import Value, as_array

CONTENT, TENSORS = "trace.json", "tensors"
MAX_BYTES = 16_000_000
VERSION = 3


def tensor_table(
    values: Iterable[Value], *, max_bytes: int
) -> tuple[dict[str, dict[str, object]], dict[str, NumpyArray]]:
    """Returns the table of all tensors, and the values of the tensor files.

    max_bytes:  the size limit of a tensor; a larger one has statistics only
    """
    table, arrays = {}, {}
    for number, value in enumerate(values):
        key, array = value.key, as_array(value.tensor)
        has_file = value.origin != "weight" and array.nbytes <= max_bytes
        if has_file:
            arrays[key] = array
        table[key] = {
            "origin": value.origin,
            "axes": list(value.axes),
            "shape": list(array.shape),
            "dtype": array.dtype.name,
            "bytes": array.nbytes,
            **value.figures,
            "file": f"{TENSORS}/{number}.bin" if has_file else None,
        }
    return table, arrays


def write_trace(folder: Path | str, content: JsonMapping, arrays: Mapping[str, NumpyArray]) -> Path:
    """Writes the result of `Trace.content`, whole or not at all; replaces an old trace.

    Raises:   MachineError when it cannot be written; RunError when the folder is not a
              trace.
    """
    folder = Path(folder)
    if folder.exists() and not (
        (folder / CONTENT).is_file() or (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise RunError(f"{folder} exists and is not a trace", do="Choose another folder")
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


def read_trace(folder: Path | str) -> tuple[dict[str, object], Callable[[str], NumpyArray]]:
    """Returns the content of `trace.json`, and a function that reads a tensor.

    Raises:   RunError when there is no trace, or one of another version.
    """
    folder = Path(folder)
    try:
        content: JsonObject = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"there is no trace in {folder}: {error}") from None
    if content.get("version") != VERSION:
        raise RunError(
            f"the trace in {folder} has another version",
            got=str(content.get("version")),
            allowed=str(VERSION),
        )

    def tensor(key: str) -> NumpyArray:
        entry = content["tensors"][key]
        if entry["file"] is None:
            raise RunError(
                f"the trace has only statistics of the tensor '{key}'",
                do="Write the trace with a higher max_bytes",
            )
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        return np.fromfile(folder / entry["file"], dtype=dtype).reshape(entry["shape"])

    return content, tensor
