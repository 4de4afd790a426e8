"""How fast is a CSV read and typed? kissipo beside pandas, polars and pyarrow.

Question   Does kissipo, which also decides the notation of numbers, blanks and missing
           values, need at most 1.5 times the time of pandas' C engine with its compiled
           reader, and at most five times without it?
Peers      kissipo in three ways: by the compiled reader, by numpy where that was not
           built, and row by row, as it reads files with blank lines or loose quotes. It
           uses neither pandas nor polars.
           pandas.read_csv (engine C), polars.read_csv and pyarrow.csv.read_csv with
           their defaults, which create no Python text per distinct cell.
Tables     generated, with 10^4, 10^5 and 10^6 rows and 20 columns: 10 numbers, two
           integers, three classes of 3 to 40 levels, a date, a time and a text that
           differ in nearly all rows, a text of 8,000 forms, the class yes or no; 2 % of
           the cells of 13 columns are empty.
Method     each reading is a process of its own, in interleaved rounds. The medians of
           wall time and processor time count, without imports, and the largest memory.
Run        python benchmarks/reading.py [--rows 10000 100000 1000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TEXT = """red blue green old new small large fine bad good
house river stone paper light night day cat dog bird"""
WORDS = np.array(TEXT.split())


def make(path: Path, rows: int) -> None:
    """Writes a table in chunks, which needs less memory than the whole table."""
    generator = np.random.default_rng(0)
    names = [f"number{place}" for place in range(10)] + ["count", "year"]
    names += ["class0", "class1", "class2", "day", "time", "title", "note", "kind"]
    with path.open("w") as file:
        file.write(",".join(names) + "\n")
        for start in range(0, rows, 20_000):
            columns = _columns(generator, min(20_000, rows - start))
            file.writelines(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _columns(generator: np.random.Generator, count: int) -> list[list[str]]:
    numbers = generator.normal(size=(count, 10)) * 10.0 ** np.arange(-2, 3).repeat(2)
    classes = [generator.integers(0, size, count) for size in (3, 12, 40)]
    score = numbers[:, 0] * 100 + (classes[1] == 1) - (classes[2] > 20)
    words = WORDS[generator.integers(0, len(WORDS), (count, 7))].tolist()
    day = np.datetime64("2015-01-01") + generator.integers(0, 3000, count)
    second = np.datetime64("2020-01-01T00:00:00") + generator.integers(0, 10**8, count)
    columns = [np.char.mod(("%.3f", "%.6g")[place % 2], numbers[:, place]) for place in range(10)]
    columns += [generator.integers(0, 500, count).astype(str)]
    columns += [generator.integers(1950, 2024, count).astype(str)]
    columns += [np.char.add("level", level.astype(str)) for level in classes]
    columns += [day.astype(str), np.char.replace(second.astype(str), "T", " ")]
    columns += [np.array([" ".join(row[:3]) for row in words])]
    columns += [np.array([" ".join(row) for row in words])]
    for place in (*range(10), 12, 15, 17):
        columns[place] = np.where(generator.random(count) < 0.02, "", columns[place])
    kind = score + 0.5 * generator.normal(size=count) > 0
    return [column.tolist() for column in (*columns, np.where(kind, "yes", "no"))]


def by_kissipo(path: Path) -> Callable[[], object]:
    """Returns the reading by blocks, with the compiled reader where it was built."""
    from kissipo.input.formats.delimited import Layout, read_typed

    return lambda: read_typed(path, Layout())


def by_numpy(path: Path) -> Callable[[], object]:
    """Returns the reading by blocks where the compiled reader was not built."""
    from kissipo.input.cells import cell_bytes, digits, text_column

    for module in (cell_bytes, digits, text_column):
        module.library = lambda: None  # type: ignore[attr-defined]
    return by_kissipo(path)


def by_rows(path: Path) -> Callable[[], object]:
    """Returns the reading row by row, as of a file whose layout is not clear."""
    from kissipo.input.cells import cell_bytes
    from kissipo.input.formats import delimited

    def unclear(*arguments: object, **options: object) -> Any:
        raise cell_bytes.UnclearLayoutError

    delimited.split_cells = unclear
    return by_kissipo(path)


def by_pandas(path: Path) -> Callable[[], object]:
    """Returns the reading with pandas' C engine."""
    import pandas

    return lambda: pandas.read_csv(path, engine="c")


def by_polars(path: Path) -> Callable[[], object]:
    """Returns the reading with polars."""
    import polars

    return lambda: polars.read_csv(path)


def by_pyarrow(path: Path) -> Callable[[], object]:
    """Returns the reading with pyarrow."""
    from pyarrow import csv

    return lambda: csv.read_csv(path)


PEERS = {
    "pandas": by_pandas,
    "polars": by_polars,
    "pyarrow": by_pyarrow,
    "kissipo": by_kissipo,
    "kissipo, numpy": by_numpy,
    "kissipo, row by row": by_rows,
}


def measure(peer: str, path: Path) -> dict[str, float]:
    """Returns the times and the memory of one reading, in this process."""
    read = PEERS[peer](path)
    wall, processor = time.perf_counter(), time.process_time()
    read()
    return {
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def run_child(peer: str, path: Path) -> dict[str, float]:
    """Measures one reading in a process of its own."""
    command = [sys.executable, __file__, "--peer", peer, "--file", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def compare(path: Path, rounds: int) -> None:
    """Prints the medians of all peers for one file."""
    peers = [name for name in PEERS if "kissipo" in name or importlib.util.find_spec(name)]
    results: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer, runs in results.items():
            runs.append(run_child(peer, path))
    medians = {
        peer: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for peer, runs in results.items()
    }
    base = medians.get("pandas", medians["kissipo"])
    print("| | wall, s (ratio) | processor, s (ratio) | memory, GB |\n|---|---|---|---|")
    for peer, row in medians.items():
        times = [f"{row[key]:.2f} ({row[key] / base[key]:.1f})" for key in ("wall", "processor")]
        print(f"| {peer} | {' | '.join(times)} | {row['gigabytes']:.2f} |")


def main() -> None:
    """Prints a table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", choices=list(PEERS), help="(used by the benchmark itself)")
    parser.add_argument("--file", type=Path, help="(used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(measure(arguments.peer, arguments.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for rows in arguments.rows:
            path = Path(folder) / f"{rows}.csv"
            make(path, rows)
            print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB", flush=True)
            compare(path, arguments.rounds)


if __name__ == "__main__":
    main()
