"""Maps and rules beside scikit-learn, MiniSom and mlxtend, on the same rows.

MiniSom and mlxtend are no dependencies: install them beside kissipo. All run on one
thread; CPU seconds are those of the computation alone.

    OMP_NUM_THREADS=1 python benchmarks/maps.py

pca         the largest difference of vectors and places from scikit-learn's
tsne        trustworthiness of scikit-learn's digits
som         quantization error on the same grid after as many passes as MiniSom
apriori     item sets and rules of MovieLens 100k, which must be equal
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.preprocessing import StandardScaler

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets import pca, som, tsne
from kissipo.process.nets.apriori import frequent_sets, rules_of

SEEDS, PASSES = range(3), 30
PLACE = TensorSpec("map", ("dimension",), (2,))


def timed(compute: Callable[[], Any]) -> tuple[Any, float]:
    """Returns the result and the CPU seconds."""
    start = time.process_time()
    result = compute()
    return result, time.process_time() - start


def solved(module: Any, rows: np.ndarray, seed: int, **words: Any) -> Any:
    """Returns a net that is solved on these rows."""
    spec = TensorSpec("row", ("feature",), (rows.shape[1],))
    net = module.build((spec,), (PLACE,), module.Options(**words))
    net.solve([Batch((torch.from_numpy(rows).float(),), ())], seed)
    return net


def compare_pca(name: str, rows: np.ndarray) -> None:
    """Prints the largest differences from scikit-learn."""
    net, seconds = timed(lambda: solved(pca, rows, 0))
    model = PCA(2, svd_solver="full").fit(rows)
    with torch.no_grad():
        places = net(torch.from_numpy(rows).float()).numpy()
    vectors = np.abs(net.project.vectors.detach().numpy() - model.components_).max()
    gap = np.abs(places - model.transform(rows)).max()
    print(f"pca      {name:7} vectors {vectors:.1e}, places {gap:.1e}   {seconds:.2f} CPU s")


def compare_tsne(rows: np.ndarray) -> None:
    """Prints the trustworthiness over seeds, beside scikit-learn with its own start."""
    for seed in SEEDS:
        net, seconds = timed(lambda seed=seed: solved(tsne, rows, seed, perplexity=30.0))
        ours = trustworthiness(rows, net.place.places.numpy(), n_neighbors=5)
        theirs, other = timed(
            lambda seed=seed: TSNE(2, perplexity=30, random_state=seed).fit_transform(rows)
        )
        score = trustworthiness(rows, theirs, n_neighbors=5)
        print(
            f"tsne     digits  seed {seed}: trustworthiness {ours:.4f} ({seconds:.1f} CPU s), "
            f"scikit-learn {score:.4f} ({other:.1f} CPU s)"
        )


def compare_som(name: str, rows: np.ndarray, side: int) -> None:
    """Prints both errors on one grid; MiniSom trains with its defaults."""
    from minisom import MiniSom

    for training in ("batch", "online"):
        words = {"grid": (side, side), "training": training, "epochs": PASSES}
        net, seconds = timed(lambda words=words: solved(som, rows, 0, **words))
        _, error, torn = net.history[-1].tolist()
        print(
            f"som      {name:7} {training:7} quantization {error:.4f}, topographic {torn:.3f}   "
            f"{seconds:.2f} CPU s"
        )
    for seed in SEEDS:

        def train(seed: int = seed) -> Any:
            model = MiniSom(side, side, rows.shape[1], random_seed=seed)
            model.pca_weights_init(rows)
            model.train_random(rows, PASSES * len(rows))
            return model

        model, seconds = timed(train)
        print(
            f"         {name:7} MiniSom {seed} quantization {model.quantization_error(rows):.4f}, "
            f"topographic {model.topographic_error(rows):.3f}   {seconds:.2f} CPU s"
        )


def compare_apriori() -> None:
    """Prints whether all item sets and all rules are equal to mlxtend's."""
    import pandas as pd
    from mlxtend.frequent_patterns import apriori, association_rules

    from kissipo.input.datasets.movielens_100k import read

    frame = read().frame
    liked = frame["stars"].values >= 4
    users, films = (np.asarray(frame[name].texts())[liked] for name in ("user", "film"))
    table = pd.crosstab(users, films).astype(bool)
    baskets, count = table.to_numpy(), len(table)
    for support, length in ((0.15, 4), (0.1, 3), (0.08, 4)):
        needed = int(np.ceil(support * count))
        sets, seconds = timed(
            lambda needed=needed, length=length: frequent_sets(
                baskets, min_count=needed, max_length=length
            )
        )
        theirs, other = timed(
            lambda support=support, length=length: apriori(
                table, min_support=support, max_len=length
            )
        )
        expected = {
            tuple(sorted(items)): round(share * count)
            for items, share in zip(theirs["itemsets"], theirs["support"], strict=True)
        }
        rules = {(one, two): values for one, two, values in rules_of(sets, count, 0.5)}
        listed = association_rules(theirs, metric="confidence", min_threshold=0.5)
        columns = ["support", "confidence", "lift"]
        other_rules = {
            (tuple(sorted(one)), tuple(sorted(two))): tuple(values)
            for one, two, values in zip(
                listed["antecedents"],
                listed["consequents"],
                listed[columns].to_numpy(),
                strict=True,
            )
        }
        gap = max(
            (np.abs(np.subtract(rules[key], other_rules[key])).max() for key in rules), default=0.0
        )
        same = sets == expected and rules.keys() == other_rules.keys()
        print(
            f"apriori  support {support}, up to {length} items: {len(sets):,} sets and "
            f"{len(rules):,} rules {'equal' if same else 'DIFFERENT'}, gap {gap:.0e}   "
            f"{seconds:.2f} CPU s, mlxtend {other:.2f}"
        )


def main() -> None:
    """Runs all comparisons."""
    torch.set_num_threads(1)
    digits, flowers = load_digits().data / 16, StandardScaler().fit_transform(load_iris().data)
    compare_pca("iris", flowers)
    compare_pca("digits", digits)
    compare_som("digits", digits, 15)
    compare_som("iris", flowers, 8)
    compare_apriori()
    compare_tsne(digits)


if __name__ == "__main__":
    main()
