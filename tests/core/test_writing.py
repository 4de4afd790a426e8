"""A file is written whole or not at all; links and devices are written through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kissipo.core.errors import MachineError
from kissipo.core.output_file import write_text


def test_what_was_there_stays_when_the_machine_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert write_text("page.html", "old ←") == Path("page.html")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match=r"page\.html cannot be written: No space left"):
        write_text("page.html", "new")
    assert Path("page.html").read_text(encoding="utf-8") == "old ←"
    assert [each.name for each in Path.cwd().glob("*.part")] == []


def test_a_link_is_written_through_and_a_device_stays_one() -> None:
    Path("real.html").write_text("old")
    Path("link.html").symlink_to("real.html")
    write_text("link.html", "new")
    assert Path("link.html").is_symlink()
    assert Path("real.html").read_text() == "new"
    write_text("/dev/null", "nothing")
    assert Path("/dev/null").is_char_device()


def test_a_folder_or_nowhere_is_told() -> None:
    for place in (".", "nowhere/page.html"):
        with pytest.raises(MachineError, match="cannot be written"):
            write_text(place, "x")
