"""Alarms: detected windows and false alarms of a detector on one series.

All detectors use the same procedure. The threshold is fitted to the errors of the
training and validation steps, with the same false alarm rate. Alarms are counted on the
steps after them. Labels are used for evaluation only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.output.anomaly_spans import Span, anomaly_labels_of, spans
from kissipo.output.answer import Evaluation
from kissipo.output.nab import nab_score

_MONTH = 30.4375 * 86_400
_MAX_GAP = 48  # steps; alarms closer than a window and closer than this are merged


@dataclass(frozen=True)
class AlarmEvaluator:
    """Evaluates the errors of any detector on the steps of one series.

    window:  the number of steps of a window
    labels:  the column of labels, if any
    rate:    the fraction of normal steps that may raise an alarm
    """

    frame: Frame
    window: int
    labels: str | None
    rate: float

    def evaluate(
        self,
        errors: NDArray[np.float64],
        first: int,
        start: int,
        height: float,
        expected: Evaluation,
    ) -> Evaluation:
        """Counts the alarms from step `start` on; earlier windows are only listed.

        errors:    the errors of the steps from `first` on
        height:    the threshold of an alarm
        expected:  the evaluation of the forecasts
        """
        steps = len(self.frame)
        alarms = np.zeros(steps, dtype=bool)
        alarms[first:] = errors > height
        evaluated = alarms.copy()
        evaluated[:start] = False
        raised = spans(evaluated, apart=min(_MAX_GAP, self.window))
        names = _StepNames(self.frame)
        details: JsonObject = {
            "threshold": height,
            "false_alarm_rate": self.rate,
            "judged_from": names.timestamp(start),
        }
        metrics: dict[str, float] = dict(expected.metrics)
        windows = [] if self.labels is None else spans(anomaly_labels_of(self.frame, self.labels))
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
) -> dict[str, object]:
    """Describes a labeled window: its first alarm, and whether it is evaluated."""
    within = np.flatnonzero(alarms[window.first : window.last + 1])
    first_alarm = None if not len(within) else names.timestamp(window.first + int(within[0]))
    return {**names.span(window), "first_alarm": first_alarm, "evaluated": window.last >= start}


class _StepNames:
    """The names of steps: their timestamps, or their numbers counted from 1."""

    def __init__(self, frame: Frame) -> None:
        self._time = next((column for column in frame.columns if column.kind == "time"), None)
        self._steps = len(frame)

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
