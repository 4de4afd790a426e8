"""How good are ratings and lists of films on MovieLens 100k? kissipo beside its peers.

Question   RMSE of the ratings, and NDCG, precision, recall of the first ten of all
           unrated films, on the test rows of `kissipo fit movielens`.
Peers      scikit-surprise (BaselineOnly, SVD, SVD++, KNNBaseline) for ratings;
           implicit (BPR, ALS) for lists; where they are not installed, they are left
           out. Always: matrix factorization in an idiomatic script of torch, and
           alternating least squares in numpy.
Method     every peer gets the rows of the training and the validation split, kissipo
           trains on the first and stops by the second. Peers have their own defaults,
           or those of their documentation; the torch script has the best options of
           the validation split. Times are CPU seconds of the training alone, one
           thread, one run, seed 0.
Run        KISSIPO_DATA=../shared/data python benchmarks/recommender.py [--seed 0]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import nn

import kissipo as ki
from kissipo.core.numpy_array import NumpyArray
from kissipo.output.metrics.top_items import first_items, ranking_metrics
from kissipo.pipeline.experiment import build_experiment
from kissipo.runs.load import load

K, LIKED = 10, 4.0


class Rows:
    """The rows of the task as numbers from 0: users, films, stars, per split."""

    def __init__(self, seed: int, *, implicit: bool) -> None:
        words = {"output.rating": "implicit"} if implicit else {}
        pipeline = build_experiment(load("movielens", words=words), seed=seed).pipeline
        frame = pipeline.frame
        self.users = np.unique(frame["user"].values, return_inverse=True)[1]
        self.films = np.unique(frame["film"].values, return_inverse=True)[1]
        self.stars = frame["stars"].values
        self.splits = pipeline.splits
        self.train = np.concatenate([self.splits["train"], self.splits["validation"]])
        self.test = self.splits["test"]
        self.counts = int(self.users.max()) + 1, int(self.films.max()) + 1

    def rmse(self, predicted: NumpyArray) -> float:
        """Returns the RMSE of the test rows; ratings are limited to 1 ... 5."""
        error = np.clip(predicted, 1, 5) - self.stars[self.test]
        return float(np.sqrt(np.mean(error**2)))

    def ranking(self, scores: NumpyArray, liked: float) -> dict[str, float]:
        """Returns the ranking metrics of scores (user, film)."""
        rated = np.zeros(self.counts, dtype=bool)
        rated[self.users[self.train], self.films[self.train]] = True
        is_liked = np.zeros(self.counts, dtype=bool)
        rows = self.test[self.stars[self.test] >= liked]
        is_liked[self.users[rows], self.films[rows]] = True
        some = np.flatnonzero(is_liked.any(axis=1))
        first = first_items(scores[some], rated[some], K)
        is_hit = np.take_along_axis(is_liked[some], first, axis=1)
        number = is_liked[some].sum(axis=1)
        return ranking_metrics(first, is_hit, number, K, self.counts[1])


class Factors(nn.Module):
    """Matrix factorization, as it is written in torch."""

    def __init__(self, users: int, films: int, size: int) -> None:
        super().__init__()
        self.user, self.film = nn.Embedding(users, size), nn.Embedding(films, size)
        self.user_bias, self.film_bias = nn.Embedding(users, 1), nn.Embedding(films, 1)
        for table in (self.user, self.film):
            nn.init.normal_(table.weight, std=0.05)
        for table in (self.user_bias, self.film_bias):
            nn.init.zeros_(table.weight)

    def forward(self, user: torch.Tensor, film: torch.Tensor) -> torch.Tensor:
        product = (self.user(user) * self.film(film)).sum(dim=1)
        return product + self.user_bias(user)[:, 0] + self.film_bias(film)[:, 0]


def torch_script(rows: Rows, seed: int) -> NumpyArray:
    """Trains Factors with Adam and weight decay for five epochs."""
    torch.manual_seed(seed)
    user, film = torch.from_numpy(rows.users), torch.from_numpy(rows.films)
    stars = torch.from_numpy(rows.stars).float()
    train = torch.from_numpy(rows.train)
    mean = stars[train].mean()
    net = Factors(*rows.counts, 32)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=1e-4)
    for _ in range(5):
        for some in train[torch.randperm(len(train))].split(512):
            loss = nn.functional.mse_loss(net(user[some], film[some]) + mean, stars[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        test = torch.from_numpy(rows.test)
        return np.asarray(net(user[test], film[test]) + mean)


def alternating_regressions(rows: Rows, seed: int) -> NumpyArray:
    """Alternating ridge regressions over the vectors, on what the biases leave."""
    users, films, stars = (values[rows.train] for values in (rows.users, rows.films, rows.stars))
    mean = stars.mean()
    bias = [np.zeros(count) for count in rows.counts]
    for _ in range(15):
        for side, (ids, other, ids_other, penalty) in enumerate(
            ((users, bias[1], films, 5.0), (films, bias[0], users, 2.0))
        ):
            rest = np.bincount(ids, stars - mean - other[ids_other], rows.counts[side])
            bias[side] = rest / (penalty + np.bincount(ids, minlength=rows.counts[side]))
    rest = stars - mean - bias[0][users] - bias[1][films]
    generator, size = np.random.default_rng(seed), 16
    vectors = [generator.normal(0, 0.1, (count, size)) for count in rows.counts]
    groups = [[np.flatnonzero(ids == one) for one in range(count)] for ids, count in (
        (users, rows.counts[0]), (films, rows.counts[1])
    )]  # fmt: skip
    for _ in range(8):
        for side, others in ((0, films), (1, users)):
            for one, place in enumerate(groups[side]):
                x = vectors[1 - side][others[place]]
                ridge = x.T @ x + 0.15 * len(place) * np.eye(size) + 1e-9 * np.eye(size)
                vectors[side][one] = np.linalg.solve(ridge, x.T @ rest[place])
    test_users, test_films = rows.users[rows.test], rows.films[rows.test]
    products = (vectors[0][test_users] * vectors[1][test_films]).sum(axis=1)
    return np.asarray(mean + bias[0][test_users] + bias[1][test_films] + products)


def surprise_peers(rows: Rows, seed: int) -> Iterator[tuple[str, Callable[[], NumpyArray]]]:
    """Yields the algorithms of scikit-surprise, if it is there."""
    with suppress(ImportError):
        import surprise

        reader = surprise.Reader(rating_scale=(1, 5))

        def of(algorithm: Any) -> NumpyArray:
            frame = [
                (int(user), int(film), float(stars))
                for user, film, stars in zip(
                    rows.users[rows.train],
                    rows.films[rows.train],
                    rows.stars[rows.train],
                    strict=True,
                )
            ]
            data = surprise.Dataset(reader)
            algorithm.fit(data.construct_trainset([(*row, None) for row in frame]))
            pairs = zip(rows.users[rows.test], rows.films[rows.test], strict=True)
            return np.array([algorithm.predict(int(u), int(i)).est for u, i in pairs])

        quiet = {"verbose": False}
        yield "surprise BaselineOnly", lambda: of(surprise.BaselineOnly(**quiet))
        yield "surprise SVD", lambda: of(surprise.SVD(random_state=seed))
        yield "surprise KNNBaseline", lambda: of(surprise.KNNBaseline(**quiet))
        yield "surprise SVD++", lambda: of(surprise.SVDpp(random_state=seed))


def implicit_peers(rows: Rows, seed: int) -> Iterator[tuple[str, Callable[[], NumpyArray]]]:
    """Yields the algorithms of implicit, if it is there, as scores (user, film)."""
    with suppress(ImportError):
        from implicit.als import AlternatingLeastSquares
        from implicit.bpr import BayesianPersonalizedRanking
        from scipy.sparse import csr_matrix

        place = rows.users[rows.train], rows.films[rows.train]
        ratings = csr_matrix((np.ones(len(rows.train), np.float32), place), shape=rows.counts)

        def of(algorithm: Any) -> NumpyArray:
            algorithm.fit(ratings, show_progress=False)
            return np.asarray(algorithm.user_factors @ algorithm.item_factors.T, dtype=np.float64)

        yield (
            "implicit BPR",
            lambda: of(BayesianPersonalizedRanking(factors=32, random_state=seed, num_threads=1)),
        )
        yield (
            "implicit ALS",
            lambda: of(AlternatingLeastSquares(factors=32, random_state=seed, num_threads=1)),
        )


def popularity(rows: Rows) -> NumpyArray:
    """Returns how often each film was rated, for every user."""
    counts = np.bincount(rows.films[rows.train], minlength=rows.counts[1])
    return np.broadcast_to(counts.astype(np.float64), rows.counts)


def fitted(name: str, seed: int, **words: object) -> tuple[ki.Run, float]:
    """Returns a run of kissipo and the CPU seconds of its training and evaluation."""
    task = load("movielens", words=words)
    start = process_time()
    run = ki.load(task).fit(out=Path(mkdtemp()) / name, seed=seed)
    return run, process_time() - start


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.set_num_threads(1)
    rows = Rows(seed, implicit=False)
    print(f"{len(rows.train):,} training rows, {len(rows.test):,} test rows, seed {seed}")
    for name, words in (
        ("dot product", {}),
        ("hidden layer of 512", {"units": [512]}),
        ("side features", {"features": ["genres", "year", "age", "occupation"]}),
    ):
        run, seconds = fitted(name.replace(" ", "-"), seed, **words)
        score = run.metrics["answers"][0]
        print(f"kissipo, {name:24} RMSE {score['metrics']['rmse']:.4f}  {seconds:6.1f} s")
    biases = score["baselines"]["user and item biases"]["rmse"]
    print(f"user and item biases              RMSE {biases:.4f}")
    peers: list[tuple[str, Callable[[], NumpyArray]]] = [
        ("torch script", lambda: torch_script(rows, seed)),
        ("numpy ALS", lambda: alternating_regressions(rows, seed)),
        *surprise_peers(rows, seed),
    ]
    for name, predict in peers:
        start = process_time()
        rmse = rows.rmse(predict())
        print(f"{name:33} RMSE {rmse:.4f}  {process_time() - start:6.1f} s")
    rows = Rows(seed, implicit=True)
    run, seconds = fitted("bpr", seed, **{"output.rating": "implicit"})
    metrics = run.metrics["answers"][0]["metrics"]
    print("lists of ten; every rated film of the test rows counts")
    print(f"kissipo, BPR   {_in_words(metrics)}  {seconds:6.1f} s")
    print(f"most popular   {_in_words(rows.ranking(popularity(rows), 0))}")
    for name, score_all in implicit_peers(rows, seed):
        start = process_time()
        scores = score_all()
        seconds = process_time() - start
        print(f"{name:14} {_in_words(rows.ranking(scores, 0))}  {seconds:6.1f} s")


def _in_words(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items() if "_at_" in name)


if __name__ == "__main__":
    main()
