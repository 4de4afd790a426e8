"""Scores: evaluates the net and the baselines on the same split, with a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.errors import TaskError
from kissipo.core.protocols import Dataset, ahead
from kissipo.core.seeds import drawn
from kissipo.core.suggest import did_you_mean
from kissipo.engine.evaluate import Evaluations, SplitEvaluation, portion
from kissipo.output.answer import Answer, Evaluation, EvaluationCase, Scores
from kissipo.output.baseline_data import MAX_PREDICTED, MAX_SAMPLES, BaselineData, Samples
from kissipo.output.metric_object import Metric, MetricObject
from kissipo.output.score import Compared, Score
from kissipo.output.verdict import verdict
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import (
    BASELINES,
    METRICS,
    allowed_baselines,
    suitable_baselines,
    trivial_baselines,
)

_MAX_VALUES, _MIN_SIDE = 16_000_000, 8


def evaluate_scores(
    net: nn.Module,
    pipeline: Pipeline,
    *,
    baseline_names: Sequence[tuple[str, ...] | None],
    metric_names: Sequence[tuple[Metric, ...]],
    seed: int = 0,
) -> tuple[list[Score], SplitEvaluation]:
    """Evaluates the net and the baselines.

    Of a large split the baselines predict a part. The verdict compares the net on the
    same samples.

    baseline_names:  the names of the baselines per output, or None for all that fit
    metric_names:    further metrics per output, names or functions
    """
    part, datasets, answers = pipeline.eval_split, pipeline.datasets, pipeline.answers
    evaluations = Evaluations(net, datasets, answers)
    split_evaluation = evaluations.of(part)
    split_name = "train" if np.isin(pipeline.splits[part], pipeline.splits["train"]).any() else part

    scores = []
    for number, (answer, names, metrics) in enumerate(
        zip(answers, baseline_names, metric_names, strict=True)
    ):
        case = EvaluationCase(
            net,
            _own_evaluation(split_evaluation, number, answer, metrics),
            part,
            partial(evaluations.predictions, number),
            pipeline.frame,
            pipeline.splits,
            {name: len(dataset) for name, dataset in datasets.items()},
            pipeline.codecs,
            pipeline.season_length,
            baselines=partial(_usual_baselines, pipeline, number, seed, names, metrics),
            baseline_scores=partial(_baseline_scores, answer, names),
        )
        evaluation, baselines = answer.evaluate_model(case)
        side = _side(pipeline, part) if baselines else None
        if side is not None:
            note = {"simple_answers": f"the baselines use the images at {side}x{side}"}
            evaluation = replace(evaluation, details={**evaluation.details, **note})
        compared = None
        if baselines:
            compared = _compared(split_evaluation, number, answer, metrics)
        result = verdict(
            evaluation if compared is None else compared.net,
            baselines,
            main=answer.EVAL_METRIC,
            higher_is_better=answer.HIGHER_IS_BETTER,
            trivial=trivial_baselines(answer),
        )
        scores.append(Score(answer, evaluation, baselines, result, split_name, compared))
    return scores, split_evaluation


def _own_evaluation(
    split: SplitEvaluation, number: int, answer: Answer, metric_names: tuple[Metric, ...]
) -> Evaluation:
    """Returns the evaluation of the net for one answer, with all further metrics."""
    predictions = split.scores[number], split.truths[number]
    evaluation: Evaluation = split.evaluations[number]
    details = {**evaluation.details, **answer.extra_metrics(*predictions)}
    return _with_metrics(replace(evaluation, details=details), answer, metric_names, *predictions)


def _predicted_samples(answer: Answer, count: int) -> NDArray[np.int64]:
    """Returns the positions of the samples that the baselines predict."""
    return drawn(count, count if answer.compares_all else MAX_PREDICTED, "predicted by baselines")


def _compared(
    split: SplitEvaluation, number: int, answer: Answer, metric_names: tuple[Metric, ...]
) -> Compared | None:
    """Evaluates the net on the samples that the baselines predict; None where these are
    all."""
    scores, truth = split.scores[number], split.truths[number]
    some = _predicted_samples(answer, len(truth))
    if len(some) == len(truth):
        return None
    predictions = scores[some], truth[some]
    evaluation = answer.evaluate(*predictions)
    return Compared(len(some), _with_metrics(evaluation, answer, metric_names, *predictions))


def _usual_baselines(
    pipeline: Pipeline,
    number: int,
    seed: int,
    names: tuple[str, ...] | None,
    metric_names: tuple[Metric, ...],
) -> dict[str, Evaluation]:
    """Evaluates the baselines on the samples; none without training data."""
    if not len(pipeline.datasets["train"]):
        return {}
    part = pipeline.eval_split
    case = _case(pipeline, number, part, seed, _side(pipeline, part))
    answer = pipeline.answers[number]
    return evaluate_baselines(answer, case, case.test.truth, names, metric_names)


def evaluate_baselines(
    answer: Answer,
    case: object,
    truth: Scores,
    baseline_names: tuple[str, ...] | None,
    metric_names: tuple[Metric, ...] = (),
) -> dict[str, Evaluation]:
    """Evaluates all baselines that fit the data.

    Raises:   TaskError for a baseline that does not exist.
    """
    plain = answer.for_baselines()
    return {
        name: _with_metrics(plain.evaluate(scores, truth), plain, metric_names, scores, truth)
        for name, scores in _baseline_scores(answer, baseline_names, case)
    }


def _baseline_scores(
    answer: Answer, names: tuple[str, ...] | None, case: object
) -> Iterator[tuple[str, Scores]]:
    """Yields the name and the scores of every baseline that fits the data.

    Raises:   TaskError for a baseline that does not exist.
    """
    fitting = allowed_baselines(answer)
    for name in suitable_baselines(answer) if names is None else names:
        if name not in fitting:
            raise TaskError(
                f"output.baselines names no baseline for {answer.title()}",
                got=f"'{name}'",
                do=did_you_mean(name, fitting),
            )
        module = BASELINES.find(name, place="output.baselines")
        scores = module.predict(case)
        if scores is not None:
            yield module.NAME, scores


def _with_metrics(
    evaluation: Evaluation, answer: Answer, names: tuple[Metric, ...], scores: Scores, truth: Scores
) -> Evaluation:
    """Returns the evaluation with further metrics."""
    predicted = answer.predicted(scores) if names else scores
    more = {}
    for name in names:
        if isinstance(name, str):
            module = METRICS.find(name, place="output.metrics")
            more[name] = module.metric(truth, predicted, scores)
        else:
            metric = MetricObject(name)
            more[metric.name] = metric(truth, predicted)
    return replace(evaluation, metrics={**evaluation.metrics, **more}) if more else evaluation


def _side(pipeline: Pipeline, part: str) -> int | None:
    """Returns the side to which images are shrunk for the baselines, or None.

    The baselines take all images at once.
    """
    spec = pipeline.codecs[0].spec
    if not pipeline.codecs[0].is_image:
        return None
    trained, predicted = len(pipeline.datasets["train"]), len(pipeline.datasets[part])
    samples = min(trained, MAX_SAMPLES) + min(predicted, MAX_PREDICTED)
    side = max(spec.shape[1:])
    while samples * spec.shape[0] * side**2 > _MAX_VALUES and side > _MIN_SIDE:
        side //= 2
    return side if side < max(spec.shape[1:]) else None


def _case(pipeline: Pipeline, number: int, part: str, seed: int, side: int | None) -> BaselineData:
    texts = {
        name: codec.spec.unit
        for codec in pipeline.codecs
        if codec.spec.unit
        for name in codec.columns
    }
    answer = pipeline.answers[number]
    some = drawn(len(pipeline.datasets["train"]), answer.BASELINE_SAMPLES, "baselines")
    predicted = _predicted_samples(answer, len(pipeline.datasets[part]))
    train = _samples(pipeline, number, "train", some, side, with_frame=bool(texts))
    test = _samples(pipeline, number, part, predicted, side, with_frame=bool(texts))
    specs = tuple(codec.spec for codec in pipeline.codecs)
    if not answer.forecasts:
        return BaselineData(answer, specs, train, test, pipeline.season_length, texts, seed)
    series = np.stack([pipeline.frame[name].values for name in answer.variables], axis=1)
    window = specs[0].shape[0]
    train = replace(train, origins=pipeline.splits["train"][some] + window)
    test = replace(test, origins=pipeline.splits[part] + window)
    return BaselineData(
        answer, specs, train, test, pipeline.season_length, texts, seed, series, pipeline.starts
    )


def _samples(
    pipeline: Pipeline,
    number: int,
    part: str,
    some: NDArray[np.int64],
    side: int | None,
    *,
    with_frame: bool,
) -> Samples:
    dataset, index = pipeline.datasets[part], torch.from_numpy(some)
    inputs = (
        dataset.without_ragged(index) if side is None else (_shrink_images(dataset, index, side),)
    )
    truth = np.asarray(pipeline.answers[number].truth(dataset.truth(number, index)))
    weights = dataset.weights
    return Samples(
        inputs,
        truth,
        pipeline.frame.take(pipeline.splits[part][some]) if with_frame else None,
        weights=None if weights is None else weights[index].numpy(),
    )


def _shrink_images(dataset: Dataset, indices: Tensor, side: int) -> Tensor:
    """Returns smaller images in one tensor, which keeps no memory of the large ones."""
    images = torch.empty(len(indices), dataset.batch(indices[:1]).inputs[0].shape[1], side, side)
    done = 0
    for batch in ahead(dataset, indices.split(portion(dataset))):
        images[done : done + len(batch)] = functional.adaptive_avg_pool2d(batch.inputs[0], side)
        done += len(batch)
    return images
