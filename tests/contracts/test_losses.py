"""Every loss equals its numpy formula, and its gradient the difference quotient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import nbinom

from kissipo.pipeline.registries import LOSSES
from kissipo.process.weighted_mean import weighted_mean

Array = np.ndarray


def softmax(y: Array) -> Array:
    e = np.exp(y - y.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def one_hot(t: Array, classes: int) -> Array:
    return np.eye(classes)[t]


def huber(e: Array) -> Array:
    return np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5)


def cosines(y: Array, t: Array) -> Array:
    return np.asarray((y * t).sum(1) / np.linalg.norm(y, axis=1) / np.linalg.norm(t, axis=1))


def overlap(y: Array, t: Array) -> float:
    """Cross-entropy of the valid pixels plus one minus the mean Dice coefficient."""
    p, valid = np.moveaxis(softmax(np.moveaxis(y, 1, -1)), -1, 1), t != 255
    entropy = -np.mean(
        [np.log(p[n, t[n, h, w], h, w]) for n, h, w in zip(*np.nonzero(valid), strict=True)]
    )
    rates = []
    for index in range(1, y.shape[1]):
        truth, probability = (t == index), p[:, index] * valid
        if truth.any():
            areas = probability.sum() + truth.sum()
            rates.append(2 * (probability * truth).sum() / areas)
    return float(entropy + 1 - np.mean(rates))


def detection(y: Array, t: Array) -> float:
    """Loops over images, targets and anchor boxes."""

    def iou(anchor: Array, box: Array) -> float:
        (x, z, w, h), (left, top, right, bottom) = anchor, box
        across = min(x + w / 2, right) - max(x - w / 2, left)
        down = min(z + h / 2, bottom) - max(z - h / 2, top)
        shared = max(0, across) * max(0, down)
        return float(shared / (w * h + (right - left) * (bottom - top) - shared))

    def smooth_l1(e: float) -> float:
        return 4.5 * e**2 if abs(e) < 1 / 9 else abs(e) - 1 / 18

    total = 0.0
    for image, padded in zip(y, t, strict=True):
        boxes = [box for box in padded if box[0] >= 0]
        free, objects = set(range(len(image))), set()
        for label, *corners in boxes:
            fits = {
                n: iou(image[n, :4], corners)
                - 1e-3 * abs(image[n, 0] - (corners[0] + corners[2]) / 2)
                - 1e-3 * abs(image[n, 1] - (corners[1] + corners[3]) / 2)
                for n in free
            }
            best = max(fits, key=lambda n: fits[n])
            free.remove(best)
            objects.add(best)
            x, z, w, h = image[best, :4]
            wanted = [
                ((corners[0] + corners[2]) / 2 - x) / w,
                ((corners[1] + corners[3]) / 2 - z) / h,
                np.log((corners[2] - corners[0]) / w),
                np.log((corners[3] - corners[1]) / h),
            ]
            own = [(image[best, 4] - x) / w, (image[best, 5] - z) / h]
            own += [np.log(image[best, 6] / w), np.log(image[best, 7] / h)]
            total += sum(smooth_l1(a - b) for a, b in zip(own, wanted, strict=True))
            total -= np.log(softmax(image[best, 9:])[int(label)])
        for n, candidate in enumerate(image):
            p = 1 / (1 + np.exp(-candidate[8]))
            if n in objects:
                total -= np.log(p)
            elif all(iou(candidate[:4], box[1:]) < 0.5 for box in boxes):
                total -= np.log(1 - p)
    return total / len(y)


def yolo(y: Array, t: Array) -> float:
    """Loops over images, targets and candidates."""

    def corners(x: float, z: float, w: float, h: float) -> Array:
        return np.array([x - w / 2, z - h / 2, x + w / 2, z + h / 2])

    def area(box: Array) -> float:
        return float(max(0, box[2] - box[0]) * max(0, box[3] - box[1]))

    def iou_and_giou(one: Array, other: Array) -> tuple[float, float]:
        low, high = np.minimum(one, other), np.maximum(one, other)
        shared = area(np.array([*high[:2], *low[2:]]))
        around = area(np.array([*low[:2], *high[2:]]))
        union = area(one) + area(other) - shared
        return shared / union, shared / union - (around - union) / around

    total = 0.0
    for image, padded in zip(y, t, strict=True):
        boxes = [box for box in padded if box[0] >= 0]
        objects = set()
        for label, *target in boxes:
            sides = [0, 0, target[2] - target[0], target[3] - target[1]]
            best = max(
                range(len(image)),
                key=lambda n: iou_and_giou(corners(0, 0, *image[n, 2:4]), corners(*sides))[0],
            )
            objects.add(best)
            total += 2 * (1 - iou_and_giou(corners(*image[best, 4:8]), np.array(target))[1])
            total -= np.log(softmax(image[best, 9:])[int(label)])
        for n, candidate in enumerate(image):
            p = 1 / (1 + np.exp(-candidate[8]))
            own = corners(*candidate[4:8])
            if n in objects:
                total -= np.log(p)
            elif all(iou_and_giou(own, box[1:])[0] <= 0.5 for box in boxes):
                total -= np.log(1 - p)
    return total / len(y)


def second_stage(y: Array, t: Array) -> float:
    """Loops over images and candidates: the softmax over "nothing" and the classes, and
    the box, each as a mean over the candidates."""

    def iou(anchor: Array, box: Array) -> float:
        (x, z, w, h), (left, top, right, bottom) = anchor, box
        across = min(x + w / 2, right) - max(x - w / 2, left)
        down = min(z + h / 2, bottom) - max(z - h / 2, top)
        shared = max(0, across) * max(0, down)
        return float(shared / (w * h + (right - left) * (bottom - top) - shared))

    total = 0.0
    for image, padded in zip(y, t, strict=True):
        boxes = [box for box in padded if box[0] >= 0]
        for candidate in image:
            w, h, own, logits = *candidate[2:4], candidate[4:8], candidate[9:]
            # "nothing" has the logit that makes the logit of an object the one given
            nothing = np.log(np.exp(logits).sum()) - candidate[8]
            p = softmax(np.array([[nothing, *logits]]))[0]
            overlaps = [iou(candidate[:4], box[1:]) for box in boxes]
            if max(overlaps, default=0) < 0.5:
                total -= np.log(p[0]) / len(image)
                continue
            label, left, top, right, bottom = boxes[int(np.argmax(overlaps))]
            total -= np.log(p[1 + int(label)]) / len(image)
            errors = [
                (own[0] - (left + right) / 2) / w / 0.1,
                (own[1] - (top + bottom) / 2) / h / 0.1,
                np.log(own[2] / (right - left)) / 0.2,
                np.log(own[3] / (bottom - top)) / 0.2,
            ]
            total += sum(4.5 * e**2 if abs(e) < 1 / 9 else abs(e) - 1 / 18 for e in errors) / len(
                image
            )
    return total / len(y)


def per_token(y: Array, t: Array) -> float:
    """The mean over texts of the mean cross-entropy of their tokens."""
    p = softmax(y)
    texts = [[-np.log(p[n, s, t[n, s]]) for s in np.flatnonzero(t[n])] for n in range(len(t))]
    return float(np.mean([np.mean(text) for text in texts]))


def edges(y: Array, t: Array) -> float:
    """The mean of the cross-entropies of start and end over the visible steps."""
    entropies = []
    for logits, (start, end, first, last, _) in zip(y, t, strict=True):
        visible = [0, *range(first, last + 1)]
        for edge, place in enumerate((start, end)):
            p = softmax(logits[visible, edge])
            entropies.append(-np.log(p[visible.index(place)]))
    return float(np.mean(entropies))


def after_the_first(y: Array, t: Array) -> float:
    """The same without the first place; a text without other tokens has no loss."""
    lengths = (t[:, 1:] != 0).sum(axis=1)
    some = lengths > 0
    return per_token(y[some, 1:], t[some, 1:]) * float(some.mean())


def dispersed(y: Array, t: Array) -> Array:
    """The negative logarithm of the probabilities that scipy gives."""
    size = np.exp(-y[..., 1:])
    return np.asarray(-nbinom.logpmf(t, size, size / (size + np.exp(y[..., :1]))))


FORMULAS: dict[str, tuple[str, Callable[[Array, Array], Any]]] = {
    "bpr": ("numbers", lambda y, t: np.mean(-np.log(1 / (1 + np.exp(-y))))),
    "binary_cross_entropy": (
        "yes or no",
        lambda y, t: -np.log(1 / (1 + np.exp(np.where(t[:, None] == 1, -y, y)))).mean(),
    ),
    "categorical_cross_entropy": (
        "probabilities",
        lambda y, t: -(t * np.log(softmax(y))).sum(1).mean(),
    ),
    "sparse_categorical_cross_entropy": (
        "classes",
        lambda y, t: -(one_hot(t, y.shape[1]) * np.log(softmax(y))).sum(1).mean(),
    ),
    "dice_cross_entropy": ("mask", overlap),
    "detection": ("boxes", detection),
    "yolo": ("boxes", yolo),
    "two_stage": ("boxes", second_stage),
    "padded_cross_entropy": ("texts", per_token),
    "span_cross_entropy": ("spans", edges),
    "masked_cross_entropy": ("texts", after_the_first),
    "kl_divergence": ("probabilities", lambda y, t: (t * np.log(t / softmax(y))).sum(1).mean()),
    "mean_squared_error": ("numbers", lambda y, t: ((y - t) ** 2).mean()),
    "half_mean_squared_error": ("numbers", lambda y, t: ((y - t) ** 2).mean() / 2),
    "mean_absolute_error": ("numbers", lambda y, t: np.abs(y - t).mean()),
    "huber": ("numbers", lambda y, t: huber(y - t).mean()),
    "poisson": ("counts", lambda y, t: (np.exp(y) - t * y).mean()),
    "negative_binomial": ("dispersed counts", lambda y, t: dispersed(y, t).mean()),
    "cosine_similarity": ("numbers", lambda y, t: -cosines(y, t).mean()),
}


def drawn(kind: str, seed: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    if kind == "yes or no":
        return generator.normal(0, 3, (9, 1)), generator.integers(0, 2, 9)
    if kind == "mask":
        return generator.normal(0, 2, (3, 3, 4, 5)), generator.choice([0, 0, 1, 2, 255], (3, 4, 5))
    if kind == "boxes":
        y = generator.normal(0, 1, (5, 20, 12))
        y[..., :8] = generator.uniform(0.2, 0.6, (5, 20, 8))
        low, sides = generator.uniform(0, 0.4, (5, 4, 2)), generator.uniform(0.2, 0.6, (5, 4, 2))
        labels = generator.integers(-1, 3, (5, 4, 1))  # -1 is padding, here also in between
        return y, np.concatenate([labels, low, low + sides], axis=2)
    if kind == "texts":
        lengths = generator.integers(1, 6, (9, 1))
        tokens = generator.integers(1, 4, (9, 5)) * (np.arange(5) < lengths)
        return generator.normal(0, 2, (9, 5, 4)), tokens
    if kind == "spans":
        first = generator.integers(1, 4, 9)
        start = first + generator.integers(0, 3, 9)
        end = start + generator.integers(0, 2, 9)
        t = np.stack([start, end, first, end + generator.integers(0, 3, 9), end * 7], axis=1)
        t[::4, :2] = 0  # no answer
        return generator.normal(0, 2, (9, 10, 2)), t
    if kind == "dispersed counts":
        return generator.normal(0, 2, (9, 4, 2)), generator.poisson(3, (9, 4, 1)).astype(float)
    y = generator.normal(0, 2, (9, 4))
    return y, {
        "probabilities": softmax(generator.normal(0, 2, (9, 4))),
        "classes": generator.integers(0, 4, 9),
        "numbers": generator.normal(0, 2, (9, 4)),
        "counts": generator.poisson(3, (9, 4)).astype(float),
    }[kind]


def test_every_loss_has_its_formula() -> None:
    assert set(FORMULAS) == set(LOSSES.names())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FORMULAS)
def test_loss_equals_its_formula_and_gradient_the_difference_quotient(name: str, seed: int) -> None:
    kind, formula = FORMULAS[name]
    y, t = drawn(kind, seed)
    loss = LOSSES.find(name, place="loss").loss
    outputs, targets = torch.tensor(y, requires_grad=True), torch.tensor(t)
    assert loss(outputs, targets).item() == pytest.approx(float(formula(y, t)), rel=1e-6)
    first = outputs[..., :4].detach() if kind == "boxes" else outputs[..., :0]  # anchor boxes
    rest = outputs[..., first.shape[-1] :].detach().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda rest: loss(torch.cat([first, rest], dim=-1), targets), (rest,)
    )


@pytest.mark.parametrize("name", FORMULAS)
def test_loss_ignores_order_and_repetition_of_samples(name: str) -> None:
    y, t = (torch.tensor(array) for array in drawn(FORMULAS[name][0], 5))
    loss = LOSSES.find(name, place="loss").loss
    assert loss(y.flip(0), t.flip(0)).item() == pytest.approx(loss(y, t).item(), rel=1e-12)
    assert loss(torch.cat([y, y]), torch.cat([t, t])).item() == pytest.approx(
        loss(y, t).item(), rel=1e-12
    )


@pytest.mark.parametrize("name", [name for name in FORMULAS if FORMULAS[name][0] != "mask"])
def test_weighted_mean_counts_a_sample_of_weight_two_twice(name: str) -> None:
    y, t = (torch.tensor(array) for array in drawn(FORMULAS[name][0], 7))
    loss, counts = LOSSES.find(name, place="loss").loss, torch.arange(len(y)) % 4
    repeated = loss(y.repeat_interleave(counts, 0), t.repeat_interleave(counts, 0))
    value = weighted_mean(loss, y, t, 0.3 * counts)
    assert value.item() == pytest.approx(repeated.item(), rel=1e-6)


@pytest.mark.parametrize(
    "name",
    ["binary_cross_entropy", "categorical_cross_entropy", "sparse_categorical_cross_entropy"],
)
def test_loss_of_logits_equals_that_of_probabilities(name: str) -> None:
    y, t = (torch.tensor(array) for array in drawn(FORMULAS[name][0], 6))
    loss = LOSSES.find(name, place="loss").loss
    probabilities = y.sigmoid() if y.shape[1] == 1 else y.softmax(1)
    assert loss(probabilities, t, probabilities=True).item() == pytest.approx(
        loss(y, t).item(), rel=1e-4
    )


@pytest.mark.parametrize(
    "name",
    ["binary_cross_entropy", "sparse_categorical_cross_entropy", "categorical_cross_entropy"],
)
def test_loss_of_a_certain_prediction(name: str) -> None:
    loss = LOSSES.find(name, place="loss").loss
    logits = torch.tensor([[200.0]]) if name.startswith("binary") else torch.tensor([[0.0, 200.0]])
    assert loss(logits, torch.tensor([1])).item() == pytest.approx(0, abs=1e-6)
    assert loss(logits, torch.tensor([0])).item() == pytest.approx(200, rel=1e-6)


def test_loss_equals_the_numbers_of_the_lecture() -> None:
    """S06: the cross-entropies 0.865 (binary) and 1.177 (three classes)."""
    binary = LOSSES.find("binary_cross_entropy", place="loss").loss
    logits = torch.tensor([[-18.6], [0.51], [2.94], [-12.8]])
    assert binary(logits, torch.tensor([0, 1, 0, 0])).item() == pytest.approx(0.865, abs=5e-4)
    sparse = LOSSES.find("sparse_categorical_cross_entropy", place="loss").loss
    probabilities = torch.tensor([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    assert sparse(probabilities, torch.tensor([1, 2]), probabilities=True).item() == pytest.approx(
        1.177, abs=5e-4
    )


def test_cross_entropy_counts_a_time_step_as_a_sample() -> None:
    loss = LOSSES.find("sparse_categorical_cross_entropy", place="loss").loss
    y, t = torch.randn(3, 5, 7), torch.randint(0, 7, (3, 5))
    assert loss(y, t).item() == pytest.approx(
        loss(y.reshape(15, 7), t.reshape(15)).item(), rel=1e-6
    )


def test_dice_cross_entropy_of_an_empty_mask_is_the_cross_entropy() -> None:
    loss = LOSSES.find("dice_cross_entropy", place="loss").loss
    y = torch.randn(2, 3, 4, 5)
    empty = torch.zeros(2, 4, 5, dtype=torch.uint8)
    assert loss(y, empty).item() == pytest.approx(
        torch.nn.functional.cross_entropy(y, empty.long()).item(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("name", "outputs", "targets", "expected"),
    [
        ("kl_divergence", [[0.0, 0.0]], [[1.0, 0.0]], np.log(2)),
        ("kl_divergence", [[200.0, 0.0]], [[0.0, 1.0]], 200),
        ("categorical_cross_entropy", [[0.0, 0.0]], [[1.0, 0.0]], np.log(2)),
        ("poisson", [[0.0], [-30.0]], [[0.0], [0.0]], 0.5),
        ("negative_binomial", [[0.0, -90.0]], [[0.0]], 1 - np.exp(-8) / 2),  # nearly Poisson
        ("huber", [[1.0], [-1000.0]], [[0.0], [0.0]], (0.5 + 999.5) / 2),
        ("cosine_similarity", [[3.0, 4.0], [0.0, 0.0]], [[6.0, 8.0], [1.0, 0.0]], -0.5),
    ],
)
def test_loss_and_gradient_are_finite_at_extremes(
    name: str, outputs: Any, targets: Any, expected: float
) -> None:
    """A probability of 0, a count of 0, an outlier, a vector of zeros."""
    y = torch.tensor(outputs, requires_grad=True)
    loss = LOSSES.find(name, place="loss").loss(y, torch.tensor(targets))
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert y.grad is not None and y.grad.isfinite().all()
