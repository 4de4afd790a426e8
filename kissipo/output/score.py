"""Score: the evaluation of one answer: the model, its baselines and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kissipo.core.description import Detail
from kissipo.core.json_object import JsonObject
from kissipo.output.answer import Answer, Evaluation
from kissipo.output.verdict import Verdict


class Compared(NamedTuple):
    """The evaluation of the model on the samples that the baselines predict."""

    samples: int
    net: Evaluation


@dataclass(frozen=True)
class Score:
    """The evaluation of the model and of its baselines.

    part:      the split that is evaluated: test; validation or train where test is
               empty
    compared:  the model on the samples of the baselines, where these are not all; the
               verdict compares it with them
    """

    answer: Answer
    net: Evaluation
    baselines: Mapping[str, Evaluation]
    verdict: Verdict | None
    part: str = "test"
    compared: Compared | None = None

    def ordered(self) -> list[tuple[str, Evaluation]]:
        """Returns the baselines, the best first."""
        main, higher = self.answer.EVAL_METRIC, self.answer.HIGHER_IS_BETTER
        return sorted(
            self.baselines.items(), key=lambda pair: pair[1].metrics[main], reverse=higher
        )

    @property
    def described_details(self) -> list[Detail]:
        """The details that the net or the algorithm describes itself."""
        return [item for item in self.net.details.values() if isinstance(item, Detail)]

    @property
    def is_replaced(self) -> bool:
        """Whether a detail is shown in place of the scores."""
        return any(detail.replaces_scores for detail in self.described_details)

    def __getitem__(self, metric: str) -> float:
        return self.net.metrics[metric]

    def __repr__(self) -> str:
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in self.net.metrics.items())
        return (
            f"<{self.answer.name}: {metrics}{f'; {self.verdict.sentence}' if self.verdict else ''}>"
        )

    def to_json(self) -> JsonObject:
        """Returns the documented JSON object; equal runs give equal objects."""
        compared = {}
        if self.compared is not None:
            samples, net = self.compared
            compared = {"compared": {"samples": samples, "metrics": dict(net.metrics)}}
        return {
            "answer": self.answer.WORD,
            "column": self.answer.name,
            "main": self.answer.EVAL_METRIC,
            "higher_is_better": self.answer.HIGHER_IS_BETTER,
            "metrics": dict(self.net.metrics),
            **compared,
            "baselines": {name: dict(score.metrics) for name, score in self.baselines.items()},
            "verdict": None if self.verdict is None else vars(self.verdict),
            "details": {
                name: item.value if isinstance(item, Detail) else item
                for name, item in self.net.details.items()
            },
        }
