"""Every kind of answer: metrics equal scikit-learn's, states restore the answer."""

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

from kissipo.codec.boxes import box_column
from kissipo.codec.observation import Observation
from kissipo.codec.states import States
from kissipo.codec.tokens import Tokens
from kissipo.codec.word_pieces import WordPieces, vocabulary_from
from kissipo.core.frame import Frame, image_column, numbers, strings
from kissipo.output.answer import Answer, Evaluation, Prediction
from kissipo.output.answers.actions import Actions
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.anomaly import Options as AnomalyOptions
from kissipo.output.answers.boxes import Boxes
from kissipo.output.answers.boxes import Decode as BoxesDecode
from kissipo.output.answers.boxes import Options as BoxesOptions
from kissipo.output.answers.category import Category, Decode
from kissipo.output.answers.category import Options as CategoryOptions
from kissipo.output.answers.choice import Choice
from kissipo.output.answers.choice import Options as ChoiceOptions
from kissipo.output.answers.count_forecast import CountForecast
from kissipo.output.answers.count_forecast import Options as CountOptions
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as ForecastOptions
from kissipo.output.answers.image import GeneratedImage
from kissipo.output.answers.labels import Decode as LabelDecode
from kissipo.output.answers.labels import LabelSet
from kissipo.output.answers.labels import Options as LabelOptions
from kissipo.output.answers.map import Map
from kissipo.output.answers.mask import Mask
from kissipo.output.answers.number import Number
from kissipo.output.answers.rating import Rating
from kissipo.output.answers.rules import Rules
from kissipo.output.answers.span import Options as SpanOptions
from kissipo.output.answers.span import Span
from kissipo.output.answers.tags import Tags
from kissipo.output.answers.text import NextToken
from kissipo.output.masked_text import MaskedText
from kissipo.output.target_text import TargetText
from kissipo.output.vectors.document_vectors import DocumentVectors
from kissipo.pipeline.registries import ANSWERS

