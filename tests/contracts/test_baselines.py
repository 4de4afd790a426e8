"""What every baseline promises: it is its definition, learned from the training rows alone, and steps aside where it does not fit."""

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
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from kissipo.codec.board import Board
from kissipo.codec.index import Index
from kissipo.codec.numbers import Numbers
from kissipo.codec.pixels import Pixels
from kissipo.codec.tokens import Tokens
from kissipo.codec.windows import Windows
from kissipo.core.codec import Codec
from kissipo.core.frame import Frame, image_column, numbers, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.rollout import play
from kissipo.input.environments.racing import LIMIT, Racing
from kissipo.input.sources import environment
from kissipo.output.answer import Answer
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as Ahead
from kissipo.output.answers.mask import Mask
from kissipo.output.answers.number import Number
from kissipo.output.answers.text import NextToken
from kissipo.output.baseline_data import Case, Samples, WorldCase
from kissipo.pipeline.registries import BASELINES

TRAIN, TEST = slice(0, 40), slice(40, 60)
SEED = 3
DICE = np.random.default_rng(0)
SIZE = DICE.normal(size=60) * 9 + 70
LEVEL = DICE.choice(["a", "b", "c"], 60)
PRICE = SIZE * 2 + np.char.equal(LEVEL, "b") * 30 + DICE.normal(size=60) * 5
KIND = np.where(PRICE < 135, "cheap", np.where(PRICE > 165, "dear", "fair"))
PROSE = [
    " ".join(DICE.choice(["good", "bad", "not", "very", "film", "plot", "a"], 6)) for _ in range(60)
]
STEPS = np.arange(40) + 5 * np.sin(np.arange(40) * 2 * np.pi / 4) + DICE.normal(size=40)
SEASON, WINDOW, HORIZON, WINDOWS_IN_TRAINING = 4, 5, 6, 18
LETTERS = np.asarray(list("abcabdabcabdaacabb" * 3))
BOARDS = DICE.choice([0, 0, 0, 1, -1], (60, 3, 3))
BOARDS[np.arange(60), DICE.integers(3, size=60), DICE.integers(3, size=60)] = (
    0  # one point is free at least
)
PLAYED = [int(DICE.choice(np.flatnonzero(board == 0))) for board in BOARDS]
FOREST = RandomForestClassifier(300, random_state=SEED)
PHOTOGRAPH = TensorSpec("photo", ("channel", "height", "width"), (2, 18, 20))
IMAGES = DICE.uniform(0.1, 0.5, size=(60, 2, 18, 20)).astype("f4")
IMAGES[KIND == "dear", :, 9:] += 0.2
IMAGES[KIND == "cheap", :, :, 4:6] += 0.4
TABLE = Frame(
    (numbers("size", SIZE), strings("level", LEVEL), strings("prose", PROSE), numbers("price", PRICE), strings("kind", KIND))
)  # fmt: skip


def part(rows: slice, codecs: tuple[Codec, ...], answer: Answer) -> Samples:
    frame = TABLE.take(np.arange(60)[rows])
    truth = answer.truth(answer.codec.encode(frame))
    return Samples(tuple(codec.encode(frame) for codec in codecs), truth, frame)


def of_a_table(answer: Answer, *codecs: Codec, texts: Mapping[str, str] = {}) -> Case:
    train = TABLE.take(np.arange(40))
    answer.fit(train)
    for codec in codecs:
        codec.fit(train)
    specs = tuple(codec.spec for codec in codecs)
    return Case(
        answer,
        specs,
        part(TRAIN, codecs, answer),
        part(TEST, codecs, answer),
        texts=texts,
        seed=SEED,
    )


def of_boards() -> Case:
    letters = ["".join(".XO"[point] for point in board.ravel()) for board in BOARDS]
    frame = Frame((strings("board", letters), strings("move", [str(point) for point in PLAYED])))
    codec, answer = Board("board").fit(frame), Category("move", known=tuple("012345678")).fit(frame)
    x, y = codec.finish(codec.encode(frame)), answer.truth(answer.codec.encode(frame))
    return Case(answer, (codec.spec,), Samples((x[TRAIN],), y[TRAIN]), Samples((x[TEST],), y[TEST]))


