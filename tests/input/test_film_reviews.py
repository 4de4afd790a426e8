"""Film reviews out of their archive: all of them, as tar gives them; strange members are left alone, damaged archives are refused."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from kissipo.core.errors import DataError
from kissipo.input.datasets import film_reviews

PRAISE, BLAME = "txt_sentoken/pos/cv000_29590.txt", "txt_sentoken/neg/cv999_14636.txt"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an archive of our own is looked for."""
    monkeypatch.setenv("KISSIPO_DATA", str(tmp_path))
    path = tmp_path / "imdb-review-polarity" / "review_polarity.tar.gz"
    path.parent.mkdir()
    return path


def pack(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("txt_sentoken/pos/cv001_1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)


def test_every_review_is_there_with_its_feeling(data: Path) -> None:
    frame = film_reviews.read().frame
    assert frame["feeling"].counts() == {"negative": 1000, "positive": 1000}
    assert len(frame["review"].counts()) == 2000
    packed = data / "imdb-review-polarity" / "review_polarity.tar.gz"
    for row, name, feeling in ((1000, PRAISE, "positive"), (999, BLAME, "negative")):
        unpacked = subprocess.run(
            ["tar", "xzOf", packed, name], capture_output=True, check=True
        ).stdout
        assert frame["review"].show(row) == unpacked.decode("ascii")
        assert frame["feeling"].show(row) == feeling


def test_only_reviews_are_read_and_nothing_is_unpacked(archive: Path, tmp_path: Path) -> None:
    strange = {
        "../evil.txt": b"x",
        "/evil.txt": b"x",
        "txt_sentoken/pos/../neg/cv000_1.txt": b"x",
        "README": b"x",
    }
    pack(archive, {**strange, PRAISE: b"a joy", BLAME: b"a bore"})
    frame = film_reviews.read().frame
    assert frame["review"].texts() == ["a bore", "a joy"]
    assert frame["feeling"].texts() == ["negative", "positive"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


@pytest.mark.parametrize("kept", [0, 40, 150])
def test_a_damaged_archive_is_refused(archive: Path, kept: int) -> None:
    pack(archive, {PRAISE: bytes(range(128)) * 99})
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(
        DataError, match=r"review_polarity\.tar\.gz is damaged: .*\. Delete it and fetch it again\."
    ):
        film_reviews.read()


def test_an_archive_without_reviews_or_with_other_letters_is_refused(archive: Path) -> None:
    pack(archive, {"README": b"x"})
    with pytest.raises(
        DataError,
        match=r"holds no reviews. Allowed: txt_sentoken/pos/cv000_29590\.txt and the like\.",
    ):
        film_reviews.read()
    pack(archive, {PRAISE: b"caf\xe9"})
    with pytest.raises(DataError, match="is damaged: 'utf-8' codec"):
        film_reviews.read()
