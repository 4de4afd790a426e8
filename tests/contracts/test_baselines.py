"""Every baseline equals its definition, and trains on training rows only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from sklearn.svm import SVC, SVR, LinearSVC

from kissipo.codec.boxes import box_column, padded_boxes
from kissipo.codec.index import Index
from kissipo.codec.numbers import Numbers
from kissipo.codec.pixels import Pixels
from kissipo.codec.tokens import Tokens
from kissipo.codec.windows import Windows
from kissipo.codec.word_pieces import WordPieces, vocabulary_from
from kissipo.core.codec import Codec
from kissipo.core.frame import Frame, image_column, numbers, strings
from kissipo.core.seeds import numpy_generator
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.rollouts.side_by_side import play
from kissipo.input.environments.racing import LIMIT, Racing
from kissipo.input.sources import environment
from kissipo.output.answer import Answer
from kissipo.output.answers.boxes import Boxes
from kissipo.output.answers.category import Category
from kissipo.output.answers.choice import Choice
from kissipo.output.answers.choice import Options as ChoiceOptions
from kissipo.output.answers.count_forecast import CountForecast
from kissipo.output.answers.count_forecast import Options as CountOptions
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as ForecastOptions
from kissipo.output.answers.image import GeneratedImage
from kissipo.output.answers.labels import LabelSet
from kissipo.output.answers.map import Map
from kissipo.output.answers.mask import Mask
from kissipo.output.answers.number import Number
from kissipo.output.answers.rating import Rating
from kissipo.output.answers.rules import Rules
from kissipo.output.answers.span import Span
from kissipo.output.answers.tags import Tags
from kissipo.output.answers.text import NextToken
from kissipo.output.baseline_data import BaselineData, EnvironmentData, Samples
from kissipo.output.masked_text import MaskedText
from kissipo.output.target_text import TargetText
from kissipo.output.vectors.document_vectors import DocumentVectors
from kissipo.output.vectors.word_vectors import WordVectors
from kissipo.pipeline.registries import BASELINES
from kissipo.plugins.go.codecs.board import Board

TRAIN, TEST = slice(0, 40), slice(40, 60)
SEED = 3
GENERATOR = np.random.default_rng(0)
SIZE = GENERATOR.normal(size=60) * 9 + 70
LEVEL = GENERATOR.choice(["a", "b", "c"], 60)
PRICE = SIZE * 2 + np.char.equal(LEVEL, "b") * 30 + GENERATOR.normal(size=60) * 5
KIND = np.where(PRICE < 135, "cheap", np.where(PRICE > 165, "dear", "fair"))
PROSE = [
    " ".join(GENERATOR.choice(["good", "bad", "not", "very", "film", "plot", "a"], 6))
    for _ in range(60)
]
LENGTHS = np.random.default_rng(1).integers(2, 5, 60)
WORDS = [
    "".join(np.random.default_rng(n).choice(list("abc"), size)) for n, size in enumerate(LENGTHS)
]
TURNED = [word[::-1] for word in WORDS]
STEPS = np.arange(40) + 5 * np.sin(np.arange(40) * 2 * np.pi / 4) + GENERATOR.normal(size=40)
SEASON, WINDOW, HORIZON, WINDOWS_IN_TRAINING = 4, 5, 6, 18
LETTERS = np.asarray(list("abcabdabcabdaacabb" * 3))
BOARDS = GENERATOR.choice([0, 0, 0, 1, -1], (60, 3, 3))
BOARDS[np.arange(60), GENERATOR.integers(3, size=60), GENERATOR.integers(3, size=60)] = (
    0  # at least one legal move
)
PLAYED = [int(GENERATOR.choice(np.flatnonzero(board == 0))) for board in BOARDS]
FOREST = RandomForestClassifier(300, random_state=SEED)
PHOTOGRAPH = TensorSpec("photo", ("channel", "height", "width"), (2, 18, 20))
IMAGES = GENERATOR.uniform(0.1, 0.5, size=(60, 2, 18, 20)).astype("f4")
IMAGES[KIND == "dear", :, 9:] += 0.2
IMAGES[KIND == "cheap", :, :, 4:6] += 0.4
TOPICS = [
    ";".join(
        name for name, is_on in (("big", size > 70), ("low", level == "a"), ("any", True)) if is_on
    )
    for size, level in zip(SIZE, LEVEL, strict=True)
]
TABLE = Frame((
    numbers("size", SIZE),
    strings("level", LEVEL),
    strings("prose", PROSE),
    numbers("price", PRICE),
    strings("kind", KIND),
    strings("word", WORDS),
    strings("turned", TURNED),
    strings("topics", TOPICS),
))  # fmt: skip


def split_of(rows: slice, codecs: tuple[Codec, ...], answer: Answer) -> Samples:
    frame = TABLE.take(np.arange(60)[rows])
    truth = answer.truth(answer.codec.encode(frame))
    return Samples(tuple(codec.encode(frame) for codec in codecs), truth, frame)


def of_a_table(answer: Answer, *codecs: Codec, texts: Mapping[str, str] = {}) -> BaselineData:
    train = TABLE.take(np.arange(40))
    answer.fit(train)
    for codec in codecs:
        codec.fit(train)
    specs = tuple(codec.spec for codec in codecs)
    return BaselineData(
        answer,
        specs,
        split_of(TRAIN, codecs, answer),
        split_of(TEST, codecs, answer),
        texts=texts,
        seed=SEED,
    )


def of_boards() -> BaselineData:
    letters = ["".join(".XO"[point] for point in board.ravel()) for board in BOARDS]
    frame = Frame((strings("board", letters), strings("move", [str(point) for point in PLAYED])))
    codec, answer = Board("board").fit(frame), Category("move", order=tuple("012345678")).fit(frame)
    x, y = codec.finish(codec.encode(frame)), answer.truth(answer.codec.encode(frame))
    return BaselineData(
        answer, (codec.spec,), Samples((x[TRAIN],), y[TRAIN]), Samples((x[TEST],), y[TEST])
    )


def of_a_series() -> BaselineData:
    frame = Frame((numbers("rest", -STEPS), numbers("y", STEPS)))
    codec = Windows(Numbers(("rest", "y")), WINDOW).fit(frame)
    answer = Forecast("y", ForecastOptions(HORIZON)).fit(frame)
    count = len(STEPS) - WINDOW - HORIZON + 1
    inputs, truth = codec.encode(frame)[:count], answer.truth(answer.codec.encode(frame)[WINDOW:])
    end = WINDOWS_IN_TRAINING
    origins = np.arange(count) + WINDOW
    splits = (
        Samples((inputs[:end],), truth[:end], None, origins[:end]),
        Samples((inputs[end:],), truth[end:], None, origins[end:]),
    )
    return BaselineData(answer, (codec.spec,), *splits, season=SEASON, series=STEPS[:, None])


WEEK, STOPS, HOURS = 5, 2, 26
BOARDINGS = np.random.default_rng(8).poisson(2, (STOPS, HOURS)).astype(float)
USUAL = BOARDINGS.mean(axis=1, keepdims=True).repeat(HOURS, axis=1)
FIRST_STEP = 16  # of the test split


def of_counts(ahead: int = 1) -> BaselineData:
    """Two places, one after the other; samples are in order of time."""
    answer = CountForecast("count", CountOptions(ahead), places=("a", "b"))
    answer.usual = USUAL.reshape(-1)
    steps = np.arange(6, HOURS - ahead + 1)
    origins = (np.arange(STOPS)[None, :] * HOURS + steps[:, None]).reshape(-1)
    series = BOARDINGS.reshape(-1)
    truth = series[origins[:, None] + np.arange(ahead)][..., None]
    inputs = (
        torch.from_numpy(series[origins[:, None] - 4 + np.arange(4)][..., None]),
        torch.from_numpy(answer.usual[origins[:, None] + np.arange(ahead)][..., None]),
    )
    end = STOPS * (FIRST_STEP - 6)
    splits = [
        Samples(tuple(x[rows] for x in inputs), truth[rows], None, origins[rows])
        for rows in (slice(0, end), slice(end, None))
    ]
    specs = tuple(TensorSpec("x", ("time", "feature"), x.shape[1:]) for x in inputs)
    return BaselineData(
        answer,
        specs,
        *splits,
        season=WEEK,
        seed=SEED,
        series=series[:, None],
        starts=(0, HOURS, 2 * HOURS),
    )


def by_step(guess: Callable[[int, int, int], float], ahead: int = 1) -> Any:
    """One guess per test step, place and step ahead."""
    return np.array([
        [[guess(place, step, step + later)] for later in range(ahead)]
        for step in range(FIRST_STEP, HOURS - ahead + 1)
        for place in range(STOPS)
    ])  # fmt: skip


def a_week_before(place: int, step: int, target: int) -> float:
    return float(BOARDINGS[place, max(t for t in range(step) if (target - t) % WEEK == 0)])


def mean_of_weeks(place: int, step: int, target: int) -> float:
    earlier = [BOARDINGS[place, t] for t in range(step) if (target - t) % WEEK == 0]
    return float(np.mean(earlier))


def boosted() -> Any:
    case = of_counts()
    rows = [
        np.concatenate([split.inputs[0][:, -3:, 0], split.inputs[1][:, :, 0]], axis=1)
        for split in (case.train, case.test)
    ]
    model = HistGradientBoostingRegressor(
        loss="poisson",
        min_samples_leaf=100,
        learning_rate=0.05,
        early_stopping=False,
        random_state=SEED,
    )
    usual, usual_of_test = (
        split.inputs[1][:, 0, 0].exp().numpy() for split in (case.train, case.test)
    )
    target = case.train.truth.reshape(-1) / usual
    model.fit(rows[0], target, sample_weight=usual)
    return (model.predict(rows[1]) * usual_of_test)[:, None, None]


def of_a_text(units: Any = LETTERS) -> BaselineData:
    frame = Frame((strings("text", list(units)),))
    answer = NextToken(window=3).fit(frame)
    ids = answer.codec.inner.encode(frame)
    count = len(ids) // 3 - 1
    inputs, targets = ids[: 3 * count].view(-1, 3), ids[1 : 3 * count + 1].view(-1, 3)
    train = Samples((inputs[:9],), targets[:9].numpy())
    test = Samples((inputs[9:],), targets[9:].numpy())
    return BaselineData(answer, (answer.codec.spec,), train, test)


CLOUD = np.random.default_rng(15).normal(size=(60, 5)) * [4, 3, 2, 1, 1] + 2
HAS_ITEM = np.random.default_rng(16).random((60, 6)) < [0.9, 0.7, 0.5, 0.4, 0.3, 0.2]


def of_a_map() -> BaselineData:
    """Rows of five numbers, which are inputs and truth."""
    x = torch.from_numpy(CLOUD)
    spec = TensorSpec("row", ("feature",), (5,))
    return BaselineData(
        Map(2),
        (spec,),
        Samples((x[TRAIN],), CLOUD[TRAIN]),
        Samples((x[TEST],), CLOUD[TEST]),
        seed=SEED,
    )


def of_baskets() -> BaselineData:
    """Baskets of six items; the last item of a test basket is hidden."""
    x = torch.from_numpy(HAS_ITEM.astype(np.uint8))
    truth = HAS_ITEM.argmax(axis=1)
    answer = Rules(tuple("abcdef"))
    return BaselineData(
        answer,
        (answer.spec,),
        Samples((x[TRAIN],), truth[TRAIN]),
        Samples((x[TEST],), truth[TEST]),
    )


def by_item_cosine() -> Any:
    """The sums of cosines, counted pair by pair."""
    train, test = HAS_ITEM[TRAIN], HAS_ITEM[TEST]
    scores = np.zeros((20, 6))
    for row, basket in enumerate(test):
        for item in np.flatnonzero(~basket):
            for other in np.flatnonzero(basket):
                both = sum(bought[item] and bought[other] for bought in train)
                one, two = (sum(bought[name] for bought in train) for name in (item, other))
                scores[row, item] += both / np.sqrt(one * two)
    return scores


PIECES = np.random.default_rng(12).integers(0, 4, (50, 9))


def of_masked_text() -> BaselineData:
    """Texts of four pieces; after the piece 0 another one comes more often than not."""
    answer = MaskedText(
        WordPieces(
            ("text",),
            length=9,
            model=vocabulary_from(lambda: ["a b c d a b c d"], 20, lowercase=True),
        ).fit(Frame((strings("text", ["a"]),)))
    )
    ids = torch.from_numpy(PIECES + 5)
    ids[:, 3] = torch.where(ids[:, 2] == 5, 7, ids[:, 3])
    ids[:, 0], ids[:, 5], ids[:, 8] = 2, 3, 3
    labels = torch.arange(50) % 3 // 2 + 1
    whole = ids.clone()
    whole[:, 0] = labels
    hidden, is_target = answer.mask_rule.hide_all(ids, torch.arange(50), seed=1, probability=0.3)
    targets = torch.where(is_target, ids, 0)
    targets[:, 0] = labels
    train = Samples((ids[:30],), whole[:30].numpy())
    return BaselineData(
        answer, (answer.codec.spec,), train, Samples((hidden[30:],), targets[30:].numpy())
    )


def guessed_pieces(*, contexts: bool) -> Any:
    """The scores of masked pieces, counted one by one.

    contexts:  whether the neighbors of a piece count, or its frequency alone
    """
    case = of_masked_text()
    read, truth = case.test.inputs[0].tolist(), case.test.truth
    every: list[tuple[int, int, int]] = [
        (row[place - 1], row[place], row[place + 1])
        for row in case.train.inputs[0].tolist()
        for place in range(1, 8)
        if row[place] >= 5
    ]
    size, scores = len(case.answer.spec.labels), np.zeros((*truth.shape, 6, 2))
    labels = Counter(case.train.truth[:, 0].tolist())
    for sample, place in zip(*np.nonzero(truth), strict=True):
        target = int(truth[sample, place])
        if place == 0:
            right = (labels[target] + 1) / (sum(labels.values()) + 2)
            scores[sample, 0, 0] = np.log(right), target != max(labels, key=lambda x: labels[x])
            continue
        left, right_piece = read[sample][place - 1], read[sample][place + 1]
        counters = [
            Counter(m for before, m, after in every if (before, after) == (left, right_piece)),
            Counter(m for before, m, _ in every if before == left),
            Counter(m for _, m, after in every if after == right_piece),
            Counter(m for _, m, _ in every),
        ]
        if contexts:
            share = backed_off(counters, size)
            order = [
                m for counter in counters for m in sorted(counter, key=lambda m: (-counter[m], m))
            ]
            order = list(dict.fromkeys(order))[:5]
            rank = order.index(target) if target in order else 5
        else:
            counts = [counters[-1][piece] for piece in range(size)]
            share = [(count + 1) / (sum(counts) + size) for count in counts].__getitem__
            order = sorted(range(size), key=lambda piece: -counts[piece])
            rank, order = order.index(target), order[:5]
        scores[sample, place, 0] = np.log(share(target)), rank
        scores[sample, place, 1 : 1 + len(order)] = [(piece, share(piece)) for piece in order]
    return scores


def backed_off(counters: list[Counter[int]], size: int) -> Callable[[int], float]:
    """The shares of Witten and Bell, from the last counter to the first one."""

    def share(piece: int) -> float:
        value = 1 / size
        for counter in counters[::-1]:
            n, d = sum(counter.values()), len(counter)
            if n:
                value = (counter[piece] + d * value) / (n + d)
        return value

    return share


def of_a_world(episodes: int = 400) -> EnvironmentData:
    world = environment.SOURCE.read("racing", environment.Options())
    return EnvironmentData(
        lambda choose: play(
            [world.make(), world.make()],
            choose,
            numbers=range(episodes),
            seed=SEED,
            purpose="report",
        ),
        world.actions,
        world.model,
        0.9,
    )


def of_images() -> BaselineData:
    """Images of different exposure; masked pixels are darker."""
    generator = np.random.default_rng(7)
    masks = np.zeros((16, 9, 10), dtype=np.uint8)
    for number, mask in enumerate(masks[::2]):
        top, left = generator.integers(0, 5, 2)
        mask[top : top + 3, left : left + 4] = 1 + (number % 4 == 0)
    brightness = (
        generator.normal(120, 20, (16, 1, 1))
        + generator.normal(0, 8, masks.shape)
        - 30 * (masks > 0)
    )
    frame = Frame(
        (
            image_column("image", brightness.clip(0, 255).astype(np.uint8)),
            image_column("mask", masks),
        )
    )
    answer, codec = Mask("defect", size=(9, 10)), Pixels("image")
    train, test = frame.take(np.arange(11)), frame.take(np.arange(11, 16))
    answer.fit(train)
    codec.fit(train)
    splits = [
        Samples((codec.finish(codec.encode(rows)),), answer.truth(answer.codec.encode(rows)), rows)
        for rows in (train, test)
    ]
    return BaselineData(answer, (codec.spec,), splits[0], splits[1], seed=SEED)


def by_every_threshold() -> Any:
    """The threshold with the maximum overlap, of a hundred quantiles and two sides."""
    case = of_images()

    def contrast(split: Samples) -> Any:
        gray = split.inputs[0][:, 0].numpy()
        return np.stack([image - np.median(image) for image in gray])

    train, test, target = contrast(case.train), contrast(case.test), case.train.truth > 0

    def overlap(sign: int, limit: float) -> float:
        predicted = sign * train > sign * limit
        return float((predicted & target).sum() / (predicted | target).sum())

    rules = [
        (sign, limit) for sign in (-1, 1) for limit in np.quantile(train, np.linspace(0, 1, 100))
    ]
    sign, limit = max(rules, key=lambda rule: overlap(*rule))
    frequent = 1 + np.argmax([np.sum(case.train.truth == index) for index in (1, 2)])
    return np.where(sign * test > sign * limit, frequent, 0)


def surroundings(image: Any) -> Any:
    """Per pixel: brightness, and at two scales mean, difference and edge."""
    x = image - np.median(image)
    maps = [x]
    for reach in (1, 3):
        rows, columns = (
            [slice(max(0, i - reach), i + reach + 1) for i in range(size)] for size in x.shape
        )
        mean = np.array([[x[row, column].mean() for column in columns] for row in rows])
        maps += [mean, x - mean, np.hypot(*np.gradient(mean))]
    return np.stack(maps, axis=-1).reshape(-1, len(maps)).astype("f4")


def by_a_forest() -> Any:
    case = of_images()
    train, test = (
        np.concatenate([surroundings(image.numpy()) for image in split.inputs[0][:, 0]])
        for split in (case.train, case.test)
    )
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=SEED).fit(
        train, case.train.truth.reshape(-1)
    )
    return forest.predict(test).reshape(case.test.truth.shape)


def with_empty_masks() -> BaselineData:
    case = of_images()
    return replace(case, train=replace(case.train, truth=np.zeros_like(case.train.truth)))


def of_boxes() -> BaselineData:
    """Images with up to two lighter or darker rectangles."""
    generator = np.random.default_rng(5)
    images = generator.normal(0.5, 0.01, (16, 1, 20, 24))
    rows: list[list[tuple[float, ...]]] = []
    for number, image in enumerate(images):
        rows.append([])
        for left in (1, 13)[: number % 3]:
            top, height, width = generator.integers(3, 9, 3)
            sign = generator.choice((-1, 1))
            image[:, top : top + height, left : left + width] += sign * generator.uniform(0.1, 0.4)
            corners = (left / 24, top / 20, (left + width) / 24, (top + height) / 20)
            rows[-1].append((float(generator.integers(3) > 0), *corners))
    boxes = box_column("boxes", padded_boxes(rows), ("bar", "dot"))
    answer = Boxes("label").fit(Frame((boxes,)))
    truth = answer.truth(answer.codec.encode(Frame((boxes,))))
    spec = TensorSpec("image", ("channel", "height", "width"), (1, 20, 24))
    x = torch.from_numpy(images).float()
    splits = [Samples((x[some],), truth[some]) for some in (slice(0, 11), slice(11, 16))]
    return BaselineData(answer, (spec,), splits[0], splits[1], seed=SEED)


def mean_boxes() -> Any:
    boxes = [box for image in of_boxes().train.truth for box in image if box[0] >= 0]
    by_label = {label: [box for box in boxes if box[0] == label] for label in (0, 1)}
    order = sorted(by_label, key=lambda label: -len(by_label[label]))
    one = [
        [label, *np.mean(by_label[label], axis=0)[1:], len(by_label[label]) / len(boxes)]
        for label in order
    ]
    return [one] * 5


def flooded(marked: Any) -> list[set[tuple[int, int]]]:
    """The groups of marked pixels that are connected at edges, by a flood fill."""
    waiting, groups = {(int(y), int(x)) for y, x in zip(*np.nonzero(marked), strict=True)}, []
    while waiting:
        edge, group = [waiting.pop()], set()
        while edge:
            y, x = edge.pop()
            group.add((y, x))
            near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & waiting
            waiting -= near
            edge += near
        groups.append(group)
    return groups


def by_components() -> Any:
    """Every threshold by a flood fill, and a matching by brute force."""
    case = of_boxes()
    labels = case.train.truth[..., 0]
    frequent = float(max((0, 1), key=lambda label: int((labels == label).sum())))

    def components(image: Any, threshold: float) -> list[tuple[float, ...]]:
        contrast = np.abs(image[0] - np.median(image[0]))
        boxes = []
        for group in sorted(flooded(contrast > threshold), key=min):  # the upper left first
            ys, xs = ([pixel[axis] for pixel in group] for axis in (0, 1))
            if len(group) >= 0.005 * contrast.size:
                top, left, bottom, right = min(ys), min(xs), max(ys) + 1, max(xs) + 1
                share = len(group) / ((bottom - top) * (right - left))
                boxes.append((frequent, left / 24, top / 20, right / 24, bottom / 20, share))
        return sorted(boxes, key=lambda box: -box[-1])

    def f1(threshold: float) -> float:
        hits = total = 0
        for image, truth in zip(case.train.inputs[0].numpy(), case.train.truth, strict=True):
            targets = [tuple(box[1:]) for box in truth if box[0] >= 0]
            boxes = components(image, threshold)
            total += len(boxes) + len(targets)
            for box in boxes:
                overlaps = [iou_of(box[1:5], target) for target in targets]
                if overlaps and max(overlaps) >= 0.5:
                    targets.pop(int(np.argmax(overlaps)))
                    hits += 1
        return 2 * hits / total

    images = case.train.inputs[0].numpy()
    contrast = np.stack([np.abs(image[0] - np.median(image[0])) for image in images])
    best = max(np.quantile(contrast, np.linspace(0.5, 0.99, 20)), key=f1)
    rows = [components(image, best) for image in case.test.inputs[0].numpy()]
    width = max(map(len, rows))
    assert width == 2
    return [row + [(-1.0, 0, 0, 0, 0, 0)] * (width - len(row)) for row in rows]


def by_blobs() -> Any:
    """A weighted regression by scikit-learn; means and peaks by loops."""
    case = of_boxes()

    def features(image: Any) -> Any:
        apart = image[0].astype(float) - np.median(image[0])
        return np.stack([apart, np.abs(apart)], axis=-1)

    def part(low: float, high: float, size: int, share: float) -> range:
        middle, half = (low + high) / 2 * size, (high - low) / 2 * size * share
        start = round(middle - half)
        return range(max(0, start), min(size, max(start + 1, round(middle + half))))

    def mean(values: Any, y: int, x: int, sides: tuple[int, int]) -> float:
        rows = [min(19, max(0, y - sides[0] // 2 + step)) for step in range(sides[0])]
        columns = [min(23, max(0, x - sides[1] // 2 + step)) for step in range(sides[1])]
        return float(np.mean([values[row, column] for row in rows for column in columns]))

    def differences(values: Any, inner: tuple[int, int], outer: tuple[int, int]) -> Any:
        share, result = inner[0] * inner[1] / (outer[0] * outer[1]), np.zeros((20, 24))
        for row, column in np.ndindex(20, 24):
            one, other = (mean(values, row, column, size) for size in (inner, outer))
            result[row, column] = one - (other - share * one) / (1 - share)
        return result

    images = [features(image) for image in case.train.inputs[0].numpy()]
    tests = [features(image) for image in case.test.inputs[0].numpy()]
    rows: list[list[tuple[float, ...]]] = [[] for _ in tests]
    for label in (0, 1):
        boxes = case.train.truth[case.train.truth[..., 0] == label][:, 1:]
        height, width = (float(np.median(boxes[:, axis + 2] - boxes[:, axis])) for axis in (1, 0))
        x, y, weights = [], [], []
        for image, truth in zip(images, case.train.truth, strict=True):
            state = np.zeros((20, 24), dtype=int)
            own = [box[1:] for box in truth if box[0] == label]
            for share, value in ((1, -1), (0.5, 1)):
                for left, top, right, bottom in own:
                    for row in part(top, bottom, 20, share):
                        state[row, list(part(left, right, 24, share))] = value
            x.append(image[state >= 0])
            y.append(state[state >= 0])
        pixels, wanted = np.concatenate(x), np.concatenate(y)
        weights = np.where(wanted == 1, 0.5 / (wanted == 1).sum(), 0.5 / (wanted == 0).sum())
        model = LinearRegression().fit(pixels, wanted, sample_weight=weights)
        inner = max(1, round(height * 20)), max(1, round(width * 24))
        outer = round(1.25 * inner[0]) + 1, round(1.25 * inner[1]) + 1
        planes = [model.predict(image.reshape(-1, 2)).reshape(20, 24) for image in images + tests]
        scores = [differences(plane, inner, outer) for plane in planes]
        largest = max(score.max() for score in scores[: len(images)])
        window = max(1, round(0.5 * height * 20)), max(1, round(0.5 * width * 24))
        for number, score in enumerate(score / largest for score in scores[len(images) :]):
            for row, column in np.ndindex(20, 24):
                first = row - window[0] // 2, column - window[1] // 2
                near = score[
                    max(0, first[0]) : first[0] + window[0], max(0, first[1]) : first[1] + window[1]
                ]
                if score[row, column] > 0.05 and score[row, column] == near.max():
                    y0, x0 = (row + 0.5) / 20, (column + 0.5) / 24
                    corners = x0 - width / 2, y0 - height / 2, x0 + width / 2, y0 + height / 2
                    clipped = (min(1.0, max(0.0, corner)) for corner in corners)
                    rows[number].append((label, *clipped, min(1.0, score[row, column])))
    assert sum(map(len, rows)) > 6
    rows = [sorted(boxes, key=lambda box: -box[-1]) for boxes in rows]
    return [boxes + [(-1.0, 0, 0, 0, 0, 0)] * (60 - len(boxes)) for boxes in rows]


def iou_of(one: Any, other: Any) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, across) * max(0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def without_boxes() -> BaselineData:
    case = of_boxes()
    return replace(case, train=replace(case.train, truth=np.full((11, 2, 5), -1.0)))


def of_generated() -> BaselineData:
    """Images as targets; the inputs are noise."""
    answer, noise = GeneratedImage("image"), TensorSpec("noise", ("feature",), (2,))
    splits = (Samples((torch.zeros(len(IMAGES[rows]), 2),), IMAGES[rows]) for rows in (TRAIN, TEST))
    return BaselineData(answer, (noise,), *splits, seed=SEED)


def by_independent_pixels() -> Any:
    """Each value on its own, from the noise of the seed."""
    noise = numpy_generator(SEED, "gaussian_pixels")
    pixels = IMAGES[TRAIN].reshape(40, -1)
    rows = [
        [
            min(1.0, max(0.0, pixels[:, place].mean() + pixels[:, place].std() * noise.normal()))
            for place in range(pixels.shape[1])
        ]
        for _ in range(20)
    ]
    return np.asarray(rows).reshape(20, *IMAGES.shape[1:])


def category() -> BaselineData:
    return of_a_table(Category("kind"), Numbers(("size",)), Index("level"))


def of_many_classes() -> BaselineData:
    return of_a_table(
        Category("kind", order=("cheap", "dear", "fair", *map(str, range(100)))), Numbers(("size",))
    )


def number() -> BaselineData:
    return of_a_table(Number("price"), Numbers(("size",)), Index("level"))


def photographs() -> BaselineData:
    """Images of 18x20 pixels with two channels; class dear is brighter below."""
    return replace(
        category(), specs=(PHOTOGRAPH,), train=image_samples(TRAIN), test=image_samples(TEST)
    )


def image_samples(rows: slice) -> Samples:
    return Samples(
        (torch.from_numpy(IMAGES[rows]),),
        category().answer.codec.encode(TABLE.take(np.arange(60)[rows])).numpy(),
    )


def image_features(rows: slice) -> Any:
    """The features of each image, computed pixel by pixel."""
    return np.asarray(
        [features_of(image.mean(axis=0)) for image in IMAGES[rows].astype(np.float64)],
        dtype=np.float32,
    )


def features_of(light: Any) -> list[float]:
    """Brightness and edges of one image and of its 36 cells."""

    def gradient(line: Any, index: int) -> float:
        low, high = max(index - 1, 0), min(index + 1, len(line) - 1)
        return float((line[high] - line[low]) / (high - low))

    places = [(row, column) for row in range(18) for column in range(20)]
    edges = np.zeros_like(light)
    for row, column in places:
        edges[row, column] = (
            gradient(light[:, column], row) ** 2 + gradient(light[row], column) ** 2
        ) ** 0.5
    whole = [
        light.mean(),
        light.std(),
        *(np.quantile(light, level) for level in (0.05, 0.25, 0.5, 0.75, 0.95)),
    ]
    whole += [
        sum(number / 16 <= value < (number + 1) / 16 for value in light.flat) / 360
        for number in range(16)
    ]
    whole += [edges.mean(), edges.std(), np.quantile(edges, 0.95)]
    starts = [0, 4, 8, 11, 14, 17, 20]  # of twenty columns in six cells
    for top in range(0, 18, 3):
        for left, right in pairwise(starts):
            here, sharp = light[top : top + 3, left:right], edges[top : top + 3, left:right]
            whole += [here.mean() - light.mean(), here.std() - light.std()]
            whole += [sharp.mean() - edges.mean(), sharp.max() - edges.max()]
    return whole


def prose(answer: Answer) -> BaselineData:
    return of_a_table(answer, Tokens("prose"), texts={"prose": "words"})


def characters(answer: Answer) -> BaselineData:
    return of_a_table(answer, Tokens("prose", unit="characters"), texts={"prose": "characters"})


def turned_words() -> BaselineData:
    codec = Tokens("word", unit="characters")
    return of_a_table(TargetText("turned"), codec, texts={"word": "characters"})


SPOKEN = {"good": "gut", "bad": "schlecht", "not": "nicht", "very": "sehr", "a": "ein"}


def translations() -> Frame:
    """Sentences of words, and each word translated, in the opposite order."""
    german = [" ".join(SPOKEN.get(word, word) for word in text.split()[::-1]) for text in PROSE]
    return Frame((strings("prose", PROSE), strings("german", german)))


def summaries() -> Frame:
    """Three sentences each, and the first two words of one of them."""
    generator = np.random.default_rng(2)
    sentences = [
        [
            " ".join(generator.choice(["oak", "elm", "ash", "fir", "yew", "box"], 5))
            for _ in range(3)
        ]
        for _ in range(60)
    ]
    texts = [". ".join(some) + "." for some in sentences]
    names = [" ".join(some[number % 3].split()[:2]) for number, some in enumerate(sentences)]
    return Frame((strings("text", texts), strings("name", names)))


def of_texts(frame: Frame) -> BaselineData:
    """Texts of words in the first column that are written for those in the second."""
    source, target = frame.names
    train = frame.take(np.arange(40))
    codec, answer = Tokens(source).fit(train), TargetText(target, unit="words").fit(train)
    splits = []
    for rows in (train, frame.take(np.arange(40, 60))):
        truth = answer.truth(answer.codec.encode(rows))
        splits.append(Samples((codec.encode(rows),), truth, rows))
    return BaselineData(
        answer, (codec.spec,), splits[0], splits[1], texts={source: "words"}, seed=SEED
    )


def of_ratings(name: str) -> BaselineData:
    """60 ratings of 7 users and 5 items, the last 20 of them tested; id 0 is new."""
    generator = np.random.default_rng(SEED)
    users, items = generator.integers(0, 8, 60), generator.integers(0, 6, 60)
    users[:40], items[:40] = np.maximum(users[:40], 1), np.maximum(items[:40], 1)
    stars = generator.integers(1, 6, 60).astype(np.float64)
    splits = [
        Samples((torch.from_numpy(users[rows]), torch.from_numpy(items[rows])), stars[rows])
        for rows in (TRAIN, TEST)
    ]
    specs = tuple(TensorSpec(*spec) for spec in (("user", (), (), 8), ("item", (), (), 6)))
    return BaselineData(Rating(name), specs, splits[0], splits[1], seed=SEED)


def by_popularity() -> list[int]:
    """How often the item of each test row was rated; a new item never was."""
    case = of_ratings("implicit")
    rated = case.train.inputs[1].tolist()
    return [rated.count(item) if item else 0 for item in case.test.inputs[1].tolist()]


def by_biases() -> list[float]:
    """Alternating ridge regressions, as loops over users and items."""
    case = of_ratings("stars")
    rows = list(
        zip(*(x.tolist() for x in case.train.inputs), case.train.truth.tolist(), strict=True)
    )
    mean = sum(stars for *_, stars in rows) / len(rows)
    user, item = dict.fromkeys(range(8), 0.0), dict.fromkeys(range(6), 0.0)
    for _ in range(15):
        for i in range(1, 6):
            rest = [stars - mean - user[u] for u, other, stars in rows if other == i]
            item[i] = sum(rest) / (2 + len(rest))
        for u in range(1, 8):
            rest = [stars - mean - item[i] for other, i, stars in rows if other == u]
            user[u] = sum(rest) / (5 + len(rest))
    pairs = zip(*(x.tolist() for x in case.test.inputs), strict=True)
    return [mean + user[u] + item[i] for u, i in pairs]


def of_names() -> BaselineData:
    """Texts with names, of which the test has one more than the training texts."""
    words, tags = [], []
    for row in range(60):
        name = ["Ann", "BOB", "Eve"][row % 3] if row < 40 or row % 2 else "Zoe"
        words.append(f"{name} in new York {'May' if row % 2 else 'may'} will")
        tags.append(f"B-person O B-place I-place {'B-person' if row % 5 == 0 else 'O'} O")
    frame = Frame((strings("text", words), strings("tags", tags)))
    train, test = frame.take(np.arange(40)), frame.take(np.arange(40, 60))
    tagger = Tags("tags")
    (codec,) = tagger.adapt_inputs([Tokens("text", length=5)])
    codec.fit(train)
    tagger.fit(train)
    splits = [
        Samples((codec.encode(rows),), tagger.truth(tagger.codec.encode(rows)), rows)
        for rows in (train, test)
    ]
    return BaselineData(
        tagger, (codec.spec,), splits[0], splits[1], texts={"text": "words"}, seed=SEED
    )


def by_names() -> Any:
    """Ann, BOB and Eve are persons, new York a place, and may is mostly no name."""
    scores = np.ones((20, 5, 2))
    labels = of_names().answer.spec.labels
    person, place = labels.index("B-person"), labels.index("B-place")
    scores[:, 2, 0], scores[:, 3, 0] = place, place + 1
    scores[1::2, 0, 0] = person
    return scores


def in_words(case: BaselineData, texts: list[list[str]]) -> Any:
    """The scores of texts of words that are certain; a text that is too long is cut."""
    labels = [*case.answer.codec.spec.labels, "."]
    rows = np.zeros((len(texts), 1, case.answer.spec.shape[0], 2))
    for row, text in zip(rows, texts, strict=True):
        ids = [*(labels.index(word) if word in labels[:-1] else 1 for word in text), 2]
        ids = ids[: rows.shape[2]]
        row[0, : len(ids), 0] = ids
    return rows


def choices() -> dict[str, list[str]]:
    """Texts of three trees, each with three options of two trees; some are empty."""
    generator = np.random.default_rng(3)
    trees = ["oak", "elm", "ash", "fir", "yew", "box"]
    columns = {
        name: [" ".join(generator.choice(trees, count)) for _ in range(60)]
        for name, count in (("text", 3), ("end_a", 2), ("end_b", 2), ("end_c", 2))
    }
    columns["end_c"][::7] = [""] * len(columns["end_c"][::7])
    return columns | {"label": generator.choice(["A", "B"], 60).tolist()}


def of_choices() -> BaselineData:
    frame = Frame(tuple(strings(name, texts) for name, texts in choices().items()))
    picker = Choice.for_rows("label", ChoiceOptions(), loss=None, frame=frame)
    (codec,) = picker.adapt_inputs([WordPieces(("text",), length=20, vocab_size=60)])
    rows = picker.in_kind(frame, [])
    train, test = rows.take(np.arange(40)), rows.take(np.arange(40, 60))
    codec.fit(train)
    picker.fit(train)
    splits = [
        Samples((codec.encode(some),), picker.truth(picker.codec.encode(some)), some)
        for some in (train, test)
    ]
    return BaselineData(picker, (codec.spec,), splits[0], splits[1], seed=SEED)


def by_shared_trees() -> Any:
    """The share of the weights of trees that stand in the text and in the option."""
    rows = list(zip(*choices().values(), strict=True))
    bags = [set(text.split()) for *row, _ in rows[:40] for text in row if text]
    scores = []
    for text, *options, _ in rows[40:]:
        sums = [
            sum(
                log(len(bags) / sum(tree in words for words in bags))
                for tree in set(text.split()) & set(option.split())
            )
            for option in options
        ]
        is_option = [bool(option) for option in options]
        scores.append(
            [value / sum(sums) for value in sums]
            if sum(sums)
            else [there / sum(is_option) for there in is_option]
        )
    return np.array(scores)


def by_equal_shares() -> Any:
    return np.array(
        [[1 / 3, 1 / 3, 1 / 3] if c else [0.5, 0.5, 0] for c in choices()["end_c"][40:]]
    )


def by_dictionary() -> Any:
    """IBM model 1 with loops over all pairs of words; the empty word is ''."""
    frame, case = translations(), of_texts(translations())
    columns = zip(frame["prose"].texts(), frame["german"].texts(), strict=True)
    pairs = [(str(one).split(), str(other).split()) for one, other in columns]
    chances: dict[tuple[str, str], float] = {}
    for _ in range(5):
        counts: dict[tuple[str, str], float] = {}
        for source, target in pairs[:40]:
            for word in target:
                shares = {}
                for place, other in enumerate(["", *source]):
                    shares[place, other] = chances.get((other, word), 1.0)
                for (_, other), share in shares.items():
                    key = other, word
                    counts[key] = counts.get(key, 0.0) + share / sum(shares.values())
        sums = Counter[str]()
        for (other, _), count in counts.items():
            sums[other] += count  # type: ignore[assignment]
        chances = {key: count / sums[key[0]] for key, count in counts.items()}
    labels = case.answer.codec.spec.labels
    texts = []
    for source, _ in pairs[40:]:
        best = []
        for other in source:
            candidates = [
                (chances[key], -labels.index(key[1]), key[1]) for key in chances if key[0] == other
            ]
            best += [max(candidates)[2]] if candidates else []
        texts.append(best)
    return in_words(case, texts)


def question_rows() -> Frame:
    """Paragraphs of three sentences of different words, and questions with three."""
    generator = np.random.default_rng(12)
    trees = ["oak", "elm", "ash", "fir", "yew", "box"]
    texts, questions = [], []
    for _ in range(60):
        words = generator.choice(trees, (3, 4))
        texts.append(" ".join(" ".join(row) + generator.choice([".", "!"]) for row in words))
        questions.append(" ".join(generator.choice(trees, 3)) + "?")
    return Frame(
        (
            strings("question", questions),
            strings("context", texts),
            strings("answer", [text.split()[0] for text in texts]),
        )
    )


def of_questions() -> BaselineData:
    frame, answer = question_rows(), Span("answer")
    train, test = frame.take(np.arange(40)), frame.take(np.arange(40, 60))
    pieces = WordPieces(("question", "context"), length=40, vocab_size=60).fit(train)
    answer.adapt_inputs([pieces])
    answer.fit(train)
    splits = (
        Samples((pieces.encode(rows),), answer.codec.encode(rows).numpy(), rows)
        for rows in (train, test)
    )
    return BaselineData(answer, (pieces.spec,), *splits)


def by_shared_words() -> Any:
    """The first of three sentences with the largest sum of weights, by loops."""
    case, frame = of_questions(), question_rows()
    paragraphs = [
        set(re.findall(r"\w+", str(text))) for text in dict.fromkeys(frame["context"].texts()[:40])
    ]
    spans = []
    for row in range(40, 60):
        text, question = str(frame["context"].show(row)), str(frame["question"].show(row))
        sentences, best = re.findall(r"[^.!]+[.!]", text), 0
        weights = []
        for sentence in sentences:
            shared = set(re.findall(r"\w+", sentence)) & set(re.findall(r"\w+", question))
            count = [sum(word in words for words in paragraphs) for word in shared]
            weights.append(sum(log(len(paragraphs) / number) for number in count))
        best = int(np.argmax(weights))
        pieces = case.answer.codec.pieces.split_frame(frame.take(np.array([row])))[0]
        start = text.index(sentences[best].strip(), len("".join(sentences[:best])))
        end = start + len(sentences[best].strip())
        inside = [
            step
            for step, side in enumerate(pieces.sides)
            if side == 1 and pieces.starts[step] >= start and pieces.ends[step] <= end
        ]
        spans.append((inside[0], inside[-1]))
    return case.answer.scores_of_spans(spans)


def central_sentences() -> Any:
    """Every cosine of a sentence and the mean of its text, by loops over words."""
    frame, case = summaries(), of_texts(summaries())
    texts = [str(text) for text in frame["text"].texts()]
    idf = {
        word: 1 + log((1 + 40) / (1 + sum(word in text for text in texts[:40])))
        for word in ("oak", "elm", "ash", "fir", "yew", "box")
    }

    def weights(sentence: str) -> Any:
        counts = Counter(re.findall(r"\w+", sentence))
        row = [(1 + log(counts[word])) * idf[word] if counts[word] else 0.0 for word in idf]
        return np.array(row) / np.linalg.norm(row)

    nearest_sentences = []
    for text in texts[40:]:
        sentences = [part + "." for part in text.rstrip(".").split(". ")]
        rows = [weights(sentence) for sentence in sentences]
        best = max(range(3), key=lambda place: float(rows[place] @ np.mean(rows, axis=0)))
        nearest_sentences.append(re.findall(r"\w+|\.", sentences[best]))
    return in_words(case, nearest_sentences)


def written(texts: list[str]) -> Any:
    """The scores of texts that are certain: their letters, the end, and padding."""
    labels = turned_words().answer.codec.spec.labels
    rows = np.zeros((len(texts), 1, turned_words().answer.spec.shape[0], 2))
    for row, text in zip(rows, texts, strict=True):
        row[0, : len(text) + 1, 0] = [*(labels.index(letter) for letter in text), 2]
    return rows


def edits(one: str, other: str) -> int:
    """The edit distance, by its recursion."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        edits(one[1:], other) + 1,
        edits(one, other[1:]) + 1,
        edits(one[1:], other[1:]) + (one[0] != other[0]),
    )


