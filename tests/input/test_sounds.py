"""Recordings: what folders, names and tables say, the data check, augmentation."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.io import wavfile

from kissipo.cli.main import main
from kissipo.core.batch import Batch, is_step
from kissipo.core.errors import DataError, NotBuiltError, TaskError
from kissipo.core.finding import Finding
from kissipo.export.script.script import eject
from kissipo.input.formats.sounds.sound_folders import fields_of, read_sound_folder
from kissipo.input.formats.sounds.sound_table import read_sound_table
from kissipo.input.sound_augment import (
    DECIBEL,
    Frames,
    Name,
    Scaling,
    SoundAugment,
    gain,
    mask,
    noise,
    padded,
    shift,
    stretched,
    tempo,
)
from kissipo.runs.check_data import check_data
from kissipo.runs.load import load

Whole = NDArray[np.int16]


def tone(hertz: float, seconds: float = 0.3, rate: int = 8000, *, seed: int = 0) -> Whole:
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(time))
    return (8000 * np.sin(2 * np.pi * hertz * time) + 200 * noise).astype(np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten low and ten high tones, in a folder per class."""
    for name, hertz in (("low", 300.0), ("high", 1500.0)):
        (tmp_path / "tones" / name).mkdir(parents=True)
        for number in range(10):
            samples = tone(hertz + 5 * number, 0.2 + 0.02 * number, seed=number)
            wavfile.write(tmp_path / "tones" / name / f"{number}.wav", 8000, samples)
    return tmp_path / "tones"


def findings_of(data: Path, check: str, **words: object) -> list[Finding]:
    findings = check_data(str(data), words=dict(words))
    return [finding for finding in findings if finding.check == check]


# -- what folders, names and tables say ------------------------------------------------


def test_folder_of_recordings_is_inferred_with_its_classes(folder: Path) -> None:
    task = load(str(folder))
    assert dict(task.input) == {"audio": str(folder)} and task.answers == ({"category": None},)
    listed = read_sound_folder(folder)
    assert listed.answer == "class"
    assert listed.columns[1].counts() == {"high": 10, "low": 10}


def test_fields_of_names_and_names_of_another_form(folder: Path, tmp_path: Path) -> None:
    assert fields_of("{class}-{speaker}_{_}", "yes-anna-b_3") == {
        "class": "yes",
        "speaker": "anna-b",
    }
    assert fields_of("{class}_{speaker}", "yes") == {}
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in folder.glob("*/*.wav"):
        path.rename(flat / f"{path.parent.name}_{'ab'[int(path.stem) % 2]}_{path.stem}.wav")
    (flat / "notes.wav").write_bytes(next(flat.glob("low*")).read_bytes())
    with pytest.raises(DataError, match="nothing says of which class the recordings"):
        read_sound_folder(flat)
    listed = read_sound_folder(flat, name_pattern="{tone}_{speaker}_{_}")
    assert [column.name for column in listed.columns] == ["file", "tone", "speaker"]
    assert listed.answer == "tone" and listed.columns[1].counts() == {"high": 10, "low": 10}
    assert "1 recording of 21 have a name" in listed.findings[0].message
    with pytest.raises(DataError, match=r"no recording of .* has a name of the form 'x\{class\}'"):
        read_sound_folder(flat, name_pattern="x{class}")
    with pytest.raises(TaskError, match="names no part of a file name, or one part twice"):
        read_sound_folder(flat, name_pattern="{a}_{a}")
    task = load(str(flat), words={"input.name_pattern": "{tone}_{speaker}_{_}"})
    assert task.input["name_pattern"] == "{tone}_{speaker}_{_}"