def of_a_series() -> Case:
    frame = Frame((numbers("rest", -STEPS), numbers("y", STEPS)))
    codec = Windows(Numbers(("rest", "y")), WINDOW).fit(frame)
    answer = Forecast("y", Ahead(HORIZON)).fit(frame)
    count = len(STEPS) - WINDOW - HORIZON + 1
    inputs, truth = codec.encode(frame)[:count], answer.truth(answer.codec.encode(frame)[WINDOW:])
    at = WINDOWS_IN_TRAINING
    origins = np.arange(count) + WINDOW
    parts = (
        Samples((inputs[:at],), truth[:at], None, origins[:at]),
        Samples((inputs[at:],), truth[at:], None, origins[at:]),
    )
    return Case(answer, (codec.spec,), *parts, season=SEASON, series=STEPS[:, None])


def of_a_text(units: Any = LETTERS) -> Case:
    frame = Frame((strings("text", list(units)),))
    answer = NextToken(window=3).fit(frame)
    ids = answer.codec.inner.encode(frame)
    pieces = len(ids) // 3 - 1
    before, after = ids[: 3 * pieces].view(-1, 3), ids[1 : 3 * pieces + 1].view(-1, 3)
    parts = Samples((before[:9],), after[:9].numpy()), Samples((before[9:],), after[9:].numpy())
    return Case(answer, (answer.codec.spec,), *parts)


def of_a_world(episodes: int = 400) -> WorldCase:
    world = environment.read("racing", environment.Options())
    return WorldCase(
        lambda choose: play(world.environment, choose, episodes=episodes, seed=SEED),
        world.actions,
        world.model,
        0.9,
    )


def of_images() -> Case:
    """Images of another exposure each, on which what is marked is darker; the classes are marked by numbers."""
    generator = np.random.default_rng(7)
    masks = np.zeros((16, 9, 10), dtype=np.uint8)
    for at, mask in enumerate(masks[::2]):
        top, left = generator.integers(0, 5, 2)
        mask[top : top + 3, left : left + 4] = 1 + (at % 4 == 0)
    brightness = (
        generator.normal(120, 20, (16, 1, 1))
        + generator.normal(0, 8, masks.shape)
        - 30 * (masks > 0)
    )
    frame = Frame(
        (image_column("image", brightness.clip(0, 255).astype(np.uint8)), image_column("mask", masks))
    )
    answer, codec = Mask("defect", size=(9, 10)), Pixels("image")
    train, test = frame.take(np.arange(11)), frame.take(np.arange(11, 16))
    answer.fit(train)
    codec.fit(train)
    parts = [
        Samples((codec.finish(codec.encode(part)),), answer.truth(answer.codec.encode(part)), part)
        for part in (train, test)
    ]
    return Case(answer, (codec.spec,), parts[0], parts[1], seed=SEED)


def by_every_limit() -> Any:
    """The limit, of a hundred quantiles and two sides, with the greatest overlap; what it finds is of the more frequent class."""
    case = of_images()

    def contrast(part: Samples) -> Any:
        gray = part.inputs[0][:, 0].numpy()
        return np.stack([each - np.median(each) for each in gray])

    known, asked, marked = contrast(case.train), contrast(case.test), case.train.truth > 0

    def overlap(sign: int, limit: float) -> float:
        found = sign * known > sign * limit
        return float((found & marked).sum() / (found | marked).sum())

    ways = [
        (sign, limit) for sign in (-1, 1) for limit in np.quantile(known, np.linspace(0, 1, 100))
    ]
    sign, limit = max(ways, key=lambda way: overlap(*way))
    frequent = 1 + np.argmax([np.sum(case.train.truth == level) for level in (1, 2)])
    return np.where(sign * asked > sign * limit, frequent, 0)


def surroundings(image: Any) -> Any:
    """Of each pixel its brightness from the median; at two scales the mean of what is there of its square, the rest, the edge."""
    x = image - np.median(image)
    maps = [x]
    for reach in (1, 3):
        mean = np.array([
            [x[max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1].mean() for j in range(x.shape[1])]
            for i in range(x.shape[0])
        ])  # fmt: skip
        maps += [mean, x - mean, np.hypot(*np.gradient(mean))]
    return np.stack(maps, axis=-1).reshape(-1, len(maps)).astype("f4")


def by_a_forest() -> Any:
    case = of_images()
    known, asked = (
        np.concatenate([surroundings(each.numpy()) for each in part.inputs[0][:, 0]])
        for part in (case.train, case.test)
    )
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=SEED).fit(
        known, case.train.truth.reshape(-1)
    )
    return forest.predict(asked).reshape(case.test.truth.shape)