def prose_beside_characters(answer: Answer) -> BaselineData:
    codecs = Tokens("level", unit="characters"), Tokens("prose")
    return of_a_table(answer, *codecs, texts={"level": "characters", "prose": "words"})


def mixed(answer: Answer) -> BaselineData:
    """A number and a category beside a text."""
    codecs = Numbers(("size",)), Index("level"), Tokens("prose")
    return of_a_table(answer, *codecs, texts={"prose": "words"})


def large_category(answer: Answer) -> BaselineData:
    """A number beside a category of so many classes that no dense matrix holds them."""
    case = of_a_table(answer, Numbers(("size",)), Index("level"))
    specs = case.specs[0], replace(case.specs[1], vocab_size=3_000)
    return replace(case, specs=specs)


def label_sets(*codecs: Codec, texts: Mapping[str, str] = {}) -> BaselineData:
    return of_a_table(LabelSet("topics"), *codecs, texts=texts)


def has_label(name: str) -> Any:
    return np.array([name in cell.split(";") for cell in TOPICS])[TRAIN]


def by_label_frequency() -> Any:
    """About two labels per row: any, and the more frequent one of the others."""
    big, low = has_label("big").mean(), has_label("low").mean()
    assert big > low and round(1 + big + low) == 2
    return [[1.0, 0.5 + big / 2, low / 2]] * 20


