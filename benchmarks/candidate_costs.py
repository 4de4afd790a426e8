"""Is the cost of a candidate, counted before any training, like its processor seconds?

Question   `kissipo fit` plans its comparison of nets by costs that are counted
           (`kissipo/runs/choose_net/plan.py`). Are they right for nets and for trees?
Method     Each candidate of a table is trained once on the training split; the
           processor seconds are divided by the share of the epochs that were trained.
           Seconds expected: the cost divided by what a core computes per second.
Results    a line per candidate, and the correlation of the logarithms over all tables
Run        export KISSIPO_DATA=../shared/data OMP_NUM_THREADS=1
           python benchmarks/candidate_costs.py [--sets wine made] [--without tabm]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
from default_sets import SETS

import kissipo
from kissipo.core.devices import keep_memory
from kissipo.pipeline.candidates import candidates_of, with_candidate
from kissipo.pipeline.experiment import EncodedTask, assemble, encode_task
from kissipo.runs.choose_net.plan import cost_of
from kissipo.runs.choose_net.samples import without_test
from kissipo.runs.train import data_loop

PER_SECOND = 8e9  # multiplications of one core
SETS_OF_TABLES = ("wine", "diabetes", "made")


def main() -> None:
    """Measures all candidates of the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS_OF_TABLES))
    parser.add_argument("--without", nargs="+", default=[], metavar="NET")
    arguments = parser.parse_args()
    import sklearn.ensemble  # imported before a candidate is measured
    import sklearn.linear_model  # noqa: F401

    pairs = []
    print(f"{'set':12}{'candidate':26}{'expected':>9}{'measured':>9}  epochs")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            path, words = SETS[name].write(Path(folder)), SETS[name].words
            task = kissipo.load(str(path), output=words[words.index("--output") + 1])
            encoded = encode_task(task, seed=0)
            pairs += _measure(name, encoded, arguments.without)
    expected, measured = np.log(np.array(pairs)).T
    print(f"correlation of the logarithms: {np.corrcoef(expected, measured)[0, 1]:.3f}")
    ratios = np.exp(measured - expected)
    print(
        f"measured / expected: {ratios.min():.2f} to {ratios.max():.2f}, "
        f"median {np.median(ratios):.2f}"
    )


def _measure(name: str, encoded: EncodedTask, without: list[str]) -> list[tuple[float, float]]:
    """Returns the expected and the measured seconds of each candidate."""
    pairs = []
    for candidate in candidates_of(encoded.task, encoded.pipeline, without=without):
        task = with_candidate(encoded.task, candidate)
        experiment = assemble(task, without_test(encoded.pipeline), seed=0, device="cpu")
        expected = cost_of(experiment).training / PER_SECOND
        loop, started = data_loop(experiment, 0), process_time()
        with keep_memory():
            state = loop.run()
        seconds = process_time() - started
        epochs = experiment.algorithm.epochs
        share = state.epoch / epochs if epochs else 1.0
        pairs.append((expected, seconds / share))
        trained = f"{state.epoch} of {epochs}" if epochs else "solved"
        row = f"{name:12}{candidate.title:26}{expected:9.2f}{seconds / share:9.2f}  {trained}"
        print(row, flush=True)
    return pairs


if __name__ == "__main__":
    main()
