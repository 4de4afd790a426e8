"""Ordinal: classes in an order; the outputs are the logits of `above class k`."""

from dataclasses import dataclass

import numpy as np
import torch

from kissipo.codec.labels import Labels
from kissipo.core.codec import restore, save
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, DecodingStep, Evaluation, Prediction


@dataclass(frozen=True)
class Options:
    """The options of an ordinal."""

    order: tuple[str, ...] | None = option(None, "the classes in their order")


class Ordinal(Answer):
    """One of several classes in an order."""

    WORD = "ordinal"
    EVAL_METRIC = "rank_mae"
    HIGHER_IS_BETTER = False
    BASELINES = ()
    SOURCES = ("table",)

    def __init__(self, column, options=Options(), *, loss=None):
        self.options, self._loss = options, loss
        self.codec = Labels(column, order=options.order)

    @property
    def name(self):
        return self.codec.column

    @property
    def classes(self):
        return self.codec.classes or ()

    @property
    def spec(self):
        above = tuple(f"above {name}" for name in self.classes[:-1])
        return TensorSpec(self.name, ("threshold",), (len(above),), labels=above)

    @property
    def loss(self):
        return self._loss or "cumulative"

    def suggested_net(self):
        from kissipo.core.inferred_option import InferredOption

        return InferredOption("process.net", "radial", "rings are round")

    def scores(self, outputs):
        return torch.sigmoid(outputs.detach().double()).numpy()

    def predicted(self, scores):
        return (scores > 0.5).sum(axis=1)

    def evaluate(self, scores, truth):
        error = np.abs(self.predicted(scores) - truth).astype(float)
        return Evaluation(
            {"rank_mae": float(error.mean()), "accuracy": float((error == 0).mean())},
            per_sample=-error,
        )

    def decode(self, scores):
        return [Prediction(self.classes[rank]) for rank in self.predicted(scores)]

    def decoding_steps(self, outputs):
        scores = self.scores(outputs)
        answer = self.decode(scores)[0].value
        return [
            DecodingStep("logits", tuple(outputs.shape[1:]), outputs[0].detach().numpy()),
            DecodingStep("above", scores.shape[1:], scores[0], "sigmoid"),
            DecodingStep("class", (), answer, "number of thresholds that are passed"),
        ]

    def state(self):
        return {"codec": save(self.codec), "loss": self.loss}

    @classmethod
    def from_state(cls, state):
        codec = restore(state["codec"])
        answer = cls(codec.column, loss=state["loss"])
        answer.codec = codec
        return answer


ANSWER = Ordinal
