"""Inspection: pieces that are sound or have a defect; what is called, what is missed, what that costs.

A defect of any kind counts as found when the piece is called, under whatever name. Costs are told in false alarms.

Example:  >>> suspicion, defect = np.array([0.05, 0.3, 0.2, 0.9]), np.array([False, False, True, True])
          >>> inspection = Inspection(false_negative_cost=20.0).learned(suspicion, defect)
          >>> (inspection.threshold, inspection.reason) == (1 / 21, "4 samples of the validation part are too few to choose by")
          True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.output.decode.cost import cheapest, even

LEAST = 5


@dataclass(frozen=True)
class Inspection:
    """How suspicion becomes a call.

    false_negative_cost:  cost of a missed defect, in false alarms
    threshold:            from which suspicion on a piece is called; None while it is not known
    reason:               why the threshold is not chosen on the validation part; empty where it is
    """

    false_negative_cost: float
    threshold: float | None = None
    reason: str = ""

    def by_probability(self, reason: str) -> Inspection:
        """With the threshold for probabilities that are true."""
        return replace(self, threshold=even(self.false_negative_cost), reason=reason)

    def learned(self, suspicion: NDArray[Any], defect: NDArray[np.bool_]) -> Inspection:
        """With the cheapest threshold on samples of the validation part, where there are enough of both kinds."""
        fewest = min(int(defect.sum()), int((~defect).sum()))
        if not len(defect):
            return self.by_probability("there is no validation part to choose by")
        if fewest < LEAST:
            kind = "defects" if fewest == int(defect.sum()) else "sound pieces"
            few = f"{fewest} {kind}" if len(defect) >= 2 * LEAST else f"{len(defect)} samples"
            return self.by_probability(f"{few} of the validation part are too few to choose by")
        return replace(
            self, threshold=cheapest(suspicion, defect, missed=self.false_negative_cost), reason=""
        )

    def counts(self, called: NDArray[np.bool_], defect: NDArray[np.bool_]) -> dict[str, Any]:
        """What is missed and called for nothing, as counts, and the cost of a hundred samples."""
        missed, false_alarms = int((defect & ~called).sum()), int((called & ~defect).sum())
        total = self.false_negative_cost * missed + false_alarms
        return {
            "false_negatives": missed,
            "positives": int(defect.sum()),
            "false_positives": false_alarms,
            "negatives": int((~defect).sum()),
            "cost": 100 * total / len(defect) if len(defect) else float("nan"),
        }


def told(found: Mapping[str, Any]) -> str:
    """The counts at the threshold beside those at the likeliest class, in one line.

    Example:  >>> one = {"false_negatives": 1, "positives": 58, "false_positives": 9, "negatives": 45, "cost": 28.155}
              >>> told({"threshold": 0.08, "reason": "", "at_threshold": one, "at_argmax": {**one, "cost": 71.2}}).split(" for 100")[0]
              'at the threshold 0.08: 1 of 58 defects missed, 9 of 45 sound ones called; cost 28.2'
    """
    at, top = found["at_threshold"], found["at_argmax"]
    why = f" ({found['reason']}: 1 / (1 + output.false_negative_cost))" if found["reason"] else ""
    return (
        f"at the threshold {found['threshold']:.3g}{why}: "
        f"{at['false_negatives']} of {at['positives']} defects missed, "
        f"{at['false_positives']} of {at['negatives']} sound ones called; "
        f"cost {at['cost']:.3g} for 100 samples instead of {top['cost']:.3g} at the likeliest class"
    )
