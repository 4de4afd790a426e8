"""Numenta Anomaly Benchmark: the shared reader of its series.

Each series has a timestamp column, a value column and labeled windows of anomalies.
"""

import json

import numpy as np

from kissipo.core.frame import numbers
from kissipo.core.time.timestamps import as_time
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("series", "table")
HOME = "https://github.com/numenta/NAB"
LICENSE = "MIT"
_RAW = "https://raw.githubusercontent.com/numenta/NAB/ea702d75cc2258d9d7dd35ca8e5e2539d71f3140"
WINDOWS = File(
    "labels/combined_windows.json",
    f"{_RAW}/labels/combined_windows.json",
    "1e1fbc4601321aad8d0f8b3784c8134299379f68f6c1f7777565f8ffd57ab6b1",
)


def series(name: str, sha256: str) -> File:
    """Returns the file of one series of real data with known causes."""
    return File(f"realKnownCause/{name}.csv", f"{_RAW}/data/realKnownCause/{name}.csv", sha256)


def read_labeled(file: File) -> Reading:
    """Reads timestamp, value and anomaly, which is 1 within the labeled windows."""
    frame, _ = read_delimited(get("nab", file), Layout())
    timestamps = as_time(frame["timestamp"])
    assert timestamps is not None
    anomaly = np.zeros(len(frame))
    windows = json.loads(get("nab", WINDOWS).read_text(encoding="utf-8"))[file.name]
    for first, last in windows:
        anomaly[
            (timestamps.values >= np.datetime64(first[:19]))
            & (timestamps.values <= np.datetime64(last[:19]))
        ] = 1
    return Reading(frame.replaced(timestamps, numbers("anomaly", anomaly)), answer="value")
