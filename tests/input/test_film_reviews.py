"""Film reviews: the archive is read as by tar; other members are ignored."""

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
    """Returns the path at which a test archive is found."""
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


def test_film_reviews_have_every_review_with_its_feeling(data: Path) -> None:
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


def test_film_reviews_read_only_reviews_and_unpack_nothing(archive: Path, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("size", [0, 40, 150])
def test_film_reviews_refuse_a_damaged_archive(archive: Path, size: int) -> None:
    pack(archive, {PRAISE: bytes(range(128)) * 99})
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(
        DataError,
        match=r"review_polarity\.tar\.gz is damaged: .*\. Delete it and download it again\.",
    ):
        film_reviews.read()


def test_film_reviews_refuse_an_archive_without_reviews(archive: Path) -> None:
    pack(archive, {"README": b"x"})
    with pytest.raises(
        DataError,
        match=r"contains no reviews. Allowed: txt_sentoken/pos/cv000_29590\.txt and similar "
        r"files\.",
    ):
        film_reviews.read()
    pack(archive, {PRAISE: b"caf\xe9"})
    with pytest.raises(DataError, match="is damaged: 'utf-8' codec"):
        film_reviews.read()