def test_folders_of_a_split_are_the_split_or_joined(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "split"
    for part in ("train", "test"):
        for name in ("low", "high"):
            (root / part / name).mkdir(parents=True)
    for path in folder.glob("*/*.wav"):
        part = "test" if path.stem in "89" else "train"
        path.rename(root / part / path.parent.name / path.name)
    listed = read_sound_folder(root)
    assert listed.parts is not None
    assert {name: len(rows) for name, rows in listed.parts.items()} == {"train": 16, "test": 4}
    assert listed.columns[1].counts() == {"high": 10, "low": 10}
    assert read_sound_folder(root, split_folders=False).parts is None


def test_table_names_parts_of_a_longer_recording(tmp_path: Path) -> None:
    gap, rows, parts = np.zeros(800, np.int16), ["file,label,start,end,speaker"], []
    for number in range(12):
        parts += [gap, tone((300.0, 1500.0)[number % 2], 0.2, seed=number)]
        start = 0.3 * number + 0.1
        rows.append(f"call,{['low', 'high'][number % 2]},{start:.2f},{start + 0.2:.2f},ann")
    wavfile.write(tmp_path / "call.wav", 8000, np.concatenate(parts))
    table = tmp_path / "calls.csv"
    table.write_text("\n".join(rows).replace("call,", "call.wav,"), encoding="utf-8")
    listed = read_sound_table(table)
    assert listed.answer == "label" and len(listed.places) == 12
    assert (listed.places[3].start, listed.places[3].end) == (1.0, 1.2)
    assert [column.name for column in listed.columns] == ["file", "label", "speaker"]
    task = load(str(table))
    assert list(task.input) == ["audio"]
    assert [item.level for item in check_data(str(table)) if item.check == "known voices"]
    cells = [row.split(",") for row in rows[1:]]
    for number, header in enumerate(
        ["file,label,start_ms,end_ms", "file,label,offset,duration", "file,label,Begin Time (s),x"]
    ):
        for row, start in zip(cells, np.arange(12) * 0.3 + 0.1, strict=True):
            row[2:] = [
                [f"{1000 * start:.0f}", f"{1000 * start + 200:.0f}"],
                [f"{start:.1f}", "0.2"],
                [f"{start:.1f}", "7"],
            ][number]
        table.write_text("\n".join([header, *map(",".join, cells)]).replace("call", "call.wav"))
        place = read_sound_table(table).places[3]
        assert place.start == pytest.approx(1.0)
        assert place.end == (None if number == 2 else pytest.approx(1.2))
    table.write_text(table.read_text().replace("Begin Time (s)", "start_sample"))
    with pytest.raises(DataError, match="name only 1 recording, and no column says which part"):
        read_sound_table(table)
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join([*rows[:3], "call.wav,low,3.0,2.0,b"]).replace("call,", "call.wav,"))
    with pytest.raises(
        DataError, match=r"in row 3 of .* a part ends before it starts; got start 3"
    ):
        read_sound_table(bad)
    bad.write_text("file,label\nno.wav,a\nnone.wav,b\n", encoding="utf-8")
    with pytest.raises(DataError, match="none of the recordings that"):
        read_sound_table(bad)


# -- the data check --------------------------------------------------------------------


def add(folder: Path, name: str, content: Whole | bytes, rate: int = 8000) -> None:
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        wavfile.write(folder / name, rate, content)


BAD: list[tuple[str, Whole | bytes, str, str, str]] = [
    ("silence", np.zeros(4000, np.int16), "silence", "WARN", "1 recording of 21 is silent"),
    (
        "clipped",
        (8 * tone(9.0).astype(np.int32)).clip(-32768, 32767).astype(np.int16),
        "clipping",
        "WARN",
        "is clip",
    ),
    ("3 ms", tone(300.0, 0.003), "duration", "WARN", "is shorter than one frame of 32 ms"),
    ("long", tone(300.0, 60.0), "duration", "WARN", "is longer than 0.38 seconds (up to 60.0)"),
    ("stereo", np.stack([tone(300.0)] * 2, axis=1), "channels", "PASS", "has several channels"),
    ("text", b"hello, a text", "damaged recordings", "FAIL", "is not a WAV file: it begins with"),
    ("empty", b"", "damaged recordings", "FAIL", "is empty: it has 0 bytes"),
    ("cut", b"RIFF\x00\x00\x00\x00WAVEfmt ", "damaged recordings", "FAIL", "header has no end"),
]


@pytest.mark.parametrize(
    ("content", "check", "level", "message"), [case[1:] for case in BAD], ids=[c[0] for c in BAD]
)
def test_bad_recording_is_reported_in_a_sentence(
    folder: Path, content: Whole | bytes, check: str, level: str, message: str
) -> None:
    add(folder, "low/bad.wav", content)
    reports = findings_of(folder, check)
    assert [(item.level, message in item.message) for item in reports] == [(level, True)]
    assert "low/bad.wav" in reports[0].message or check == "duration"