def one_vs_rest(train: Any, test: Any) -> Any:
    """One model per label; the label of every row has the probability 1."""
    columns = [
        LogisticRegression(max_iter=1000).fit(train, has_label(name)).predict_proba(test)[:, 1]
        for name in ("big", "low")
    ]
    return np.stack([np.ones(20), *columns], axis=1)


def every_column(rows: slice) -> Any:
    return np.hstack([features(rows), tf_idf(rows)])


def for_trees(rows: slice) -> Any:
    """The id of the level, the scaled size, and the components of the text."""
    columns = features(rows)
    svd = TruncatedSVD(39, random_state=SEED).fit(tf_idf(TRAIN))
    text = svd.fit_transform(tf_idf(TRAIN)) if rows == TRAIN else svd.transform(tf_idf(TEST))
    return np.hstack([columns[:, 1:].argmax(axis=1)[:, None], columns[:, :1], text])


def by_boosting(model: Any, target: Any) -> Any:
    model.fit(for_trees(TRAIN), target)
    test = for_trees(TEST)
    return model.predict_proba(test) if target.dtype.kind in "iu" else model.predict(test)


def features(rows: slice) -> Any:
    """The scaled size, and the one-hot level; the unknown level comes first."""
    scaled = (SIZE[rows] - SIZE[TRAIN].mean()) / SIZE[TRAIN].std()
    ordered = sorted("abc", key=lambda level: -int(np.sum(LEVEL[TRAIN] == level)))
    return np.stack(
        [scaled, *(np.char.equal(LEVEL[rows], level) for level in ("?", *ordered))], axis=1
    ).astype("f4")


