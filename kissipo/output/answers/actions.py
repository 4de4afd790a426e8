"""Actions: what to do in each state: values of the actions -> the best one.

Judged by playing: the sum of rewards of an episode, over many episodes with dice of their own; and, where the environment
tells its rules, by the share of the states in which the best action is really the best (value iteration knows).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import Tensor

from kissipo.codec.states import States
from kissipo.core.codec import restore, save
from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, DecodingStep, Evaluation, Prediction, Scores


@dataclass(frozen=True)
class Options:
    """The words of actions."""

    episodes: int = word(1000, "number of evaluation episodes", at_least=2)


class Actions(Answer):
    """The best action."""

    WORD = "actions"
    EVAL_METRIC = "return"
    HIGHER_IS_BETTER = True
    BASELINES = ("random_policy", "value_iteration")

    def __init__(self, codec: States, names: tuple[str, ...], options: Options = Options()) -> None:
        self.codec: States = codec
        self.names, self.options = tuple(names), options

    @property
    def name(self) -> str:
        return "action"

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("action", ("action",), (len(self.names),), words=self.names)

    @property
    def loss(self) -> str:
        return ""

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().numpy().astype(np.float64)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """`scores` are the returns of the episodes; `truth` is not used, an environment has none."""
        mean, spread = float(scores.mean()), float(scores.std(ddof=1))
        return Evaluation(
            {"return": mean, "std": spread, "min": float(scores.min()), "max": float(scores.max())},
            each=scores,
        )

    def decide(self, scores: Scores) -> list[Prediction]:
        decisions = []
        for row in scores:
            order = [int(at) for at in np.argsort(-row, kind="stable")]
            others = tuple((f"{self.names[at]} is worth", float(row[at])) for at in order)
            decisions.append(Prediction(self.names[order[0]], None, others))
        return decisions

    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        values = self.scores(outputs)
        best = int(values[0].argmax())
        told = ", ".join(
            f"{name} {value:.4g}" for name, value in zip(self.names, values[0], strict=True)
        )
        return [
            DecodingStep("values", values.shape[1:], values[0], told),
            DecodingStep("decision", (), best, "argmax"),
            DecodingStep("action", (), self.names[best], f"action {best} is '{self.names[best]}'"),
        ]

    def state(self) -> dict[str, Any]:
        return {
            "codec": save(self.codec),
            "names": list(self.names),
            "episodes": self.options.episodes,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, States)
        return cls(codec, tuple(state["names"]), Options(state["episodes"]))


ANSWER = Actions
