"""How good is the text CNN (S28) on four published sets of short texts?

Question   Does the text CNN reach Kim's figures with vectors that start at random, and
           is it better than a bag of words with a linear SVM?
Data       TREC (5,452 + 500 questions) and the THUCNews titles (10,000 + 10,000, by
           character) with their official test splits; MR and Subj with a fixed split of
           80, 10 and 10 %, where Kim reports ten folds.
Nets       as in `kissipo fit trec` and `kissipo fit thucnews`; MR and Subj as TREC,
           with five epochs, MR with hashed pairs of words and dropout of whole words.
Baselines  TF-IDF with a linear SVM and with logistic regression, majority class, on the
           same rows; words and pairs of words, or one to three characters.
Method     one run per seed: weights, order and dropout differ, and for TREC and
           THUCNews the rows of the validation split; the epoch with the best validation
           loss counts. The table shows the mean over the seeds with its ends, and the
           processor seconds of a whole run, baselines and report included.
Published  Kim 2014, CNN-rand: TREC 91.2, MR 76.1, Subj 89.6.
Run        KISSIPO_DATA=../shared/data python benchmarks/sentences.py
           [trec mr subj thucnews] [--seeds 0 1 2]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

import kissipo as ki
from kissipo.core.task import Task

KIM = {"trec": "91.2", "mr": "76.1", "subj": "89.6"}
MODEL = "text CNN"


def tasks() -> dict[str, Task]:
    """Returns the task of each data set."""
    trec, thucnews = ki.load("trec"), ki.load("thucnews")
    fixed = {
        "input.text": "sentence",
        "input.split": {"test": 0.1, "validation": 0.1, "seed": 0},
        "process.epochs": 5,
    }
    pairs = {"process.pair_buckets": 100_000, "process.word_dropout": 0.2}
    return {
        "trec": trec,
        "mr": trec.with_words(
            {"input.table": "mr", "output.category": "feeling", **fixed, **pairs}
        ),
        "subj": trec.with_words({"input.table": "subj", **fixed}),
        "thucnews": thucnews,
    }


def measured(task: Task, seed: int) -> tuple[dict[str, float], float]:
    """Returns the accuracy of the model and of each baseline, and processor seconds."""
    began = _seconds()
    with tempfile.TemporaryDirectory() as folder:
        run = task.fit(out=Path(folder) / "run", seed=seed)
        answer = run.metrics["answers"][0]
    baselines = {name: scores["accuracy"] for name, scores in answer["baselines"].items()}
    return {MODEL: answer["metrics"]["accuracy"], **baselines}, _seconds() - began


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Prints one row per data set and seed, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*tasks(), []], default=[*tasks()])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    arguments = parser.parse_args()
    rows = []
    for name in arguments.names:
        scores: dict[str, list[float]] = defaultdict(list)
        seconds = []
        for seed in arguments.seeds:
            accuracies, used = measured(tasks()[name], seed)
            seconds.append(used)
            for model, accuracy in accuracies.items():
                scores[model].append(accuracy)
            print(name, f"seed {seed}", _percent(accuracies), f"{used:.0f} CPU s", flush=True)
        own = scores.pop(MODEL)
        ends = f"{100 * min(own):.1f} to {100 * max(own):.1f}"
        others = [f"{model} {100 * statistics.mean(some):.1f}" for model, some in scores.items()]
        mean = f"{100 * statistics.mean(own):.1f} ({ends})"
        rows.append(
            [name, mean, ", ".join(others), KIM.get(name, ""), f"{statistics.mean(seconds):.0f}"]
        )
    print("| data | text CNN | baselines | Kim | CPU s |\n|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def _percent(accuracies: dict[str, float]) -> str:
    return ", ".join(f"{model} {100 * score:.1f}" for model, score in accuracies.items())


if __name__ == "__main__":
    main()