def words(text: str) -> list[str]:
    """Words of two or more letters, and all pairs of neighboring words."""
    tokens = re.findall(r"\b\w\w+\b", text)
    return [*tokens, *map(" ".join, pairwise(tokens))]


def pieces(text: str) -> list[str]:
    """Sequences of one to three characters of each word with a space on both sides."""
    padded = [f" {word} " for word in text.split()]
    return [
        word[start : start + size]
        for word in padded
        for size in (1, 2, 3)
        for start in range(len(word) - size + 1)
    ]


def tf_idf(rows: slice, texts: Any = PROSE, terms: Callable[[str], list[str]] = words) -> Any:
    """(1 + ln count) · (ln((1 + texts) / (1 + texts with the term)) + 1), scaled."""
    counts = [Counter(terms(text)) for text in texts]
    vocabulary = sorted(set().union(*counts[TRAIN]))
    idf = {
        term: log(41 / (1 + sum(term in text for text in counts[TRAIN]))) + 1 for term in vocabulary
    }
    weights = [
        [(1 + log(text[term])) * idf[term] if text[term] else 0 for term in vocabulary]
        for text in counts[rows]
    ]
    return np.asarray(weights) / np.linalg.norm(weights, axis=1, keepdims=True)


def both_tf_idf(rows: slice) -> Any:
    return np.hstack([tf_idf(rows), tf_idf(rows, LEVEL, pieces)])


