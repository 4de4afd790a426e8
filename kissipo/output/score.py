"""Score: one answer judged: the net, the simple answers beside it, the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kissipo.output.answer import Answer, Evaluation
from kissipo.output.verdict import Verdict


@dataclass(frozen=True)
class Score:
    """How good the net is, and beside what.

    part:  which part judges: test; validation or train where there is no other
    """

    answer: Answer
    net: Evaluation
    baselines: Mapping[str, Evaluation]
    verdict: Verdict | None
    part: str = "test"

    def ordered(self) -> list[tuple[str, Evaluation]]:
        """The simple answers, the best first."""
        main, higher = self.answer.EVAL_METRIC, self.answer.HIGHER_IS_BETTER
        return sorted(
            self.baselines.items(), key=lambda pair: pair[1].metrics[main], reverse=higher
        )

    def __getitem__(self, metric: str) -> float:
        return self.net.metrics[metric]

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value:.4g}" for name, value in self.net.metrics.items())
        return f"<{self.answer.name}: {told}{f'; {self.verdict.sentence}' if self.verdict else ''}>"

    def to_json(self) -> dict[str, Any]:
        """The documented form; the same run gives the same text."""
        return {
            "answer": self.answer.WORD,
            "column": self.answer.name,
            "main": self.answer.EVAL_METRIC,
            "higher_is_better": self.answer.HIGHER_IS_BETTER,
            "metrics": dict(self.net.metrics),
            "baselines": {name: dict(judged.metrics) for name, judged in self.baselines.items()},
            "verdict": None if self.verdict is None else vars(self.verdict),
            "details": dict(self.net.details),
        }