def without_marks() -> Case:
    case = of_images()
    return replace(case, train=replace(case.train, truth=np.zeros_like(case.train.truth)))


def category() -> Case:
    return of_a_table(Category("kind"), Numbers(("size",)), Index("level"))


def of_many_classes() -> Case:
    return of_a_table(
        Category("kind", known=("cheap", "dear", "fair", *map(str, range(100)))), Numbers(("size",))
    )


def number() -> Case:
    return of_a_table(Number("price"), Numbers(("size",)), Index("level"))


def photographs() -> Case:
    """Images of 18x20 pixels in two colors; those of dear things are brighter below."""
    return replace(category(), specs=(PHOTOGRAPH,), train=shown(TRAIN), test=shown(TEST))


def shown(rows: slice) -> Samples:
    return Samples(
        (torch.from_numpy(IMAGES[rows]),),
        category().answer.codec.encode(TABLE.take(np.arange(60)[rows])).numpy(),
    )


def seen(rows: slice) -> Any:
    """The features of each image, pixel by pixel."""
    return np.asarray(
        [features_of(image.mean(axis=0)) for image in IMAGES[rows].astype(np.float64)],
        dtype=np.float32,
    )


def features_of(light: Any) -> list[float]:
    """Brightness and edges of one image and of the 36 cells that three rows and three or four columns make."""

    def gradient(line: Any, at: int) -> float:
        low, high = max(at - 1, 0), min(at + 1, len(line) - 1)
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
        *(np.quantile(light, each) for each in (0.05, 0.25, 0.5, 0.75, 0.95)),
    ]
    whole += [
        sum(each / 16 <= value < (each + 1) / 16 for value in light.flat) / 360
        for each in range(16)
    ]
    whole += [edges.mean(), edges.std(), np.quantile(edges, 0.95)]
    starts = [0, 4, 8, 11, 14, 17, 20]  # of twenty columns in six cells
    for top in range(0, 18, 3):
        for left, right in pairwise(starts):
            here, sharp = light[top : top + 3, left:right], edges[top : top + 3, left:right]
            whole += [here.mean() - light.mean(), here.std() - light.std()]
            whole += [sharp.mean() - edges.mean(), sharp.max() - edges.max()]
    return whole


def prose(answer: Answer) -> Case:
    return of_a_table(answer, Tokens("prose"), texts={"prose": "words"})


def characters(answer: Answer) -> Case:
    return of_a_table(answer, Tokens("prose", unit="characters"), texts={"prose": "characters"})


def prose_beside_characters(answer: Answer) -> Case:
    codecs = Tokens("level", unit="characters"), Tokens("prose")
    return of_a_table(answer, *codecs, texts={"level": "characters", "prose": "words"})


def features(rows: slice) -> Any:
    """The size in deviations of the training part, and each level as a column of its own, the unknown one first."""
    scaled = (SIZE[rows] - SIZE[TRAIN].mean()) / SIZE[TRAIN].std()
    ordered = sorted("abc", key=lambda level: -int(np.sum(LEVEL[TRAIN] == level)))
    return np.stack(
        [scaled, *(np.char.equal(LEVEL[rows], level) for level in ("?", *ordered))], axis=1
    ).astype("f4")


def words(text: str) -> list[str]:
    """FrozenConfig of two letters and more, and each with the one after it."""
    found = re.findall(r"\b\w\w+\b", text)
    return [*found, *map(" ".join, pairwise(found))]


def pieces(text: str) -> list[str]:
    """One to three characters in a row, of each word with a blank before and after it."""
    padded = [f" {word} " for word in text.split()]
    return [
        word[at : at + size]
        for word in padded
        for size in (1, 2, 3)
        for at in range(len(word) - size + 1)
    ]


def tf_idf(rows: slice, texts: Any = PROSE, terms: Callable[[str], list[str]] = words) -> Any:
    """Rows of length 1 of (1 + ln count) · (ln((1 + texts) / (1 + texts with the term)) + 1)."""
    counts = [Counter(terms(text)) for text in texts]
    known = sorted(set().union(*counts[TRAIN]))
    rare = {term: log(41 / (1 + sum(term in each for each in counts[TRAIN]))) + 1 for term in known}
    weights = [
        [(1 + log(each[term])) * rare[term] if each[term] else 0 for term in known]
        for each in counts[rows]
    ]
    return np.asarray(weights) / np.linalg.norm(weights, axis=1, keepdims=True)


