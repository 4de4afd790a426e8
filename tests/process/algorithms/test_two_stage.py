"""Training of a two-stage detector: its losses by a loop, overfitting, exact resume."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.decode.nms import detect
from kissipo.process.algorithms.two_stage import LOSSES, Options, TwoStage
from kissipo.process.losses import two_stage
from kissipo.process.losses.two_stage import FIRST, SECOND, stage_losses
from kissipo.process.nets import faster_rcnn

Array = NDArray[np.float64]
IMAGE = TensorSpec("photo", ("channel", "height", "width"), (1, 64, 64))
BOXES = TensorSpec("label", ("candidate", "feature"), (0, 11))  # two classes
SMALL = {"width_multiplier": 0.5, "filters": 32, "units": 32, "proposals": 16, "considered": 60}


def built(seed: int = 0, **words: Any) -> faster_rcnn.FasterRCNN:
    torch.manual_seed(seed)
    net = faster_rcnn.build((IMAGE,), (BOXES,), faster_rcnn.Options(**{**SMALL, **words}))
    assert isinstance(net, faster_rcnn.FasterRCNN)
    return net


def trainer(net: faster_rcnn.FasterRCNN, steps: int, **words: Any) -> TwoStage:
    options = Options(**{"learning_rate": 0.003, "epochs": 1, **words})
    return TwoStage(net, (two_stage.loss,), options, total_steps=steps)


class Nothing:
    """A data set that is not read."""

    def __len__(self) -> int:
        return 0

    def batch(self, index: Tensor | slice) -> Batch:
        raise AssertionError


def drawn_squares(count: int) -> Batch:
    """Returns images with a bright square (class 0) and a dark bar (class 1) each."""
    generator = np.random.default_rng(0)
    images, targets = np.full((count, 1, 64, 64), 0.5), np.zeros((count, 3, 5))
    targets[:, 2, 0] = -1  # padding
    for image, boxes in zip(images, targets, strict=True):
        for label, (height, width) in enumerate(((20, 20), (12, 32))):
            y, x = generator.integers(0, 32 - height), generator.integers(0, 64 - width)
            y += 32 * label
            image[0, y : y + height, x : x + width] = 1 - label
            corners = (x / 64, y / 64, (x + width) / 64, (y + height) / 64)
            boxes[label] = (label, *corners)
    return Batch((torch.tensor(images).float(),), (torch.tensor(targets).float(),))


def iou(one: Array, box: Array) -> float:
    (x, y, w, h), (left, top, right, bottom) = one, box
    across = min(x + w / 2, right) - max(x - w / 2, left)
    down = min(y + h / 2, bottom) - max(y - h / 2, top)
    shared = max(0, across) * max(0, down)
    return float(shared / (w * h + (right - left) * (bottom - top) - shared))


def first_stage(rows: Array, padded: Array) -> tuple[float, float]:
    """Returns both losses of the first stage for one image: a loop, with all drawn."""
    boxes = [box[1:] for box in padded if box[0] >= 0]
    overlaps = np.array([[iou(row[:4], box) for box in boxes] for row in rows])
    objectness, box_loss, drawn = 0.0, 0.0, 0
    for number, row in enumerate(rows):
        best = overlaps[number].max()
        p = 1 / (1 + np.exp(-row[8]))
        is_best = any(
            overlaps[number, target] == overlaps[:, target].max() > 0
            for target in range(len(boxes))
        )
        if best >= 0.7 or is_best:
            left, top, right, bottom = boxes[int(overlaps[number].argmax())]
            x, y, w, h = row[:4]
            wanted = [((left + right) / 2 - x) / w, ((top + bottom) / 2 - y) / h]
            wanted += [np.log((right - left) / w), np.log((bottom - top) / h)]
            own = [(row[4] - x) / w, (row[5] - y) / h, np.log(row[6] / w), np.log(row[7] / h)]
            errors = np.abs(np.subtract(own, wanted))
            box_loss += np.where(errors < 1 / 9, 4.5 * errors**2, errors - 1 / 18).sum()
            objectness -= np.log(p)
            drawn += 1
        elif best < 0.3:
            objectness -= np.log(1 - p)
            drawn += 1
    return objectness / drawn, float(box_loss / drawn)


def test_first_stage_equals_a_loop() -> None:
    generator = np.random.default_rng(1)
    rows = generator.uniform(0.2, 0.6, (3, 40, 9))
    rows[..., 8] = generator.normal(0, 2, (3, 40))
    low, sides = generator.uniform(0, 0.4, (3, 4, 2)), generator.uniform(0.2, 0.6, (3, 4, 2))
    labels = generator.integers(0, 2, (3, 4, 1))
    labels[:, 3] = -1
    targets = np.concatenate([labels, low, low + sides], axis=2)
    objectness, box, of_class = stage_losses(torch.tensor(rows), torch.tensor(targets), FIRST)
    expected = np.mean([first_stage(*pair) for pair in zip(rows, targets, strict=True)], axis=0)
    assert [objectness.item(), box.item()] == pytest.approx(expected.tolist(), rel=1e-9)
    assert of_class == 0  # the first stage knows no classes


def test_an_image_without_boxes_has_negatives_only() -> None:
    rows = torch.rand(2, 30, 11)
    targets = torch.zeros(2, 4, 5)
    targets[..., 0] = -1
    for stage in (FIRST, SECOND):
        objectness, box, of_class = stage_losses(rows, targets, stage)
        assert objectness.item() == pytest.approx(rows[..., 8].exp().log1p().mean().item())
        assert box == of_class == 0


def test_half_of_the_drawn_candidates_are_positive() -> None:
    """Of 400 good anchor boxes and 600 bad ones 128 each are drawn, at random."""
    rows = torch.zeros(1, 1000, 9)
    rows[..., :8] = torch.tensor([0.2, 0.2, 0.2, 0.2] * 2)
    rows[:, :400, :8] = torch.tensor([0.7, 0.7, 0.2, 0.2] * 2)
    rows[..., 8] = torch.arange(1000.0) / 1000
    rows.requires_grad_()
    target = torch.tensor([[[0.0, 0.6, 0.6, 0.8, 0.8]]])
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        (gradient,) = torch.autograd.grad(stage_losses(rows, target, FIRST)[0], rows)
        draws.append(gradient[0, :, 8].nonzero().flatten().tolist())
        assert sum(number < 400 for number in draws[-1]) == 128
        assert len(draws[-1]) == 256
    assert draws[0] == draws[1] != draws[2]


def test_two_stages_overfit_eight_images() -> None:
    batch = drawn_squares(8)
    net = built()
    algorithm = trainer(net, 150, schedule="cosine")
    torch.manual_seed(0)
    algorithm.begin(Nothing())
    history = []
    for _ in range(150):
        losses = algorithm.step(batch)
        assert set(losses) == {"loss", *LOSSES}
        history.append({name: loss.item() for name, loss in losses.items()})
        assert history[-1]["loss"] == pytest.approx(
            sum(history[-1][name] for name in LOSSES), rel=1e-5
        )
    assert all(history[-1][name] < history[0][name] / 2 for name in ("rpn_objectness", "class"))
    assert history[-1]["loss"] < 0.5
    detections = detect(net.eval()(*batch.inputs), iou_threshold=0.5, max_detections=5)
    for rows, wanted in zip(detections, batch.targets[0], strict=True):
        for label in (0, 1):
            best = rows[rows[:, 0] == label][0]
            x = np.array([(best[1] + best[3]) / 2, (best[2] + best[4]) / 2])
            sides = np.array([best[3] - best[1], best[4] - best[2]])
            assert iou(np.concatenate([x, sides]), wanted[label, 1:].numpy()) > 0.5
            assert best[5] > 0.5


def test_resumed_steps_have_the_same_bits() -> None:
    batch = drawn_squares(4)

    def trained(net: faster_rcnn.FasterRCNN, algorithm: TwoStage, steps: range) -> None:
        for step in steps:
            torch.manual_seed(step)  # as the loop does
            algorithm.step(batch)

    net = built()
    algorithm = trainer(net, 6, ema=0.9)
    algorithm.begin(Nothing())
    trained(net, algorithm, range(3))
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    state = algorithm.state_dict()
    other = built(seed=1)
    other.load_state_dict(weights)
    again = trainer(other, 6, ema=0.9)
    again.load_state_dict(state)
    trained(net, algorithm, range(3, 6))
    trained(other, again, range(3, 6))
    for one, two in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_parts_of_a_batch_have_the_means_of_their_losses() -> None:
    batch = drawn_squares(4)
    net = built().eval()  # batch norm would see the parts
    whole, parts = (
        trainer(net, 1, gradient_accumulation_steps=count, learning_rate=1e-12) for count in (1, 2)
    )
    results = []
    for algorithm in (whole, parts):
        algorithm.begin(Nothing())
        torch.manual_seed(0)
        results.append({name: loss.item() for name, loss in algorithm.step(batch).items()})
    # the second stage draws nothing at random
    for name in ("class", "box"):
        assert results[0][name] == pytest.approx(results[1][name], rel=1e-3)


def test_wrong_options_and_shapes_are_refused() -> None:
    with pytest.raises(TaskError, match=r"process\.mixup does not suit .*two_stage"):
        trainer(built(), 1, mixup=0.2)
    odd = TensorSpec("photo", ("channel", "height", "width"), (1, 60, 100))
    with pytest.raises(ShapeError, match="maps of stride 8, 16 and 32") as error:
        faster_rcnn.build((odd,), (BOXES,), faster_rcnn.Options())
    assert "input.size=[64,96]" in str(error.value.do)
    kinds = TensorSpec("kind", ("class",), (3,))
    with pytest.raises(ShapeError, match="predicts boxes"):
        faster_rcnn.build((IMAGE,), (kinds,), faster_rcnn.Options())
    with pytest.raises(TaskError, match=r"process\.anchors lists the width and the height"):
        built(anchors=((10.0,), (20.0, 30.0)))
    with pytest.raises(TaskError, match="names no net that a detector can stand on"):
        built(backbone="lstm")
