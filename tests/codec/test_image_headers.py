"""The header of an image file is read once, and again when the file changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from kissipo.codec._image import changes, is_color, orientation_of, size_of
from kissipo.core.errors import DataError


def save(path: Path, size: tuple[int, int], mode: str = "RGB", **words: object) -> Path:
    Image.new(mode, size, 7 if mode == "L" else (1, 2, 3)).save(path, **words)
    return path


def test_header_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", (8, 4))
    files: list[object] = []
    plain = Image.open
    monkeypatch.setattr(Image, "open", lambda value: files.append(value) or plain(value))
    for _ in range(3):
        assert (size_of(path), orientation_of(path), is_color(path)) == ((4, 8), 1, True)
        assert changes(path) == ()
    assert len(files) == 1


def test_file_of_equal_length_and_date_is_read_again(tmp_path: Path) -> None:
    path, other = save(tmp_path / "a.bmp", (8, 4)), save(tmp_path / "b.bmp", (4, 8))
    assert path.stat().st_size == other.stat().st_size
    assert size_of(path) == (4, 8)
    shutil.copystat(path, other)
    shutil.copy2(other, path)
    assert size_of(path) == (8, 4)


def test_removed_file_is_missed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", (8, 4), "L")
    assert not is_color(path)
    path.unlink()
    with pytest.raises(DataError, match="there is no image"):
        is_color(path)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5])
def test_cut_file_of_several_frames_is_corrupt(tmp_path: Path, part: float) -> None:
    path = tmp_path / "a.tiff"
    frames = [Image.linear_gradient("L") for _ in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert size_of(path) == (256, 256)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(DataError, match="is corrupt or not an image"):
        size_of(path)