def logistic(weigh: Callable[[slice], Any]) -> Any:
    model = LogisticRegression(C=30, max_iter=1000)
    return probabilities(model.fit(weigh(TRAIN), KIND[TRAIN]), weigh(TEST))


def probabilities(model: Any, inputs: Any) -> Any:
    assert list(model.classes_) == ["cheap", "dear", "fair"]
    return model.predict_proba(inputs)


def ridge(train: Any, truth: Any, test: Any, strengths: Any) -> Any:
    """Ridge regression with the minimum leave-one-out error."""

    def error(strength: float) -> float:
        models = [
            (row, Ridge(strength).fit(np.delete(train, row, 0), np.delete(truth, row, 0)))
            for row in range(len(train))
        ]
        return float(
            np.mean(
                [
                    np.square(model.predict(train[row : row + 1])[0] - truth[row])
                    for row, model in models
                ]
            )
        )

    return Ridge(min(strengths, key=error)).fit(train, truth).predict(test)


def nearest(truth: Any) -> Any:
    """Mean truth of the five nearest training rows."""
    distances = np.linalg.norm(features(TEST)[:, None] - features(TRAIN)[None], axis=2)
    return truth[TRAIN][distances.argsort(axis=1)[:, :5]].mean(axis=1)


def around(board: Any, point: int) -> tuple[Any, ...]:
    """The eight neighbors of a point; None off the board."""
    row, column = divmod(point, 3)
    near = [
        (row + down, column + right)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if (down, right) != (0, 0)
    ]
    return tuple(
        int(board[place]) if min(place) >= 0 and max(place) < 3 else None for place in near
    )