def test_damaged_recordings_are_left_out_when_asked(folder: Path) -> None:
    add(folder, "low/bad.wav", b"")
    findings = check_data(str(folder), words={"input.skip_corrupt": True})
    assert [item.action for item in findings if item.check == "damaged recordings"] == [
        "1 left out"
    ]
    assert "10 of 20 rows" in next(item.message for item in findings if "rarest" in item.message)


def test_rates_duplicates_and_contradictions_are_reported(folder: Path) -> None:
    add(folder, "high/other.wav", tone(1500.0, rate=16000), 16000)
    add(folder, "low/again.wav", (folder / "low/0.wav").read_bytes())
    add(folder, "high/wrong.wav", (folder / "low/1.wav").read_bytes())
    messages = {item.check: item for item in check_data(str(folder)) if item.level == "WARN"}
    assert messages["sample rate"].message == "2 sample rates: 22 of 8000 Hz, 1 of 16000 Hz"
    assert "1 of 23 rows repeat an earlier one" in messages["duplicate rows"].message
    assert "2 rows have equal inputs and different 'class'" in messages["contradictions"].message


def test_single_class_silence_alone_and_flac_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "high").glob("*"):
        path.unlink()
    (folder / "high").rmdir()
    with pytest.raises(DataError, match=r"all 10 recordings of .* are of one class, 'low'"):
        load(str(folder)).fit(out="run")
    for path in (folder / "low").glob("*"):
        add(folder, f"low/{path.name}", np.zeros(4000, np.int16))
    with pytest.raises(DataError, match="all 10 recordings are silent"):
        load(str(folder)).fit(out="run")
    add(folder, "low/x.flac", b"fLaC")
    assert main(["fit", str(folder)]) == 2
    expected = "10 recordings are silent" if find_spec("soundfile") else "kissipo[sound]"
    assert expected in capsys.readouterr().err


# -- augmentation ----------------------------------------------------------------------

MIDDLE = [100.0 * 1.2**band for band in range(12)]


def frames(seed: int = 0) -> Frames:
    torch.manual_seed(seed)
    lengths = torch.tensor([30, 20, 11, 3])
    return Frames(torch.randn(4, 30, 12), torch.arange(30) < lengths[:, None])


def plain(mode: str = "none") -> Scaling:
    return Scaling(torch.zeros(12), torch.ones(12), mode, MIDDLE)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("mode", ["none", "training", "recording"])
