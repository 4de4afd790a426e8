"""word2vec: words per second and Spearman's correlation, beside gensim and PPMI + SVD.

All read the same words of `english-texts` with the same settings: the same vocabulary,
dimension, context, negatives, subsampling, epochs and learning rate. Rounds of speed
take turns; the clock and the CPU seconds of the training alone are counted. Quality is
the mean over seeds, on one thread.

    python benchmarks/word_vectors.py                      speed on two threads
    python benchmarks/word_vectors.py --seeds 3            quality, too
    python benchmarks/word_vectors.py --model cbow --negative 0
    python benchmarks/word_vectors.py --gigabyte           memory of 1 GB of made text
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kissipo.core.task import Task
from kissipo.engine.fit import Fit, FitConfig
from kissipo.input.corpus import SENTENCE_END
from kissipo.output.baselines.ppmi_svd import ppmi_svd
from kissipo.output.vectors.word_vectors import word_scores
from kissipo.pipeline.experiment import Experiment, build_experiment

QUESTIONS = "word-similarity"


@dataclass(frozen=True)
class Cost:
    """The costs of a training."""

    words: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Words per second of the clock."""
        return self.words / self.seconds

    def describe(self) -> str:
        """Returns the rates in one line."""
        return (
            f"{self.rate:10,.0f} words/s   {self.words / self.cpu_seconds:10,.0f} words per "
            f"CPU second   ({self.seconds:.1f} s, {self.cpu_seconds:.1f} CPU s)"
        )


def task(arguments: argparse.Namespace, threads: int) -> Task:
    """Returns the task of the benchmark."""
    return Task(
        input={
            "text": arguments.text,
            "questions": QUESTIONS,
            "min_count": 5,
        },
        process={
            "net": "word_vectors",
            "embedding_dim": 100,
            "model": arguments.model,
            "negative": arguments.negative,
            "epochs": arguments.epochs,
            "num_threads": threads,
            "learning_rate": arguments.learning_rate,
        },
        output={"vectors": "words"},
    )


def measured(train: Any, words: int) -> Cost:
    """Runs a training and returns its costs."""
    usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    train()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    return Cost(words, seconds, cpu)


def train_kissipo(experiment: Experiment, seed: int) -> None:
    """Trains as `kissipo fit` does, without a report."""
    data, algorithm = experiment.pipeline.datasets["train"], experiment.algorithm
    batch = experiment.resolved.general.batch_size or 16
    Fit(experiment.net, algorithm, FitConfig(algorithm.epochs, batch, seed), train=data).run()


def sentences_of(experiment: Experiment) -> list[list[str]]:
    """Returns the sentences of the corpus as gensim takes them, without rare words."""
    words = np.array(experiment.pipeline.answers[0].words)
    tokens = experiment.pipeline.datasets["train"].batch(slice(None)).inputs[0].numpy().ravel()
    ends = np.flatnonzero(tokens == SENTENCE_END)
    parts = np.split(tokens, ends)
    return [words[part[part >= 0]].tolist() for part in parts if (part >= 0).any()]


