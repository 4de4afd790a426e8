"""YOLO: published counts, candidates by hand, brute force, exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import exp, floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kissipo.codec._boxes import generalized_iou
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.breakdown.explain_value import explain_value
from kissipo.pipeline.registries import NETS
from kissipo.process.layers.yolo_boxes import YoloBoxes
from kissipo.process.losses.yolo import loss
from kissipo.process.nets import darknet53, yolo
from kissipo.process.nets._anchor_clusters import anchor_clusters, mean_best_iou, shape_iou
from kissipo.process.nets._backbones import Backbone, backbone, backbones

pytestmark = pytest.mark.usefixtures("one_thread")
PHOTO = TensorSpec("photo", ("channel", "height", "width"), (3, 64, 96))
LABEL = TensorSpec("label", ("candidate", "feature"), (0, 12))
ANCHORS = ((4, 5), (9, 6), (7, 13), (16, 14), (20, 33), (34, 21), (50, 44), (70, 50), (60, 62))


def net(**words: Any) -> nn.Module:
    words = {"width_multiplier": 0.25, "anchor_boxes": ANCHORS, **words}
    return yolo.build((PHOTO,), (LABEL,), yolo.Options(**words))


def count(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def test_weights_and_candidates_are_those_of_the_paper() -> None:
    """Darknet's file for COCO has 62,001,757 numbers, which include the running means
    and variances of 26,304 channels."""
    with torch.device("meta"):
        published = yolo.build(*yolo.DEFAULT_SPECS, yolo.Options(backbone="darknet53"))
        classifier = darknet53.build(*darknet53.DEFAULT_SPECS, darknet53.Options())
    assert (count(published), count(published.get_submodule("backbone"))) == (
        61_949_149,
        40_584_928,
    )
    assert count(classifier) == 40_584_928 + 1024 * 1000 + 1000
    norms = [layer for layer in published.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert count(published) + 2 * sum(norm.num_features for norm in norms) == 62_001_757
    assert sum(isinstance(layer, nn.Conv2d) for layer in classifier.modules()) == 52
    outputs = published.eval()(torch.zeros(2, 3, 416, 416, device="meta"))
    assert outputs.shape == (2, 10_647, 89) and (13**2 + 26**2 + 52**2) * 3 == 10_647


def test_box_of_a_candidate_by_hand() -> None:
    """The third cell of the second row, of a grid of 2x4; both anchor boxes."""
    layer = YoloBoxes(((0.25, 0.5), (0.1, 0.2)))
    t = torch.randn(1, 2 * 7, 2, 4, dtype=torch.float64)
    outputs = layer(t)
    assert outputs.shape == (1, 16, 11)
    for anchor, (p_w, p_h) in enumerate(layer.sides):
        t_x, t_y, t_w, t_h, *logits = t[0, 7 * anchor : 7 * anchor + 7, 1, 2].tolist()
        b_x, b_y = 1 / (1 + exp(-t_x)) + 2, 1 / (1 + exp(-t_y)) + 1
        expected = [2.5 / 4, 1.5 / 2, p_w, p_h]
        expected += [b_x / 4, b_y / 2, p_w * exp(t_w), p_h * exp(t_h), *logits]
        candidate = (1 * 4 + 2) * 2 + anchor
        assert outputs[0, candidate].tolist() == pytest.approx(expected, rel=1e-12)
        value = explain_value(layer, (t,), outputs, (0, candidate, 4))
        assert [(term.of, *term.values) for term in value.terms] == [
            (f"sigmoid(t_x = {t_x:.4g})", pytest.approx(1 / (1 + exp(-t_x)))),
            ("c_x", 2.0),
        ]
        assert value.agrees and value.result == pytest.approx(b_x / 4)
    huge = layer(torch.full((1, 14, 1, 1), 1e4))
    assert huge.isfinite().all() and huge[0, 0, 6] == pytest.approx(0.25 * exp(8), rel=1e-6)
    half = layer(t.bfloat16())
    assert half.dtype is torch.float32 and (half[..., :4] == outputs[..., :4].float()).all()


def test_candidates_of_the_net_are_listed_from_coarse_to_fine() -> None:
    outputs = net().eval()(torch.zeros(1, 3, 64, 96))[0].detach()
    sides = [(w / 96, h / 64) for w, h in sorted(ANCHORS, key=lambda pair: pair[0] * pair[1])]
    expected = [
        ((column + 0.5) * stride / 96, (row + 0.5) * stride / 64, *side)
        for stride, own in ((32, sides[6:]), (16, sides[3:6]), (8, sides[:3]))
        for row in range(64 // stride)
        for column in range(96 // stride)
        for side in own
    ]
    np.testing.assert_allclose(outputs[:, :4], expected, rtol=1e-6)
    assert (outputs[:, 8].sigmoid() < 0.05).all()  # hardly an object at first


def random_targets(generator: np.random.Generator, images: int, boxes: int) -> Any:
    sides = np.exp(generator.uniform(np.log(0.02), np.log(0.9), (images, boxes, 2)))
    low = generator.uniform(0, 1, (images, boxes, 2)) * (1 - sides)
    labels = generator.integers(-1, 3, (images, boxes, 1))
    return torch.from_numpy(np.concatenate([labels, low, low + sides], axis=2)).float()


def test_responsible_candidate_is_that_of_the_paper() -> None:
    """Only its logit of an object has a target of 1: a negative gradient."""
    torch.manual_seed(0)
    detector = net().eval()
    targets = random_targets(np.random.default_rng(0), 6, 7)
    outputs = detector(torch.randn(6, 3, 64, 96)).detach().requires_grad_()
    loss(outputs, targets).backward()
    assert outputs.grad is not None
    ordered = sorted(ANCHORS, key=lambda pair: pair[0] * pair[1])
    starts, strides = {2: 0, 1: 18, 0: 18 + 72}, (8, 16, 32)
    for image, gradient in zip(targets, outputs.grad, strict=True):
        expected = set()
        for label, left, top, right, bottom in image.tolist():
            if label < 0:
                continue
            w, h = (right - left) * 96, (bottom - top) * 64
            overlaps = [
                min(w, p_w) * min(h, p_h) / (w * h + p_w * p_h - min(w, p_w) * min(h, p_h))
                for p_w, p_h in ordered
            ]
            level, anchor = divmod(int(np.argmax(overlaps)), 3)
            stride = strides[level]
            column, row = (
                floor((left + right) / 2 * 96 / stride),
                floor((top + bottom) / 2 * 64 / stride),
            )
            expected.add(starts[level] + (row * (96 // stride) + column) * 3 + anchor)
        assert set(torch.nonzero(gradient[:, 8] < 0)[:, 0].tolist()) == expected
        assert set(torch.nonzero(gradient[:, 4:8].abs().sum(1))[:, 0].tolist()) == expected


def exact_giou(one: list[Fraction], other: list[Fraction]) -> Fraction:
    def area(left: Fraction, top: Fraction, right: Fraction, bottom: Fraction) -> Fraction:
        return max(Fraction(0), right - left) * max(Fraction(0), bottom - top)

    low, high = map(min, zip(one, other, strict=True)), map(max, zip(one, other, strict=True))
    (a, b, c, d), (e, f, g, h) = tuple(low), tuple(high)
    shared, around = area(e, f, c, d), area(a, b, g, h)
    union = area(*one) + area(*other) - shared
    return shared / union - (around - union) / around


def test_generalized_iou_equals_the_exact_fraction() -> None:
    generator = np.random.default_rng(3)
    for _ in range(200):
        low = generator.integers(0, 40, (2, 2))
        corners = np.concatenate([low, low + generator.integers(1, 30, (2, 2))], axis=1)
        one, other = ([Fraction(int(value), 64) for value in box] for box in corners)
        got = generalized_iou(*torch.tensor(corners, dtype=torch.float64).div(64))
        assert got.item() == pytest.approx(float(exact_giou(one, other)), rel=1e-12, abs=1e-15)
    same = torch.tensor([0.1, 0.2, 0.3, 0.9])
    assert generalized_iou(same, same) == 1
    apart = generalized_iou(
        torch.tensor([0.0, 0, 0.001, 0.001]), torch.tensor([0.999, 0.999, 1, 1])
    )
    assert apart.item() == pytest.approx(-1, abs=1e-5)


def test_squared_errors_by_hand() -> None:
    """One candidate, so all of it is responsible; class and object cost log 2 each."""
    outputs = torch.zeros(1, 1, 11, dtype=torch.float64)
    outputs[0, 0, :8] = torch.tensor(
        [0.5, 0.5, 0.4, 0.2, 0.45, 0.55, 0.36, 0.25], dtype=torch.float64
    )
    targets = torch.tensor([[[0.0, 0.3, 0.4, 0.79, 0.56]]], dtype=torch.float64)
    centers = ((0.45 - 0.545) / 0.4) ** 2 + ((0.55 - 0.48) / 0.2) ** 2
    sides = (0.6 - 0.7) ** 2 / 0.4 + (0.5 - 0.4) ** 2 / 0.2
    value = loss(outputs, targets, coordinates="squared").item()
    assert value == pytest.approx(5 * (centers + sides) + 2 * np.log(2), rel=1e-12)


def test_candidates_that_overlap_an_object_are_no_negative_examples() -> None:
    """Three candidates: the responsible one, one that overlaps by 0.6, one far away."""
    outputs = torch.zeros(1, 3, 11)
    outputs[0, :, :4] = torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 0.1, 0.1], [0.1] * 4])
    outputs[0, :, 4:8] = torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 0.4, 0.24], [0.1] * 4])
    targets = torch.tensor([[[0.0, 0.3, 0.3, 0.7, 0.7]]])
    for threshold, number in ((0.5, 1), (0.7, 2)):  # of negative examples
        value = loss(outputs, targets, ignore_iou=threshold).item()
        assert value == pytest.approx((2 + number) * np.log(2), rel=1e-6)
    nothing = loss(outputs, torch.tensor([[[-1.0, 0, 0, 0, 0]]]))
    assert nothing.item() == pytest.approx(3 * np.log(2), rel=1e-6)
    assert loss(outputs, torch.zeros(1, 0, 5)).item() == pytest.approx(3 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("coordinates", ["giou", "squared"])
def test_gradients_are_finite(coordinates: Any) -> None:
    """Boxes of a pixel, at every border of the image and of a cell, of the whole image,
    two that are equal, and images without any."""
    pixel = 1 / 96
    corners = [
        *([0, 0, pixel, pixel], [1 - pixel, 1 - pixel, 1, 1], [0, 0, 1, 1], [0, 0.5, 1, 0.501]),
        *([0.25, 0.25, 0.75, 0.75], [0.25, 0.25, 0.75, 0.75], [1 / 3 - pixel, 0.5, 1 / 3, 1]),
    ]
    targets = torch.tensor([[[0.0, *box] for box in corners], [[-1.0] + [0.0] * 4] * 7])
    torch.manual_seed(0)
    for scale in (0.0, 1.0, 30.0, 1e4):
        outputs = torch.cat(
            [
                YoloBoxes(((0.01, 0.01), (0.5, 0.5)))(scale * torch.randn(2, 16, side, side))
                for side in (3, 6)
            ],
            dim=1,
        ).requires_grad_()
        value = loss(outputs, targets, coordinates=coordinates)
        value.backward()
        assert value.isfinite() and outputs.grad is not None and outputs.grad.isfinite().all()


def test_many_boxes_in_one_image_give_the_loss_of_their_parts() -> None:
    """20,000 boxes; the loss of twelve is that of each alone."""
    generator = np.random.default_rng(1)
    targets = random_targets(generator, 1, 20_000)
    grids = [YoloBoxes(((0.1, 0.1), (0.3, 0.2), (0.5, 0.6)))] * 3
    torch.manual_seed(0)
    outputs = torch.cat(
        [
            grid(torch.randn(1, 24, side, side))
            for grid, side in zip(grids, (4, 8, 16), strict=True)
        ],
        dim=1,
    )
    whole = loss(outputs, targets)
    assert whole.isfinite()
    few = targets[:, :12]
    one_by_one = sum(loss(outputs, few[:, n : n + 1], ignore_iou=1.0) for n in range(12))
    empty = loss(outputs, few[:, :0])
    together = loss(outputs, few, ignore_iou=1.0)
    assert (one_by_one - 11 * empty).item() == pytest.approx(together.item(), rel=1e-5)


def test_anchors_are_the_best_of_k_means() -> None:
    """Of all ways to divide eight boxes in two groups, none has a better mean IoU."""
    generator = np.random.default_rng(5)
    sides = generator.uniform(5, 60, (8, 2))
    anchors, iou = anchor_clusters(sides, 2)
    best = max(
        mean_best_iou(sides, np.stack([sides[group].mean(0), sides[~group].mean(0)]))
        for number in range(1, 2**7)
        for group in [np.array([number >> bit & 1 for bit in range(8)], dtype=bool)]
    )
    assert best - 0.02 <= iou == pytest.approx(mean_best_iou(sides, anchors))
    assert shape_iou(np.array([[2.0, 3]]), np.array([[4.0, 1]])).item() == 2 / (6 + 4 - 2)
    spread = np.exp(generator.normal(3, 0.7, (500, 2)))
    again, nine = (anchor_clusters(spread, number) for number in (9, 9))
    assert np.array_equal(again[0], nine[0])
    assert nine[1] > anchor_clusters(spread, 3)[1] + 0.1
    areas = nine[0].prod(axis=1)
    assert (np.diff(areas) >= 0).all()
    few, _ = anchor_clusters(np.array([[5.0, 5.0]] * 3), 9)  # fewer boxes than anchors
    assert np.array_equal(few, np.full((9, 2), 5.0))


def facts(targets: Tensor, **process: Any) -> DataFacts:
    return DataFacts((PHOTO,), (LABEL,), 9, False, ("yolo",), ("boxes",), None, process,
                     lambda number: targets)  # fmt: skip


def test_anchor_boxes_are_inferred_with_their_reason() -> None:
    targets = random_targets(np.random.default_rng(2), 30, 5)
    (inferred,) = yolo.anchor_options(facts(targets))
    present = targets[targets[..., 0] >= 0][:, 1:].numpy()
    sides = (present[:, 2:] - present[:, :2]) * [96, 64]
    anchors = np.array(inferred.value)
    assert anchors.shape == (9, 2)
    expected = np.mean([max(shape_iou(side[None], anchors)[0]) for side in sides])
    assert inferred.reason == (
        f"k-means of {len(sides)} training boxes; the mean IoU with the best one is {expected:.3f}"
    )
    (three,) = yolo.anchor_options(facts(targets, anchors=3))
    assert np.array(three.value).shape == (3, 2)
    assert yolo.anchor_options(facts(targets, anchors=((4.0, 5.0),) * 3)) == ()
    assert yolo.anchor_options(facts(targets, anchor_boxes=((4.0, 5.0),) * 3)) == ()
    training = {option.place: option.value for option in yolo.required_options(facts(targets))[1:]}
    assert training["input.batch_size"] == 4 and training["process.epochs"] == 100  # 9 samples


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"anchors": 4}, "has the same number of anchor boxes; got 4 anchor boxes"),
        ({"anchors": 6}, "got 6 anchor boxes, and 9 in process.anchor_boxes"),
        ({"anchors": ((4.0, 5.0), (1.0,), (2.0, 2.0))}, "lists the width and the height of each"),
        ({"anchors": ((4.0, 5.0), (1.0, 0.0), (2.0, 2.0))}, "pairs of numbers above 0"),
        ({"backbone": "resnet81"}, "names no net that a detector can stand on; got 'resnet81'"),
        ({"backbone": "unet"}, "Allowed: small, darknet53, efficientnet_lite0"),
        ({"normalize": True}, "process.normalize is not an option of process.backbone=small"),
    ],
)
def test_wrong_options_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError) as error:
        net(**words)
    assert message in str(error.value)


def test_wrong_specs_are_refused() -> None:
    other = TensorSpec("photo", ("channel", "height", "width"), (3, 100, 96))
    with pytest.raises(ShapeError, match=r"got an image of 100x96.*Set input.size=96"):
        yolo.build((other,), (LABEL,), yolo.Options())
    kind = TensorSpec("kind", ("class",), (4,))
    with pytest.raises(ShapeError, match=r"'yolo' predicts boxes; got the output"):
        yolo.build((PHOTO,), (kind,), yolo.Options())


@pytest.mark.parametrize("word", ["resnet18", "vgg11", "googlenet", "darknet53"])
def test_backbone_gives_the_maps_of_its_net(word: str) -> None:
    module = NETS.find(word, place="net")
    options = module.Options(**module.TAPS_OPTIONS, width_multiplier=0.125)
    whole = module.build((PHOTO,), (TensorSpec("kind", ("class",), (4,)),), options).eval()
    part = backbone(word, PHOTO, width_multiplier=0.125).eval()
    part.load_state_dict({name: whole.state_dict()[name] for name in part.state_dict()})
    x, maps = torch.randn(2, 3, 64, 96), dict[str, Tensor]()
    for name in module.TAPS:
        whole.get_submodule(name).register_forward_hook(
            lambda layer, inputs, output, name=name: maps.update({name: output.clone()})
        )
    with torch.no_grad():
        whole(x)
        got = part(x)
    assert [tuple(some.shape[2:]) for some in got] == [(8, 12), (4, 6), (2, 3)]
    assert part.channels == tuple(some.shape[1] for some in got)
    for tap, some in zip(module.TAPS, got, strict=True):
        torch.testing.assert_close(some, maps[tap])


def test_published_weights_load_into_the_backbone(tmp_path: Path) -> None:
    """The head stays as it is, and the last layer of the file is not used."""
    detector = yolo.build((PHOTO,), (LABEL,), yolo.Options(backbone="resnet18"))
    part = detector.get_submodule("backbone")
    assert isinstance(part, Backbone)
    small = backbones()
    assert small[0] == "small" and {"darknet53", "resnet18", "vgg16", "googlenet"} < {*small}
    before = detector.get_submodule("head.grid8.t").weight.clone()
    names = {"conv3.0.residual.norm1.bias": "layer2.0.bn1.bias"}  # as torchvision says
    tensors = {
        names.get(name, name): torch.full_like(value, 0.5)
        for name, value in part.state_dict().items()
    }
    save_file({**tensors, "fc.weight": torch.zeros(1000, 512)}, tmp_path / "file")
    message = yolo.load_file(detector, tmp_path / "file", ())
    assert message is not None and message.endswith(
        "in the backbone; the layers of the detector are untrained; in the file and not used: "
        "fc.weight"
    )
    assert (part.get_submodule("conv3.0.residual.norm1").bias == 0.5).all()
    assert (detector.get_submodule("head.grid8.t").weight == before).all()
    del tensors["layer2.0.bn1.bias"]
    save_file(tensors, tmp_path / "file")
    with pytest.raises(TaskError, match=r"1 tensors are missing .*conv3\.0\.residual\.norm1\.bias"):
        yolo.load_file(detector, tmp_path / "file", ())
    # a file of a whole detector is loaded by its names
    save_file(dict(detector.state_dict()), tmp_path / "file")
    assert yolo.load_file(detector, tmp_path / "file", ()) is None
