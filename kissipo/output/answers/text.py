"""Text, the next unit: at every step of a text, which character or word comes next.

logits -> probabilities (softmax) -> the likeliest unit. Judged by the mean surprise in nats (and as bits and perplexity) and
by how often the likeliest unit is the right one.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.index import Index
from kissipo.codec.windows import Windows
from kissipo.core.codec import restore, save
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, DecodingStep, Evaluation, Prediction, Scores

MOST_UNITS = 20_000  # of a text that is read at once
_LEAST = 1e-12


@dataclass(frozen=True)
class Options:
    """The words of the next unit: none so far."""


class NextToken(Answer):
    """What comes next in a text."""

    WORD = "text"
    EVAL_METRIC = "nll"
    HIGHER_IS_BETTER = False
    BASELINES = ("most_frequent_token", "bigram")

    def __init__(
        self,
        *,
        window: int = 100,
        vocabulary: int = 20_000,
        unit: str = "characters",
        loss: str | None = None,
    ) -> None:
        self.codec: Windows = Windows(Index("text", most=vocabulary), window, stride=window)
        self.unit, self._loss = unit, loss

    @property
    def name(self) -> str:
        return self.codec.columns[0]

    @property
    def spec(self) -> TensorSpec:
        inner = self.codec.inner.spec
        return TensorSpec(
            "next", ("time", "class"), (self.codec.length, inner.vocabulary), words=inner.words
        )

    @property
    def loss(self) -> str:
        return self._loss or "sparse_categorical_cross_entropy"

    def split(self, text: str) -> tuple[list[str], Frame]:
        """A text as units, and as the column that the codec knows."""
        units = list(text) if self.unit == "characters" else text.split()
        return units, Frame((strings(self.name, units),), origin="the text")

    @property
    def shown(self) -> tuple[str, ...]:
        """The units by their ids, as people read them; id 0 is any that was never seen."""
        return ("\N{REPLACEMENT CHARACTER}", *self.codec.inner.spec.words[1:])

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().softmax(dim=-1).numpy()

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        """Only what is judged: the probability of the right unit, and whether it was the likeliest (batch, time, 2)."""
        probabilities = outputs.detach().softmax(dim=-1)
        chosen = probabilities.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        right = probabilities.argmax(dim=-1) == targets
        return torch.stack([chosen, right.to(chosen.dtype)], dim=-1).numpy(), self.truth(targets)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        surprise = -np.log(np.clip(scores[..., 0].astype(np.float64), _LEAST, 1))
        nats = float(surprise.mean())
        metrics = {
            "nll": nats,
            "bits": nats / log(2),
            "perplexity": exp(min(nats, 50)),
            "accuracy": float(scores[..., 1].mean()),
        }
        return Evaluation(metrics, {"unit": self.unit}, each=-surprise.mean(axis=-1))

    def decide(self, scores: Scores) -> list[Prediction]:
        """The unit after the last step."""
        words, decisions = self.codec.inner.spec.words, []
        for row in scores[:, -1]:
            order = np.argsort(-row, kind="stable")[:5]
            others = tuple((words[at], float(row[at])) for at in order[1:].tolist())
            decisions.append(Prediction(words[int(order[0])], float(row[order[0]]), others))
        return decisions

    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        best = self.decide(scores)[0]
        return [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0, -1].detach().numpy(),
                "what the net gives, at the last step",
            ),
            DecodingStep("probability", scores.shape[1:], scores[0, -1], "softmax"),
            DecodingStep("decision", (), int(scores[0, -1].argmax()), "argmax"),
            DecodingStep("next", (), best.value, f"'{best.value}'"),
        ]

    def state(self) -> dict[str, Any]:
        return {"codec": save(self.codec), "unit": self.unit, "loss": self.loss}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Windows)
        answer = cls(window=codec.length, unit=state["unit"], loss=state["loss"])
        answer.codec = codec
        return answer


ANSWER = NextToken
