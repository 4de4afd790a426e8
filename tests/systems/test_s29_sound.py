"""S29: spoken digits: fit, predict, words with their times, pages, resume."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, StoppedError
from kissipo.core.task import split_argument

Out = pytest.CaptureFixture[str]
QUICK = ["input.standardize=recording", "process.epochs=7", "units=48", "baselines=[majority]"]
TEST_FILES = [(7, "theo", 1), (3, "jackson", 0), (0, "lucas", 2), (9, "george", 3), (6, "theo", 4)]


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training on the spoken digits."""
    run = tmp_path_factory.mktemp("fsdd") / "run"
    assert main(["fit", "fsdd", *QUICK, "--quiet", "--out", str(run)]) == 0
    return run


def recording(data: Path, digit: int, speaker: str, number: int) -> Path:
    return data / "fsdd" / "recordings" / f"{digit}_{speaker}_{number}.wav"


def joined(data: Path) -> tuple[NDArray[np.int16], list[tuple[float, float, str]]]:
    """Recordings of the test split with faint noise between, and their times."""
    generator, parts, truth, end = np.random.default_rng(0), [], [], 0
    for digit, speaker, number in TEST_FILES:
        gap = int(8000 * generator.uniform(0.5, 1.2))
        _, samples = wavfile.read(recording(data, digit, speaker, number))
        word = samples / np.abs(samples).max() * 16_000
        parts += [generator.normal(0, 8, gap), word]
        end += gap + len(word)
        truth.append(((end - len(word)) / 8000, end / 8000, str(digit)))
    return np.concatenate([*parts, np.zeros(4000)]).astype(np.int16), truth


def test_spoken_digits_are_learned_in_seconds(trained: Path) -> None:
    run = ki.open(trained)
    assert run.metrics["answers"][0]["metrics"]["accuracy"] > 0.88
    assert run.task.input["sample_rate"] == 8000 and run.task.process["bidirectional"] is True
    assert run.codecs[0].spec.axes == ("time", "feature")