GENERATOR = np.random.default_rng(4)
ROWS, CANDIDATES = 40, 12
TABLE = Frame((
    strings("kind", GENERATOR.choice(["cheap", "dear", "fair", "free"], ROWS).tolist()),
    strings("spam", GENERATOR.choice(["no", "yes"], ROWS).tolist()),
    numbers("price", GENERATOR.normal(size=ROWS) * 9 + 70),
    numbers("count", GENERATOR.poisson(3, ROWS) + 1),
    numbers("noise", GENERATOR.normal(size=ROWS)),
    strings("text", GENERATOR.choice(["a", "b", "c"], ROWS).tolist()),
    strings("words", ["Ann in Hong Kong", "Ann", "no", "Hong Kong", "so do I"] * (ROWS // 5)),
    strings(
        "names",
        ["B-person O B-place I-place", "B-person", "O", "B-place I-place", "O O O"] * (ROWS // 5),
    ),
    strings("topics", ["a;b", "b", "c;a", "d;b;a", "c"] * (ROWS // 5)),
    image_column(
        "mask",
        255
        * (GENERATOR.random((ROWS, 6, 5)) > GENERATOR.random((ROWS, 1, 1))).astype(np.uint8),
    ),
    box_column(
        "boxes",
        np.concatenate([
            GENERATOR.integers(-1, 3, (ROWS, 3, 1)),
            GENERATOR.uniform(0, 0.4, (ROWS, 3, 2)),
            GENERATOR.uniform(0.6, 1, (ROWS, 3, 2)),
        ], axis=2),
        ("dot", "bar", "ring"),
    ),
))  # fmt: skip


def masked_text(*, next_sentence: bool = True) -> MaskedText:
    texts = TABLE["text"].texts()
    model = vocabulary_from(lambda: [text or "" for text in texts], 12, lowercase=True)
    codec = WordPieces(("text",), length=6, model=model)
    return MaskedText(codec.fit(TABLE), next_sentence=next_sentence)


ANSWERS_BY_CASE: dict[str, Callable[[], Answer]] = {
    "category of four": lambda: Category("kind"),
    "category of two": lambda: Category("spam"),
    "category, positive class": lambda: Category(
        "spam", CategoryOptions("no", Decode(threshold=0.3, top_k=1))
    ),
    "category by macro-F1": lambda: Category("kind", CategoryOptions(eval_metric="macro_f1")),
    "category by balanced accuracy": lambda: Category(
        "spam", CategoryOptions(eval_metric="balanced_accuracy")
    ),
    "category, negative class": lambda: calibrated(
        Category(
            "kind",
            CategoryOptions(negative_class="fair", false_negative_cost=4.0, eval_metric="macro_f1"),
        )
    ),
    "category of two, negative class": lambda: calibrated(
        Category("spam", CategoryOptions(negative_class="yes", false_negative_cost=3.0))
    ),
    "category, two outputs": lambda: Category("spam", loss="sparse_categorical_cross_entropy"),
    "category, known": lambda: Category(
        "kind", order=("free", "fair", "dear", "cheap", *map(str, range(200)))
    ),
    "labels": lambda: LabelSet("topics"),
    "labels, own threshold": lambda: LabelSet("topics", LabelOptions(";", LabelDecode(0.2))),
    "number": lambda: Number("price"),
    "number, a count": lambda: Number("count", loss="poisson"),
    "rating": lambda: Rating("price"),
    "forecast": lambda: Forecast("price", ForecastOptions(3)),
    "forecast of counts": lambda: Forecast("count", ForecastOptions(2), loss="poisson"),
    "forecast of two": lambda: Forecast(("price", "noise"), ForecastOptions(1)),
    "counts of places": lambda: of_places(),
    "counts, two steps ahead": lambda: of_places(2),
    "counts with dispersion": lambda: of_places(loss="negative_binomial"),
    "anomaly by forecast": lambda: Anomaly(
        "price", AnomalyOptions(method="forecast", smoothing_window=3)
    ),
    "anomaly by reconstruction": lambda: Anomaly(
        ("price", "noise"), AnomalyOptions(method="reconstruction"), window=4
    ),
    "mask of one kind": lambda: Mask("defect", size=(6, 5)),
    "mask by class": lambda: Mask("kind", by="kind", size=(6, 5)),
    "image": lambda: GeneratedImage("mask"),
    "boxes": lambda: Boxes("label", BoxesOptions(BoxesDecode(0.2, 0.6)), size=(30, 40)),
    "text": lambda: NextToken(window=5),
    "text of a column": lambda: TargetText("spam"),
    "text of a column, in words": lambda: TargetText("kind", unit="words"),
    "documents": lambda: DocumentVectors("kind"),
    "documents, without queries": lambda: DocumentVectors("kind", has_queries=False),
    "text of a column, by ROUGE": lambda: TargetText("kind", unit="words", eval_metric="rouge_l"),
    "span": lambda: in_pieces(Span("kind", SpanOptions(context="kind"))),
    "masked text": masked_text,
    "masked text, no pairs": lambda: masked_text(next_sentence=False),
    "tags": lambda: tags(),
    "choice": lambda: choice(),
    "map": lambda: Map(3),
    "rules": lambda: Rules(("bread", "butter", "milk", "salt")),
    "actions": lambda: Actions(States(("cool", "warm")), ("slow", "fast", "stop")),
    "actions for numbers": lambda: Actions(Observation(("x", "y")), ("left", "right", "stay")),
}
every_answer = pytest.mark.parametrize("make", ANSWERS_BY_CASE.values(), ids=ANSWERS_BY_CASE.keys())


def in_pieces(answer: Span) -> Span:
    """Reads the answer's own column as the paragraph."""
    answer.adapt_inputs([WordPieces(("text", "kind"), length=12, vocab_size=40).fit(TABLE)])
    return answer


def choice() -> Choice:
    answer = Choice("kind", ChoiceOptions(("one", "two", "three", "four")))
    answer.codec.order = ("cheap", "dear", "fair", "free")
    return answer


def of_places(horizon: int = 1, *, loss: str | None = None) -> CountForecast:
    options = CountOptions(horizon).with_top_k(2)
    return CountForecast("count", options, places=("a", "b", "c"), loss=loss)


def tags() -> Tags:
    answer = Tags("names")
    (text,) = answer.adapt_inputs([Tokens("words", length=4)])
    text.fit(TABLE)
    return answer


def calibrated(answer: Category) -> Category:
    """Calibrates the threshold on random scores."""
    answer.fit(TABLE)
    generator = np.random.default_rng(7)
    scores = answer.scores(outputs_for(answer, ROWS))
    truth = generator.integers(len(answer.classes), size=ROWS)
    answer.calibrate({"validation": (scores, truth)}.get)
    return answer


def outputs_for(answer: Answer, samples: int) -> Tensor:
    sizes = [size or CANDIDATES for size in answer.spec.shape]
    outputs = torch.from_numpy(np.random.default_rng(1).normal(size=(samples, *sizes))).float()
    if answer.IN_IMAGE == "box":  # boxes have sides above 0, and most are in the image
        outputs[..., :8] = (outputs[..., :8] / 8).abs() + 0.4
    return outputs


def evaluated(answer: Answer) -> tuple[Tensor, Any, Evaluation]:
    """Returns random outputs, the truth and the evaluation."""
    if answer.WORD == "actions":
        returns = np.array([1.0, 4.0, -2.0, 5.0])
        return torch.zeros(4, 3), returns, answer.evaluate(returns, np.zeros(4))
    if answer.WORD in ("map", "rules"):  # they have no target column
        scores = answer.scores(outputs_for(answer, ROWS))
        rows = GENERATOR.normal(size=(ROWS, 4))
        truth = rows if answer.WORD == "map" else rows.argmax(axis=1)
        return torch.from_numpy(scores), truth, answer.evaluate(scores, truth)
    codec = answer.fit(TABLE).codec
    targets = codec.finish(codec.encode(TABLE))
    outputs = outputs_for(answer, len(targets))
    scores, truth = answer.gather(outputs, targets)
    return outputs, truth, answer.evaluate(scores, truth)


def test_every_answer_has_a_case() -> None:
    assert {make().WORD for make in ANSWERS_BY_CASE.values()} == set(ANSWERS.names())


@every_answer
def test_answer_restored_from_state_predicts_the_same(make: Callable[[], Answer]) -> None:
    answer = make().fit(TABLE)
    again = type(answer).from_state(json.loads(json.dumps(answer.state())))
    scores = answer.scores(outputs_for(answer, 20))
    np.testing.assert_array_equal(again.scores(outputs_for(answer, 20)), scores)
    assert again.decode(scores) == answer.decode(scores)
    assert (again.name, again.spec, again.loss, again.state()) == (
        answer.name,
        answer.spec,
        answer.loss,
        answer.state(),
    )


@every_answer
def test_decoding_steps_end_at_the_prediction(make: Callable[[], Answer]) -> None:
    answer = make().fit(TABLE)
    outputs = outputs_for(answer, 20)
    for output in outputs.split(1):
        steps, prediction = answer.decoding_steps(output), answer.decode(answer.scores(output))[0]
        first = output[0, -1] if answer.spec.name == "next" else output[0]
        np.testing.assert_array_equal(steps[0].value, first)
        assert np.ravel(steps[-1].value).tolist() == np.ravel(prediction.value).tolist()


@pytest.mark.parametrize(
    "make",
    [make for make in ANSWERS_BY_CASE.values() if make().WORD not in ("mask", "image", "boxes")],
)  # mask metrics pool all pixels, mAP all boxes; generated images are evaluated as a set
def test_eval_metric_is_the_mean_quality_per_sample(make: Callable[[], Answer]) -> None:
    answer = make()
    evaluation = evaluated(answer)[2]
    assert evaluation.per_sample is not None
    mean = float(evaluation.per_sample.mean())
    quality = (
        mean
        if answer.HIGHER_IS_BETTER
        else math.sqrt(-mean)
        if answer.EVAL_METRIC == "rmse"
        else -mean
    )
    assert next(iter(evaluation.metrics)) == answer.EVAL_METRIC
    assert evaluation.metrics[answer.EVAL_METRIC] == pytest.approx(quality, rel=1e-9)


@every_answer
def test_table_has_one_text_per_column(make: Callable[[], Answer]) -> None:
    answer = make().fit(TABLE)
    columns = answer.table_columns()
    for prediction in answer.decode(answer.scores(outputs_for(answer, 20))):
        rows = [dict(zip(columns, row, strict=True)) for row in answer.table_rows(prediction)]
        if prediction.boxes is not None:
            expected = [f"{box.label} {box.confidence:.4f}" for box in prediction.boxes] or [" "]
            assert [f"{row['label']} {row['label confidence']}" for row in rows] == expected
            continue
        (row,) = rows
        if prediction.place is not None:
            assert [f"{float(text):.4g}" for text in row.values()] == [
                f"{value:.4g}" for value in prediction.place.values()
            ]
            continue
        assert row[answer.name] == str(prediction.value)
        confidence = prediction.confidence
        assert row[f"{answer.name} confidence"] == (
            "" if confidence is None else f"{confidence:.4f}"
        )
        for name, share in prediction.areas:
            assert float(row[f"{name} area {name}"]) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("name", ["category of two", "category of four", "mask by class"])
def test_image_classes_are_those_of_the_highest_probability(name: str) -> None:
    answer = ANSWERS_BY_CASE[name]().fit(TABLE)
    for output in outputs_for(answer, 5).split(1):
        classes = answer.image_classes(output)
        probabilities = [item.probability for item in classes]
        if answer.legend:
            shares = [(output.argmax(1) == item.number).float().mean().item() for item in classes]
            assert probabilities == pytest.approx(shares)
            assert [answer.classes[item.number] for item in classes] == list(answer.legend[1:])
            for item, pixels in zip(classes, output[0].softmax(0)[1:], strict=True):
                assert item.pixels is not None and torch.allclose(item.pixels, pixels)
        else:
            assert probabilities == sorted(answer.scores(output)[0], reverse=True)[:4]
            assert all(item.pixels is None for item in classes)


SCRIPTED = [
    name
    for name in ANSWERS_BY_CASE
    if "negative class" not in name
    and not name.startswith(("actions", "image", "documents", "span", "masked", "map", "rules"))
]


@pytest.mark.parametrize("name", SCRIPTED)
def test_script_computes_the_same_metrics(name: str) -> None:
    """The script of `kissipo eject`; it does not know the threshold of defects."""
    answer = ANSWERS_BY_CASE[name]()
    outputs, _, evaluation = evaluated(answer)
    targets = answer.codec.encode(TABLE)
    part = answer.script_part(1, "second ")
    names: dict[str, Any] = {"values": {}, "torch": torch}
    names |= {"outputs": [None, outputs], "targets": [None, targets]}
    names |= {function.__name__: function for function in part.definitions}
    exec("\n".join((*part.imports, *part.metrics)), names)
    values = {key.removeprefix("second "): value for key, value in names["values"].items()}
    quality = eval(part.quality, names)
    assert quality.shape == (len(targets),)
    common = values.keys() & evaluation.metrics.keys()
    assert common
    for metric in common:
        assert values[metric] == pytest.approx(evaluation.metrics[metric], rel=1e-5), metric
    if answer.EVAL_METRIC in ("accuracy", "rmse", "nll"):
        assert evaluation.per_sample is not None
        order = np.argsort(evaluation.per_sample, kind="stable")
        assert (np.diff(quality.numpy()[order]) >= -1e-6).all()


@pytest.mark.parametrize("name", ["mask of one kind", "mask by class"])
def test_mask_metrics_equal_sklearn(name: str) -> None:
    answer = ANSWERS_BY_CASE[name]()
    outputs, truth, evaluation = evaluated(answer)
    predicted = outputs.argmax(dim=1).numpy()
    marked = list(range(1, len(answer.classes)))  # type: ignore[attr-defined]
    flat = truth.reshape(-1), predicted.reshape(-1)
    pairs = list(zip(truth, predicted, strict=True))
    assert all(t.any() for t, _ in pairs)
    assert evaluation.metrics == pytest.approx({
        "iou": sklearn.jaccard_score(*flat, labels=marked, average="macro"),
        "dice": sklearn.f1_score(*flat, labels=marked, average="macro"),
        "accuracy": sklearn.accuracy_score(*flat),
        "image_recall": np.mean([((t == c) & (t > 0)).any() for t, c in pairs]),
    })  # fmt: skip
    assert evaluation.per_sample is not None
    for t, c, quality in zip(truth, predicted, evaluation.per_sample, strict=True):
        union = ((t > 0) | (c > 0)).sum()
        assert quality == pytest.approx(((t == c) & (t > 0)).sum() / union if union else 1.0)


def test_mask_metrics_ignore_void_and_count_empty_masks() -> None:
    answer = Mask("kind", by="kind", size=(1, 3)).fit(TABLE)
    truth = np.array([[[0, 0, 0]], [[0, 0, 255]], [[1, 1, 255]], [[2, 0, 0]]], dtype=np.uint8)
    predicted = np.array([[[0, 0, 0]], [[0, 3, 0]], [[1, 0, 4]], [[1, 0, 0]]], dtype=np.uint8)
    evaluation = answer.evaluate(predicted, truth)
    # class 1: TP 1, FN 1, FP 1: 1/3; class 2: FN 1: 0; class 3: FP 1: 0; class 4: void
    assert evaluation.metrics["iou"] == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert evaluation.metrics["image_recall"] == 0.5
    assert evaluation.metrics["image_specificity"] == 0.5
    assert evaluation.per_sample is not None
    assert evaluation.per_sample.tolist() == [1.0, 0.0, 0.5, 0.0]
    assert evaluation.details["images"] == {"marked": 2, "unmarked": 2}


def test_mask_prediction_is_the_largest_class_with_its_mean_probability() -> None:
    answer = Mask("kind", by="kind", size=(1, 4)).fit(TABLE)
    assert answer.classes == ("nothing", "cheap", "dear", "fair", "free")
    logits = torch.full((2, 5, 1, 4), -30.0)
    logits[0, 2, 0, :3] = torch.tensor([30.0, 30.0, -30.0])
    logits[0, 0, 0, 2:] = torch.tensor([-29.0, 30.0])
    logits[0, 4, 0, 2] = -28.0
    logits[1, 0] = 30.0
    first, second = answer.predictions(logits, ())
    assert (first.value, first.areas) == ("dear", (("dear", 0.5), ("free", 0.25)))
    assert first.confidence == pytest.approx(1.0)
    assert first.mask.tolist() == [[2, 2, 4, 0]]
    assert first.to_json()["areas"] == [
        {"answer": "dear", "share": 0.5},
        {"answer": "free", "share": 0.25},
    ]
    assert (second.value, second.areas) == ("nothing", ())


def test_label_metrics_equal_sklearn() -> None:
    outputs, truth, evaluation = evaluated(LabelSet("topics"))
    predicted = (outputs > 0).numpy().astype(int)
    assert truth[:5].tolist() == [
        [1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0],
    ]  # fmt: skip
    assert evaluation.metrics == pytest.approx({
        "samples_f1": sklearn.f1_score(truth, predicted, average="samples", zero_division=0),
        "micro_f1": sklearn.f1_score(truth, predicted, average="micro"),
        "macro_f1": sklearn.f1_score(truth, predicted, average="macro"),
        "subset_accuracy": sklearn.accuracy_score(truth, predicted),
        "hamming_loss": sklearn.hamming_loss(truth, predicted),
    })  # fmt: skip
    assert evaluation.details["count"] == truth.sum(axis=0).tolist()
    first = LabelSet("topics").fit(TABLE).decode(np.array([[0.5, 0.1, 0.9, 0.4]]))[0]
    assert first.value == "a;c"
    assert first.others == (("c", 0.9), ("a", 0.5), ("d", 0.4), ("b", 0.1))


def test_category_metrics_equal_sklearn() -> None:
    outputs, truth, evaluation = evaluated(Category("kind"))
    probabilities = softmax(outputs.double().numpy(), axis=1)
    predicted = probabilities.argmax(axis=1)
    assert evaluation.metrics == pytest.approx({
        "accuracy": sklearn.accuracy_score(truth, predicted),
        "balanced_accuracy": sklearn.balanced_accuracy_score(truth, predicted),
        "macro_f1": sklearn.f1_score(truth, predicted, average="macro"),
        "roc_auc": sklearn.roc_auc_score(truth, probabilities, multi_class="ovr"),
        "log_loss": sklearn.log_loss(truth, probabilities),
    })  # fmt: skip
    assert evaluation.details["classes"] == ["cheap", "dear", "fair", "free"]
    assert evaluation.details["confusion"] == sklearn.confusion_matrix(truth, predicted).tolist()
    assert evaluation.details["by_class"]["f1"] == pytest.approx(
        sklearn.f1_score(truth, predicted, average=None)
    )
    assert evaluation.details["count"] == np.bincount(truth).tolist()


def test_category_of_many_classes_reports_top_5_and_no_confusion_matrix() -> None:
    classes = ("free", "fair", "dear", "cheap", *map(str, range(200)))
    outputs, truth, evaluation = evaluated(Category("kind", order=classes))
    assert evaluation.details["classes"] == list(classes)
    assert truth.tolist() == [classes.index(str(kind)) for kind in TABLE["kind"].texts()]
    probabilities = softmax(outputs.double().numpy(), axis=1)
    assert evaluation.metrics["top_5"] == sklearn.top_k_accuracy_score(
        truth, probabilities, k=5, labels=range(204)
    )
    assert "confusion" not in evaluation.details
    assert "top_5" not in evaluated(Category("kind"))[2].metrics


@pytest.mark.parametrize(
    ("options", "positive", "threshold"),
    [(CategoryOptions(), "yes", 0.5), (CategoryOptions("no", Decode(threshold=0.3)), "no", 0.3)],
)
def test_category_metrics_of_two_classes_are_of_the_positive_class(
    options: CategoryOptions, positive: str, threshold: float
) -> None:
    outputs, _, evaluation = evaluated(Category("spam", options))
    truth = np.asarray(TABLE["spam"].texts()) == positive
    probability = 1 / (1 + np.exp(-outputs.double().numpy()[:, 0]))
    predicted = probability >= threshold
    assert evaluation.metrics == pytest.approx({
        "accuracy": sklearn.accuracy_score(truth, predicted),
        "precision": sklearn.precision_score(truth, predicted),
        "recall": sklearn.recall_score(truth, predicted),
        "f1": sklearn.f1_score(truth, predicted),
        "roc_auc": sklearn.roc_auc_score(truth, probability),
        "log_loss": sklearn.log_loss(truth, probability),
    })  # fmt: skip
    assert evaluation.details["positive"] == positive
    assert np.trapezoid(
        evaluation.details["roc"]["tpr"], evaluation.details["roc"]["fpr"]
    ) == pytest.approx(evaluation.metrics["roc_auc"])


@pytest.mark.parametrize(
    ("top", "others"),
    [
        (1, [("fair", 0.3)]),
        (2, [("fair", 0.3), ("cheap", 0.2)]),
        (9, [("fair", 0.3), ("cheap", 0.2), ("dear", 0.1)]),
    ],
)
def test_top_k_sets_the_number_of_other_classes(top: int, others: list[Any]) -> None:
    answer = Category("kind", CategoryOptions(decode=Decode(top_k=top))).fit(TABLE)
    assert answer.decode(np.array([[0.2, 0.1, 0.3, 0.4]])) == [
        Prediction("free", 0.4, tuple(others))
    ]


def test_threshold_predicts_the_positive_class_below_one_half() -> None:
    answer = Category("spam", CategoryOptions("no", Decode(threshold=0.3, top_k=1))).fit(TABLE)
    assert answer.classes == ("yes", "no")
    assert answer.decode(np.array([[0.6, 0.4], [0.8, 0.2]])) == [
        Prediction("no", 0.4, (("yes", 0.6),)),
        Prediction("yes", 0.8, (("no", 0.2),)),
    ]


@pytest.mark.parametrize(("column", "loss"), [("price", None), ("count", "poisson")])
def test_number_metrics_are_in_the_unit_of_the_data(column: str, loss: str | None) -> None:
    outputs, _, evaluation = evaluated(Number(column, loss=loss))
    values, output = TABLE[column].values, outputs.double().numpy()[:, 0]
    guess = np.exp(output) * values.mean() if loss else output * values.std() + values.mean()
    assert evaluation.metrics == pytest.approx(
        {
            "rmse": sklearn.root_mean_squared_error(values, guess),
            "mae": sklearn.mean_absolute_error(values, guess),
            "r2": sklearn.r2_score(values, guess),
            "mape": 100 * sklearn.mean_absolute_percentage_error(values, guess),
        },
        rel=1e-6,
    )


def test_forecast_metrics_are_in_the_unit_of_the_data_and_by_step() -> None:
    outputs, _, evaluation = evaluated(Forecast("price", ForecastOptions(3)))
    values = TABLE["price"].values
    guess = outputs.double().numpy()[:, :, 0] * values.std() + values.mean()
    errors = np.asarray([guess[row] - values[row : row + 3] for row in range(ROWS - 2)])
    naive = np.mean([abs(values[row] - values[row - 1]) for row in range(1, ROWS)])
    by_step = np.abs(errors).mean(axis=0)
    relative = [
        abs(errors[row, ahead] / values[row + ahead])
        for row in range(ROWS - 2)
        for ahead in range(3)
    ]
    expected = {
        "mae": by_step.mean(),
        "rmse": np.square(errors).mean() ** 0.5,
        "mape": 100 * np.mean(relative),
    }
    assert evaluation.metrics == pytest.approx(
        expected | {"mase": by_step.mean() / naive}, rel=1e-6
    )
    assert evaluation.details["mae_by_step"] == pytest.approx(by_step, rel=1e-6)


def test_a_forecast_of_counts_is_e_to_the_output() -> None:
    outputs, truth, evaluation = evaluated(Forecast("count", ForecastOptions(2), loss="poisson"))
    counts = TABLE["count"].values
    guess = np.exp(outputs.double().numpy()) * counts.mean()
    wanted = np.stack([counts[row : row + 2] for row in range(ROWS - 1)])[..., None]
    assert truth == pytest.approx(wanted)
    assert evaluation.metrics["mae"] == pytest.approx(np.abs(guess - wanted).mean(), rel=1e-6)


def test_text_nll_is_the_cross_entropy() -> None:
    outputs, truth, evaluation = evaluated(NextToken(window=5))
    flat, targets = outputs.flatten(0, 1), torch.from_numpy(truth).flatten()
    nll = float(torch.nn.functional.cross_entropy(flat.double(), targets))
    accuracy = sklearn.accuracy_score(targets, flat.argmax(dim=1))
    expected = {
        "nll": nll,
        "bits": nll / math.log(2),
        "perplexity": math.exp(nll),
        "accuracy": accuracy,
    }
    assert evaluation.metrics == pytest.approx(expected, rel=1e-6)


def test_actions_metrics_are_statistics_of_the_returns() -> None:
    evaluation = evaluated(ANSWERS_BY_CASE["actions"]())[2]
    # the mean of 1, 4, -2 and 5 is 2; the squared errors are 1, 4, 16, 9
    assert evaluation.metrics == pytest.approx({"return": 2, "std": 10**0.5, "min": -2, "max": 5})
