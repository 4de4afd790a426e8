"""Lazy datasets: a run from disk equals one from memory; deleted files are named."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import kissipo as ki
from kissipo.codec.pixels import Pixels
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, image_column
from kissipo.engine.evaluate import answer_all, portion
from kissipo.input.lazy_dataset import EncodedColumn, read_ahead
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answers.number import Number
from kissipo.pipeline.experiment import build_experiment

WORDS = {
    "process.epochs": 3,
    "input.size": [12],
    "input.batch_size": 8,
    "output.baselines": ["majority"],
}


@pytest.fixture
def photos() -> Path:
    """Writes thirty images of each of two classes, with several sizes and formats."""
    generator = np.random.default_rng(0)
    for number in range(60):
        kind, side = ("dark", "light")[number % 2], 12 + number % 5
        Path("photos", kind).mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(
            90 * (number % 2), 90 * (number % 2) + 160, (side, 16, 3), dtype=np.uint8
        )
        Image.fromarray(pixels).save(f"photos/{kind}/{number}.{('png', 'jpg')[number % 3 == 0]}")
    return Path("photos")


def fit(photos: Path, name: str, **words: Any) -> Path:
    ki.load(str(photos), words={**WORDS, **words}).fit(out=name)
    return Path(name)


def test_lazy_dataset_run_equals_the_run_from_memory(photos: Path) -> None:
    words = {"input.augment": ["flip"]}
    memory, read = (
        fit(photos, "memory", **words),
        fit(photos, "read", **words, **{"input.memory_limit": 0}),
    )
    for file in ("model.safetensors", "metrics.json", "history.csv", "codecs.json"):
        assert (memory / file).read_bytes() == (read / file).read_bytes(), file
    findings = json.loads((read / "data.json").read_text())["findings"]
    (memory_finding,) = [finding for finding in findings if finding["check"] == "memory"]
    assert memory_finding["action"] == "read from disk batch by batch, again in every epoch"
    assert all(
        finding["check"] != "memory"
        for finding in json.loads((memory / "data.json").read_text())["findings"]
    )
    run = ki.open("read")
    assert run.pipeline().datasets["train"].inputs[0].__class__ is EncodedColumn
    assert run.evaluate()[0].net.metrics == ki.open("memory").evaluate()[0].net.metrics


def test_lazy_dataset_batches_equal_those_from_memory(photos: Path) -> None:
    task = ki.load(str(photos), words=WORDS)
    memory = build_experiment(task).pipeline.datasets["train"]
    read = build_experiment(task.with_words({"input.memory_limit": 0})).pipeline.datasets["train"]
    order = list(torch.randperm(len(memory), generator=torch.Generator().manual_seed(0)).split(7))
    for one, two in zip(map(memory.batch, order), read.ahead(order), strict=True):
        assert torch.equal(one.inputs[0], two.inputs[0]) and torch.equal(
            one.targets[0], two.targets[0]
        )
    index = torch.tensor([5, 1])
    assert torch.equal(
        memory.take(index).everything().inputs[0], read.take(index).everything().inputs[0]
    )
    assert torch.equal(
        memory.batch(slice(3, 5)).inputs[0], read.take(slice(2, 9)).batch(slice(1, 3)).inputs[0]
    )
    assert len(read) == len(memory)


def test_read_ahead_has_few_pending_batches() -> None:
    read, maximum, lock = 0, 0, threading.Lock()
    taken = 0

    def count(number: int) -> int:
        nonlocal read, maximum
        with lock:
            read += 1
            maximum = max(maximum, read - taken)
        return number

    def order() -> Iterator[int]:
        yield from range(50)

    for key, value in read_ahead(count, order()):
        assert key == value
        with lock:
            taken += 1
    assert read == taken == 50
    assert maximum <= 3


def test_read_ahead_stops_its_thread_when_closed() -> None:
    before = threading.active_count()
    batches = read_ahead(lambda number: number, range(100))
    assert next(batches) == (0, 0)
    batches.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_lazy_dataset_names_a_deleted_file(photos: Path) -> None:
    dataset = build_experiment(
        ki.load(str(photos), words={**WORDS, "input.memory_limit": 0})
    ).pipeline.datasets["train"]
    assert isinstance(dataset, TensorDataset)
    lost = dataset.inputs[0].frame["image"].values[9]  # type: ignore[union-attr]
    Path(lost).unlink()
    with pytest.raises(DataError, match=f"there is no image {lost}"):
        list(dataset.ahead([slice(0, 8), slice(8, 16)]))


def test_inference_batch_of_large_samples_is_small() -> None:
    large = TensorDataset((torch.rand(9, 3, 640, 640),), ())
    small = TensorDataset((torch.rand(9, 3, 8, 8),), ())
    assert (portion(large), portion(small), portion(small.take(slice(0, 0)))) == (3, 512, 512)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    whole, parts = (answer_all(net, large, [Number("size")], batch=size) for size in (9, None))
    torch.testing.assert_close(whole, parts)


def test_large_jpeg_is_decoded_at_a_smaller_size() -> None:
    generator = np.random.default_rng(0)
    coarse = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    coarse.save("photo.jpg", quality=95)
    expected = np.asarray(
        Image.open("photo.jpg").resize((40, 30), Image.Resampling.BILINEAR), dtype=int
    )
    frame = Frame((image_column("image", np.array(["photo.jpg"], dtype=object)),))
    pixels = Pixels("image", size=(30, 40), color="rgb").encode(frame)[0].permute(1, 2, 0).numpy()
    assert np.abs(pixels - expected).mean() < 1
    assert np.abs(pixels - expected).max() <= 6


def test_baselines_receive_smaller_images_and_the_report_says_so(
    monkeypatch: pytest.MonkeyPatch,
    photos: Path,
    content_of: Callable[[Path | str], Any],
    records_of: Callable[..., Any],
) -> None:
    monkeypatch.setattr("kissipo.runs.scores._MAX_VALUES", 60 * 3 * 9 * 9)
    words = {"input.size": [32], "output.baselines": ["logistic_regression"]}
    run = fit(photos, "run", **words)
    details = json.loads((run / "metrics.json").read_text())["answers"][0]["details"]
    assert details["simple_answers"] == "the baselines use the images at 8x8"
    lines = [line["text"] for line in records_of(content_of(run / "report.html"), "line")]
    assert any(line.endswith(" The baselines use the images at 8x8.") for line in lines)


@pytest.mark.parametrize(("size", "batch"), [(64, 16), (512, 8), (256, 16)])
def test_batch_size_of_large_images_is_small(size: int, batch: int, photos: Path) -> None:
    words = {
        "input.size": [size],
        "input.memory_limit": 0,
        "process.filters": [1],
        "process.pool_size": 8,
    }
    task = ki.load(str(photos), words=words).complete()
    assert task.input["batch_size"] == batch
