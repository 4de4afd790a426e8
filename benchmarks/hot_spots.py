"""How good is the forecast of hot spots (S48) beside gradient boosting on all samples?

Question   How large is the error on the last 168 hours of montevideo-bus, when gradient
           boosting gets the same inputs, and every training sample? In `kissipo fit` it
           gets 60,000 of them.
Peers      the net of a trained run; histogram gradient boosting of scikit-learn with
           the Poisson loss, on the counts, and on counts relative to the usual count
           (weighted by it), as the net forecasts them.
Method     one process, one thread; CPU seconds of training; nothing is tuned on the
           test split.
Run        kissipo fit hot-spots --out runs/hot-spots
           KISSIPO_DATA=../shared/data python benchmarks/hot_spots.py runs/hot-spots
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

import kissipo as ki
from kissipo.output.metrics.counts import hit_rate, poisson_deviance

SHIFT = 0.05  # of the usual count, as in the codec
Values = NDArray[np.float64]


def samples(run: ki.Run, part: str) -> tuple[Values, Values, Values]:
    """Returns the inputs (sample, feature), the counts, and the usual counts."""
    batch = run.pipeline().datasets[part].everything()
    window, ahead = batch.inputs
    inputs = np.concatenate([window[:, -3:].flatten(1).numpy(), ahead.flatten(1).numpy()], axis=1)
    return inputs, batch.targets[0][:, 0, 0].numpy(), np.exp(ahead[:, 0, 0].numpy())


def row(name: str, seconds: float, truth: Values, mean: Values, places: int) -> str:
    """Returns one line of the table."""
    rmse = float(np.sqrt(np.square(truth - mean).mean()))
    deviance = poisson_deviance(truth, mean)
    hits = hit_rate(truth.reshape(-1, places), mean.reshape(-1, places), 20)
    return f"{name:46} {seconds:6.1f} {rmse:8.4f} {deviance:9.4f} {hits:9.4f}"


def main() -> None:
    """Prints one line per peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--trees", type=int, default=200)
    options = parser.parse_args()
    run = ki.open(options.run)
    places = len(run.pipeline().starts) - 1
    inputs, counts, usual = samples(run, "train")
    test, truth, usual_of_test = samples(run, "test")
    print(f"{'':46} {'CPU s':>6} {'RMSE':>8} {'deviance':>9} {'hit rate':>9}")
    print(row("usual count", 0.0, truth, usual_of_test - SHIFT, places))
    for name, target, weights, scale in (
        ("gradient boosting", counts, None, 1.0),
        ("gradient boosting, relative to the usual count", counts / usual, usual, usual_of_test),
    ):
        start = time.process_time()
        model = HistGradientBoostingRegressor(
            loss="poisson",
            max_iter=options.trees,
            learning_rate=0.05,
            min_samples_leaf=100,
            early_stopping=False,
            random_state=0,
        ).fit(inputs, target, sample_weight=weights)
        seconds = time.process_time() - start
        print(row(name, seconds, truth, model.predict(test) * scale, places))
    metrics = run.metrics["answers"][0]["metrics"]
    print(f"{'the net of the run':46} {'':6} {metrics['rmse']:8.4f} "
          f"{metrics['poisson_deviance']:9.4f} {metrics['hit_rate']:9.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
