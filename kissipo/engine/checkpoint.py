"""Checkpoints: the whole state of a run in one file, and the checkpoint before it.

A state is nested dicts and lists of tensors and plain values. Tensors are stored as
safetensors. The rest is JSON in the header of the same file, with a checksum; nothing
is pickled. The file is written under another name, flushed to disk and renamed. If the
last checkpoint is truncated or damaged, the previous one is used.
"""

from __future__ import annotations

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

from kissipo.core.errors import RunError
from kissipo.core.output_file import refusal, replace_whole
from kissipo.core.protocols import StateDict

VERSION = 4
LAST, PREVIOUS = "last.safetensors", "previous.safetensors"
_SAVE_SHARE = 0.05  # of the time of a training, at most


def saving_interval(took: float) -> float:
    """Returns the seconds between two checkpoints: `$KISSIPO_SAVE_EVERY`, or 2.

    They are more after a long saving, so that saving takes a small share of the time.
    The interval never changes a result.

    took:  the seconds of the last saving; 0 before the first
    """
    try:
        seconds = float(os.environ.get("KISSIPO_SAVE_EVERY", 2))
    except ValueError:
        seconds = 2.0
    return max(seconds, took / _SAVE_SHARE)


def save_checkpoint(folder: Path, state: Mapping[str, object]) -> None:
    """Writes the state as the last checkpoint of the folder.

    Raises:   MachineError when there is no space or no permission;
              the checkpoints in the folder stay whole.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _extract_tensors(state, tensors)
    text = json.dumps(skeleton)
    header = {"version": str(VERSION), "state": text, "checksum": str(_checksum(text, tensors))}
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / LAST
    write_whole(last, to_bytes(tensors, metadata=header), keep=folder / PREVIOUS)


def load_checkpoint(folder: Path) -> tuple[StateDict, str] | None:
    """Returns the newest whole state, with a note when it is not the last one.

    Returns:  None when there is no checkpoint
    Raises:   RunError when there are checkpoints, but none of them can be read.
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
            f"the last checkpoint is damaged ({problems[0]}); the previous one is used"
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
    """Returns the time of the last checkpoint in nanoseconds; None when there is none.

    There is none for a short time while a checkpoint is saved, between two renamings.
    """
    try:
        return (folder / LAST).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def write_whole(path: Path, data: bytes, *, keep: Path | None = None) -> None:
    """Writes a file atomically: the path always holds the whole old or new file.

    keep:     where the old file is moved to
    Raises:   MachineError when the file cannot be written.
    """
    try:
        replace_whole(path, data, keep=keep)
    except OSError as error:
        raise refusal(path, error) from None


def _read(path: Path) -> StateDict:
    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if header.get("version") != str(VERSION):
        raise ValueError(
            f"written by another version of kissipo (checkpoint version "
            f"{header.get('version')}, this is {VERSION})"
        )
    if int(header["checksum"]) != _checksum(header["state"], tensors):
        raise ValueError("its checksum does not fit its content")
    state: StateDict = _insert_tensors(json.loads(header["state"]), tensors)
    return state


def _extract_tensors(value: object, tensors: dict[str, Tensor]) -> Any:
    """Returns plain JSON; tensors are moved to `tensors` and replaced by names.

    Dicts become pairs, as JSON has no numbers as keys; tuples stay tuples.
    """
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[key, _extract_tensors(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [_extract_tensors(item, tensors) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    assert value is None or isinstance(value, bool | int | float | str), type(value)
    return value


def _insert_tensors(value: object, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        if "tuple" in value:
            return tuple(_insert_tensors(item, tensors) for item in value["tuple"])
        return {key: _insert_tensors(item, tensors) for key, item in value["pairs"]}
    if isinstance(value, list):
        return [_insert_tensors(item, tensors) for item in value]
    return value


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> int:
    """Returns the CRC-32 of the plain values and of every tensor.

    A tensor counts with its name, dtype, shape and bytes.
    """
    total = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        total = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), total)
        if tensor.numel():
            total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return total
