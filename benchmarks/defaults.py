"""How good is `kissipo fit FILE --output X`, as a person types it?

Question   Is the model that kissipo chooses by itself as good as that of an experienced
           colleague, on data that it has not seen before?
Columns    auto       kissipo fit FILE --output X
           no-trees   the same without the nets of --without
           none       the default net without any comparison (--budget none)
           baseline   the best baseline in the table of the run `auto`; it is chosen by
                      the test split, which favors it
           autogluon  AutoGluon with the same rows and 60 seconds, where it is installed
Method     one process per fit, the seconds are those of the whole command. All columns
           have the same split, that of the seed. Data sets: `default_sets.py`.
           Candidates and their sizes were selected on the sets of TUNING_SETS only; the
           mean ranks of the others stand by themselves.
Results    a line of JSON per fit, in --out; what is there already is not run again.
Run        KISSIPO_DATA=../shared/data python benchmarks/defaults.py
           [--sets wine made] [--seeds 0 1 2] [--columns auto none baseline]
           [--without random_forest gradient_boosting] [--out defaults.jsonl]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from default_sets import SETS, DataSet

TUNING_SETS = (
    "sms", "mr", "trec", "cola", "mnist", "tiles", "airline", "temperatures", "etth1", "wine",
    "cancer", "made",
)  # fmt: skip
COLUMNS = ("auto", "no-trees", "none", "baseline", "autogluon")
TREES = ("random_forest", "gradient_boosting")
_WITHOUT = """
import sys
from dataclasses import replace
from kissipo.cli.main import main
from kissipo.runs.choose_net import budget
nets = tuple(sys.argv.pop(1).split(","))
budget.BUDGETS.update({k: replace(b, without=nets) for k, b in budget.BUDGETS.items()})
sys.exit(main(sys.argv[1:]))
"""
_AUTOGLUON = """
import json, sys
import pandas
from autogluon.tabular import TabularPredictor
path, column, rows = sys.argv[1:]
frame, rows = pandas.read_csv(path), json.loads(rows)
train = frame.iloc[rows["train"] + rows["validation"]]
predictor = TabularPredictor(column, path="autogluon", verbosity=0).fit(train, time_limit=60)
print(json.dumps(predictor.evaluate(frame.iloc[rows["test"]])))
"""
Row = dict[str, Any]


def main() -> None:
    """Runs what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--columns", nargs="+", choices=COLUMNS, default=list(COLUMNS))
    parser.add_argument("--without", nargs="+", default=list(TREES), metavar="NET")
    parser.add_argument("--out", type=Path, default=Path("defaults.jsonl"))
    arguments = parser.parse_args()
    rows = _read(arguments.out)
    columns = [name for name in arguments.columns if name != "autogluon" or _has_autogluon()]
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            path = None
            for seed in arguments.seeds:
                for column in columns:
                    if (name, seed, column) in rows or column == "baseline":
                        continue
                    path = path or SETS[name].write(Path(folder))
                    row = _measure(SETS[name], path, column, seed, arguments.without)
                    row = {"set": name, "seed": seed, "column": column, **row}
                    rows[name, seed, column] = row
                    with arguments.out.open("at", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    print(json.dumps(row), file=sys.stderr, flush=True)
    _print(rows, arguments.sets, arguments.seeds, arguments.columns)


def _read(path: Path) -> dict[tuple[str, int, str], Row]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return {(row["set"], row["seed"], row["column"]): row for row in rows}


def _has_autogluon() -> bool:
    command = [sys.executable, "-c", "import autogluon.tabular"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _measure(data: DataSet, path: Path, column: str, seed: int, without: Sequence[str]) -> Row:
    """Runs one fit; returns its score, its net, its baselines and its seconds."""
    if column == "autogluon":
        return _autogluon(data, path, seed)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = ["fit", str(path), *data.words, "--seed", str(seed), "--json", "--quiet"]
        words += ["--out", str(run), *(["--budget", "none"] if column == "none" else [])]
        start = ["-c", _WITHOUT, ",".join(without)] if column == "no-trees" else ["-m", "kissipo"]
        started, before = time.perf_counter(), _processor_seconds()
        done = subprocess.run(
            [sys.executable, *start, *words], capture_output=True, text=True, check=False
        )
        times = {
            "seconds": round(time.perf_counter() - started, 2),
            "processor_seconds": round(_processor_seconds() - before, 2),
        }
        if done.returncode:
            return {"error": done.stderr.strip()[-300:], **times}
        answer = json.loads(done.stdout)["answers"][0]
        main, compared = answer["main"], run / "candidates.json"
        return {
            "metric": main,
            "higher": answer["higher_is_better"],
            "score": answer["metrics"][main],
            "baselines": {name: item[main] for name, item in answer["baselines"].items()},
            "net": _net_of(run),
            "candidates": json.loads(compared.read_text()) if compared.exists() else None,
            **times,
        }


def _processor_seconds() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


def _net_of(run: Path) -> str:
    from yaml import safe_load

    return str(safe_load((run / "task.yaml").read_text(encoding="utf-8"))["process"]["net"])


def _autogluon(data: DataSet, path: Path, seed: int) -> Row:
    """Fits AutoGluon on the rows of kissipo's own split; tables in one file only."""
    if path.suffix != ".csv" or "--time" in data.words:
        return {"error": "not a table"}
    import kissipo
    from kissipo.pipeline.experiment import encode_task

    column = data.words[data.words.index("--output") + 1]
    pipeline = encode_task(kissipo.load(str(path), output=column), seed=seed).pipeline
    positions = {
        name: (pipeline.frame.rows[split] - 1).tolist() for name, split in pipeline.splits.items()
    }
    main, started = pipeline.answers[0].EVAL_METRIC, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _AUTOGLUON, str(path), column, json.dumps(positions)],
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )
    seconds = round(time.perf_counter() - started, 2)
    if done.returncode:
        return {"error": done.stderr.strip()[-300:], "seconds": seconds}
    scores = json.loads(done.stdout.splitlines()[-1])
    value = abs(scores["root_mean_squared_error" if main == "rmse" else main])
    higher = pipeline.answers[0].HIGHER_IS_BETTER
    return {"metric": main, "higher": higher, "score": value, "seconds": seconds}