def test_files_and_folders_are_predicted_with_their_names(
    trained: Path, data: Path, tmp_path: Path, capsys: Out
) -> None:
    paths = [recording(data, *file) for file in TEST_FILES]
    for path in paths:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    capsys.readouterr()
    assert main(["predict", str(trained), *map(str, paths)]) == 0
    digits = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert sum(digit == str(file[0]) for digit, file in zip(digits, TEST_FILES, strict=True)) >= 4
    assert main(["predict", str(trained), str(tmp_path), "--out", str(tmp_path / "new")]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [Path(line[0]).name for line in lines] == sorted(path.name for path in paths)
    table = (tmp_path / "new" / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "file,digit,digit confidence,note" and len(table) == 6
    assert ki.open(trained).predict(paths[0]) == int(digits[0])


def test_words_of_a_long_recording_are_found_with_their_times(
    trained: Path, data: Path, tmp_path: Path, capsys: Out
) -> None:
    samples, truth = joined(data)
    wavfile.write(tmp_path / "long.wav", 8000, samples)
    capsys.readouterr()
    assert main(["predict", str(trained), str(tmp_path / "long.wav"), "--json"]) == 0
    words = json.loads(capsys.readouterr().out)["predictions"][0]["words"]
    assert len(words) == len(truth)
    for word, (start, end, _) in zip(words, truth, strict=True):
        shared = min(word["end"], end) - max(word["start"], start)
        assert shared / (max(word["end"], end) - min(word["start"], start)) > 0.4
    right = [word["label"] == label for word, (_, _, label) in zip(words, truth, strict=True)]
    assert sum(right) >= 4
    assert main(["predict", str(trained), str(tmp_path / "long.wav")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "start\tend\tlabel\tprobability"
    wavfile.write(tmp_path / "quiet.wav", 8000, np.zeros(80_000, np.int16))
    spotted = ki.open(trained).spot(tmp_path / "quiet.wav")
    assert spotted is not None and spotted[0].words == ()
    usual = recording(data, *TEST_FILES[0])
    assert ki.open(trained).spot(usual) is None
    assert main(["predict", str(trained), str(tmp_path / "long.wav"), str(usual)]) == 2
    assert "1 sample of 2 is much longer" in capsys.readouterr().err


def test_folder_with_damaged_and_long_files_is_predicted_file_by_file(
    trained: Path, data: Path, tmp_path: Path, capsys: Out
) -> None:
    folder, usual = tmp_path / "new", recording(data, *TEST_FILES[0])
    folder.mkdir()
    wavfile.write(folder / "b.wav", 8000, joined(data)[0])
    (folder / "a.wav").write_bytes(usual.read_bytes())
    (folder / "c.wav").write_bytes(usual.read_bytes()[:20])
    capsys.readouterr()
    assert main(["predict", str(trained), str(folder), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    lines = [line.split("\t") for line in printed.out.splitlines()]
    assert [Path(line[0]).name for line in lines] == ["a.wav", "b.wav", "c.wav"]
    assert [len(line) for line in lines] == [3, 1, 1]
    assert lines[0][1] == str(ki.open(trained).predict(usual))
    notes = " ".join(printed.err.split())
    assert "is damaged: its header has no end" in notes and "by itself" in notes
    rows = [
        line.split(",")
        for line in (tmp_path / "out" / "predictions.csv").read_text("utf-8").splitlines()[1:]
    ]
    assert (
        [bool(row[1]) for row in rows] == [bool(not row[3]) for row in rows] == [True, False, False]
    )
    (folder / "a.wav").unlink()
    assert main(["predict", str(trained), str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [Path(item["file"]).name for item in answer["predictions"]] == ["b.wav"]
    assert len(answer["predictions"][0]["words"]) == len(TEST_FILES)
    assert len(answer["notes"]) == 2
    (folder / "b.wav").unlink()
    assert main(["predict", str(trained), str(folder), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["predictions"][0]) == ["file", "note"]


def test_recordings_play_in_report_and_xray(trained: Path, data: Path, tmp_path: Path) -> None:
    report = (trained / "report.html").read_text(encoding="utf-8")
    path = recording(data, *TEST_FILES[0])
    page = ki.open(trained).xray(path).to_html()
    for html in (report, page):
        assert "media-src data:" in html and '"kind":"recording"' in html.replace(" ", "")
    content = json.loads(
        re.findall(r'<script type="application/json" id="content">(.*?)</script>', page)[0]
    )
    sections = content["trace"]["sections"]
    player = sections[0]["records"][0]
    assert sections[1]["title"].startswith(f"Frame {player['first_frame'] + 1}, the loudest: ")
    (tmp_path / "played.wav").write_bytes(b64decode(player["wav"]))
    rate, samples = wavfile.read(tmp_path / "played.wav")
    assert rate == 8000
    assert np.abs(samples - wavfile.read(path)[1].astype(float)).max() <= 1
    assert len(b64decode(player["shades"])) == player["frames"] * player["bands"]
    names = [step["name"] for step in content["trace"]["steps"] if step["stage"] == "input"]
    assert names == ["sound", "samples", "frame", "window", "power", "mel", "logarithm", "log-mel"]
    triangle = next(s for s in sections if s["title"].startswith("From the FFT"))["records"]
    products = [float(row[3]) for row in triangle[1]["rows"]]
    energy = float(triangle[2]["text"].partition("of the band: ")[2].split()[0].rstrip("."))
    assert sum(products) == pytest.approx(energy, rel=1e-3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(24, np.int16), "is shorter than one frame of 32 ms; got 3 ms"),
        (b"", "is empty: it has 0 bytes"),
        (b"no wav at all", "is not a WAV file"),
    ],
)
def test_bad_recording_to_predict_is_refused(
    trained: Path, content: Any, message: str, tmp_path: Path
) -> None:
    if isinstance(content, bytes):
        (tmp_path / "x.wav").write_bytes(content)
    else:
        wavfile.write(tmp_path / "x.wav", 8000, content)
    with pytest.raises(DataError, match=message):
        ki.open(trained).predict(tmp_path / "x.wav")


def tones(folder: Path) -> None:
    for name, hertz in (("low", 300.0), ("high", 1500.0)):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            time = np.arange(1600 + 160 * number) / 8000
            samples = 8000 * np.sin(2 * np.pi * (hertz + number) * time)
            wavfile.write(folder / name / f"{number}.wav", 8000, samples.astype(np.int16))


WORDS = ["process.epochs=4", "units=8", "input.augment=[noise,tempo,time_mask]", "baselines=[]"]


@pytest.mark.parametrize("net", ["recurrent", "cnn"])
def test_stopped_run_resumes_to_the_same_bits(
    net: str, interrupter: Any, assert_same_run: Callable[[Path, Path], None]
) -> None:
    tones(Path("tones"))
    words = dict(map(split_argument, [WORDS[0], *WORDS[2:], f"net={net}"]))
    words |= {"units": 8} if net == "recurrent" else {"filters": [4, 8]}
    ki.load("tones", words=words).fit(out="whole")
    with pytest.raises(StoppedError):
        ki.load("tones", words=words).fit(out="cut", callbacks=[interrupter(2)])
    ki.load("tones", words=words).fit(out="cut", resume=True)
    assert_same_run(Path("whole"), Path("cut"))


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(
    assert_killed_run_resumes: Callable[..., None],
) -> None:
    tones(Path("tones"))
    assert_killed_run_resumes("tones", "process.epochs=40", "early_stopping=0", *WORDS[1:])


@pytest.mark.slow
def test_encoded_on_disk_equals_in_memory() -> None:
    tones(Path("tones"))
    for name, memory in (("kept", 1.0), ("read", 0.0)):
        words = [*WORDS, "input.bucketing=false", f"input.memory_limit={memory}"]
        assert main(["fit", "tones", *words, "--out", name, "--quiet"]) == 0
    model = "model.safetensors"
    assert Path("kept", model).read_bytes() == Path("read", model).read_bytes()


def test_random_split_by_speaker_replaces_the_published_one(data: Path, capsys: Out) -> None:
    words = ["input.split={method: random, group: speaker, validation: 0}"]
    assert main(["data", "check", "fsdd", *words]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "the published split is not used, as input.split.method=random says" in output
    assert "no 'speaker' of the test split is in the training split" in output