def by_surroundings() -> Any:
    """Move frequencies of points with the same neighbors, scaled to the sum 1."""
    occurrences, played = Counter[Any](), Counter[Any]()
    for board, move in zip(BOARDS[TRAIN], PLAYED[TRAIN], strict=True):
        occurrences.update(around(board, point) for point in range(9) if board.flat[point] == 0)
        played[around(board, move)] += 1
    rows = []
    for board in BOARDS[TEST]:
        near = [around(board, point) for point in range(9)]
        row = [
            (played[code] + 1) / (occurrences[code] + 2) * (board.flat[point] == 0)
            for point, code in enumerate(near)
        ]
        rows.append(np.asarray(row) / sum(row))
    return rows


def windows(test: bool) -> tuple[Any, Any]:
    """Windows and the steps after them, sliced by hand."""
    starts = range(len(STEPS) - WINDOW - HORIZON + 1)[WINDOWS_IN_TRAINING if test else 0 :][
        : None if test else 18
    ]
    inputs = np.asarray([STEPS[start : start + WINDOW] for start in starts])
    ends = [start + WINDOW for start in starts]
    return inputs, np.asarray([STEPS[end : end + HORIZON] for end in ends])


def a_season_before() -> Any:
    """For every step the latest earlier step at the same position in the season."""
    first = range(WINDOWS_IN_TRAINING + WINDOW, len(STEPS) - HORIZON + 1)
    places = [
        [
            max(t for t in range(origin) if (origin + ahead - t) % SEASON == 0)
            for ahead in range(HORIZON)
        ]
        for origin in first
    ]
    return STEPS[np.asarray(places)][..., None]


