"""S40: images generated from noise by two nets that are trained in turns."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch import nn

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError, StoppedError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answers.image import features, nearest
from kissipo.output.metrics.frechet import frechet_distance
from kissipo.process.algorithms.adversarial import Adversarial
from kissipo.process.algorithms.adversarial import Options as AdversarialOptions
from kissipo.process.nets.dcgan import Options, build
from kissipo.runs.fit import show

pytestmark = pytest.mark.usefixtures("one_thread")
SHORT = {"process.epochs": 2, "process.filters": [4, 2]}
NOISE = TensorSpec("noise", ("feature",), (6,))
SMALL = TensorSpec("image", ("channel", "height", "width"), (1, 8, 8))


def players(seed: int = 0, **options: Any) -> Adversarial:
    torch.manual_seed(1)
    algorithm = Adversarial(
        build((NOISE,), (SMALL,), Options((4, 2))), (), AdversarialOptions(**options)
    )
    algorithm.seed = seed
    return algorithm


def batch(seed: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch((torch.zeros(16, 6),), (torch.rand(16, 1, 8, 8, generator=generator),))


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in module.parameters()]


def are_equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> list[bool]:
    return [torch.equal(*pair) for pair in zip(one, other, strict=True)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dcgan") / "run"
    ki.load("dcgan", words=SHORT).fit(out=folder)
    return folder


def test_history_names_both_losses_and_there_is_no_best_epoch(run: Path) -> None:
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    assert list(rows[0]) == [
        "epoch",
        "validation_frechet_distance",
        "loss",
        "discriminator",
        "real_recognized",
        "fake_recognized",
    ]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for row in rows[1:]:
        assert 0 < float(row["loss"]) < 5 and 0 < float(row["discriminator"]) < 5
        assert 0 <= float(row["real_recognized"]) <= 1
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["best_epoch"] == 2
    assert set(metrics["answers"][0]["baselines"]) == {"mean image", "Gaussian pixels"}


def test_report_shows_the_images_and_the_curves_of_both_losses(
    run: Path, content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    report = content_of(run / "report.html")
    (generated,) = records_of(report, "gallery", "Generated images")
    assert len(generated["groups"]) == len({str(group) for group in generated["groups"]}) == 64
    (nearest_images,) = records_of(report, "gallery", "Nearest real images")
    assert {len(pair) for pair in nearest_images["groups"]} == {2}
    distances = [float(text.removeprefix("distance ")) for text in nearest_images["captions"]]
    assert min(distances) > 0
    curves = {
        series["name"]: [value for _, value in series["points"]]
        for chart in records_of(report, "chart", "Training")
        for series in chart["series"]
    }
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))[1:]
    for curve, column in (("training", "loss"), ("discriminator", "discriminator")):
        assert curves[curve] == [pytest.approx(float(row[column])) for row in rows]
    lines = [line["text"] for line in records_of(report, "line", "Training")]
    assert not any("hardly fell" in line for line in lines)


def test_resumed_run_ends_with_the_same_bits(
    interrupter: type[Any], assert_same_run: Callable[[Path, Path], None]
) -> None:
    ki.load("dcgan", words=SHORT).fit(out="whole")
    with pytest.raises(StoppedError):
        ki.load("dcgan", words=SHORT).fit(out="broken", callbacks=[interrupter(1)])
    ki.load("dcgan", words=SHORT).fit(out="broken", resume=True)
    assert_same_run(Path("whole"), Path("broken"))


def test_run_that_breaks_between_two_turns_resumes_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, run: Path, assert_same_run: Callable[[Path, Path], None]
) -> None:
    """The discriminator has taken its turn of step 30, the generator has not."""
    monkeypatch.setenv("KISSIPO_SAVE_EVERY", "0")
    monkeypatch.setattr("kissipo.engine.fit._PROGRESS_SECONDS", 0)
    monkeypatch.setattr("kissipo.engine.checkpoint._SAVE_SHARE", 1e9)
    generator_turn = Adversarial._generator_turn

    def breaks(self: Adversarial, like: torch.Tensor) -> torch.Tensor:
        if self.steps_done == 29:
            raise MemoryError
        return generator_turn(self, like)

    with monkeypatch.context() as broken:
        broken.setattr(Adversarial, "_generator_turn", breaks)
        with pytest.raises(MemoryError):
            ki.load("dcgan", words=SHORT).fit(out="broken")
    notes, best = list[str](), set[bool]()

    class Notes(ki.Callback):
        def on_note(self, text: str) -> None:
            notes.append(text)

        def on_epoch(self, row: Any) -> None:
            best.add(row["best"])

    ki.load("dcgan", words=SHORT).fit(out="broken", resume=True, callbacks=[Notes()])
    assert notes == ["resuming in epoch 2, step 9"]
    assert best == {False}
    assert_same_run(run, Path("broken"))


def test_every_turn_changes_its_own_player_alone() -> None:
    algorithm = players()
    net: Any = algorithm.net
    before = weights(net.generator), weights(net.discriminator)
    algorithm._discriminator_turn(batch().targets[0], batch().inputs[0])
    middle = weights(net.generator), weights(net.discriminator)
    assert all(are_equal(before[0], middle[0])) and not any(are_equal(before[1], middle[1]))
    algorithm._generator_turn(batch().inputs[0])
    after = weights(net.generator), weights(net.discriminator)
    assert all(are_equal(middle[1], after[1]))
    assert not all(are_equal(middle[0], after[0]))
    assert all(weight.grad is None for weight in net.parameters())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_losses_are_those_of_the_paper(smoothing: float) -> None:
    """The logarithms of the probabilities, in double precision; weights do not move."""
    algorithm = players(
        learning_rate=1e-30, discriminator_learning_rate=1e-30, label_smoothing=smoothing
    )
    net: Any = algorithm.net
    real, like = batch().targets[0], batch().inputs[0]
    losses = algorithm.step(batch())
    algorithm.steps_done = 0
    with torch.no_grad():
        fake, new = (
            net(algorithm._noise(like, turn)).sigmoid() for turn in ("discriminator", "generator")
        )
        p, q, r = (net.discriminator(x).double().sigmoid() for x in (real, fake, new))
    on_real = (1 - smoothing) * p.log() + smoothing * (1 - p).log()
    expected = {
        "loss": -r.log().mean(),
        "discriminator": -on_real.mean() - (1 - q).log().mean(),
        "real_recognized": (p > 0.5).double().mean(),
        "fake_recognized": (q < 0.5).double().mean(),
    }
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(float(value), rel=1e-5), name


def test_loss_of_images_leaves_the_net_as_it_is_and_has_a_gradient() -> None:
    algorithm = players()
    net: Any = algorithm.net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    outputs = torch.zeros(3, 1, 8, 8, requires_grad=True)
    algorithm.loss(outputs, ()).backward()
    assert outputs.grad is not None and outputs.grad.any()
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(layer.training for layer in net.modules())


def test_noise_is_a_function_of_seed_step_and_turn() -> None:
    like = batch().inputs[0]
    first = players()._noise(like, "generator")
    torch.manual_seed(99)
    assert torch.equal(first, players()._noise(like, "generator"))
    others = [players(seed=1), players(), players()]
    others[1].steps_done = 1
    turns = ("generator", "generator", "discriminator")
    for algorithm, turn in zip(others, turns, strict=True):
        assert not torch.equal(first, algorithm._noise(like, turn))


def test_frechet_distance_equals_the_formula_with_a_matrix_root() -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=(50, 4)) @ generator.normal(size=(4, 4))
    other = generator.normal(size=(60, 4)) @ generator.normal(size=(4, 4)) + 0.5
    c, d = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = sqrtm(c @ d).real
    mean = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    expected = mean + np.trace(c + d - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-9)
    flat = np.zeros((5, 4))
    assert frechet_distance(flat, one) == pytest.approx((one.mean(axis=0) ** 2).sum() + np.trace(c))


def test_features_are_cells_and_distances_those_of_scipy() -> None:
    generator = np.random.default_rng(1)
    images = generator.random((300, 2, 16, 24))
    rows = features(images)
    cells = images.reshape(300, 2, 8, 2, 8, 3).mean(axis=(3, 5)).reshape(300, -1)
    np.testing.assert_allclose(rows, cells, rtol=1e-12)
    distances, positions = nearest(rows, rows[:20])
    expected = cdist(rows, rows[:20]) / rows.shape[1] ** 0.5
    np.testing.assert_allclose(distances, expected.min(axis=1), atol=1e-7)
    np.testing.assert_array_equal(positions, expected.argmin(axis=1))


def test_sides_that_are_no_multiples_are_cropped() -> None:
    spec = TensorSpec("image", ("channel", "height", "width"), (3, 11, 18))
    net: Any = build((NOISE,), (spec,), Options())
    assert net.generator.small == (64, 3, 5)
    logits, (on_fake,) = net.with_auxiliary(torch.randn(5, 6))
    assert logits.shape == (5, 3, 11, 18) and on_fake.shape == (5, 1)
    with pytest.raises(ShapeError, match="halves 8x8 4 times"):
        build((NOISE,), (SMALL,), Options((8, 4, 4, 2)))


def test_number_of_a_sample_gives_its_image(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = ki.open(run)
    predictions: Any = again.predict(3, "4", 3)
    assert [item.shape for item in predictions] == [(8, 8)] * 3
    assert (predictions[0] == predictions[2]).all()
    assert (predictions[0] != predictions[1]).any()
    pipeline = again.pipeline()
    row, position = int(pipeline.splits["test"][0]) + 1, slice(0, 1)
    noise = pipeline.datasets["test"].batch(position).inputs[0]
    by_number: Any = again.predict(row)
    by_vector: Any = again.predict(noise[0].numpy())
    assert (by_number == by_vector).all()
    assert main(["predict", str(run), "3", "4", "--json", "--out", "samples"]) == 0
    content = json.loads(capsys.readouterr().out)["predictions"]
    for number, prediction in zip((3, 4), content, strict=True):
        pixels = np.asarray(Image.open(f"samples/{number}.png"))
        assert pixels.tolist() == prediction["image"]["pixels"]
    assert again.evaluate()[0].net.metrics == again.metrics["answers"][0]["metrics"]
    trace = again.trace(3)
    assert [step.name for step in trace.of("output")] == ["logits", "brightness", "pixels", "image"]


def test_what_does_not_fit_is_refused(run: Path, refusal: Callable[..., str]) -> None:
    assert "exists already" in _twice(run, refusal)
    assert "noise is given by its number; got x" in refusal("predict", str(run), "x")
    assert "Name the size of the noise" in refusal("fit", "dcgan", "input.noise=null")
    assert "input.size is for images as inputs" in refusal("fit", "dcgan", "input.size=16")
    assert "process.algorithm=supervised" in refusal("eject", "dcgan", "--out", "out")
    assert "generates images" in refusal("fit", "dcgan", "output=category")
    assert main(["fit", "backprop", "epochs=1", "--out", "numbers", "--quiet"]) == 0
    assert "--out needs a run on images" in refusal(
        "predict", "numbers", "x1=0", "x2=0", "--out", "out"
    )


def _twice(run: Path, refusal: Callable[..., str]) -> str:
    Path("samples").mkdir()
    Path("samples/1.png").touch()
    return refusal("predict", str(run), "1", "--out", "samples")


def test_equal_images_stay_in_one_split_although_their_noise_differs() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    task = ki.Task(
        input={"images": np.concatenate([images, images[:10]]), "noise": 4},
        process={"net": "dcgan"},
        output={"image": "new"},
    )
    experiment, _ = show(task)
    kinds = {finding.check for finding in experiment.pipeline.findings if finding.rows}
    assert "duplicate rows" in kinds
    part = {row: name for name, rows in experiment.pipeline.splits.items() for row in rows.tolist()}
    assert all(part[row] == part[30 + row] for row in range(10))


def test_color_and_size_are_options_of_the_answer() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 12, 10, 3), dtype=np.uint8)
    task = ki.Task(
        input={"images": images, "noise": 4},
        process={"net": "dcgan", "filters": [4, 2], "epochs": 1},
        output={"image": "new", "image_size": [8, 6]},
    )
    prediction: Any = task.fit(out="color").predict(1)
    assert prediction.shape == (8, 6, 3)
    with pytest.raises(TaskError, match=r"output\.image generates images; got styled"):
        task.with_words({"output.image": "styled"}).fit()


@pytest.mark.slow
def test_generated_digits_are_better_than_gaussian_pixels_and_no_copies() -> None:
    run = ki.load("dcgan").fit(out="run")
    (score,) = run.evaluate()
    gaussian, mean = score.baselines["Gaussian pixels"], score.baselines["mean image"]
    for name in ("frechet_distance", "nearest_real", "nearest_generated"):
        assert score.net.metrics[name] < gaussian.metrics[name]
    assert score.net.metrics["nearest_generated"] < mean.metrics["nearest_generated"]
    pipeline = run.pipeline()
    train = features(pipeline.datasets["train"].truth(0).numpy())
    unseen = features(pipeline.datasets["test"].truth(0).numpy())
    noise = pipeline.datasets["test"].batch(slice(None)).inputs[0]
    with torch.no_grad():
        fake = features(run.net(noise).sigmoid().numpy())
    assert nearest(fake, train)[0].min() > 0.02
    assert np.median(nearest(fake, train)[0]) > np.median(nearest(unseen, train)[0])
