"""The source `tensors`: arrays, tensors, torch Datasets and DataLoaders as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.sources.tensors import SOURCE, Options

SHORT = {"process.epochs": 3, "output.baselines": ["majority"]}


def wine() -> tuple[Any, Any]:
    x, y = load_wine(return_X_y=True)
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32), y


def test_arrays_tensors_datasets_and_loaders_are_the_same_data() -> None:
    x, y = wine()
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    forms = [
        (x, y),
        tensors,
        TensorDataset(*tensors),
        DataLoader(TensorDataset(*tensors), batch_size=7, shuffle=True),
        Generated(x, y),
    ]
    frames = [SOURCE.read(form, Options()).frame for form in forms]
    assert {frame.fingerprint() for frame in frames} == {frames[0].fingerprint()}
    np.testing.assert_array_equal(frames[0]["x"].values, x)
    assert frames[0]["y"].texts() == [str(label) for label in y]


class Generated(IterableDataset[tuple[Any, Any]]):
    """The same samples, one after another."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(zip(self.x, self.y, strict=True))


def test_classes_are_learned_and_predicted_from_arrays() -> None:
    x, y = wine()
    run = ki.load((x, y), words={"input.classes": ["red", "rose", "white"]}).fit(out="run")
    assert run.evaluate()[0].net.metrics["accuracy"] > 0.9
    again = ki.open("run")
    batch, single = again.predict(x[:5]), again.predict(x[0])
    assert batch == ["red"] * 5
    assert single == "red"
    with torch.no_grad():
        scores = run.net(torch.from_numpy(x[:5])).softmax(dim=1).max(dim=1).values
    assert again.predict_proba(x[:5]).max(axis=1) == pytest.approx(scores.tolist(), rel=1e-5)


def test_numbers_are_quantities_and_images_keep_their_axes() -> None:
    x, y = wine()
    task = ki.load((x, y.astype(np.float32)), words=SHORT | {"output.baselines": ["mean"]})
    assert "number" in task.output
    run = task.fit(out="numbers")
    assert run.evaluate()[0].net.metrics["rmse"] < y.std()
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    run = ki.load((images, digits.target), words=SHORT).fit(out="images")
    assert run.task.process["net"] == "cnn"
    assert run.codecs[0].spec.describe() == "(batch, channel 1, height 8, width 8)"


def test_ids_are_kept_whole_where_they_are_asked_for() -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 9, size=(80, 6))
    y = (x == 3).any(axis=1).astype(int)
    counts = SOURCE.read((x, y), Options()).frame["x"].values
    ids = SOURCE.read((x, y), Options(ids=True)).frame["x"].values
    assert (counts.dtype, ids.dtype) == (np.float32, np.int64)
    run = ki.load((x, y), words=SHORT | {"input.ids": True}).fit(out="run")
    assert run.codecs[0].spec.describe() == "(batch, time 6)"
    assert run.codecs[0].spec.vocab_size == 9
    with pytest.raises(DataError, match="has an id that the training split has not; got 9"):
        run.predict(np.full((1, 6), 9))


class Ragged(Dataset[tuple[Any, int]]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> tuple[Any, int]:
        return torch.zeros(3 + (number == 2)), number % 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Ragged(), r"sample 2 of the Dataset has another shape than the first; got \(4,\)"),
        ((np.zeros((3, 2)), np.zeros(2)), "got 3 samples, 2 targets"),
        ((np.zeros((0, 2)), np.zeros(0)), "are empty"),
        ((np.array([[1.0], [np.nan]]), np.zeros(2)), "got 1 of 2 samples, first sample 1"),
        ((np.zeros((3, 2)), np.zeros((3, 4))), "more than one number per sample"),
        ((np.array([["a"], ["b"]]), np.zeros(2)), "are not numbers"),
        (TensorDataset(torch.zeros(3, 2)), "sample 0 of the Dataset is not a pair"),
        (7, "allowed: a pair|Allowed: a pair"),
    ],
)
def test_data_that_cannot_be_used_are_named(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SOURCE.read(data, Options())
