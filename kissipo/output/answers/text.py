"""Text: the next token at every step of a text, a character or a word.

`text: masked` is the masked pieces of a text (`output/masked_text.py`), and
`text: COLUMN` is the text in a column instead (`output/target_text.py`).

logits -> probabilities (softmax) -> the most probable token. The metrics are the mean
negative log-likelihood (also in bits and as perplexity) and the accuracy of the argmax.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.index import Index
from kissipo.codec.tokens import Unit
from kissipo.codec.windows import Windows
from kissipo.core.codec import restore, save
from kissipo.core.description import Line, Record, Section
from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.masked_text import MaskedText
from kissipo.output.target_text import TargetText
from kissipo.output.texts.metrics import TextMetric
from kissipo.output.texts.search import TextSearch
from kissipo.output.vocabulary import Vocabulary

_MIN_PROBABILITY = 1e-12
_START, _TEMPERATURES = 32, (0.5, 1.0)  # of the generated texts of the report
_LENGTHS = {"characters": 240, "words": 50}


@dataclass(frozen=True)
class Options:
    """The options of the text of a column and of masked text."""

    unit: Unit | None = option(
        None, "what the text of a column is written in: characters (when omitted) or words"
    )
    decode: TextSearch | None = option(
        None, "how the text of a column is searched; greedy when omitted"
    )
    eval_metric: TextMetric | None = option(
        None,
        "main metric of the text of a column: exact_match for characters and short texts, bleu "
        "for texts of words; rouge_l is usual for summaries",
    )
    next_sentence: bool | None = option(
        None,
        "for output.text=masked: whether the net also learns if text B follows text A; "
        "true when omitted",
    )

    def refuse_unsuitable(self, value: object) -> None:
        """Refuses options that belong to another value of `text`.

        Raises:   TaskError with the option.
        """
        of_column = dict.fromkeys(("unit", "decode", "eval_metric"), "COLUMN")
        owners = {"next_sentence": "masked", **of_column}
        kind = value if value in ("next", "masked") else "COLUMN"
        for name, owner in owners.items():
            if getattr(self, name) is not None and owner != kind:
                what = "the text of a column" if owner == "COLUMN" else "masked text"
                raise TaskError(
                    f"output.{name} is for {what}: output.text={owner}",
                    do=f"Leave output.{name} out",
                )


class NextToken(Answer):
    """The next token of a text."""

    WORD = "text"
    EVAL_METRIC = "nll"
    HIGHER_IS_BETTER = False
    DEFAULT_LOSS = "sparse_categorical_cross_entropy"
    BASELINES = ("most_frequent_token", "bigram")
    SOURCES = ("table", "make")

    def __init__(
        self,
        *,
        window: int = 100,
        vocabulary: int = 20_000,
        unit: str = "characters",
        loss: str | None = None,
    ) -> None:
        self.codec: Windows = Windows(Index("text", vocab_size=vocabulary), window, stride=window)
        self.unit, self._loss = unit, self.loss_name(loss)

    @classmethod
    def variant(cls, value: object) -> type[Answer]:
        """Returns the class for the next token, masked text, or a text in a column."""
        if value == "masked":
            return MaskedText
        return cls if value in (None, "next") else TargetText

    @classmethod
    def for_rows(cls, value: object, options: Any, *, loss: str | None, frame: Frame) -> Answer:
        """Returns the answer for the text in a column.

        value:  the name of the column
        """
        if value in (None, "next"):
            raise TaskError(
                "output.text=next is the next token of a running text",
                allowed="the name of a column of texts: " + ", ".join(frame.names),
                do="Use output.text=COLUMN, or input.text=FILE for a running text",
            )
        options.refuse_unsuitable(value)
        search = options.decode or TextSearch()
        search.refuse_contradictions()
        return TargetText(
            str(value),
            unit=options.unit or "characters",
            search=search,
            eval_metric=options.eval_metric,
            loss=loss,
        )

    @property
    def spec(self) -> TensorSpec:
        inner = self.codec.inner.spec
        return TensorSpec(
            "next",
            ("time", "class"),
            (self.codec.length, inner.vocab_size),
            labels=inner.labels,
            causal=True,
        )

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().softmax(dim=-1).numpy()

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        """Returns per step the probability of the target, and whether it is the argmax.

        Shapes:   scores (batch, time, 2), truth (batch, time)
        """
        probabilities = outputs.detach().softmax(dim=-1)
        likelihood = probabilities.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        right = probabilities.argmax(dim=-1) == targets
        return torch.stack([likelihood, right.to(likelihood.dtype)], dim=-1).numpy(), self.truth(
            targets
        )

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        losses = -np.log(np.clip(scores[..., 0].astype(np.float64), _MIN_PROBABILITY, 1))
        nll = float(losses.mean())
        metrics = {
            "nll": nll,
            "bits": nll / log(2),
            "perplexity": exp(min(nll, 50)),
            "accuracy": float(scores[..., 1].mean()),
        }
        return Evaluation(metrics, {"unit": self.unit}, per_sample=-losses.mean(axis=-1))

    def decode(self, scores: Scores) -> list[Prediction]:
        """Decodes the token after the last step."""
        words, predictions = self.codec.inner.spec.labels, []
        for row in scores[:, -1]:
            order = np.argsort(-row, kind="stable")[:5]
            others = tuple((words[index], float(row[index])) for index in order[1:].tolist())
            predictions.append(Prediction(words[int(order[0])], float(row[order[0]]), others))
        return predictions

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        best = self.decode(scores)[0]
        return [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0, -1].detach().numpy(),
                "model output at the last step",
            ),
            DecodingStep("probability", scores.shape[1:], scores[0, -1], "softmax"),
            DecodingStep("decision", (), int(scores[0, -1].argmax()), "argmax"),
            DecodingStep("next", (), best.value, f"'{best.value}'"),
        ]

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.codec.inner, self.unit)

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        return ScriptPart(
            (
                f"logits = outputs[{number}].flatten(0, 1).double()",
                f"entropy = functional.cross_entropy(logits, targets[{number}].flatten())",
                f'values["{prefix}nll"], values["{prefix}perplexity"] = '
                "entropy.item(), entropy.exp().item()",
            ),
            quality=f"outputs[{number}].double().log_softmax(-1)"
            f".gather(-1, targets[{number}].unsqueeze(-1)).flatten(1).mean(1)",
            imports=("from torch.nn import functional",),
        )

    def state(self) -> JsonObject:
        return {"codec": save(self.codec), "unit": self.unit, "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Windows)
        answer = cls(window=codec.length, unit=state["unit"], loss=state["loss"])
        answer.codec = codec
        return answer

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        return [self._generated(data)]

    def in_words(self, data: EvaluationData, samples: Scores) -> Sequence[tuple[str, str]]:
        """Returns each text, and how well its tokens were predicted."""
        losses = -np.log(np.clip(data.scores[samples][..., 0], _MIN_PROBABILITY, 1)).mean(axis=-1)
        unit = self.unit.removesuffix("s")
        return [
            (self._text(ids.tolist()), f"loss {loss:.3f} nats per {unit}")
            for ids, loss in zip(data.truth[samples], losses, strict=True)
        ]

    def _generated(self, data: EvaluationData) -> Section:
        """Returns texts that the net generates after the first tokens of the split."""
        title = "Generated text"
        if data.continue_text is None or not len(data.rows):
            return Section(title, [])
        first = data.inputs(np.zeros(1, dtype=np.int64))[0][0]
        start, length = first[:_START], _LENGTHS[self.unit]
        records: list[Record] = [
            Line(f"All texts begin with these {self.unit} of the evaluated text:"),
            Line(self._text(start.tolist()), "text"),
        ]
        for temperature in _TEMPERATURES:
            tokens = data.continue_text(start, length, temperature)
            note = f"temperature {temperature:g}"
            records.append(Section(note, [Line(self._text(tokens), "text")]))
        real = first[_START:].tolist()
        records.append(Section("the text itself goes on", [Line(self._text(real), "text")]))
        text = (
            "A low temperature prefers the most probable tokens; "
            "temperature 1 samples from the probabilities of the net."
        )
        return Section(title, [*records, Line(text, "dim")])

    def _text(self, ids: Sequence[int]) -> str:
        vocabulary = self.vocabulary
        return "".join(vocabulary.continuation(token) for token in ids).lstrip(" ")


ANSWER = NextToken