def both_tf_idf(rows: slice) -> Any:
    return np.hstack([tf_idf(rows), tf_idf(rows, LEVEL, pieces)])


def logistic(weigh: Callable[[slice], Any]) -> Any:
    model = LogisticRegression(C=30, max_iter=1000)
    return shares(model.fit(weigh(TRAIN), KIND[TRAIN]), weigh(TEST))


def shares(fitted: Any, asked: Any) -> Any:
    assert list(fitted.classes_) == ["cheap", "dear", "fair"]
    return fitted.predict_proba(asked)


def ridge(known: Any, truth: Any, asked: Any, strengths: Any) -> Any:
    """Ridge regression whose strength errs least when each row in turn is left out."""

    def error(strength: float) -> float:
        models = [
            (at, Ridge(strength).fit(np.delete(known, at, 0), np.delete(truth, at, 0)))
            for at in range(len(known))
        ]
        return float(
            np.mean(
                [
                    np.square(model.predict(known[at : at + 1])[0] - truth[at])
                    for at, model in models
                ]
            )
        )

    return Ridge(min(strengths, key=error)).fit(known, truth).predict(asked)


def nearest(truth: Any) -> Any:
    """Mean truth of the five nearest training rows."""
    apart = np.linalg.norm(features(TEST)[:, None] - features(TRAIN)[None], axis=2)
    return truth[TRAIN][apart.argsort(axis=1)[:, :5]].mean(axis=1)


def around(board: Any, point: int) -> tuple[Any, ...]:
    """The eight neighbors of a point, None beyond the rim."""
    row, column = divmod(point, 3)
    near = [
        (row + down, column + right)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if (down, right) != (0, 0)
    ]
    return tuple(int(board[at]) if min(at) >= 0 and max(at) < 3 else None for at in near)


def by_surroundings() -> Any:
    """Of every free point the share of training points with these neighbors that were played, as shares of a board."""
    seen, played = Counter[Any](), Counter[Any]()
    for board, move in zip(BOARDS[TRAIN], PLAYED[TRAIN], strict=True):
        seen.update(around(board, point) for point in range(9) if board.flat[point] == 0)
        played[around(board, move)] += 1
    rows = []
    for board in BOARDS[TEST]:
        near = [around(board, point) for point in range(9)]
        row = [
            (played[each] + 1) / (seen[each] + 2) * (board.flat[at] == 0)
            for at, each in enumerate(near)
        ]
        rows.append(np.asarray(row) / sum(row))
    return rows


def windows(test: bool) -> tuple[Any, Any]:
    """Known steps and the steps after them, cut by hand."""
    starts = range(len(STEPS) - WINDOW - HORIZON + 1)[WINDOWS_IN_TRAINING if test else 0 :][
        : None if test else 18
    ]
    known = np.asarray([STEPS[at : at + WINDOW] for at in starts])
    return known, np.asarray([STEPS[at + WINDOW : at + WINDOW + HORIZON] for at in starts])


def a_season_before() -> Any:
    """For every step ahead the latest known step at the same place in the season."""
    first = range(WINDOWS_IN_TRAINING + WINDOW, len(STEPS) - HORIZON + 1)
    places = [
        [max(t for t in range(at) if (at + ahead - t) % SEASON == 0) for ahead in range(HORIZON)]
        for at in first
    ]
    return STEPS[np.asarray(places)][..., None]