def _print(
    rows: dict[tuple[str, int, str], Row],
    names: Sequence[str],
    seeds: Sequence[int],
    columns: Sequence[str],
) -> None:
    """Prints one row per set with means over the seeds, and the mean ranks."""
    ranks: dict[str, list[dict[str, float]]] = {"tuning sets": [], "other sets": []}
    print(" ".join([f"{'set':14}{'metric':15}", *(f"{name:>11}" for name in columns)]), end="")
    print(f"{'seconds':>9}  net")
    for name in names:
        scores = {column: _mean(rows, name, seeds, column) for column in columns}
        auto = [rows[name, seed, "auto"] for seed in seeds if (name, seed, "auto") in rows]
        good = [row for row in auto if "score" in row]
        if not good:
            continue
        cells = ["-" if score is None else f"{score:.4f}" for score in scores.values()]
        line = f"{name:14}{good[0]['metric']:15} " + " ".join(f"{cell:>11}" for cell in cells)
        seconds = sum(row["seconds"] for row in auto) / len(auto)
        print(line + f"{seconds:9.1f}  " + ", ".join(sorted({row["net"] for row in good})))
        group = "tuning sets" if name in TUNING_SETS else "other sets"
        ranks[group].append(_ranks(scores, higher=good[0]["higher"]))
    for group, listed in ranks.items():
        if listed:
            means = [_mean_rank(listed, column) for column in columns]
            print(f"{f'mean rank, {group}':29} " + " ".join(f"{mean:>11}" for mean in means))


def _mean(
    rows: dict[tuple[str, int, str], Row], name: str, seeds: Iterable[int], column: str
) -> float | None:
    values = []
    for seed in seeds:
        row = rows.get((name, seed, "auto" if column == "baseline" else column), {})
        if "score" in row and column == "baseline" and row["baselines"]:
            best = max if row["higher"] else min
            values.append(best(row["baselines"].values()))
        elif "score" in row and column != "baseline":
            values.append(row["score"])
    return sum(values) / len(values) if values else None


def _ranks(scores: dict[str, float | None], *, higher: bool) -> dict[str, float]:
    """Returns the rank of each column, 1 the best; ties share their mean rank."""
    available = {name: score for name, score in scores.items() if score is not None}
    sign = -1 if higher else 1
    return {
        name: sum(sign * other < sign * score for other in available.values())
        + (1 + sum(other == score for other in available.values())) / 2
        for name, score in available.items()
    }


def _mean_rank(listed: Sequence[dict[str, float]], column: str) -> str:
    values = [ranks[column] for ranks in listed if column in ranks]
    return f"{sum(values) / len(values):.2f}" if values else "-"


if __name__ == "__main__":
    main()
