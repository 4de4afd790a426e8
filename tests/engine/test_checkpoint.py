"""Checkpoints are written whole or not at all, and damaged bytes are detected."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors import safe_open

from kissipo.cli.main import main
from kissipo.core import output_file
from kissipo.core.errors import MachineError, RunError
from kissipo.engine import checkpoint
from kissipo.engine.checkpoint import LAST, PREVIOUS, load_checkpoint, save_checkpoint, write_whole


def state(number: int) -> dict[str, Any]:
    """A state with every kind of value, in which every value depends on the number."""
    tensors = {
        kind: torch.full((2, 3), number).to(kind)
        for kind in (torch.float32, torch.float64, torch.int64, torch.bool)
    }
    return {
        "net": {str(kind): tensor for kind, tensor in tensors.items()},
        "algorithm": {
            "state": {0: {"step": torch.tensor(float(number)), "empty": torch.zeros(0, 3)}},
            "betas": [0.9, 0.1],
            "carried": (torch.full((2, 1, 3), float(number)), (number, [])),
        },
        "state": {
            "epoch": number,
            "history": [{"loss": number / 3}],
            "best": math.inf,
            "start": None,
            "on": True,
        },
    }


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    else:
        assert one == other


def loaded(folder: Path) -> tuple[dict[str, Any], str]:
    content = load_checkpoint(folder)
    assert content is not None
    return content


def test_checkpoint_round_trip_is_exact(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, state(1))
    content, note = loaded(tmp_path)
    assert note == ""
    assert_same(content, state(1))


def test_checkpoint_keeps_the_previous_one(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        save_checkpoint(tmp_path, state(number))
    assert sorted(path.name for path in tmp_path.iterdir()) == [LAST, PREVIOUS]
    (tmp_path / LAST).unlink()
    assert_same(loaded(tmp_path)[0], state(2))


def test_load_checkpoint_is_none_without_checkpoints(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "nowhere") is None


def test_save_killed_at_any_line_keeps_the_old_or_the_new_state(
    tmp_path: Path, killed_after: Callable[..., bool], generator: Random
) -> None:
    save_checkpoint(tmp_path, state(1))
    lines, epochs = generator.randrange(3), set()
    while killed_after(lines, lambda: save_checkpoint(tmp_path, state(2)), checkpoint, output_file):
        content, note = loaded(tmp_path)
        epoch = content["state"]["epoch"]
        assert_same(content, state(epoch))
        assert note == ""
        epochs.add(epoch)
        lines += 3
        save_checkpoint(tmp_path, state(1))
    assert lines > 50
    assert epochs == {1, 2}
    assert_same(loaded(tmp_path)[0], state(2))


@pytest.mark.parametrize("left", ["1 byte", "half", "all but one byte", "nothing"])
def test_truncated_checkpoint_falls_back_to_the_previous_one(tmp_path: Path, left: str) -> None:
    save_checkpoint(tmp_path, state(1))
    save_checkpoint(tmp_path, state(2))
    whole = (tmp_path / LAST).read_bytes()
    length = {
        "1 byte": 1,
        "half": len(whole) // 2,
        "all but one byte": len(whole) - 1,
        "nothing": 0,
    }[left]
    (tmp_path / LAST).write_bytes(whole[:length])
    content, note = loaded(tmp_path)
    assert_same(content, state(1))
    assert note.startswith(f"the last checkpoint is damaged ({LAST}: ")
    assert note.endswith("; the previous one is used")


def test_checksum_detects_truncation_and_any_flipped_bit(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, state(1))
    whole = (tmp_path / LAST).read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 3)]
    for index in range(len(whole)):
        damaged.append(whole[:index] + bytes([whole[index] ^ 1 << index % 8]) + whole[index + 1 :])
    for content in damaged:
        (tmp_path / LAST).write_bytes(content)
        try:
            content, _ = loaded(tmp_path)
        except RunError as error:
            assert "can be read (last.safetensors: " in str(error)  # noqa: PT017
        else:
            assert_same(content, state(1))


def test_two_damaged_checkpoints_raise_with_advice(tmp_path: Path) -> None:
    for name in (LAST, PREVIOUS):
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(
        RunError,
        match=r"no checkpoint in .* can be read \(last\.safetensors: .*; previous\.safetensors: ",
    ) as caught:
        load_checkpoint(tmp_path)
    assert str(caught.value).endswith("Start again without --resume.")


def test_checkpoint_version_mismatch_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "VERSION", 999)
    save_checkpoint(tmp_path, state(1))
    monkeypatch.undo()
    with pytest.raises(
        RunError,
        match=r"written by another version of kissipo \(checkpoint version 999, this is 4\)",
    ):
        load_checkpoint(tmp_path)


def test_full_disk_is_reported_and_old_checkpoints_stay_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        save_checkpoint(tmp_path, state(number))
    (tmp_path / f"{LAST}.part").symlink_to("/dev/full")
    with pytest.raises(
        MachineError,
        match=r"no space left to write .*last\.safetensors\. "
        "Free some space, then resume with --resume",
    ):
        save_checkpoint(tmp_path, state(3))
    assert_same(loaded(tmp_path)[0], state(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == [LAST, PREVIOUS]
    save_checkpoint(tmp_path, state(3))
    assert_same(loaded(tmp_path)[0], state(3))


def test_write_whole_reports_a_folder_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "metrics.json" / "inside").mkdir(parents=True)
    with pytest.raises(
        MachineError, match=r"metrics\.json cannot be written: .*Choose another folder with --out"
    ):
        write_whole(tmp_path / "metrics.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_run_folder_has_no_pickle_and_readable_files(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = os.umask(0o022)
    try:
        assert main(["fit", "digits", "epochs=2", "--out", "run", "--quiet"]) == 0
    finally:
        os.umask(before)
    files = [path for path in Path("run").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"task.yaml", "metrics.json", "model.safetensors", LAST}
    for path in files:
        content = path.read_bytes()
        assert not content.startswith((b"\x80", b"PK")), f"{path} looks pickled or zipped"
        assert stat.S_IMODE(path.stat().st_mode) == 0o644, path
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                assert list(file.keys())
        elif not path.name.startswith("events."):
            content.decode("utf-8")
    assert not list(Path().rglob("*.part"))
