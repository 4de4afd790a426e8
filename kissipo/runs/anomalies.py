"""Evaluation of anomaly detection: detected windows, false alarms, and baselines.

All detectors use the same procedure. The threshold is fitted to the forecast errors of
the training and validation steps, with the same false alarm rate. Alarms are counted on
the steps after them. Labels are used for evaluation only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.windows import Windows
from kissipo.core.seeds import drawn
from kissipo.engine.evaluate import SplitEvaluation, evaluate
from kissipo.output.anomaly_spans import Span, anomaly_labels_of, spans, threshold
from kissipo.output.answer import Evaluation, Scores
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as Ahead
from kissipo.output.baseline_data import MAX_SAMPLES, BaselineData, Samples
from kissipo.output.nab import nab_score
from kissipo.output.score import Score
from kissipo.output.verdict import verdict
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import BASELINES

PARTS = ("train", "validation", "test")
Errors = tuple[NDArray[np.float64], int]  # of all evaluated steps, and the index of the first step
_MONTH = 30.4375 * 86_400
_MAX_GAP = 48  # steps; alarms closer than a window and closer than this are merged


def evaluate_anomalies(
    net: Any, pipeline: Pipeline, *, baseline_names: tuple[str, ...] | None
) -> tuple[Score, SplitEvaluation, Errors]:
    """Returns the score of the net and its baselines, the evaluation, and the errors.

    baseline_names:  the names of the baselines, or None for all that fit
    """
    answer = _anomaly_answer(pipeline)
    errors, first = watched_errors(net, pipeline)
    part = pipeline.eval_split
    evaluation = evaluate(net, pipeline.datasets[part], [answer])
    start = first + sum(len(pipeline.datasets[name]) for name in PARTS[: PARTS.index(part)])
    own = _evaluate_alarms(
        answer, pipeline, errors, first, start, answer.threshold, evaluation.evaluations[0]
    )
    baselines = _evaluate_baselines(answer, pipeline, first, start, baseline_names)
    compared = (
        None
        if answer.options.anomaly_labels is None and answer.options.method == "reconstruction"
        else baselines
    )
    result = verdict(
        own, compared or {}, main=answer.EVAL_METRIC, higher_is_better=answer.HIGHER_IS_BETTER
    )
    split_name = "train" if part == "train" else part
    return Score(answer, own, compared or {}, result, part=split_name), evaluation, (errors, first)


def watched_errors(net: Any, pipeline: Pipeline) -> Errors:
    """Returns the errors of all evaluated steps, and the index of the first step.

    The steps before the first one fill a window.
    """
    answer = _anomaly_answer(pipeline)
    evaluations = [
        evaluate(net, pipeline.datasets[part], [answer])
        for part in PARTS
        if len(pipeline.datasets[part])
    ]
    scores, truths = (
        np.concatenate([getattr(evaluation, name)[0] for evaluation in evaluations])
        for name in ("scores", "truths")
    )
    return answer.errors(scores, truths), len(pipeline.frame) - len(scores)


def _anomaly_answer(pipeline: Pipeline) -> Anomaly:
    answer = pipeline.answers[0]
    assert isinstance(answer, Anomaly)
    return answer


def _evaluate_alarms(
    answer: Anomaly,
    pipeline: Pipeline,
    errors: NDArray[np.float64],
    first: int,
    start: int,
    height: float,
    expected: Evaluation,
) -> Evaluation:
    """Counts the alarms from step `start` on; earlier windows are listed, not counted.

    errors:  the errors of the steps from `first` on
    """
    steps = len(pipeline.frame)
    alarms = np.zeros(steps, dtype=bool)
    alarms[first:] = errors > height
    evaluated = alarms.copy()
    evaluated[:start] = False
    length = pipeline.codecs[0].length  # type: ignore[attr-defined]
    raised = spans(evaluated, apart=min(_MAX_GAP, length))
    names = _StepNames(pipeline)
    details: dict[str, Any] = {
        "threshold": height,
        "false_alarm_rate": answer.options.false_alarm_rate,
        "judged_from": names.timestamp(start),
    }
    metrics: dict[str, float] = dict(expected.metrics)
    labels = (
        None
        if answer.options.anomaly_labels is None
        else anomaly_labels_of(pipeline.frame, answer.options.anomaly_labels)
    )
    windows = [] if labels is None else spans(labels)
    if windows:
        counted = [span for span in windows if span.last >= start]
        hit = [bool(evaluated[span.first : span.last + 1].any()) for span in counted]
        false = [span for span in raised if not any(span.touches(window) for window in counted)]
        metrics = {
            "nab": nab_score(
                evaluated[start:], [(max(0, s.first - start), s.last - start) for s in counted]
            )
        }
        precision = 1 - len(false) / len(raised) if raised else 0.0
        recall = sum(hit) / len(hit) if hit else float("nan")
        f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
        months = names.seconds(start) / _MONTH
        false_alarm_count = (
            {"false_alarms_per_month": len(false) / months}
            if months > 0
            else {"false_alarm_count": float(len(false))}
        )
        metrics |= {
            "precision": precision,
            "recall": recall,
            "f1": f1,
            **false_alarm_count,
            **expected.metrics,
        }
        details["windows"] = [_window_row(window, alarms, start, names) for window in windows]
    details["alarms"] = [
        {
            **names.span(span),
            "error": float(errors[span.first - first : span.last + 1 - first].max()),
        }
        | ({"labeled": any(span.touches(window) for window in windows)} if windows else {})
        for span in raised
    ]
    return Evaluation(metrics, details, arrays={"errors": errors, "first": first})


def _window_row(
    window: Span, alarms: NDArray[np.bool_], start: int, names: _StepNames
) -> dict[str, Any]:
    """Describes a labeled window: its first alarm, and whether it is evaluated."""
    within = np.flatnonzero(alarms[window.first : window.last + 1])
    first_alarm = None if not len(within) else names.timestamp(window.first + int(within[0]))
    return {**names.span(window), "first_alarm": first_alarm, "evaluated": window.last >= start}


class _StepNames:
    """The names of steps: their timestamps, or their numbers counted from 1."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._time = next(
            (column for column in pipeline.frame.columns if column.kind == "time"), None
        )
        self._steps = len(pipeline.frame)

    def timestamp(self, step: int) -> str:
        return (
            f"step {step + 1}"
            if self._time is None
            else str(self._time.show(step)).replace("T", " ")
        )

    def span(self, span: Span) -> dict[str, str]:
        return {"from": self.timestamp(span.first), "to": self.timestamp(span.last)}

    def seconds(self, start: int) -> float:
        """Returns the duration of the steps from `start` on; 0 without timestamps."""
        if self._time is None:
            return 0.0
        return float(
            (self._time.values[self._steps - 1] - self._time.values[start])
            .astype("timedelta64[s]")
            .astype(float)
        )


