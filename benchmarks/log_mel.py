"""What does the log-mel of 1,500 recordings cost, beside scipy and numpy by hand?

Question   Does kissipo compute the log-mel energies of all recordings of FSDD within
           1.5 times of what a person writes with scipy and numpy?
Data       fsdd: 1,500 spoken digits, 8,000 Hz, 11 minutes; frames of 256 samples every
           80, 40 bands
By hand    for each file: scipy.io.wavfile.read, frames by their indices, times the
           window, rfft, squared, times the triangles, the logarithm (64 bits)
Method     reading and computing, in one process, one after the other, several rounds;
           the medians of the processor time count. Both results must be equal.
Run        KISSIPO_DATA=... python benchmarks/log_mel.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.fft import rfft
from scipy.io import wavfile

from kissipo.codec._mel import Mel, log_mel
from kissipo.codec._sound import open_sound
from kissipo.input.datasets.download import folder_only

Rows = list[np.ndarray]


def by_hand(paths: list[Path]) -> Rows:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    mels = np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 42)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.arange(129) * 8000 / 256
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)).T
    rows = []
    for path in paths:
        _, samples = wavfile.read(path)
        samples = samples / 32768
        starts = np.arange(0, len(samples) - 255, 80)
        frames = samples[starts[:, None] + np.arange(256)] * window
        power = np.abs(rfft(frames)) ** 2
        rows.append(np.log(np.maximum(power @ triangles, 1e-10)))
    return rows


def by_kissipo(paths: list[Path]) -> Rows:
    return [log_mel(open_sound(path).samples(), 8000, Mel()) for path in paths]


def seconds(work: Callable[[list[Path]], Rows], paths: list[Path]) -> float:
    started = time.process_time()
    work(paths)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    home = "https://github.com/Jakobovski/free-spoken-digit-dataset"
    paths = sorted((folder_only("fsdd", home) / "recordings").glob("*.wav"))
    pairs = zip(by_hand(paths), by_kissipo(paths), strict=True)
    differences = [float(np.abs(a - b).max()) for a, b in pairs]
    times = {
        work.__name__: statistics.median(seconds(work, paths) for _ in range(rounds))
        for work in (by_hand, by_kissipo)
    }
    ratio = times["by_kissipo"] / times["by_hand"]
    print(json.dumps({
        "recordings": len(paths),
        **{name: round(value, 3) for name, value in times.items()},
        "ratio": round(ratio, 2),
        "largest difference": max(differences),
        "goal": "ratio at most 1.5",
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