def smoothed() -> Any:
    """statsmodels at every origin, with the coefficients of the training steps."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    def model(steps: Any, **more: Any) -> Any:
        options = {
            "trend": "add",
            "damped_trend": True,
            "seasonal": "add",
            "seasonal_periods": SEASON,
        }
        return ExponentialSmoothing(steps, **options, **more)

    parameters = model(STEPS[: WINDOWS_IN_TRAINING - 1 + WINDOW + HORIZON]).fit().params
    starts = {
        "initial_level": parameters["initial_level"],
        "initial_trend": parameters["initial_trend"],
    }
    starts |= {"initial_seasonal": parameters["initial_seasons"], "initialization_method": "known"}
    coefficients = {
        key: parameters[key]
        for key in ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    }
    origins = range(WINDOWS_IN_TRAINING + WINDOW, len(STEPS) - HORIZON + 1)
    forecasts = [
        model(STEPS[:origin], **starts).fit(**coefficients, optimized=False).forecast(HORIZON)
        for origin in origins
    ]
    return np.asarray(forecasts)[..., None]


def units(guess: Callable[[str], dict[str, float]]) -> Any:
    """Per test letter: its probability, and whether it is the most probable one."""
    positions = range(27, 3 * (len(LETTERS) // 3 - 1))
    rows = []
    for index in positions:
        letters, truth = guess(LETTERS[index]), LETTERS[index + 1]
        rows.append((letters[truth], truth == max(letters, key=lambda letter: letters[letter])))
    return np.asarray(rows).reshape(-1, 3, 2)


def one_more(letters: Any) -> dict[str, float]:
    """Probabilities of the letters and the unknown letter, with add-one smoothing."""
    counts = {letter: 1 + int(np.sum(letters == letter)) for letter in "?abcd"}
    return {letter: count / sum(counts.values()) for letter, count in counts.items()}


def best_returns() -> Any:
    """Returns of the optimal policy of the lecture: fast when cool, slow when warm."""
    return of_a_world().play(lambda states, generators: (states == 0).astype(int))


COUNTS = np.random.default_rng(5).poisson(0.7, (60, 9)).astype(float) * (np.arange(9) > 0)


def of_documents() -> BaselineData:
    """The first 40 texts are documents, the others are queries."""
    answer = DocumentVectors("name")
    names = [f"document {number}" for number in range(40)]
    answer.fit(Frame((strings("name", names),)))
    slots = np.stack([np.broadcast_to(np.arange(9), COUNTS.shape), COUNTS], axis=2)
    texts = torch.from_numpy(slots).long()
    truth = np.arange(60) % 40
    spec = TensorSpec("text", ("term", "count"), (9, 2), vocab_size=9, padded=True)
    train, test = (Samples((texts[part],), truth[part]) for part in (TRAIN, TEST))
    return BaselineData(answer, (spec,), train, test, seed=SEED)


def by_cosine(weights: Any) -> Any:
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    rows = weights / np.where(lengths > 0, lengths, 1)
    return (rows[TEST] @ rows[TRAIN].T)[..., None]


CORPUS = np.random.default_rng(8).integers(-1, 7, (30, 40)).astype(np.int32)
PAIRS = [(first, second) for first in range(7) for second in range(first)][:20]


def of_words() -> BaselineData:
    """Blocks of a corpus of 7 words, whose -1 ends sentences; pairs are compared."""
    questions = torch.zeros(20, 8, dtype=torch.int64)
    for row, (first, second) in enumerate(PAIRS):
        questions[row, 0], questions[row, 2] = first + 1, second + 1
    spec = TensorSpec("words", ("term",), (8,), vocab_size=15)
    truth = np.zeros((30, 3))
    train = Samples((torch.from_numpy(CORPUS),), truth)
    return BaselineData(WordVectors(), (spec,), train, Samples((questions,), truth[:20]), seed=SEED)


def by_counted_pairs() -> Any:
    """PPMI with loops, and the exact SVD."""
    counts, tokens = np.zeros((7, 7)), CORPUS.ravel().tolist()
    for position, word in enumerate(tokens):
        for distance in range(1, 6):
            if word < 0 or position + distance >= len(tokens) or tokens[position + distance] < 0:
                break
            counts[word, tokens[position + distance]] += 1 / distance
            counts[tokens[position + distance], word] += 1 / distance
    rows = counts.sum(axis=1)
    chance = rows[:, None] * rows**0.75 / (rows**0.75).sum()
    left, values, _ = np.linalg.svd(np.maximum(np.log(counts / chance), 0))
    vectors = (left * np.sqrt(values))[:, :6]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.full((20, 11), np.nan)
    scores[:, 0] = [vectors[first] @ vectors[second] for first, second in PAIRS]
    scores[:, 1:6] = 0
    return scores


EXPECTED: dict[str, list[tuple[Callable[[], Any], Callable[[], Any]]]] = {
    "majority": [
        (
            category,
            lambda: np.tile(
                [np.mean(KIND[TRAIN] == kind) for kind in ("cheap", "dear", "fair")], (20, 1)
            ),
        )
    ],
    "logistic_regression": [
        (
            category,
            lambda: probabilities(
                LogisticRegression().fit(features(TRAIN), KIND[TRAIN]), features(TEST)
            ),
        )
    ],
    "nearest_neighbors": [
        (
            category,
            lambda: nearest(
                np.stack([np.char.equal(KIND, kind) for kind in ("cheap", "dear", "fair")], axis=1)
            ),
        ),
        (number, lambda: nearest(PRICE)),
    ],
    "random_forest": [
        (
            category,
            lambda: probabilities(
                RandomForestClassifier(random_state=3).fit(features(TRAIN), KIND[TRAIN]),
                features(TEST),
            ),
        ),
        (
            number,
            lambda: (
                RandomForestRegressor(random_state=3)
                .fit(features(TRAIN), number().train.truth)
                .predict(features(TEST))
            ),
        ),
    ],
    "copy_input": [(turned_words, lambda: written(WORDS[TEST]))],
    "most_frequent_text": [
        (turned_words, lambda: written([Counter(TURNED[TRAIN]).most_common(1)[0][0]] * 20))
    ],
    "nearest_text": [
        (
            turned_words,
            lambda: written(
                [
                    TURNED[min(range(40), key=lambda index: edits(WORDS[index], word))]
                    for word in WORDS[TEST]
                ]
            ),
        )
    ],
    "word_dictionary": [(lambda: of_texts(translations()), by_dictionary)],
    "first_words": [
        (
            lambda: of_texts(summaries()),
            lambda: in_words(
                of_texts(summaries()),
                [str(text).split()[:2] for text in summaries()["text"].texts()[40:]],
            ),
        )
    ],
    "option_overlap": [(of_choices, by_shared_trees)],
    "random_option": [(of_choices, by_equal_shares)],
    "best_sentence": [(of_questions, by_shared_words)],
    "central_sentence": [(lambda: of_texts(summaries()), central_sentences)],
    "forest_on_features": [
        (
            photographs,
            lambda: probabilities(
                FOREST.fit(image_features(TRAIN), KIND[TRAIN]), image_features(TEST)
            ),
        )
    ],
    "tfidf_logistic": [
        (lambda: prose(Category("kind")), lambda: logistic(tf_idf)),
        (
            lambda: characters(Category("kind")),
            lambda: logistic(lambda rows: tf_idf(rows, PROSE, pieces)),
        ),
        (lambda: prose_beside_characters(Category("kind")), lambda: logistic(both_tf_idf)),
    ],
    "tfidf_svm": [
        (
            lambda: prose(Category("kind")),
            lambda: probabilities(
                CalibratedClassifierCV(LinearSVC(random_state=SEED), cv=5, ensemble=False).fit(
                    tf_idf(TRAIN), KIND[TRAIN]
                ),
                tf_idf(TEST),
            ),
        ),
    ],
    "label_frequencies": [
        (lambda: label_sets(Numbers(("size",)), Index("level")), by_label_frequency)
    ],
    "one_vs_rest_logistic": [
        (
            lambda: label_sets(Numbers(("size",)), Index("level")),
            lambda: one_vs_rest(features(TRAIN), features(TEST)),
        ),
        (
            lambda: label_sets(
                Numbers(("size",)), Index("level"), Tokens("prose"), texts={"prose": "words"}
            ),
            lambda: one_vs_rest(every_column(TRAIN), every_column(TEST)),
        ),
        (
            lambda: label_sets(Tokens("prose"), texts={"prose": "words"}),
            lambda: one_vs_rest(tf_idf(TRAIN), tf_idf(TEST)),
        ),
    ],
    "local_patterns": [(of_boards, by_surroundings)],
    "tfidf_ridge": [
        (
            lambda: prose(Number("price")),
            lambda: Ridge().fit(tf_idf(TRAIN), PRICE[TRAIN]).predict(tf_idf(TEST)),
        ),
        (
            lambda: prose_beside_characters(Number("price")),
            lambda: Ridge().fit(both_tf_idf(TRAIN), PRICE[TRAIN]).predict(both_tf_idf(TEST)),
        ),
    ],
    "logistic_all_columns": [
        (
            lambda: mixed(Category("kind")),
            lambda: probabilities(
                LogisticRegression(max_iter=1000).fit(every_column(TRAIN), KIND[TRAIN]),
                every_column(TEST),
            ),
        ),
        (
            lambda: large_category(Category("kind")),
            lambda: probabilities(
                LogisticRegression().fit(features(TRAIN), KIND[TRAIN]), features(TEST)
            ),
        ),
    ],
    "ridge_all_columns": [
        (
            lambda: mixed(Number("price")),
            lambda: Ridge().fit(every_column(TRAIN), PRICE[TRAIN]).predict(every_column(TEST)),
        )
    ],
    "gradient_boosting": [
        (
            lambda: mixed(Category("kind")),
            lambda: by_boosting(
                HistGradientBoostingClassifier(categorical_features=[0]),
                np.unique(KIND[TRAIN], return_inverse=True)[1],
            ),
        ),
        (
            lambda: mixed(Number("price")),
            lambda: by_boosting(
                HistGradientBoostingRegressor(categorical_features=[0]),
                mixed(Number("price")).train.truth,
            ),
        ),
    ],
    "support_vector_machine": [
        (
            lambda: mixed(Category("kind")),
            lambda: probabilities(
                CalibratedClassifierCV(SVC(), cv=5, ensemble=False).fit(
                    every_column(TRAIN), KIND[TRAIN]
                ),
                every_column(TEST),
            ),
        ),
        (
            lambda: mixed(Number("price")),
            lambda: (
                TransformedTargetRegressor(SVR(), transformer=StandardScaler())
                .fit(every_column(TRAIN), PRICE[TRAIN])
                .predict(every_column(TEST))
            ),
        ),
    ],
    "popularity": [(lambda: of_ratings("implicit"), by_popularity)],
    "user_item_biases": [(lambda: of_ratings("stars"), by_biases)],
    "mean": [(number, lambda: [PRICE[TRAIN].mean()] * 20)],
    "ridge_regression": [
        (
            number,
            lambda: ridge(
                features(TRAIN), PRICE[TRAIN], features(TEST), 10 ** np.arange(-3, 4.1, 0.25)
            ),
        )
    ],
    "linear_autoregression": [
        (
            of_a_series,
            lambda: ridge(
                *windows(test=False), windows(test=True)[0], 10 ** np.arange(-3, 4.1, 0.5)
            )[..., None],
        )
    ],
    "training_mean": [
        (
            of_a_series,
            lambda: np.full(
                (len(windows(test=True)[0]), HORIZON, 1), windows(test=False)[1].mean()
            ),
        )
    ],
    "naive": [
        (of_a_series, lambda: np.repeat(windows(test=True)[0][:, -1:, None], HORIZON, axis=1))
    ],
    "seasonal_naive": [(of_a_series, a_season_before)],
    "last_count": [
        (of_counts, lambda: by_step(lambda place, step, target: BOARDINGS[place, step - 1])),
        (
            lambda: of_counts(3),
            lambda: by_step(lambda place, step, target: BOARDINGS[place, step - 1], 3),
        ),
    ],
    "last_week": [
        (of_counts, lambda: by_step(a_week_before)),
        (lambda: of_counts(7), lambda: by_step(a_week_before, 7)),
    ],
    "mean_of_week_hour": [
        (of_counts, lambda: by_step(mean_of_weeks)),
        (lambda: of_counts(7), lambda: by_step(mean_of_weeks, 7)),
    ],
    "mean_of_day_kind": [
        (of_counts, lambda: by_step(lambda place, step, target: USUAL[place, target])),
    ],
    "boosted_counts": [(of_counts, boosted)],
    "exponential_smoothing": [(of_a_series, smoothed)],
    "most_frequent_token": [(of_a_text, lambda: units(lambda before: one_more(LETTERS[1:28])))],
    "bigram": [
        (of_a_text, lambda: units(lambda before: one_more(LETTERS[1:28][LETTERS[:27] == before])))
    ],
    "most_frequent_piece": [(of_masked_text, lambda: guessed_pieces(contexts=False))],
    "neighbor_pieces": [(of_masked_text, lambda: guessed_pieces(contexts=True))],
    "empty_mask": [(of_images, lambda: np.zeros((5, 9, 10)))],
    "brightness_threshold": [(of_images, by_every_threshold)],
    "pixel_forest": [(of_images, by_a_forest)],
    "mean_image": [
        (of_generated, lambda: [sum(IMAGES[row] for row in range(40)) / 40] * 20),
    ],
    "no_boxes": [(of_boxes, lambda: np.zeros((5, 0, 6)))],
    "mean_boxes": [(of_boxes, mean_boxes)],
    "connected_components": [(of_boxes, by_components)],
    "blobs": [(of_boxes, by_blobs)],
    "gaussian_pixels": [(of_generated, by_independent_pixels)],
    "random_document": [
        (
            of_documents,
            lambda: numpy_generator(SEED, "random document").random((20, 40, 1)),
        )
    ],
    "count_cosine": [(of_documents, lambda: by_cosine(COUNTS))],
    "tf_idf_cosine": [
        (
            of_documents,
            lambda: by_cosine(COUNTS * (1 + np.log(41 / (1 + (COUNTS[TRAIN] > 0).sum(axis=0))))),
        )
    ],
    "ppmi_svd": [(of_words, by_counted_pairs)],
    "gazetteer": [(of_names, by_names)],
    "no_names": [(of_names, lambda: np.ones((20, 5, 2)))],
    "principal_components": [
        (of_a_map, lambda: PCA(2).fit(CLOUD[TRAIN]).transform(CLOUD[TEST])),
    ],
    "random_projection": [
        (
            of_a_map,
            lambda: (
                CLOUD[TEST]
                @ GaussianRandomProjection(2, random_state=SEED).fit(CLOUD[TRAIN]).components_.T
            ),
        )
    ],
    "popular_items": [
        (of_baskets, lambda: np.where(HAS_ITEM[TEST], 0, HAS_ITEM[TRAIN].mean(axis=0))),
    ],
    "item_cosine": [(of_baskets, by_item_cosine)],
    "random_policy": [
        (
            of_a_world,
            lambda: of_a_world().play(
                lambda states, generators: np.asarray([one.integers(2) for one in generators])
            ),
        )
    ],
    "value_iteration": [(of_a_world, best_returns)],
}
CASES = [(name, *case) for name, cases in EXPECTED.items() for case in cases]
every_case = pytest.mark.parametrize(
    ("name", "make", "expected"), CASES, ids=[name for name, *_ in CASES]
)


def answer(name: str, case: Any) -> Any:
    return BASELINES.find(name, place="here").predict(case)


def test_every_baseline_has_a_case() -> None:
    assert sorted(EXPECTED) == BASELINES.names()


@every_case
def test_baseline_equals_its_definition(
    name: str, make: Callable[[], Any], expected: Callable[[], Any]
) -> None:
    np.testing.assert_allclose(answer(name, make()), expected(), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "make"), [(name, make) for name, make, _ in CASES if make is not of_a_world]
)
def test_baseline_uses_training_rows_only(name: str, make: Callable[[], BaselineData]) -> None:
    case = make()
    few = Samples(
        tuple(x[:4] for x in case.test.inputs),
        case.test.truth[:4],
        case.test.frame.take(np.arange(4)) if case.test.frame else None,
        None if case.test.origins is None else case.test.origins[:4],
    )
    np.testing.assert_allclose(
        answer(name, replace(case, test=few)), answer(name, case)[:4], rtol=1e-6
    )
    if make not in (of_a_text, of_masked_text, of_a_map):  # the truth of a map are its samples
        other_truth = replace(case.test, truth=case.test.truth[::-1])
        np.testing.assert_array_equal(
            answer(name, replace(case, test=other_truth)), answer(name, case)
        )


@pytest.mark.parametrize(
    ("name", "case"),
    [
        *(
            (name, prose(Category("kind")))
            for name in ("logistic_regression", "nearest_neighbors", "random_forest")
        ),
        ("ridge_regression", prose(Number("price"))),
        ("forest_on_features", category()),
        (
            "forest_on_features",
            replace(photographs(), specs=(replace(PHOTOGRAPH, shape=(2, 18, 15)),)),
        ),
        ("tfidf_logistic", category()),
        ("tfidf_svm", category()),
        ("local_patterns", category()),
        ("logistic_regression", of_many_classes()),
        ("random_forest", of_many_classes()),
        ("forest_on_features", replace(of_many_classes(), specs=(PHOTOGRAPH,))),
        ("tfidf_ridge", number()),
        *(
            (name, case)
            for name in ("logistic_all_columns", "gradient_boosting", "support_vector_machine")
            for case in (category(), prose(Category("kind")), photographs())
        ),
        *(
            (name, case)
            for name in ("ridge_all_columns", "gradient_boosting", "support_vector_machine")
            for case in (number(), prose(Number("price")))
        ),
        ("word_dictionary", turned_words()),
        ("word_dictionary", of_texts(summaries())),
        *((name, of_texts(translations())) for name in ("first_words", "central_sentence")),
        *((name, turned_words()) for name in ("first_words", "central_sentence")),
        ("seasonal_naive", replace(of_a_series(), season=0)),
        *((name, replace(of_counts(), season=99)) for name in ("last_week", "mean_of_week_hour")),
        ("seasonal_naive", replace(of_a_series(), season=WINDOW + 1)),
        ("bigram", of_a_text([str(number) for number in range(5_000)])),
        ("value_iteration", replace(of_a_world(), model=None)),
        ("brightness_threshold", with_empty_masks()),
        ("pixel_forest", with_empty_masks()),
        ("connected_components", without_boxes()),
        ("blobs", without_boxes()),
        (
            "logistic_regression",
            replace(category(), train=replace(category().train, truth=np.zeros(40, dtype=int))),
        ),
    ],
)
def test_baseline_returns_none_when_it_does_not_apply(name: str, case: Any) -> None:
    assert answer(name, case) is None


@pytest.mark.parametrize(
    ("name", "kind"), [("tfidf_logistic", Category("kind")), ("tfidf_ridge", Number("price"))]
)
def test_tfidf_without_terms_predicts_a_constant(name: str, kind: Answer) -> None:
    # words of one letter are not terms
    case = of_a_table(kind, Tokens("level"), texts={"level": "words"})
    predictions = answer(name, case)
    assert predictions.ndim == (2 if name == "tfidf_logistic" else 1)
    np.testing.assert_allclose(predictions, np.broadcast_to(predictions[0], predictions.shape))


@pytest.mark.parametrize(
    "name", ["logistic_regression", "nearest_neighbors", "random_forest", "majority"]
)
def test_classifier_gives_an_absent_class_probability_zero(name: str) -> None:
    case = category()
    truth = np.where(case.train.truth == 1, 2, case.train.truth)
    predictions = answer(name, replace(case, train=replace(case.train, truth=truth)))
    assert predictions.shape == (20, 3)
    assert np.all(predictions[:, 1] == 0)
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-6)


def expected_return(fast: tuple[float, float]) -> tuple[float, float]:
    """Mean and std of the return; `fast`: P(fast) when cool, and when warm."""
    rules, sums = Racing().P, [np.zeros(3), np.zeros(3)]
    for _ in range(LIMIT):
        first, second = np.zeros(3), np.zeros(3)
        for state in (0, 1):
            for action, chance in ((1, fast[state]), (0, 1 - fast[state])):
                for probability, following, reward, end in rules[state][action]:
                    later = [0.0, 0.0] if end else [values[following] for values in sums]
                    weight = chance * probability
                    first[state] += weight * (reward + later[0])
                    second[state] += weight * (reward**2 + 2 * reward * later[0] + later[1])
        sums = [first, second]
    return sums[0][0], (sums[1][0] - sums[0][0] ** 2) ** 0.5


@pytest.mark.parametrize(
    ("name", "fast"), [("random_policy", (0.5, 0.5)), ("value_iteration", (1.0, 0.0))]
)
def test_policy_return_has_the_exact_mean_and_std(name: str, fast: tuple[float, float]) -> None:
    returns = answer(name, of_a_world(episodes=2000))
    mean, std = expected_return(fast)
    assert returns.mean() == pytest.approx(mean, abs=3 * std / 2000**0.5)
    assert returns.std() == pytest.approx(std, rel=0.1)
