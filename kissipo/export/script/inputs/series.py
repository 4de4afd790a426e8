"""Series: how a script reads steps in the order of time: windows of them, scaled, and the steps after each."""

from __future__ import annotations

from kissipo.codec.windows import Windows
from kissipo.core.errors import NotBuiltError
from kissipo.export.script.inputs.split import BORDERS
from kissipo.export.script.part import ARRAYS, Part, filled, listed, path_line
from kissipo.input.datasets import _nab, machine_temperature, nyc_taxi
from kissipo.input.datasets.download import get
from kissipo.output.answers.anomaly import Anomaly
from kissipo.pipeline.experiment import Prepared

_READ = '''
def read() -> Array:
    """The series (step, variable), in the order of time."""
    with $opened as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in VARIABLES] for row in rows])$steps
'''

_READ_LABELLED = '''
def read_moments() -> dict[str, float]:
    """The value of each moment, in the order of time; the mean of those of one moment."""
    found: dict[str, list[float]] = {}
    with $opened as file:
        for row in csv.DictReader(file):
            found.setdefault(row["timestamp"], []).append(float(row["value"]))
    return {each: sum(found[each]) / len(found[each]) for each in sorted(found)}


def read() -> Array:
    """The series (step, variable), in the order of time."""
    return np.array(list(read_moments().values())).reshape(-1, 1)


def labelled() -> list[tuple[int, int]]:
    """The first and the last step of each window that people call odd."""
    moments = list(read_moments())
    windows = json.loads(LABELS.read_text(encoding="utf-8"))[SERIES]
    return [
        (bisect_left(moments, first[:19]), bisect_right(moments, last[:19]) - 1)
        for first, last in windows
    ]
'''

_WINDOWS = '''
def scale() -> tuple[Array, Array]:
    """Mean and deviation of each variable in the training part."""
    values = read()
    known = values[: borders(len(values))[0]]
    return known.mean(axis=0), known.std(axis=0)


def samples() -> Parts:
    """Windows (sample, time, variable), and the steps after each; scaled."""
    values, (mean, deviation) = read(), scale()
    scaled = torch.from_numpy(((values - mean) / deviation).astype(np.float32))
    windows = scaled.unfold(0, WINDOW + HORIZON, 1).transpose(1, 2)
    ends = (0, *borders(len(values)), len(values))
    parts = {}
    for name, first, end in zip(("train", "validation", "test"), ends, ends[1:]):
        some = windows[max(0, first - WINDOW) : max(0, end - WINDOW - HORIZON + 1)]
        parts[name] = (some[:, :WINDOW], some[:, WINDOW:])
    return parts
'''

_LABELLED = {"nyc-taxi": nyc_taxi.FILE, "machine-temperature": machine_temperature.FILE}


def series(prepared: Prepared, door: Windows) -> Part:
    """Steps of a file, of which some have labels where it is asked which are odd."""
    answer = prepared.wiring.answers[0]
    if isinstance(answer, Anomaly):
        return _watched(prepared, door, answer)
    frame, steps = prepared.wiring.frame, prepared.choices.source.options.max_rows
    horizon = answer.port.shape[0]
    constants = (
        path_line("FILE", frame.origin),
        listed("VARIABLES", door.columns),
        *_cut(prepared, door),
        f"HORIZON = {horizon}  # steps that it forecasts",
    )
    opened, imports = _opened(frame.origin)
    read = filled(_READ, steps="" if steps is None else f"[:{steps}]", opened=opened)
    told = f"{len(frame):,} steps of {', '.join(door.columns)}; windows of {door.length}, the {horizon} after each"
    return Part(told, "\n\n\n".join([read, filled(BORDERS), filled(_WINDOWS)]), imports, constants)


def _watched(prepared: Prepared, door: Windows, answer: Anomaly) -> Part:
    """A series of the Numenta Anomaly Benchmark with its labels."""
    name = str(prepared.choices.source.value)
    if name not in _LABELLED:
        raise NotBuiltError(
            "kissipo eject writes output.anomaly only of series that come with their labels",
            given=f"'{name}'",
            allowed=", ".join(_LABELLED),
        )
    frame = prepared.wiring.frame
    test = len(frame) - round(len(frame) * prepared.choices.general.split.test)
    if answer.options.anomaly_labels != "anomaly" or not frame["anomaly"].values[test:].any():
        raise NotBuiltError(
            "kissipo eject writes output.anomaly only with output.anomaly_labels=anomaly and a labelled window in the test part"
        )
    file = _LABELLED[name]
    path = str(get("nab", file))
    constants = (
        path_line("FILE", path),
        path_line("LABELS", str(get("nab", _nab.WINDOWS))),
        f'SERIES = "{file.name}"',
        *_cut(prepared, door),
        "HORIZON = 1  # steps that it forecasts",
    )
    opened, imports = _opened(path)
    read = filled(_READ_LABELLED, opened=opened)
    told = f"{len(frame):,} steps; windows of {door.length}, the step after each"
    return Part(
        told,
        "\n\n\n".join([read, filled(BORDERS), filled(_WINDOWS)]),
        (*imports, "import json", "from bisect import bisect_left, bisect_right"),
        constants,
    )


def _cut(prepared: Prepared, door: Windows) -> tuple[str, ...]:
    """The constants that cut a series into parts and windows."""
    split = prepared.choices.general.split
    return (
        f"TEST, VALIDATION = {split.test}, {split.validation}  # shares, the last steps",
        f"WINDOW = {door.length}  # steps that the net sees",
    )


def _opened(path: str) -> tuple[str, tuple[str, ...]]:
    """How a file of separated values is opened, and what that imports."""
    imports = (*ARRAYS, "import csv", "from pathlib import Path")
    if path.endswith(".gz"):
        return 'gzip.open(FILE, "rt", newline="")', (*imports, "import gzip")
    return 'FILE.open(newline="")', imports
