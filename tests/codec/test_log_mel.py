"""Log-mel and MFCC equal a loop over the HTK formula, and what scipy computes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import scipy.fft
import torch
from numpy.typing import NDArray
from scipy.io import wavfile

from kissipo.codec._mel import FLOOR, Mel, frames_of, griffin_lim, log_mel, steps_of, triangles
from kissipo.codec._sound import Sound, open_sound, wav_bytes
from kissipo.codec.log_mel import NEARLY_ZERO, LogMel, Scaling
from kissipo.codec.mfcc import MFCC
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, sound_column


def vowel(seconds: float = 0.3, rate: int = 8000, seed: int = 0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    noise = np.random.default_rng(seed).normal(size=len(time))
    return (0.2 * voice * np.sin(np.pi * time / seconds) + 0.01 * noise).astype(np.float32)


def by_hand(samples: NDArray[np.float32], rate: int, mel: Mel) -> NDArray[np.float64]:
    """The HTK formula as loops over frames, frequencies and triangles."""
    size, hop, fft = mel.frame(rate), mel.hop(rate), mel.fft(rate)
    top = 2595 * math.log10(1 + (mel.max_frequency or rate / 2) / 700)
    low = 2595 * math.log10(1 + mel.min_frequency / 700)
    edges = [
        700 * (10 ** ((low + (top - low) * n / (mel.bands + 1)) / 2595) - 1)
        for n in range(mel.bands + 2)
    ]
    rows = []
    for start in range(0, len(samples) - size + 1, hop):
        window = [
            float(samples[start + n]) * (0.5 - 0.5 * math.cos(2 * math.pi * n / size))
            for n in range(size)
        ]
        power = np.abs(np.fft.fft(window, fft)) ** 2
        row = []
        for band in range(mel.bands):
            below, middle, above = edges[band : band + 3]
            energy = 0.0
            for k in range(fft // 2 + 1):
                hertz = k * rate / fft
                rise, fall = (hertz - below) / (middle - below), (above - hertz) / (above - middle)
                energy += max(0.0, min(rise, fall)) * float(power[k])
            row.append(math.log(max(energy, FLOOR)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    ("rate", "mel"),
    [(8000, Mel()), (16000, Mel(25.0, 10.0, 26, 60.0, 7600.0)), (8000, Mel(20.0, 8.0, 24))],
)
def test_log_mel_equals_the_htk_formula_in_loops(rate: int, mel: Mel) -> None:
    samples = vowel(0.12, rate)
    assert np.allclose(log_mel(samples, rate, mel), by_hand(samples, rate, mel), rtol=0, atol=1e-6)


def test_mfcc_equals_the_cosine_transform_of_scipy() -> None:
    frame = Frame((sound_column("sound", [Sound.of(vowel(), 8000)]),))
    codec = MFCC("sound", standardize="none").fit(frame)
    expected = scipy.fft.dct(log_mel(vowel(), 8000, Mel()), type=2, norm="ortho")[:, :13]
    assert np.allclose(codec.encode(frame)[0].numpy(), expected, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_log_mel_equals_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    filters = librosa.filters.mel(sr=8000, n_fft=256, n_mels=40, htk=True, norm=None)
    assert np.allclose(triangles(Mel(), 8000), filters, atol=1e-6)
    energies = librosa.feature.melspectrogram(
        y=vowel(), sr=8000, n_fft=256, hop_length=80, center=False, n_mels=40, htk=True, norm=None
    )
    ours = log_mel(vowel(), 8000, Mel())
    assert np.allclose(ours, np.log(np.maximum(energies, FLOOR)).T, atol=1e-3)


def test_steps_of_a_frame_end_in_its_row_of_log_mel() -> None:
    steps = steps_of(vowel(), 8000, Mel(), 5)
    assert np.allclose(steps.log_mel, log_mel(vowel(), 8000, Mel())[5], atol=1e-12)
    assert np.allclose(steps.samples, vowel()[400:656])
    assert steps.power.sum() > 0 and len(steps.power) == 129
    band = int(steps.energies.argmax())
    terms = triangles(Mel(), 8000)[band] * steps.power
    assert terms.sum() == pytest.approx(steps.energies[band])


def test_recordings_keep_their_lengths_and_a_real_step_never_begins_with_zero() -> None:
    sounds = [Sound.of(vowel(0.3), 8000), Sound.of(np.zeros(1000, np.float32), 8000)]
    frame = Frame((sound_column("sound", sounds),))
    for standardize in get_args(Scaling):
        codec = LogMel("sound", standardize=standardize).fit(frame)
        x = codec.encode(frame)
        counts = [Mel().count(len(sound), 8000) for sound in sounds]
        assert (x[..., 0] != 0).sum(dim=1).tolist() == counts
        assert not x[1, counts[1] :].any()
    silent = LogMel("sound", standardize="recording").fit(frame).encode(frame)[1]
    assert silent.abs().max() <= NEARLY_ZERO


def test_scaling_of_training_and_of_each_recording() -> None:
    sounds = [Sound.of(scale * vowel(0.4, seed=n), 8000) for n, scale in enumerate((1.0, 0.1))]
    frame = Frame((sound_column("sound", sounds),))
    x = LogMel("sound").fit(frame).encode(frame).double()
    assert x.mean(dim=(0, 1)).abs().max() < 1e-5
    assert (x.flatten(0, 1).std(dim=0, unbiased=False) - 1).abs().max() < 1e-4
    by_recording = LogMel("sound", standardize="recording").fit(frame).encode(frame).double()
    assert by_recording.mean(dim=1).abs().max() < 1e-5
    quiet = Frame((sound_column("sound", [Sound.of(0.5 * vowel(0.4), 8000), sounds[1]]),))
    codec = LogMel("sound", standardize="recording").fit(frame)
    assert torch.allclose(codec.encode(quiet)[0], codec.encode(frame)[0], atol=1e-3)


def test_dynamic_range_raises_what_is_quiet_and_the_mean_is_removed() -> None:
    sounds = [Sound.of(vowel(0.4, seed=n) / (1 + 9 * n), 8000) for n in range(2)]
    frame = Frame((sound_column("sound", sounds),))
    plain = LogMel("sound", standardize="none").fit(frame).encode(frame).double()
    x = LogMel("sound", standardize="none", dynamic_range=30.0).fit(frame).encode(frame).double()
    for row, before in zip(x, plain, strict=True):
        lowest = before.max() - 3 * math.log(10)
        assert torch.allclose(row, before.clamp(min=lowest), atol=1e-5)
        assert (before < lowest).any()
    codec = LogMel("sound", standardize="recording_mean", dynamic_range=30.0).fit(frame)
    scaled = codec.encode(frame).double()
    assert scaled.mean(dim=1).abs().max() < 1e-5
    stds = scaled.flatten(0, 1).std(dim=0, unbiased=False)  # 0: always below the range
    assert int((stds - 1).abs().lt(1e-4).sum()) > 20 and bool(((stds - 1) * stds < 1e-4).all())
    assert torch.allclose(scaled[0], (x[0] - x[0].mean(dim=0)) / torch.tensor(codec.std), atol=1e-5)
    names = [step.name for step in codec.encoding_steps(frame)]
    assert names == ["samples", "frame", "window", "power", "mel", "logarithm", "range"]


def test_other_rates_are_resampled_and_long_recordings_cut() -> None:
    time = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 700 * time)
    frame = Frame((sound_column("sound", [Sound.of(tone[::2], 8000)] * 2),))
    codec = LogMel("sound", standardize="none").fit(frame)
    other = Frame((sound_column("sound", [Sound.of(np.tile(tone, 2), 16000)]),))
    assert codec.remarks(other) == [
        "1 of 1 recordings resampled to 8000 Hz from 16000 Hz",
        "1 of 1 recordings cut after 1 seconds",
    ]
    near = (codec.encode(other)[0] - codec.encode(frame)[0])[5:-5]
    loud = int(codec.encode(frame)[0, 10].argmax())
    assert near[:, loud].abs().max() < 0.05


def test_griffin_lim_makes_a_sound_with_the_same_bands() -> None:
    energies = log_mel(vowel(0.3), 8000, Mel())
    again = log_mel(griffin_lim(energies, 8000, Mel()).astype(np.float32), 8000, Mel())
    loud = energies > energies.max() - 7
    assert np.abs(again - energies)[loud].mean() < 0.25
    assert np.abs(np.roll(energies, 10, axis=0) - energies)[loud].mean() > 0.5


def test_empty_triangles_and_impossible_frequencies_are_refused() -> None:
    with pytest.raises(DataError, match=r"14 of 160 mel bands lie between two frequencies"):
        triangles(Mel(bands=160), 8000)
    with pytest.raises(DataError, match="must rise, up to half the sample rate"):
        triangles(Mel(max_frequency=6000.0), 8000)


@pytest.mark.parametrize("kind", ["int16", "uint8", "int32", "float32", "float64", "int24"])
def test_every_depth_of_wav_gives_the_same_sound(kind: str, tmp_path: Path) -> None:
    samples, path = vowel(0.1) / 2, tmp_path / "a.wav"
    if kind == "int24":
        whole = np.round(samples * 2**23).astype("<i4")
        packed = whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        header = wav_bytes(np.zeros(0, np.float32), 8000)
        head = bytearray(header[:44])
        head[4:8] = (36 + len(packed)).to_bytes(4, "little")
        head[28:32] = (8000 * 3).to_bytes(4, "little")
        head[32:34], head[34:36] = (3).to_bytes(2, "little"), (24).to_bytes(2, "little")
        head[40:44] = len(packed).to_bytes(4, "little")
        path.write_bytes(bytes(head) + packed)
    else:
        full = {"int16": 2.0**15, "int32": 2.0**31, "uint8": 2.0**7}.get(kind, 1.0)
        values = samples * full + (128 if kind == "uint8" else 0)
        values = np.round(values) if full > 1 else values
        wavfile.write(path, 8000, values.astype(kind))
    tolerance = {"uint8": 1 / 128, "int16": 1 / 32768}.get(kind, 2e-7)
    sound = open_sound(path)
    assert (sound.rate, len(sound), sound.channels) == (8000, 800, 1)
    assert np.abs(sound.samples() - samples).max() <= tolerance
    assert np.array_equal(sound.part(0.01, 0.02).samples(), sound.samples()[80:160])


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = vowel(0.1), -0.5 * vowel(0.1)
    wavfile.write(tmp_path / "a.wav", 8000, np.stack([left, right], axis=1))
    sound = open_sound(tmp_path / "a.wav")
    assert sound.channels == 2 and np.allclose(sound.samples(), (left + right) / 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: it has 0 bytes"),
        (b"hello, this is a text", "is not a WAV file: it begins with b'hell'"),
        (wav_bytes(vowel(), 8000)[:30], "is damaged: its header has no end"),
        (wav_bytes(vowel(), 8000)[:1000], "is damaged: it ends before its header says"),
    ],
)
def test_damaged_files_are_refused_in_a_sentence(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_sound(tmp_path / "a.wav").samples()


def test_frames_are_those_of_a_loop() -> None:
    frames = frames_of(vowel(), 8000, Mel())
    assert len(frames) == 1 + (2400 - 256) // 80
    assert np.array_equal(frames[3], vowel()[240:496].astype(np.float64))


def test_flac_gives_the_same_sound_as_wav(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    whole = np.round(vowel(0.1) * 20_000).astype(np.int16)
    wavfile.write(tmp_path / "a.wav", 8000, whole)
    soundfile.write(tmp_path / "a.flac", whole, 8000)
    wav, flac = (open_sound(tmp_path / name) for name in ("a.wav", "a.flac"))
    assert (flac.rate, len(flac), flac.channels) == (8000, 800, 1)
    assert np.allclose(wav.part(0.02, 0.06).samples(), flac.part(0.02, 0.06).samples(), atol=1e-6)