@pytest.mark.parametrize("name", get_args(Name))
def test_augment_depends_on_the_generator_and_keeps_padding(name: Name, mode: str) -> None:
    batch_of_frames = frames()
    x = padded(batch_of_frames.energies, batch_of_frames.steps)
    augment = SoundAugment((name,), plain(mode))
    batch, target = Batch((x,), (torch.arange(4),)), torch.arange(4)
    once, again, other = (augment(batch, generator(seed)).inputs[0] for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert (
        once.shape != other.shape
        or not torch.equal(once, other)
        or (name, mode)
        == (
            "gain",
            "recording",
        )
    )
    steps = is_step(once)
    counts = steps.sum(dim=1)
    assert torch.equal(steps, torch.arange(once.shape[1]) < counts[:, None])
    assert name == "tempo" or counts.tolist() == [30, 20, 11, 3]
    assert not once[~steps].any() and torch.equal(batch.targets[0], target)


def test_gain_adds_one_number_of_up_to_six_decibels() -> None:
    batch_of_frames = frames()
    moved = gain(batch_of_frames, plain(), generator()).energies - batch_of_frames.energies
    assert moved.flatten(1).std(dim=1).max() < 1e-5
    assert moved[:, 0, 0].abs().min() > 0.01 and moved.abs().max() <= 6 * DECIBEL + 1e-6


def test_noise_raises_quiet_cells_by_ten_to_thirty_decibels_below_the_loudness() -> None:
    loud = Frames(torch.full((200, 40, 12), -60.0), torch.ones(200, 40, dtype=torch.bool))
    loud.energies[:, :, 3] = 0.0
    noisy = noise(loud, plain(), generator()).energies
    changed = (noisy != loud.energies).flatten(1).any(dim=1)
    assert 70 < int(changed.sum()) < 130
    quiet = noisy[changed][:, :, [0, 1, 2, *range(4, 12)]].exp().mean(dim=(1, 2)).log()
    assert quiet.min() > -30 * DECIBEL - 1 and quiet.max() < -10 * DECIBEL + 1
    assert noisy[changed][:, :, 3].min() >= 0.0


def test_vocal_tract_interpolates_between_bands_as_numpy() -> None:
    x = torch.randn(3, 4, 12, generator=generator())
    factors = torch.tensor([0.85, 1.0, 1.15])
    ours = stretched(x, factors, MIDDLE)
    for row, factor in enumerate(factors.tolist()):
        for step in range(4):
            expected = np.interp(np.array(MIDDLE) * factor, MIDDLE, x[row, step].numpy())
            assert np.allclose(ours[row, step], expected, atol=1e-4)


def test_tempo_interpolates_between_frames_as_numpy() -> None:
    batch_of_frames = frames()
    changed = tempo(batch_of_frames, plain(), generator())
    for row, length in enumerate([30, 20, 11, 3]):
        count = int(changed.lengths[row])
        assert round(0.8 * length) <= count <= round(1.2 * length)
        places = np.linspace(0, length - 1, count)
        expected = np.interp(
            places, np.arange(length), batch_of_frames.energies[row, :length, 5].numpy()
        )
        assert np.allclose(changed.energies[row, :count, 5], expected, atol=1e-4)


def test_shift_repeats_the_frame_at_the_edge() -> None:
    batch_of_frames = frames()
    moved = shift(batch_of_frames, plain(), generator()).energies
    for row, length in enumerate([30, 20, 11, 3]):
        options = [
            batch_of_frames.energies[row][np.clip(np.arange(30) + by, 0, length - 1)]
            for by in range(-8, 9)
        ]
        assert any(torch.equal(moved[row, :length], option[:length]) for option in options)


def test_masks_are_two_ranges_of_up_to_a_fifth() -> None:
    x, steps = torch.ones(300, 30, 12), torch.ones(300, 30, dtype=torch.bool)
    in_time, in_bands = mask(x, steps, 1, generator()), mask(x, steps, 2, generator())
    lost = (in_time[:, :, 0] == 0).sum(dim=1)
    assert torch.equal(in_time[:, :, 0], in_time[:, :, 7]) and int(lost.max()) <= 2 * 7
    assert 3 < lost.float().mean() < 7
    lost = (in_bands[:, 0] == 0).sum(dim=1)
    assert torch.equal(in_bands[:, 0], in_bands[:, 9]) and int(lost.max()) <= 2 * 3
    starts = (in_time[:, 1:, 0] - in_time[:, :-1, 0] == -1).sum(dim=1)
    assert int(starts.max()) <= 2


def test_recordings_are_scaled_again_after_a_change() -> None:
    batch_of_frames = frames()
    scaling = plain("recording")
    x = padded(scaling.done(batch_of_frames), batch_of_frames.steps)
    changed = SoundAugment(("noise", "tempo"), scaling)(Batch((x,), ()), generator()).inputs[0]
    for row in changed[:3]:
        real = row[is_step(row[None])[0]]
        assert real.mean(dim=0).abs().max() < 1e-4
        assert (real.std(dim=0, unbiased=False) - 1).abs().max() < 1e-3


def test_augmentation_of_bands_does_not_suit_mfcc_and_is_not_ejected(folder: Path) -> None:
    words: dict[str, Any] = {"input.features": "mfcc", "input.augment": ["noise"]}
    with pytest.raises(TaskError, match=r"input\.augment=noise changes mel bands"):
        load(str(folder), words=words).fit(out="run")
    task = load(str(folder), words={"input.augment": ["tempo"], "input.bucketing": False})
    with pytest.raises(NotBuiltError, match=r"does not write input\.augment=tempo"):
        eject(task, "out")


def test_decibel_is_a_tenth_of_a_factor_of_ten() -> None:
    assert math.exp(10 * DECIBEL) == pytest.approx(10)
