"""Output files: written completely or not at all; links are followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kissipo.core.errors import MachineError
from kissipo.core.output_file import write_text


def test_write_text_keeps_the_former_file_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert write_text("page.html", "old ←") == Path("page.html")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match=r"page\.html cannot be written: No space left"):
        write_text("page.html", "new")
    assert Path("page.html").read_text(encoding="utf-8") == "old ←"
    assert [path.name for path in Path.cwd().glob("*.part")] == []


def test_write_text_follows_links_and_keeps_devices() -> None:
    Path("real.html").write_text("old")
    Path("link.html").symlink_to("real.html")
    write_text("link.html", "new")
    assert Path("link.html").is_symlink()
    assert Path("real.html").read_text() == "new"
    write_text("/dev/null", "nothing")
    assert Path("/dev/null").is_char_device()


def test_write_text_refuses_a_folder_and_a_missing_folder() -> None:
    for place in (".", "nowhere/page.html"):
        with pytest.raises(MachineError, match="cannot be written"):
            write_text(place, "x")