def train_gensim(
    sentences: list[list[str]], arguments: argparse.Namespace, *, seed: int, threads: int
) -> tuple[Any, Cost]:
    """Trains gensim's Word2Vec; the vocabulary is built before the clock runs."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=100,
        window=5,
        min_count=1,
        sample=1e-3,
        sg=int(arguments.model == "skipgram"),
        hs=int(arguments.negative == 0),
        negative=arguments.negative,
        alpha=arguments.gensim_alpha,
        min_alpha=1e-4,
        epochs=arguments.epochs,
        workers=threads,
        seed=seed,
    )
    model.build_vocab(sentences)
    count = sum(map(len, sentences)) * arguments.epochs

    def train() -> None:
        model.train(sentences, total_examples=len(sentences), epochs=arguments.epochs)

    return model, measured(train, count)


def scores_of(experiment: Experiment, vectors: torch.Tensor) -> dict[str, float]:
    """Returns the metrics of some vectors in the order of the vocabulary."""
    answer, test = experiment.pipeline.answers[0], experiment.pipeline.datasets["test"]
    scores = word_scores(vectors, test.everything().inputs[0], top_k=5)
    return dict(answer.evaluate(answer.scores(scores), answer.truth(test.truth(0))).metrics)


def vector_of(model: Any, word: str) -> Any:
    """Returns a vector of gensim; zeros for a word whose sentences have no other."""
    is_there = word in model.wv.key_to_index
    return model.wv.get_vector(word) if is_there else np.zeros(100, np.float32)


def compare_speed(arguments: argparse.Namespace) -> None:
    """Prints the rates of both, taking turns."""
    torch.set_num_threads(arguments.threads)
    first = build_experiment(task(arguments, arguments.threads))
    sentences = sentences_of(first)
    count = sum(map(len, sentences)) * arguments.epochs
    costs: dict[str, list[Cost]] = {"kissipo": [], "gensim": []}
    for round_number in range(arguments.rounds):
        experiment = build_experiment(task(arguments, arguments.threads), seed=round_number)
        costs["kissipo"].append(measured(lambda one=experiment: train_kissipo(one, 0), count))
        _, cost = train_gensim(sentences, arguments, seed=1, threads=arguments.threads)
        costs["gensim"].append(cost)
        for name, rounds in costs.items():
            print(f"round {round_number + 1}  {name:8} {rounds[-1].describe()}", flush=True)
    middle = {name: statistics.median(c.rate for c in some) for name, some in costs.items()}
    cpu = {
        name: statistics.median(c.words / c.cpu_seconds for c in some)
        for name, some in costs.items()
    }
    print(
        f"median: kissipo {middle['kissipo']:,.0f} words/s, gensim {middle['gensim']:,.0f}: "
        f"ratio {middle['kissipo'] / middle['gensim']:.2f}; per CPU second "
        f"{cpu['kissipo']:,.0f} and {cpu['gensim']:,.0f}: "
        f"ratio {cpu['kissipo'] / cpu['gensim']:.2f}"
    )


def compare_quality(arguments: argparse.Namespace) -> None:
    """Prints the metrics of all seeds, and their means."""
    every: dict[str, list[dict[str, float]]] = {"kissipo": [], "gensim": []}
    for seed in range(arguments.seeds):
        experiment = build_experiment(task(arguments, 1), seed=seed)
        train_kissipo(experiment, seed)
        every["kissipo"].append(scores_of(experiment, experiment.net.vectors))
        sentences = sentences_of(experiment)
        model, _ = train_gensim(sentences, arguments, seed=seed + 1, threads=1)
        words = experiment.pipeline.answers[0].words
        vectors = np.stack([vector_of(model, word) for word in words])
        every["gensim"].append(scores_of(experiment, torch.from_numpy(vectors)))
        for name in every:
            print(f"seed {seed} {name:8} {_in_line(every[name][-1])}", flush=True)
    tokens = experiment.pipeline.datasets["train"].batch(slice(None)).inputs[0].numpy().ravel()
    baseline = torch.zeros(len(words), 100)
    solved = torch.from_numpy(ppmi_svd(tokens, min(len(words), 20_000)))
    baseline[: len(solved), : solved.shape[1]] = solved
    for name, some in every.items():
        mean = {key: statistics.mean(row[key] for row in some) for key in some[0]}
        print(f"mean   {name:8} {_in_line(mean)}")
    print(f"       PPMI+SVD {_in_line(scores_of(experiment, baseline))}")


def _in_line(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def measure_gigabyte(arguments: argparse.Namespace) -> None:
    """Trains on a made corpus and prints the largest memory of this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.txt"
        write_made_corpus(path, arguments.megabytes)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        arguments.text, arguments.epochs = str(path), 1
        generated = task(arguments, arguments.threads).with_words({"input.questions": None})
        start = time.perf_counter()
        experiment = build_experiment(generated)
        built = time.perf_counter()
        train_kissipo(experiment, 0)
        words = sum(experiment.net.counts.tolist())
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"{path.stat().st_size / 1e9:.2f} GB, {words:,} words, vocabulary "
            f"{len(experiment.net.counts):,}: read in {built - start:.0f} s, trained in "
            f"{time.perf_counter() - built:.0f} s; largest memory {largest / 1024:.0f} MB "
            f"({before / 1024:.0f} MB before)"
        )


def write_made_corpus(path: Path, megabytes: int, *, words: int = 50_000, seed: int = 0) -> None:
    """Writes lines of made words whose frequencies follow Zipf's law."""
    generator = np.random.default_rng(seed)
    shares = 1 / np.arange(1, words + 1)
    names = np.array([f"w{number:x}" for number in range(words)])
    limits = np.cumsum(shares) / shares.sum()
    with path.open("w") as file:
        while file.tell() < megabytes * 1_000_000:
            drawn = names[np.searchsorted(limits, generator.random((5_000, 20)))]
            file.write("\n".join(map(" ".join, drawn)) + "\n")


def main() -> None:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", default="english-texts")
    parser.add_argument("--model", default="skipgram", choices=("skipgram", "cbow"))
    parser.add_argument("--negative", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=0.025)
    parser.add_argument("--gensim-alpha", type=float, default=0.025)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--gigabyte", action="store_true")
    parser.add_argument("--megabytes", type=int, default=1_000)
    arguments = parser.parse_args()
    logging.getLogger("gensim").setLevel(logging.ERROR)
    if arguments.gigabyte:
        return measure_gigabyte(arguments)
    if arguments.rounds:
        compare_speed(arguments)
    if arguments.seeds:
        compare_quality(arguments)
    return None


if __name__ == "__main__":
    main()
