"""How do time and memory grow with the table?

Question   Do reading, checking and training grow linearly with the number of rows?
           Does the largest table need less than 60 s and 2 GB on two cores?
Peers      kissipo (data check, encoding, one epoch, evaluation beside baselines,
           report); pandas, encoders of scikit-learn and a torch DataLoader with the
           same net and batch size, without a data check and without baselines.
Tables     generated, with 10^4, 10^5 and 10^6 rows and 20 mixed columns: 12 numbers
           (2 % missing values), 6 categories of 2 to 40 classes, an integer, a date.
           The target is a class that depends on five of the columns.
Method     each run is a process of its own; the operating system measures its wall
           time and its largest memory.
Run        python benchmarks/growth.py [--rows 10000 100000 1000000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NUM_CLASSES = (2, 3, 5, 8, 20, 40)


def make(path: Path, rows: int) -> None:
    """Writes a table in chunks, which needs less memory than the whole table."""
    generator = np.random.default_rng(0)
    with path.open("w") as file:
        names = (
            [f"n{i}" for i in range(12)] + [f"c{i}" for i in range(6)] + ["count", "day", "kind"]
        )
        file.write(",".join(names) + "\n")
        for start in range(0, rows, 20_000):
            count = min(20_000, rows - start)
            numbers = generator.normal(size=(count, 12)) * 10 ** generator.integers(0, 3)
            categories = [generator.integers(0, size, count) for size in NUM_CLASSES]
            whole, day = generator.integers(0, 500, count), generator.integers(0, 3000, count)
            score = (
                numbers[:, 0] / (np.abs(numbers[:, 0]).mean() + 1e-9)
                + (categories[1] == 1)
                - (categories[3] > 5)
                + whole / 250
                - 1
            )
            kind = score + generator.normal(size=count) * 0.5 > 0
            days = (np.datetime64("2015-01-01") + day).astype(str)
            empty = generator.random((count, 12)) < 0.02
            for row in range(count):
                cells = ["" if empty[row, i] else f"{numbers[row, i]:.5g}" for i in range(12)]
                cells += [f"L{categories[i][row]}" for i in range(6)] + [
                    str(whole[row]),
                    days[row],
                    "yes" if kind[row] else "no",
                ]
                file.write(",".join(cells) + "\n")


def with_kissipo(path: Path) -> dict[str, float]:
    from kissipo.runs.fit import fit
    from kissipo.runs.load import load

    with tempfile.TemporaryDirectory() as out:
        run = fit(
            load(str(path), output="kind", words={"process.epochs": 1}), out=Path(out) / "run"
        )
        return {"accuracy": run.metrics["answers"][0]["metrics"]["accuracy"]}


def with_pandas(path: Path) -> dict[str, float]:
    import pandas
    import torch
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from torch import nn
    from torch.nn import functional
    from torch.utils.data import DataLoader, TensorDataset

    table = pandas.read_csv(path)
    day = pandas.to_datetime(table.pop("day"))
    for name, values in (("month", day.dt.month), ("weekday", day.dt.weekday)):
        table[name + " sin"], table[name + " cos"] = np.sin(values), np.cos(values)
    truth = (table.pop("kind") == "yes").to_numpy().astype(np.float32)
    texts = [name for name in table if name.startswith("c") and name != "count"]
    numbers = [name for name in table if name not in texts]
    encode = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
            numbers,
        ),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32), texts),
    )
    train, test, train_truth, test_truth = train_test_split(
        table, truth, test_size=0.2, random_state=0
    )
    x = torch.from_numpy(encode.fit_transform(train).astype(np.float32))
    batch = 2 ** max(4, min(9, (len(x) // 100).bit_length() - 1))
    data = DataLoader(
        TensorDataset(x, torch.from_numpy(train_truth)), batch_size=batch, shuffle=True
    )
    net = nn.Sequential(
        nn.Linear(x.shape[1], 64),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(64, 1),
    )
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    for features, answers in data:
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(net(features)[:, 0], answers).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        answered = net(torch.from_numpy(encode.transform(test).astype(np.float32)))[:, 0] > 0
    return {"accuracy": float((answered.numpy() == (test_truth > 0.5)).mean())}


PEERS = {"kissipo": with_kissipo, "pandas + DataLoader": with_pandas}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", choices=list(PEERS), help="(used by the benchmark itself)")
    parser.add_argument("--file", type=Path, help="(used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.peer:
        began = time.perf_counter()
        scores = PEERS[arguments.peer](arguments.file)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps({"seconds": time.perf_counter() - began, "gigabytes": memory, **scores}))
        return
    with tempfile.TemporaryDirectory() as folder:
        for rows in arguments.rows:
            path = Path(folder) / f"{rows}.csv"
            make(path, rows)
            print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
            results: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
            for _ in range(arguments.rounds):
                for peer in PEERS:
                    command = [sys.executable, __file__, "--peer", peer, "--file", str(path)]
                    ended = subprocess.run(command, capture_output=True, text=True, check=False)
                    if ended.returncode == 0:
                        results[peer].append(json.loads(ended.stdout.strip().splitlines()[-1]))
                    else:
                        print(ended.stderr.strip()[-400:])
            ours = statistics.median(run["seconds"] for run in results["kissipo"])
            for peer, runs in results.items():
                if runs:
                    seconds = statistics.median(run["seconds"] for run in runs)
                    memory = max(run["gigabytes"] for run in runs)
                    accuracy = runs[0]["accuracy"]
                    print(
                        f"  {peer:22} {seconds:7.1f} s  {memory:5.2f} GB  accuracy {accuracy:.4f}"
                        f"  {seconds / ours:.2f} x kissipo's time"
                    )


if __name__ == "__main__":
    main()
