"""Checkpoints: the whole state of a run in one file, written aside, flushed to disk and renamed, the one before it kept.

A state is nested dicts and lists of tensors and plain values. Tensors are stored as safetensors, the rest as JSON in the same
file's header, together with a checksum; nothing is pickled. A file that was cut short or damaged is noticed, and the one
before it is used.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from kissipo.core.errors import MachineError, RunError
from kissipo.core.output_file import replace_whole

VERSION = 2
LAST, PREVIOUS = "last.safetensors", "previous.safetensors"


def saving_interval() -> float:
    """Seconds between two checkpoints: 2, or what `$KISSIPO_SAVE_EVERY` says; how often is saved never changes a result."""
    try:
        return float(os.environ.get("KISSIPO_SAVE_EVERY", 2))
    except ValueError:
        return 2.0


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Writes the state as the last checkpoint of the folder.

    Raises:   MachineError when there is no space or no permission; the checkpoints that were there stay whole.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _take_out(state, tensors)
    told = json.dumps(skeleton)
    header = {"version": str(VERSION), "state": told, "checksum": str(_checksum(told, tensors))}
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / LAST
    write_whole(last, to_bytes(tensors, metadata=header), keep=folder / PREVIOUS)


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], str] | None:
    """The newest whole state and a note when it is not the last one; None when there is none.

    Raises:   RunError when checkpoints are there and none of them can be read.
    """
    problems = []
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            state = _read(path)
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            problems.append(f"{path.name}: {error}")
            continue
        note = (
            f"the last checkpoint is damaged ({problems[0]}); the one before it is used"
            if problems
            else ""
        )
        return state, note
    if problems:
        raise RunError(
            f"no checkpoint in {folder} can be read ({'; '.join(problems)})",
            do="Start again without --resume",
        )
    return None


def saved_at(folder: Path) -> int | None:
    """When the last checkpoint was written, in nanoseconds; None while there is none, as between the two renamings of saving."""
    try:
        return (folder / LAST).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def write_whole(path: Path, data: bytes, *, keep: Path | None = None) -> None:
    """Writes a file so that at any moment either the old or the new one is there, never half of one.

    keep:     where the file that was there before is moved to
    Raises:   MachineError when the machine refuses.
    """
    try:
        replace_whole(path, data, keep=keep)
    except OSError as error:
        raise refusal(path, error) from None


def refusal(path: Path, error: OSError) -> MachineError:
    """The machine's refusal to write, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MachineError(
            f"there is no space left to write {path}",
            do="Free some space, then go on with --resume: all that was saved before is whole",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MachineError(
            f"{path} may not be written",
            do="Choose another folder with --out, or change its permissions",
        )
    return MachineError(
        f"{path} cannot be written: {error.strerror}", do="Choose another folder with --out"
    )


def _read(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if header.get("version") != str(VERSION):
        raise ValueError(
            f"written by another version of kissipo (checkpoint version {header.get('version')}, this is {VERSION})"
        )
    if int(header["checksum"]) != _checksum(header["state"], tensors):
        raise ValueError("its checksum does not fit its content")
    state: dict[str, Any] = _put_back(json.loads(header["state"]), tensors)
    return state


def _take_out(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Plain JSON, with the name of its place for each tensor and pairs for dicts whose keys are numbers; tuples stay tuples."""
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value.detach().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[key, _take_out(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        items = [_take_out(each, tensors) for each in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    assert value is None or isinstance(value, bool | int | float | str), type(value)
    return value


def _put_back(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        if "tuple" in value:
            return tuple(_put_back(each, tensors) for each in value["tuple"])
        return {key: _put_back(each, tensors) for key, each in value["pairs"]}
    if isinstance(value, list):
        return [_put_back(each, tensors) for each in value]
    return value


def _checksum(told: str, tensors: Mapping[str, Tensor]) -> int:
    """Over the plain values and, of every tensor, its name, kind, shape and bytes."""
    total = zlib.crc32(told.encode())
    for name, tensor in sorted(tensors.items()):
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        if tensor.numel():
            total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return total
