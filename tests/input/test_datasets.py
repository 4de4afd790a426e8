"""Named data sets: search, download and checksum; season lengths; environments."""

from __future__ import annotations

import gzip
import hashlib
import io
import socketserver
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import detrend

import kissipo
from kissipo.core.errors import DataError, MachineError, NotBuiltError
from kissipo.input.datasets import DATASETS, dataset_names, find_data, module_name
from kissipo.input.datasets.download import File, cache_folder, get
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.season_length import find_season
from kissipo.input.sources import environment
from kissipo.input.tensor_dataset import TensorDataset

CONTENT = b"a,b\n1,2\n" * 1000
SUM = hashlib.sha256(CONTENT).hexdigest()


def archive() -> bytes:
    """A zip archive that has CONTENT as `set/some.csv`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("set/README", "about")
        packed.writestr("set/some.csv", CONTENT)
    return file.getvalue()


ARCHIVE = archive()


class Library(BaseHTTPRequestHandler):
    """A server that sends CONTENT completely, incompletely, or not at all."""

    requests: list[str] = []

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path == "/absent.csv":
            self.send_error(404, "Not Found")
            return
        if self.path == "/garbage.csv":
            self.wfile.write(b"no HTTP at all\r\n\r\n")
            return
        self.send_response(200)
        if self.path == "/chunks.csv":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            length = {"/set.zip": len(ARCHIVE), "/cut.zip": 60}.get(self.path, len(CONTENT))
            self.send_header("Content-Length", str(length))
        self.end_headers()
        whole = {"/whole.csv": CONTENT, "/set.zip": ARCHIVE, "/cut.zip": ARCHIVE[:60]}
        self.wfile.write(whole.get(self.path, b"1f40\r\na,b\n1,2"))

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Yields the address of a local server; $KISSIPO_DATA is an empty folder."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("KISSIPO_DATA", str(tmp_path / "data"))
    Library.requests.clear()
    with socketserver.TCPServer(("127.0.0.1", 0), Library) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_download_happens_once_and_is_cached(library: str) -> None:
    file = File("some.csv", f"{library}/whole.csv", SUM)
    for _ in range(2):
        path = get("some-set", file)
        assert path == cache_folder() / "some-set" / "some.csv"
        assert path.read_bytes() == CONTENT
    assert Library.requests == ["/whole.csv"]
    assert files_below(cache_folder()) == ["some.csv"]


def test_download_search_order_is_data_folder_cache_web(library: str, tmp_path: Path) -> None:
    file = File("some.csv", f"{library}/whole.csv", SUM)
    for folder in (cache_folder(), tmp_path / "data"):
        (folder / "some-set").mkdir(parents=True)
        (folder / "some-set" / "some.csv").touch()
        assert get("some-set", file) == folder / "some-set" / "some.csv"
    assert not Library.requests


def test_download_restarts_after_an_interruption(library: str) -> None:
    (cache_folder() / "some-set").mkdir(parents=True)
    (cache_folder() / "some-set" / "some.csv.part").write_bytes(b"half a file" * 10_000)
    assert get("some-set", File("some.csv", f"{library}/whole.csv", SUM)).read_bytes() == CONTENT
    assert files_below(cache_folder()) == ["some.csv"]


def test_download_keeps_one_file_of_a_published_archive(library: str) -> None:
    path = get("some-set", File("own.csv", f"{library}/set.zip", SUM, member="set/some.csv"))
    assert path.name == "own.csv" and path.read_bytes() == CONTENT
    assert files_below(cache_folder()) == ["own.csv"]


@pytest.mark.parametrize(
    ("path", "member", "message"),
    [
        ("/set.zip", "set/other.csv", 'is not the published archive: "There is no item named '),
        ("/cut.zip", "set/some.csv", "is not the published archive: File is not a zip file"),
        ("/set.zip", "set/README", "is not the published file; got sha256 "),
    ],
)
def test_download_of_another_archive_is_refused_and_deleted(
    library: str, path: str, member: str, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        get("some-set", File("own.csv", library + path, SUM, member=member))
    assert message in str(refused.value)
    assert not files_below(cache_folder())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/cut.csv", "is not the published file; got sha256 "),
        ("/chunks.csv", "cannot be downloaded from http://127.0.0.1:"),
        ("/garbage.csv", "cannot be downloaded from http://127.0.0.1:"),
        ("/absent.csv", "/absent.csv: Not Found. Put the file at "),
    ],
)
def test_download_of_another_file_is_refused_and_deleted(
    library: str, path: str, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        get("some-set", File("some.csv", library + path, SUM))
    assert message in str(refused.value)
    assert not files_below(cache_folder())


def test_download_error_has_both_checksums(library: str) -> None:
    with pytest.raises(DataError) as refused:
        get("some-set", File("some.csv", f"{library}/whole.csv", "0" * 64))
    assert str(refused.value) == (
        f"the download from {library}/whole.csv is not the published file; "
        f"got sha256 {SUM}. Allowed: {'0' * 64}."
    )
    assert not files_below(cache_folder())


def test_download_error_says_where_to_put_the_file() -> None:
    with pytest.raises(DataError) as refused:
        get("some-set", File("some.csv", "http://127.0.0.1:9/some.csv", SUM))
    message = str(refused.value)
    assert (
        "the data set 'some-set' is not on this machine and cannot be downloaded "
        "from http://127.0.0.1:9/some.csv: " in message
    )
    assert (
        f"Put the file at {cache_folder()}/some-set/some.csv, "
        "or set KISSIPO_DATA to a folder that contains some-set/some.csv" in message
    )


def test_download_cache_that_cannot_be_written_is_named(library: str) -> None:
    cache_folder().parent.mkdir()
    cache_folder().write_text("a file where the folder should be")
    with pytest.raises(
        MachineError, match=r"cannot be written: .* Set XDG_CACHE_HOME to a folder with free space"
    ):
        get("some-set", File("some.csv", f"{library}/whole.csv", SUM))


def checksum(path: Path, file: File) -> str:
    """The SHA-256 of the content of a file, which may be compressed here."""
    packed = path.suffix == ".gz" and not file.name.endswith(".gz")
    content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", dataset_names())
def test_datasets_have_a_source_and_the_published_checksum(name: str, data: Path) -> None:
    module = DATASETS.find(module_name(name), place="data")
    is_made = name == "shapes"
    assert module.ABOUT and module.LICENSE
    assert module.HOME.startswith("kissipo/" if is_made else "https://")
    for file in (*module.FILES, *([module.FILE] if module.FILE else [])):
        assert file.sha256 in [checksum(path, file) for path in data.rglob(f"{file.name}*")]
        assert file.url.startswith("https://")
    reading = module.read()
    assert not reading.frame[reading.answer or "boxes"].missing.any()
    if reading.parts:
        rows = np.concatenate(list(reading.parts.values()))
        assert len(rows) == len(np.unique(rows)) == len(reading.frame)
    assert find_data(name, module.SOURCES[0]).frame.fingerprint() == reading.frame.fingerprint()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minst", "there is no file and no data set 'minst'. Did you mean 'mnist'?"),
        (
            "zzzzzz",
            "there is no file and no data set 'zzzzzz'. Named data sets: airline-passengers, "
            "answer-sentences, bccd, ",
        ),
        ("digits", "the data set 'digits' cannot be read as table. Allowed: images."),
    ],
)
def test_datasets_unknown_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        find_data(name, "table")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("airline-passengers", 12, 12),
        ("monthly-sunspots", 120, 140),  # the sun's cycle of about eleven years
        ("daily-min-temperatures", 362, 368),
        ("daily-total-female-births", 0, 0),
    ],
)
def test_season_length_of_real_series(name: str, low: int, high: int, data: Path) -> None:
    values = (
        read_table(data / "time-series-classic" / f"{name}.csv", FileWords())[0].columns[1].values
    )
    assert low <= find_season(values) <= high


def test_season_length_of_sunspots_is_the_maximum_autocorrelation() -> None:
    stattools = pytest.importorskip("statsmodels.tsa.stattools")
    values = DATASETS.find("sunspots", place="data").read().frame["SUNACTIVITY"].values
    autocorrelation = stattools.acf(detrend(values), nlags=20, adjusted=True)
    assert find_season(values) == 5 + np.argmax(autocorrelation[5:])


@pytest.mark.parametrize("period", [4, 7, 24])
def test_season_length_of_a_generated_series_is_its_period(period: int) -> None:
    steps = np.arange(period * 30)
    noise = np.random.default_rng(period).normal(0, 0.3, len(steps))
    assert find_season(np.sin(2 * np.pi * steps / period) + 0.02 * steps + noise) == period


@pytest.mark.parametrize(
    "values",
    [[], [1.0] * 99, np.arange(99.0), np.random.default_rng(1).normal(size=300), [np.nan] * 20],
)
def test_season_length_is_zero_without_a_season(values: Any) -> None:
    assert find_season(np.asarray(values, dtype=float)) == 0


def test_tensor_dataset_returns_finished_batches() -> None:
    x, y = torch.arange(12).reshape(6, 2), torch.arange(6)
    dataset = TensorDataset((x, x), (y,), (lambda part: part / 2, None))
    for index, expected in ((torch.tensor([4, 1]), [4, 1]), (slice(1, 3), [1, 2])):
        batch = dataset.batch(index)
        assert torch.equal(batch.inputs[0], x[expected] / 2) and torch.equal(
            batch.inputs[1], x[expected]
        )
        assert batch.targets[0].tolist() == expected
    assert dataset.take(slice(2, 5)).batch(torch.tensor([0])).targets[0].tolist() == [2]
    assert len(dataset) == len(dataset.everything().targets[0]) == 6
    finished = TensorDataset((x,), (y, y), (), (None, lambda part: part * 2)).take(slice(2, 5))
    assert [target.tolist() for target in finished.everything().targets] == [[2, 3, 4], [4, 6, 8]]
    assert finished.truth(0).tolist() == [2, 3, 4] and finished.truth(1).tolist() == [4, 6, 8]


def test_environment_has_the_model_of_gymnasium() -> None:
    world = environment.SOURCE.read(
        "FrozenLake-v1", environment.Options(settings={"is_slippery": False})
    )
    assert world.actions == ("left", "down", "right", "up") and len(world.states) == 16
    assert world.model[0][2] == [(1.0, 1, 0, False)]
    one = world.make()
    one.reset(seed=0)
    assert one.step(2)[0] == 1


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("FrozenLake-v9", {}, DataError, "'FrozenLake-v9'. Did you mean 'FrozenLake-v1'"),
        ("FrozenLak-v1", {}, DataError, "Did you mean 'FrozenLake-v1'"),
        ("FrozenLake-v1", {"settings": {"wind": 3}}, DataError,
         "'FrozenLake-v1' does not take these input.settings: "),
        ("FrozenLake-v1", {"actions": ("up",)}, DataError,
         "the names do not fit the environment; got 1 names. Allowed: 4."),
        ("CartPole-v1", {"states": ("angle",)}, DataError, "got 1 names. Allowed: 4."),
        ("Pendulum-v1", {}, NotBuiltError, "'Pendulum-v1', whose actions are Box("),
        ("Blackjack-v1", {}, NotBuiltError, "'Blackjack-v1', whose states are Tuple("),
    ],
)  # fmt: skip
def test_environment_that_cannot_be_used_is_refused(
    name: str, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused:
        environment.SOURCE.read(name, environment.Options(**options))
    assert message in str(refused.value)


def test_run_folder_does_not_hide_a_dataset() -> None:
    run = kissipo.load("digits").fit(epochs=1, out="digits")
    assert (run.folder / "task.yaml").is_file()
    assert kissipo.open("digits").evaluate()
    Path("own").mkdir()
    (Path("own") / "task.yaml").write_text("")
    assert find_data("own", "images") is None
