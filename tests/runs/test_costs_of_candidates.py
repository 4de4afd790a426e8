"""The costs of candidates: members, trees, rows, features and classes count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kissipo as ki
from kissipo.pipeline.experiment import assemble, encode_task
from kissipo.runs.choose_net.plan import Cost, cost_of

pytestmark = pytest.mark.usefixtures("one_thread")


def cost(path: Path, **words: object) -> Cost:
    words = {"output.baselines": [], **words}
    encoded = encode_task(ki.load(str(path), output="kind", words=words))
    return cost_of(assemble(encoded.task, encoded.pipeline, seed=0, device="cpu"))


def table(path: Path, rows: int, columns: int, classes: int) -> Path:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, columns)).round(4)
    kinds = np.arange(rows) % classes
    lines = [",".join([*map(str, row), f"kind {kind}"]) for row, kind in zip(x, kinds, strict=True)]
    titles = ",".join([*(f"x{place}" for place in range(columns)), "kind"])
    path.write_text("\n".join([titles, *lines]) + "\n")
    return path


def test_products_of_tabm_are_those_of_all_members(tmp_path: Path) -> None:
    path = table(tmp_path / "data.csv", 200, 5, 3)
    for members in (4, 16):
        words = {"net": "tabm", "units": [16, 8], "num_members": members}
        assert cost(path, **words).sample == members * (5 * 16 + 16 * 8 + 8 * 3)


def test_training_of_tabm_costs_twice_as_much_with_twice_the_members(tmp_path: Path) -> None:
    path = table(tmp_path / "data.csv", 200, 5, 3)
    few, many = (
        cost(path, net="tabm", num_members=count, epochs=9).training for count in (64, 128)
    )
    assert 1.8 < many / few <= 2
    ffn = cost(path, net="ffn", units=[128, 128], epochs=9).training
    assert cost(path, net="tabm", num_members=32, epochs=9).training > 5 * ffn


def test_numbers_that_layers_write_count(tmp_path: Path) -> None:
    """Dropout multiplies nothing, but draws a number for each unit."""
    path = table(tmp_path / "data.csv", 200, 5, 3)
    with_dropout, without = (
        cost(path, net="ffn", units=[512], dropout=share, epochs=1, **{"input.batch_size": 64})
        for share in (0.2, 0.0)
    )
    assert with_dropout.sample == without.sample
    assert with_dropout.training > without.training + 24 * 512 * 140  # 70% of 200 rows


@pytest.mark.parametrize("net", ["random_forest", "gradient_boosting", "linear"])
def test_solution_costs_more_with_more_rows_features_and_classes(tmp_path: Path, net: str) -> None:
    words = {"net": net, **({"algorithm": "closed_form"} if net == "linear" else {})}
    sizes = {"small": (300, 4, 3), "rows": (9_000, 4, 3), "features": (300, 90, 3)}
    sizes["classes"] = (300, 4, 9)
    costs = {
        name: cost(table(tmp_path / f"{name}.csv", *size), **words) for name, size in sizes.items()
    }
    assert all(item.is_solved for item in costs.values())
    small = costs.pop("small").training
    if net == "random_forest":  # which has the same trees for any number of classes
        assert costs.pop("classes").training == small
    assert all(item.training > 1.02 * small for item in costs.values())


@pytest.mark.parametrize(
    ("net", "option"), [("random_forest", "num_trees"), ("gradient_boosting", "max_iterations")]
)
def test_solution_costs_as_much_as_there_are_trees(tmp_path: Path, net: str, option: str) -> None:
    path = table(tmp_path / "data.csv", 300, 4, 3)
    few, many = (cost(path, net=net, **{option: count}).training for count in (20, 60))
    assert many == pytest.approx(3 * few, rel=1e-6)
