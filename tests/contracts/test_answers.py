"""What every kind of answer promises: scores in the terms of people, measures as scikit-learn counts them, the same after saving."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn import metrics as sklearn
from torch import Tensor

from kissipo.codec.states import States
from kissipo.core.frame import Frame, image_column, numbers, strings
from kissipo.output.answer import Answer, Evaluation, Prediction
from kissipo.output.answers.actions import Actions
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.anomaly import Options as Watch
from kissipo.output.answers.category import Category, Decode
from kissipo.output.answers.category import Options as CategoryOptions
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as Ahead
from kissipo.output.answers.mask import Mask
from kissipo.output.answers.number import Number
from kissipo.output.answers.text import NextToken
from kissipo.pipeline.registries import ANSWERS

DICE = np.random.default_rng(4)
ROWS = 40
TABLE = Frame((
    strings("kind", DICE.choice(["cheap", "dear", "fair", "free"], ROWS).tolist()),
    strings("spam", DICE.choice(["no", "yes"], ROWS).tolist()),
    numbers("price", DICE.normal(size=ROWS) * 9 + 70),
    numbers("count", DICE.poisson(3, ROWS) + 1),
    numbers("noise", DICE.normal(size=ROWS)),
    strings("text", DICE.choice(["a", "b", "c"], ROWS).tolist()),
    image_column("mask", 255 * (DICE.random((ROWS, 6, 5)) > DICE.random((ROWS, 1, 1))).astype(np.uint8)),
))  # fmt: skip
ANSWERERS: dict[str, Callable[[], Answer]] = {
    "category of four": lambda: Category("kind"),
    "category of two": lambda: Category("spam"),
    "category, sought": lambda: Category(
        "spam", CategoryOptions("no", Decode(threshold=0.3, top_k=1))
    ),
    "category by macro-F1": lambda: Category("kind", CategoryOptions(eval_metric="macro_f1")),
    "category by balanced accuracy": lambda: Category(
        "spam", CategoryOptions(eval_metric="balanced_accuracy")
    ),
    "category, some sound": lambda: calibrated(
        Category(
            "kind",
            CategoryOptions(negative_class="fair", false_negative_cost=4.0, eval_metric="macro_f1"),
        )
    ),
    "category of two, one sound": lambda: calibrated(
        Category("spam", CategoryOptions(negative_class="yes", false_negative_cost=3.0))
    ),
    "category, two outputs": lambda: Category("spam", loss="sparse_categorical_cross_entropy"),
    "category, known": lambda: Category(
        "kind", known=("free", "fair", "dear", "cheap", *map(str, range(200)))
    ),
    "number": lambda: Number("price"),
    "number, a count": lambda: Number("count", loss="poisson"),
    "forecast": lambda: Forecast("price", Ahead(3)),
    "forecast of two": lambda: Forecast(("price", "noise"), Ahead(1)),
    "anomaly by forecast": lambda: Anomaly("price", Watch(method="forecast", smoothing_window=3)),
    "anomaly by reconstruction": lambda: Anomaly(
        ("price", "noise"), Watch(method="reconstruction"), window=4
    ),
    "mask of one kind": lambda: Mask("defect", size=(6, 5)),
    "mask by class": lambda: Mask("kind", by="kind", size=(6, 5)),
    "text": lambda: NextToken(window=5),
    "actions": lambda: Actions(States(("cool", "warm")), ("slow", "fast", "stop")),
}
every_answer = pytest.mark.parametrize("make", ANSWERERS.values(), ids=ANSWERERS.keys())


def calibrated(answer: Category) -> Category:
    """With a threshold that was chosen on random scores."""
    answer.fit(TABLE)
    generator = np.random.default_rng(7)
    answer.calibrate(
        answer.scores(outputs_for(answer, ROWS)), generator.integers(len(answer.levels), size=ROWS)
    )
    return answer


def outputs_for(answer: Answer, samples: int) -> Tensor:
    return torch.from_numpy(
        np.random.default_rng(1).normal(size=(samples, *answer.spec.shape))
    ).float()


def judged(answer: Answer) -> tuple[Tensor, Any, Evaluation]:
    """Random outputs, the truth beside them, and what is said of them; of actions, the returns of episodes."""
    if answer.WORD == "actions":
        returns = np.array([1.0, 4.0, -2.0, 5.0])
        return torch.zeros(4, 3), returns, answer.evaluate(returns, np.zeros(4))
    targets = answer.fit(TABLE).codec.encode(TABLE)
    outputs = outputs_for(answer, len(targets))
    scores, truth = answer.gather(outputs, targets)
    return outputs, truth, answer.evaluate(scores, truth)


def test_every_answer_is_tested_here() -> None:
    assert {make().WORD for make in ANSWERERS.values()} == set(ANSWERS.names())


@every_answer
def test_what_was_saved_answers_the_same(make: Callable[[], Answer]) -> None:
    answer = make().fit(TABLE)
    again = type(answer).from_state(json.loads(json.dumps(answer.state())))
    scores = answer.scores(outputs_for(answer, 20))
    np.testing.assert_array_equal(again.scores(outputs_for(answer, 20)), scores)
    assert again.decide(scores) == answer.decide(scores)
    assert (again.name, again.spec, again.loss, again.state()) == (
        answer.name,
        answer.spec,
        answer.loss,
        answer.state(),
    )


@every_answer
def test_the_way_back_step_by_step_ends_at_the_decision(make: Callable[[], Answer]) -> None:
    answer = make().fit(TABLE)
    outputs = outputs_for(answer, 20)
    for at in range(len(outputs)):
        one = outputs[at : at + 1]
        way, decision = answer.decoding(one), answer.decide(answer.scores(one))[0]
        np.testing.assert_array_equal(way[0].value, one[0, -1] if answer.WORD == "text" else one[0])
        assert np.ravel(way[-1].value).tolist() == np.ravel(decision.value).tolist()


@pytest.mark.parametrize(
    "make", [make for make in ANSWERERS.values() if make().WORD != "mask"]
)  # all pixels count together
def test_the_main_measure_is_the_mean_quality_of_the_samples(make: Callable[[], Answer]) -> None:
    answer = make()
    evaluation = judged(answer)[2]
    assert evaluation.each is not None
    mean = float(evaluation.each.mean())
    quality = (
        mean
        if answer.HIGHER_IS_BETTER
        else math.sqrt(-mean)
        if answer.EVAL_METRIC == "rmse"
        else -mean
    )
    assert next(iter(evaluation.metrics)) == answer.EVAL_METRIC
    assert evaluation.metrics[answer.EVAL_METRIC] == pytest.approx(quality, rel=1e-9)


@pytest.mark.parametrize("name", ["mask of one kind", "mask by class"])
def test_marks_are_measured_by_all_pixels_as_scikit_learn_does(name: str) -> None:
    answer = ANSWERERS[name]()
    outputs, truth, evaluation = judged(answer)
    chosen, marked = outputs.argmax(dim=1).numpy(), list(range(1, len(answer.levels)))  # type: ignore[attr-defined]
    flat = truth.reshape(-1), chosen.reshape(-1)
    pairs = list(zip(truth, chosen, strict=True))
    assert all(t.any() for t, _ in pairs)
    assert evaluation.metrics == pytest.approx({
        "iou": sklearn.jaccard_score(*flat, labels=marked, average="macro"),
        "dice": sklearn.f1_score(*flat, labels=marked, average="macro"),
        "accuracy": sklearn.accuracy_score(*flat),
        "image_recall": np.mean([((t == c) & (t > 0)).any() for t, c in pairs]),
    })  # fmt: skip
    assert evaluation.each is not None
    for t, c, quality in zip(truth, chosen, evaluation.each, strict=True):
        either = ((t > 0) | (c > 0)).sum()
        assert quality == pytest.approx(((t == c) & (t > 0)).sum() / either if either else 1.0)


def test_what_is_not_marked_stays_clean_and_void_is_not_judged() -> None:
    answer = Mask("kind", by="kind", size=(1, 3)).fit(TABLE)
    truth = np.array([[[0, 0, 0]], [[0, 0, 255]], [[1, 1, 255]], [[2, 0, 0]]], dtype=np.uint8)
    chosen = np.array([[[0, 0, 0]], [[0, 3, 0]], [[1, 0, 4]], [[1, 0, 0]]], dtype=np.uint8)
    evaluation = answer.evaluate(chosen, truth)
    # class 1: one of two found, one more called: 1/3; class 2 missed: 0; class 3 called once: 0; class 4 only where nothing is judged
    assert evaluation.metrics["iou"] == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert evaluation.metrics["image_recall"] == 0.5
    assert evaluation.metrics["image_specificity"] == 0.5
    assert evaluation.each is not None
    assert evaluation.each.tolist() == [1.0, 0.0, 0.5, 0.0]
    assert evaluation.details["images"] == {"marked": 2, "unmarked": 2}


def test_a_mask_is_told_by_its_largest_class_with_the_mean_probability_of_its_pixels() -> None:
    answer = Mask("kind", by="kind", size=(1, 4)).fit(TABLE)
    assert answer.levels == ("nothing", "cheap", "dear", "fair", "free")
    logits = torch.full((2, 5, 1, 4), -30.0)
    logits[0, 2, 0, :3] = torch.tensor([30.0, 30.0, -30.0])
    logits[0, 0, 0, 2:] = torch.tensor([-29.0, 30.0])
    logits[0, 4, 0, 2] = -28.0
    logits[1, 0] = 30.0
    first, second = answer.decisions(logits, ())
    assert (first.value, first.areas) == ("dear", (("dear", 0.5), ("free", 0.25)))
    assert first.confidence == pytest.approx(1.0)
    assert first.mask.tolist() == [[2, 2, 4, 0]]
    assert first.to_json()["areas"] == [
        {"answer": "dear", "share": 0.5},
        {"answer": "free", "share": 0.25},
    ]
    assert (second.value, second.areas) == ("nothing", ())


def test_a_category_of_four_is_measured_as_scikit_learn_does() -> None:
    outputs, truth, evaluation = judged(Category("kind"))
    shares = softmax(outputs.double().numpy(), axis=1)
    chosen = shares.argmax(axis=1)
    assert evaluation.metrics == pytest.approx({
        "accuracy": sklearn.accuracy_score(truth, chosen),
        "balanced_accuracy": sklearn.balanced_accuracy_score(truth, chosen),
        "macro_f1": sklearn.f1_score(truth, chosen, average="macro"),
        "roc_auc": sklearn.roc_auc_score(truth, shares, multi_class="ovr"),
        "log_loss": sklearn.log_loss(truth, shares),
    })  # fmt: skip
    assert evaluation.details["classes"] == ["cheap", "dear", "fair", "free"]
    assert evaluation.details["confusion"] == sklearn.confusion_matrix(truth, chosen).tolist()
    assert evaluation.details["by_class"]["f1"] == pytest.approx(
        sklearn.f1_score(truth, chosen, average=None)
    )
    assert evaluation.details["count"] == np.bincount(truth).tolist()


def test_of_many_classes_the_five_likeliest_are_told_and_no_huge_matrix() -> None:
    known = ("free", "fair", "dear", "cheap", *map(str, range(200)))
    outputs, truth, evaluation = judged(Category("kind", known=known))
    assert evaluation.details["classes"] == list(known)
    assert truth.tolist() == [known.index(str(kind)) for kind in TABLE["kind"].texts()]
    shares = softmax(outputs.double().numpy(), axis=1)
    assert evaluation.metrics["top_5"] == sklearn.top_k_accuracy_score(
        truth, shares, k=5, labels=range(204)
    )
    assert "confusion" not in evaluation.details
    assert "top_5" not in judged(Category("kind"))[2].metrics


@pytest.mark.parametrize(
    ("options", "sought", "least"),
    [(CategoryOptions(), "yes", 0.5), (CategoryOptions("no", Decode(threshold=0.3)), "no", 0.3)],
)
def test_of_two_classes_the_one_that_is_sought_is_measured(
    options: CategoryOptions, sought: str, least: float
) -> None:
    outputs, _, evaluation = judged(Category("spam", options))
    truth, share = (
        np.asarray(TABLE["spam"].texts()) == sought,
        1 / (1 + np.exp(-outputs.double().numpy()[:, 0])),
    )
    chosen = share >= least
    assert evaluation.metrics == pytest.approx({
        "accuracy": sklearn.accuracy_score(truth, chosen),
        "precision": sklearn.precision_score(truth, chosen),
        "recall": sklearn.recall_score(truth, chosen),
        "f1": sklearn.f1_score(truth, chosen),
        "roc_auc": sklearn.roc_auc_score(truth, share),
        "log_loss": sklearn.log_loss(truth, share),
    })  # fmt: skip
    assert evaluation.details["positive"] == sought
    assert np.trapezoid(
        evaluation.details["roc"]["tpr"], evaluation.details["roc"]["fpr"]
    ) == pytest.approx(evaluation.metrics["roc_auc"])


@pytest.mark.parametrize(
    ("top", "others"), [(1, [("fair", 0.3)]), (2, [("fair", 0.3), ("cheap", 0.2)]), (9, [("fair", 0.3), ("cheap", 0.2), ("dear", 0.1)])]
)  # fmt: skip
def test_as_many_likely_classes_as_were_asked_for_stand_beside_the_answer(
    top: int, others: list[Any]
) -> None:
    answer = Category("kind", CategoryOptions(decode=Decode(top_k=top))).fit(TABLE)
    assert answer.decide(np.array([[0.2, 0.1, 0.3, 0.4]])) == [
        Prediction("free", 0.4, tuple(others))
    ]


def test_below_half_the_sought_one_is_answered_and_the_likelier_one_is_told() -> None:
    answer = Category("spam", CategoryOptions("no", Decode(threshold=0.3, top_k=1))).fit(TABLE)
    assert answer.levels == ("yes", "no")
    assert answer.decide(np.array([[0.6, 0.4], [0.8, 0.2]])) == [
        Prediction("no", 0.4, (("yes", 0.6),)),
        Prediction("yes", 0.8, (("no", 0.2),)),
    ]


@pytest.mark.parametrize(("column", "loss"), [("price", None), ("count", "poisson")])
def test_a_number_is_measured_in_its_own_unit(column: str, loss: str | None) -> None:
    outputs, _, evaluation = judged(Number(column, loss=loss))
    values, output = TABLE[column].values, outputs.double().numpy()[:, 0]
    guess = np.exp(output) if loss else output * values.std() + values.mean()
    assert evaluation.metrics == pytest.approx(
        {
            "rmse": sklearn.root_mean_squared_error(values, guess),
            "mae": sklearn.mean_absolute_error(values, guess),
            "r2": sklearn.r2_score(values, guess),
            "mape": 100 * sklearn.mean_absolute_percentage_error(values, guess),
        },
        rel=1e-6,
    )


def test_a_forecast_is_measured_in_its_own_unit_and_step_by_step() -> None:
    outputs, _, evaluation = judged(Forecast("price", Ahead(3)))
    values = TABLE["price"].values
    guess = outputs.double().numpy()[:, :, 0] * values.std() + values.mean()
    errors = np.asarray([guess[at] - values[at : at + 3] for at in range(ROWS - 2)])
    naive = np.mean([abs(values[at] - values[at - 1]) for at in range(1, ROWS)])
    by_step = np.abs(errors).mean(axis=0)
    shares = [
        abs(errors[at, ahead] / values[at + ahead]) for at in range(ROWS - 2) for ahead in range(3)
    ]
    expected = {
        "mae": by_step.mean(),
        "rmse": np.square(errors).mean() ** 0.5,
        "mape": 100 * np.mean(shares),
    }
    assert evaluation.metrics == pytest.approx(
        expected | {"mase": by_step.mean() / naive}, rel=1e-6
    )
    assert evaluation.details["mae_by_step"] == pytest.approx(by_step, rel=1e-6)


def test_the_surprise_of_a_text_is_its_cross_entropy() -> None:
    outputs, truth, evaluation = judged(NextToken(window=5))
    flat, targets = outputs.flatten(0, 1), torch.from_numpy(truth).flatten()
    nats = float(torch.nn.functional.cross_entropy(flat.double(), targets))
    accuracy = sklearn.accuracy_score(targets, flat.argmax(dim=1))
    expected = {
        "nll": nats,
        "bits": nats / math.log(2),
        "perplexity": math.exp(nats),
        "accuracy": accuracy,
    }
    assert evaluation.metrics == pytest.approx(expected, rel=1e-6)


def test_actions_are_measured_by_the_returns_of_the_episodes() -> None:
    evaluation = judged(ANSWERERS["actions"]())[2]
    # of 1, 4, -2 and 5 the mean is 2; squares of what is off: 1 + 4 + 16 + 9 = 30, over n - 1 = 3
    assert evaluation.metrics == pytest.approx({"return": 2, "std": 10**0.5, "min": -2, "max": 5})
