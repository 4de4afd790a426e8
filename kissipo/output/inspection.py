"""Inspection: detects defects, and counts the errors and their cost.

A defect of any class is a true positive when any defect class is predicted. Costs are
counted in false positives (false alarms).

Example:  >>> suspicion = np.array([0.05, 0.3, 0.2, 0.9])
          >>> defect = np.array([False, False, True, True])
          >>> inspection = Inspection(20.0).calibrated(suspicion, defect)
          >>> inspection.threshold == 1 / 21, inspection.reason
          (True, 'the validation split has too few samples (4)')
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.output.decode.cost import calibrated_threshold, cheapest

MIN_SAMPLES = 5  # of the defects, and of the negatives


@dataclass(frozen=True)
class Inspection:
    """The threshold that separates defects from negatives.

    false_negative_cost:  the cost of a false negative, in false positives
    threshold:            the lowest suspicion that is predicted as a defect, or None
    reason:               why the validation split did not set the threshold, or empty
    """

    false_negative_cost: float
    threshold: float | None = None
    reason: str = ""

    def by_probability(self, reason: str) -> Inspection:
        """Returns the inspection with the threshold for calibrated probabilities."""
        threshold = calibrated_threshold(self.false_negative_cost)
        return replace(self, threshold=threshold, reason=reason)

    def calibrated(self, suspicion: NDArray[np.floating], defect: NDArray[np.bool_]) -> Inspection:
        """Returns the inspection with the cheapest threshold on the validation split.

        It needs a minimum number of defects and of negatives.
        """
        fewest = min(int(defect.sum()), int((~defect).sum()))
        if not len(defect):
            return self.by_probability("there is no validation split")
        if fewest < MIN_SAMPLES:
            kind, count = "defects" if fewest == int(defect.sum()) else "negatives", fewest
            if len(defect) < 2 * MIN_SAMPLES:
                kind, count = "samples", len(defect)
            return self.by_probability(f"the validation split has too few {kind} ({count})")
        threshold = cheapest(suspicion, defect, false_negative_cost=self.false_negative_cost)
        return replace(self, threshold=threshold, reason="")

    def counts(self, predicted: NDArray[np.bool_], defect: NDArray[np.bool_]) -> JsonObject:
        """Counts the errors, and computes the cost per hundred samples."""
        false_negatives = int((defect & ~predicted).sum())
        false_positives = int((predicted & ~defect).sum())
        total = self.false_negative_cost * false_negatives + false_positives
        return {
            "false_negatives": false_negatives,
            "positives": int(defect.sum()),
            "false_positives": false_positives,
            "negatives": int((~defect).sum()),
            "cost": 100 * total / len(defect) if len(defect) else float("nan"),
        }


def describe_costs(costs: JsonMapping) -> str:
    """Returns the errors and the cost at the threshold and at the argmax, in one line.

    Example:  >>> counts = {"false_negatives": 1, "positives": 58, "cost": 28.155}
              >>> counts |= {"false_positives": 9, "negatives": 45}
              >>> costs = {"at_threshold": counts, "at_argmax": {"cost": 71.2}}
              >>> describe_costs(costs | {"threshold": 0.08, "reason": ""}).split(";")[0]
              'threshold 0.08: 1 of 58 defects missed, 9 false alarms on 45 negatives'
    """
    counts, argmax = costs["at_threshold"], costs["at_argmax"]
    why = f" ({costs['reason']}: 1 / (1 + output.false_negative_cost))" if costs["reason"] else ""
    return (
        f"threshold {costs['threshold']:.3g}{why}: "
        f"{counts['false_negatives']} of {counts['positives']} defects missed, "
        f"{counts['false_positives']} false alarms on {counts['negatives']} negatives; "
        f"cost per 100 samples: {counts['cost']:.3g} (argmax: {argmax['cost']:.3g})"
    )