def smoothed() -> Any:
    """statsmodels asked at every origin anew, with the rates that it found on the training steps."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    def model(steps: Any, **more: Any) -> Any:
        words = {
            "trend": "add",
            "damped_trend": True,
            "seasonal": "add",
            "seasonal_periods": SEASON,
        }
        return ExponentialSmoothing(steps, **words, **more)

    found = model(STEPS[: WINDOWS_IN_TRAINING - 1 + WINDOW + HORIZON]).fit().params
    starts = {"initial_level": found["initial_level"], "initial_trend": found["initial_trend"]}
    starts |= {"initial_seasonal": found["initial_seasons"], "initialization_method": "known"}
    rates = {
        key: found[key]
        for key in ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    }
    origins = range(WINDOWS_IN_TRAINING + WINDOW, len(STEPS) - HORIZON + 1)
    asked = [
        model(STEPS[:origin], **starts).fit(**rates, optimized=False).forecast(HORIZON)
        for origin in origins
    ]
    return np.asarray(asked)[..., None]


def units(guess: Callable[[str], dict[str, float]]) -> Any:
    """For every judged letter: the share it was given after the letter before it, and whether none was given more."""
    judged = range(27, 3 * (len(LETTERS) // 3 - 1))
    rows = []
    for at in judged:
        given, truth = guess(LETTERS[at]), LETTERS[at + 1]
        rows.append((given[truth], truth == max(given, key=lambda letter: given[letter])))
    return np.asarray(rows).reshape(-1, 3, 2)


def one_more(letters: Any) -> dict[str, float]:
    """Shares with one count more for each of a, b, c, d and the unknown one; the frequent ones first, as their ids are."""
    counts = {letter: 1 + int(np.sum(letters == letter)) for letter in "?abcd"}
    return {letter: count / sum(counts.values()) for letter, count in counts.items()}


def best_returns() -> Any:
    """The lecture's best policy, played by hand: fast when cool, slow when warm."""
    return of_a_world().play(lambda state, generator: 1 if state == 0 else 0)


EXPECTED: dict[str, list[tuple[Callable[[], Any], Callable[[], Any]]]] = {
    "majority": [
        (category, lambda: np.tile([np.mean(KIND[TRAIN] == kind) for kind in ("cheap", "dear", "fair")], (20, 1)))
    ],
    "logistic_regression": [
        (category, lambda: shares(LogisticRegression().fit(features(TRAIN), KIND[TRAIN]), features(TEST)))
    ],
    "nearest_neighbors": [
        (category, lambda: nearest(np.stack([np.char.equal(KIND, kind) for kind in ("cheap", "dear", "fair")], axis=1))),
        (number, lambda: nearest(PRICE)),
    ],
    "random_forest": [
        (category, lambda: shares(RandomForestClassifier(random_state=3).fit(features(TRAIN), KIND[TRAIN]), features(TEST))),
        (number, lambda: RandomForestRegressor(random_state=3).fit(features(TRAIN), number().train.truth).predict(features(TEST))),
    ],
    "forest_on_features": [(photographs, lambda: shares(FOREST.fit(seen(TRAIN), KIND[TRAIN]), seen(TEST)))],
    "tfidf_logistic": [
        (lambda: prose(Category("kind")), lambda: logistic(tf_idf)),
        (lambda: characters(Category("kind")), lambda: logistic(lambda rows: tf_idf(rows, PROSE, pieces))),
        (lambda: prose_beside_characters(Category("kind")), lambda: logistic(both_tf_idf)),
    ],
    "local_patterns": [(of_boards, by_surroundings)],
    "tfidf_ridge": [
        (lambda: prose(Number("price")), lambda: Ridge().fit(tf_idf(TRAIN), PRICE[TRAIN]).predict(tf_idf(TEST))),
        (lambda: prose_beside_characters(Number("price")),
         lambda: Ridge().fit(both_tf_idf(TRAIN), PRICE[TRAIN]).predict(both_tf_idf(TEST))),
    ],
    "mean": [(number, lambda: [PRICE[TRAIN].mean()] * 20)],
    "ridge_regression": [
        (number, lambda: ridge(features(TRAIN), PRICE[TRAIN], features(TEST), 10 ** np.arange(-3, 4.1, 0.25)))
    ],
    "linear_autoregression": [
        (of_a_series, lambda: ridge(*windows(test=False), windows(test=True)[0], 10 ** np.arange(-3, 4.1, 0.5))[..., None])
    ],
    "training_mean": [(of_a_series, lambda: np.full((len(windows(test=True)[0]), HORIZON, 1), windows(test=False)[1].mean()))],
    "naive": [(of_a_series, lambda: np.repeat(windows(test=True)[0][:, -1:, None], HORIZON, axis=1))],
    "seasonal_naive": [(of_a_series, a_season_before)],
    "exponential_smoothing": [(of_a_series, smoothed)],
    "most_frequent_token": [(of_a_text, lambda: units(lambda before: one_more(LETTERS[1:28])))],
    "bigram": [
        (of_a_text, lambda: units(lambda before: one_more(LETTERS[1:28][LETTERS[:27] == before])))
    ],
    "empty_mask": [(of_images, lambda: np.zeros((5, 9, 10)))],
    "brightness_threshold": [(of_images, by_every_limit)],
    "pixel_forest": [(of_images, by_a_forest)],
    "random_policy": [(of_a_world, lambda: of_a_world().play(lambda state, generator: int(generator.integers(2))))],
    "value_iteration": [(of_a_world, best_returns)],
}  # fmt: skip
CASES = [(name, *each) for name, cases in EXPECTED.items() for each in cases]
every_case = pytest.mark.parametrize(
    ("name", "make", "expected"), CASES, ids=[name for name, *_ in CASES]
)


