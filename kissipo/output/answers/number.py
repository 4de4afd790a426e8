"""Number: a quantity in its own unit: scaled value -> inverse scaling -> number.

With the Poisson loss the model outputs the logarithm of a count, and decoding is e^y.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.numbers import Numbers
from kissipo.core.codec import restore, save
from kissipo.core.description import Chart, Histogram, Line, Section
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.number_cells import infinities, mixed_types, placeholders
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_score
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.count_script import script_part_of_counts
from kissipo.output.metrics.errors import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    r_squared,
    root_mean_squared_error,
)
from kissipo.output.target_checks import refuse_negative, refuse_one_number

_MAX_POINTS, _BINS = 600, 30


@dataclass(frozen=True)
class Options:
    """The options of a number."""

    scale: Literal["standard", "range", "none"] | None = option(
        None, "scaling of the target, inverted in predictions"
    )


class Number(Answer):
    """One quantity per sample."""

    WORD = "number"
    EVAL_METRIC = "rmse"
    HIGHER_IS_BETTER = False
    DEFAULT_LOSS = "mean_squared_error"
    BASELINES: ClassVar[tuple[str, ...]] = (
        "mean",
        "ridge_regression",
        "nearest_neighbors",
        "random_forest",
        "tfidf_ridge",
        "ridge_all_columns",
        "gradient_boosting",
        "support_vector_machine",
    )

    def __init__(
        self, column: str, options: Options = Options(), *, loss: str | None = None
    ) -> None:
        self._loss = self.loss_name(loss)
        self.options = options
        if self.counts and options.scale in ("standard", "range"):
            raise TaskError(
                f"output.scale={options.scale} does not suit process.loss=poisson, as counts are "
                "0 or more",
                allowed="none",
                do="Leave output.scale out",
            )
        self.codec: Numbers = Numbers(
            (column,),
            scale=options.scale or ("mean" if self.counts else "standard"),
            missing_indicator=False,
        )

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        column = frame[self.name]
        if column.kind != "number":
            raise DataError(
                f"the answer '{self.name}' must be a number for output.number",
                got=f"texts such as '{next(iter(column.categories), '')}'",
                do=f"Use output.category={self.name}, or correct the cells",
            )
        findings += mixed_types(frame, [self.name]) + infinities(frame, [self.name])
        refuse_failures(findings)
        findings += placeholders(frame, [self.name])
        return frame

    def check_targets(self, frame: Frame) -> list[Finding]:
        refuse_one_number(frame, self.name)
        if self.counts:
            refuse_negative(frame, self.name)
        return []

    @property
    def counts(self) -> bool:
        """Whether the net outputs the logarithm of a count over the mean count."""
        return self._loss == "poisson"

    @property
    def spec(self) -> TensorSpec:
        scales = () if self.counts else self.codec.spec.scales
        return TensorSpec(self.name, ("answer",), (1,), labels=(self.name,), scales=scales)

    def scores(self, outputs: Tensor) -> Scores:
        outputs = outputs.detach().to(torch.float64)
        return self.codec.decode(outputs.exp() if self.counts else outputs)[self.name].values

    def truth(self, targets: Tensor) -> Scores:
        return self.codec.decode(targets)[self.name].values

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        metrics = {
            "rmse": root_mean_squared_error(truth, scores),
            "mae": mean_absolute_error(truth, scores),
            "r2": r_squared(truth, scores),
            "mape": mean_absolute_percentage_error(truth, scores),
        }
        return Evaluation(metrics, {"unit": self.name}, per_sample=-np.square(scores - truth))

    def decode(self, scores: Scores) -> list[Prediction]:
        return [Prediction(float(value)) for value in scores]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        value = float(self.scores(outputs)[0])
        scaling = "inverse scaling" if self.codec.scale != "none" else "not scaled"
        if self.counts:
            scaling = "e^y" if self.codec.scale == "none" else "e^y times the mean count"
        return [
            DecodingStep(
                "output",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "model output",
            ),
            DecodingStep("number", (), value, f"{scaling}, in the unit of '{self.name}'"),
        ]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        if self.counts:
            assert self.codec.fitted is not None
            return script_part_of_counts(number, prefix, self.codec.fitted.spread[0])
        error = f"(outputs[{number}] - targets[{number}]).double()"
        return replace(
            super().script_part(number, prefix), quality=f"-{error}.square().flatten(1).mean(1)"
        )

    def state(self) -> JsonObject:
        return {"codec": save(self.codec), "scale": self.options.scale, "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Numbers)
        answer = cls(codec.columns[0], Options(state["scale"]), loss=state["loss"])
        answer.codec = codec
        return answer

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        pairs = list(zip(data.truth.tolist(), data.scores.tolist(), strict=True))[:_MAX_POINTS]
        low, high = (float(function([*data.truth, *data.scores])) for function in (min, max))
        chart = Chart(
            {"samples": pairs, "perfect": [(low, low), (high, high)]},
            "target",
            "prediction",
            dots=["samples"],
            dashed=["perfect"],
            limits=((low, high), (low, high)),
        )
        residuals = data.scores - data.truth
        counts, edges = np.histogram(residuals[np.isfinite(residuals)], bins=_BINS)
        histogram = Histogram(edges.tolist(), counts.tolist(), f"residual of '{self.name}'")
        text = (
            f"The residual is the prediction minus the target; the mean is "
            f"{format_score(float(residuals.mean()))}."
        )
        return [
            Section("Predictions and targets", [chart]),
            Section("Residuals", [histogram, Line(text, "dim")]),
            *super().sections(data),
        ]


ANSWER = Number
