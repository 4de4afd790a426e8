"""Sample weights: read from a column, checked, and never an input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.frame import Frame, numbers
from kissipo.input.source_data import Reading
from kissipo.input.sources import images
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.pipeline.experiment import Experiment, build_experiment

ROWS = 120


def write_table(weights: dict[int, str] | None = None, *, same: str = "") -> str:
    """Writes a table with the column `times`, in which some weights are replaced."""
    lines = ["size,height,times,kind,price"]
    for row in range(ROWS):
        times = (weights or {}).get(row, same or str(row % 4))
        size = row * 37 % 101
        lines.append(f"{size},{row * 53 % 89},{times},{'ab'[size > 50]},{3 * size + row % 7}")
    Path("table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "table.csv"


def experiment(column: str | None = "times", output: str = "kind") -> Experiment:
    words = {} if column is None else {"input.sample_weight": column}
    return build_experiment(ki.load(write_table(), output=output, words=words))


def test_weights_of_a_split_are_those_of_its_rows_with_a_mean_of_one() -> None:
    pipeline = experiment().pipeline
    for name in ("train", "validation"):
        expected = (pipeline.splits[name] % 4).astype(np.float64)
        weights = pipeline.datasets[name].weights
        assert weights is not None and weights.dtype == torch.float32
        np.testing.assert_allclose(weights.numpy(), expected / expected.mean(), rtol=1e-6)
    assert pipeline.datasets["test"].weights is None  # metrics are unweighted


def test_column_of_weights_is_no_input() -> None:
    columns = [codec.columns for codec in experiment().pipeline.codecs]
    assert columns == [("size", "height", "price")]
    assert "times" in experiment(None).pipeline.codecs[0].columns


def test_finding_says_what_is_weighted() -> None:
    finding = next(f for f in experiment().pipeline.findings if f.check == "sample weights")
    assert finding.describe() == (
        "PASS  'times' weighs the samples by 0 to 3 -> "
        "the losses are weighted; metrics are unweighted"
    )


def test_data_without_weights_have_batches_without_weights() -> None:
    for dataset in experiment(None).pipeline.datasets.values():
        assert dataset.weights is None and dataset.everything().weights is None


def test_batch_has_the_weights_of_its_samples() -> None:
    x, weights = torch.arange(6.0)[:, None], torch.arange(6.0)
    dataset = TensorDataset((x,), (x,), (torch.neg,), weights=weights)
    for index in (slice(1, 4), torch.tensor([5, 0, 2])):
        for batch in (dataset.batch(index), next(iter(dataset.ahead([index])))):
            assert batch.weights is not None and torch.equal(batch.weights, weights[index])
            assert torch.equal(batch.inputs[0], -x[index])
            assert batch.total_weight == float(weights[index].sum())
        taken = dataset.take(index).everything()
        assert taken.weights is not None and torch.equal(taken.weights, weights[index])
    assert TensorDataset((x,), (x,)).batch(slice(0, 4)).total_weight == 4


@pytest.mark.parametrize(
    ("weights", "words", "message"),
    [
        ({3: "", 8: ""}, [], "the sample weights 'times' are missing in rows 4, 9."),
        ({3: "-1"}, [], "the sample weights 'times' are negative in row 4."),
        ({3: "inf"}, [], "the sample weights 'times' are infinite in row 4."),
        ({3: "much"}, [], "the sample weights 'times' are not all numbers; got 'much' in row 4."),
        (dict.fromkeys(range(ROWS), "0"), [], "the sample weights 'times' are all 0."),
        (dict.fromkeys(range(ROWS), "heavy"), [], "are not numbers; got texts such as 'heavy'."),
        ({row: "0" for row in range(ROWS) if row != 7}, [], "are 0 in the whole "),
        ({}, ["input.sample_weight=time"], "time"),
        ({}, ["input.sample_weight=kind"], "names 'kind', which is the answer."),
        ({}, ["numeric=[times]"], "input.numeric names 'times', which is the weight of a sample."),
        ({}, ["class_weights=balanced"], "this task: process.class_weights also weights the"),
        ({}, ["mixup=0.2"], "this task: process.mixup also weights the losses."),
    ],
)
def test_what_are_no_weights_is_refused_in_one_paragraph(
    weights: dict[int, str], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_table(weights)
    command = ["fit", table, "--output", "kind", "epochs=1", "input.sample_weight=times", *words]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert not Path("runs").exists()


@pytest.mark.parametrize("task", ["sunspots", "characters", "frozen-lake"])
def test_sources_without_rows_have_no_sample_weights(
    task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", task, "input.sample_weight=x"]) == 2
    assert "input.sample_weight is not a known option" in capsys.readouterr().err


def with_times(value: np.ndarray, **options: np.ndarray) -> Reading:
    """Returns images as they are read, with a column of weights."""
    reading = images.SOURCE.read(value, images.Options(**options))
    times = numbers("times", np.arange(len(value), dtype=np.float64))
    return replace(reading, frame=Frame((*reading.frame.columns, times), "images"))


def test_images_are_weighted_and_masks_are_refused() -> None:
    generator = np.random.default_rng(0)
    photos = generator.integers(0, 255, (40, 16, 16), dtype=np.uint8)
    words = {"images": photos, "sample_weight": "times"}
    labels, masks = np.arange(40) % 2, photos > 128
    pipeline = build_experiment(
        ki.Task(input={**words, "labels": labels}, output="category"),
        reading=with_times(photos, labels=labels),
    ).pipeline
    weights = pipeline.datasets["train"].weights
    assert weights is not None
    expected = pipeline.splits["train"] / pipeline.splits["train"].mean()
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)
    with pytest.raises(ki.UserError, match="the losses of masks are means over pixels"):
        build_experiment(
            ki.Task(input={**words, "masks": masks}, output="mask"),
            reading=with_times(photos, masks=masks),
        )