def answer(name: str, case: Any) -> Any:
    return BASELINES.find(name, place="here").answer(case)


def test_every_baseline_is_tested_here() -> None:
    assert sorted(EXPECTED) == BASELINES.names()


@every_case
def test_it_is_its_definition(
    name: str, make: Callable[[], Any], expected: Callable[[], Any]
) -> None:
    np.testing.assert_allclose(answer(name, make()), expected(), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "make"), [(name, make) for name, make, _ in CASES if make is not of_a_world]
)
def test_it_knows_the_training_rows_alone(name: str, make: Callable[[], Case]) -> None:
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
    if make is not of_a_text:
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
        ("local_patterns", category()),
        ("logistic_regression", of_many_classes()),
        ("random_forest", of_many_classes()),
        ("forest_on_features", replace(of_many_classes(), specs=(PHOTOGRAPH,))),
        ("tfidf_ridge", number()),
        ("seasonal_naive", replace(of_a_series(), season=0)),
        ("seasonal_naive", replace(of_a_series(), season=WINDOW + 1)),
        ("bigram", of_a_text([str(number) for number in range(5_000)])),
        ("value_iteration", replace(of_a_world(), model=None)),
        ("brightness_threshold", without_marks()),
        ("pixel_forest", without_marks()),
        (
            "logistic_regression",
            replace(category(), train=replace(category().train, truth=np.zeros(40, dtype=int))),
        ),
    ],
)
def test_it_steps_aside_where_it_does_not_fit(name: str, case: Any) -> None:
    assert answer(name, case) is None


@pytest.mark.parametrize(
    ("name", "kind"), [("tfidf_logistic", Category("kind")), ("tfidf_ridge", Number("price"))]
)
def test_texts_without_a_term_all_get_one_answer(name: str, kind: Answer) -> None:
    case = of_a_table(
        kind, Tokens("level"), texts={"level": "words"}
    )  # words of one letter are no terms
    given = answer(name, case)
    assert given.ndim == (2 if name == "tfidf_logistic" else 1)
    np.testing.assert_allclose(given, np.broadcast_to(given[0], given.shape))


@pytest.mark.parametrize(
    "name", ["logistic_regression", "nearest_neighbors", "random_forest", "majority"]
)
def test_a_class_that_the_training_rows_lack_gets_no_chance(name: str) -> None:
    case = category()
    lacking = np.where(case.train.truth == 1, 2, case.train.truth)
    given = answer(name, replace(case, train=replace(case.train, truth=lacking)))
    assert given.shape == (20, 3)
    assert np.all(given[:, 1] == 0)
    np.testing.assert_allclose(given.sum(axis=1), 1, rtol=1e-6)


def expected_return(fast: tuple[float, float]) -> tuple[float, float]:
    """Mean and deviation of what an episode brings, from every way it can go; `fast`: the chance to drive fast when cool, warm."""
    rules, sums = Racing().P, [np.zeros(3), np.zeros(3)]
    for _ in range(LIMIT):
        first, second = np.zeros(3), np.zeros(3)
        for state in (0, 1):
            for action, chance in ((1, fast[state]), (0, 1 - fast[state])):
                for share, following, reward, end in rules[state][action]:
                    later = [0.0, 0.0] if end else [each[following] for each in sums]
                    first[state] += chance * share * (reward + later[0])
                    second[state] += chance * share * (reward**2 + 2 * reward * later[0] + later[1])
        sums = [first, second]
    return sums[0][0], (sums[1][0] - sums[0][0] ** 2) ** 0.5


@pytest.mark.parametrize(
    ("name", "fast"), [("random_policy", (0.5, 0.5)), ("value_iteration", (1.0, 0.0))]
)
def test_an_episode_brings_what_it_must_on_average(name: str, fast: tuple[float, float]) -> None:
    returns = answer(name, of_a_world(episodes=2000))
    mean, std = expected_return(fast)
    assert returns.mean() == pytest.approx(mean, abs=3 * std / 2000**0.5)
    assert returns.std() == pytest.approx(std, rel=0.1)
