"""Candidates for images: what they are, their order, and which images are mirrored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.inferred_option import Candidate, DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.candidates import candidates_of, declared_candidates
from kissipo.pipeline.experiment import encode_task
from kissipo.process.nets._image_candidates import mirroring_keeps_class

pytestmark = pytest.mark.usefixtures("one_thread")


def digits() -> tuple[Tensor, Tensor]:
    """Written digits of 8x8."""
    data = load_digits()
    x = torch.from_numpy(data.images[:600] / 16).float()[:, None]
    return x, torch.from_numpy(data.target[:600])


def pieces(side: int = 20) -> tuple[Tensor, Tensor]:
    """Squares cut out of two photos, which are the classes."""
    images, classes = [], []
    for number, name in enumerate(("china.jpg", "flower.jpg")):
        photo = load_sample_image(name)
        for row in range(0, photo.shape[0] - side, 5 * side):
            for column in range(0, photo.shape[1] - side, 4 * side):
                images.append(photo[row : row + side, column : column + side])
                classes.append(number)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    return x, torch.tensor(classes)


def test_digits_are_not_mirrored_and_photos_are() -> None:
    assert not mirroring_keeps_class(*digits())
    assert mirroring_keeps_class(*pieces())


def test_images_whose_class_is_a_side_are_not_mirrored() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(80, 1, 8, 8, generator=generator)
    left, right = x.clone(), x.clone()
    left[..., :2], right[..., 6:] = 3.0, 3.0  # the side of the bar is the class
    bars = torch.cat([left[:40], right[40:]])
    assert not mirroring_keeps_class(bars, (torch.arange(80) >= 40).long())


def test_images_that_show_nothing_are_not_mirrored() -> None:
    x, y = digits()
    for count in (2, 4, 10, 20):
        assert not mirroring_keeps_class(x[:count], y[:count])
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(200, 1, 8, 8, generator=generator)
    assert not mirroring_keeps_class(noise, torch.arange(200) % 2)


def facts(x: Tensor, y: Tensor, outputs: TensorSpec) -> DataFacts:
    return DataFacts(
        inputs=(TensorSpec("image", ("channel", "height", "width"), tuple(x.shape[1:])),),
        outputs=(outputs,),
        samples=len(x),
        forecasts=False,
        losses=("",),
        answers=("category",),
        batch=None,
        process={},
        draw=lambda count: Batch((x[:count],), (y[:count],)),
    )


def options(candidates: list[Candidate]) -> list[tuple[str, object, object]]:
    """The net, the features and the augmentation of candidates."""
    listed = [{option.place: option.value for option in one.options} for one in candidates]
    return [
        (words["process.net"], words.get("process.image_features"), words.get("input.augment"))
        for words in map(dict[str, object], listed)
    ]


def test_candidates_and_their_order() -> None:
    kind, price = TensorSpec("kind", ("class",), (10,)), TensorSpec("price", ("answer",), (1,))
    assert options(declared_candidates(facts(*pieces(), kind))) == [
        ("cnn", None, None),
        ("cnn", None, ["crop"]),
        ("ffn", "statistics", None),
        ("linear", None, None),
        ("random_forest", "statistics", None),
        ("small_resnet", None, ["flip", "crop"]),
    ]
    assert options(declared_candidates(facts(*digits(), kind))) == [
        ("cnn", None, None),
        ("cnn", None, ["crop"]),
        ("linear", None, None),
        ("small_resnet", None, ["crop"]),
    ]
    x, _ = pieces()
    numbers = declared_candidates(facts(x, x.mean(dim=(1, 2, 3)), price))
    assert options(numbers)[-1] == ("small_resnet", None, ["crop"])


def test_pixels_of_many_images_are_not_solved() -> None:
    kind = TensorSpec("kind", ("class",), (10,))
    for count, is_solved in ((1_666, True), (1_667, False)):  # 20x20x3 pixels, 10 classes
        some = replace(facts(*pieces(), kind), samples=count)
        assert (("linear", None, None) in options(declared_candidates(some))) == is_solved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder per photo with squares of it."""
    for number, (image, kind) in enumerate(zip(*pieces(), strict=True)):
        target = tmp_path / "photos" / ("china", "flower")[int(kind)] / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        values = (image.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        Image.fromarray(values).save(target)
    return tmp_path / "photos"


def test_same_seed_gives_the_same_winner_for_a_folder_of_images(folder: Path) -> None:
    task = ki.load(str(folder), words={"epochs": 2, "output.baselines": []})
    encoded = encode_task(task, seed=1)
    titles = [candidate.title for candidate in candidates_of(encoded.task, encoded.pipeline)]
    assert titles[0] == "cnn (default)"
    assert titles[-1] == "small residual net, with images that are shifted and mirrored"
    runs = [task.fit(seed=1, budget="medium", out=folder.parent / name) for name in ("one", "two")]
    assert runs[0].task.process["net"] == runs[1].task.process["net"]
    one, two = (
        (folder.parent / name / "model.safetensors").read_bytes() for name in ("one", "two")
    )
    assert one == two