def _evaluate_baselines(
    answer: Anomaly,
    pipeline: Pipeline,
    first: int,
    start: int,
    baseline_names: tuple[str, ...] | None,
) -> Mapping[str, Evaluation]:
    """Evaluates the baselines of a one-step forecast as anomaly detectors."""
    codec = pipeline.codecs[0]
    assert isinstance(codec, Windows)
    window, steps = codec.length, len(pipeline.frame)
    trained = int(pipeline.splits["train"][-1]) + 1
    simple = Forecast(answer.variables, Ahead(1, interval_coverage=0)).fit(
        pipeline.frame.take(np.arange(window + trained))
    )
    windows = codec.encode(pipeline.frame)[: steps - window]
    truth = simple.truth(simple.codec.encode(pipeline.frame)[window:])
    series = np.stack([pipeline.frame[name].values for name in answer.variables], axis=1)
    indices = drawn(trained, MAX_SAMPLES, "baselines")
    train = Samples((windows[indices],), truth[indices], origins=indices + window)
    eval_samples = Samples((windows,), truth, origins=np.arange(window, steps))
    case = BaselineData(
        simple, (codec.spec,), train, eval_samples, pipeline.season_length, series=series
    )
    evaluations = {}
    plain = replace(answer.options, method="forecast")
    for name in answer.BASELINES if baseline_names is None else baseline_names:
        module = BASELINES.find(name, place="output.baselines")
        scores: Scores | None = module.predict(case)
        if scores is None:
            continue
        detector = Anomaly(answer.variables, plain, loss=answer.loss)
        detector.expected = simple
        errors = detector.errors(scores, truth)
        height = threshold(errors[: start - window], answer.options.false_alarm_rate)
        expected = simple.evaluate(scores[start - window :], truth[start - window :])
        evaluations[module.NAME] = _evaluate_alarms(
            answer, pipeline, errors, window, start, height, expected
        )
    return evaluations
