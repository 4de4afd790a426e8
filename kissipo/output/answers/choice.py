"""Choice: which of several options fits a text, such as the ending of a sentence.

The net has one output per option of a row, the score of the pair of text and option:
scores -> probabilities (softmax over the options of the row) -> the most probable one.

The column of the answer says which option is right: by the name of its column, by its
number from 0 or from 1, by a letter, or by its own text. Predictions have the same
notation. An empty cell does not count, so rows may have different numbers of options.

accuracy                the share of rows whose right option is the most probable one
mean_reciprocal_rank    1 / the rank of the right option, where 1 is the most probable
log_loss                minus the mean log probability of the right option

Shapes:   outputs (batch, option); scores (sample, option); truth (sample)
Source:   Zellers et al., SWAG, 2018; Devlin et al., BERT, 2019, section 4.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NoReturn, Self, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.labels import Labels, as_strings
from kissipo.codec.option_pairs import OptionPairs, texts_of
from kissipo.codec.spans import splits_pieces
from kissipo.core.codec import Codec, restore, save
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    Prediction,
    Scores,
)
from kissipo.output.classification_sections import confident_errors, wrong_and_right

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NUMBERED = re.compile(r"(.*?)(\d+|(?<=[_ ])[A-Ha-h])")  # of an option: ending0, option_a
_TINY = 1e-15


@dataclass(frozen=True)
class Decode:
    """The options of the decision rule."""

    SHORT: ClassVar[str] = "top_k"
    top_k: int = option(3, "number of other options listed per prediction", minimum=1)


@dataclass(frozen=True)
class Options:
    """The options of a choice."""

    options: tuple[str, ...] | None = option(
        None,
        "columns of the options, of which one is right; columns whose names differ in a number or "
        "a letter at the end when omitted, such as ending0, ending1",
    )
    decode: Decode = option(Decode(), "which options are listed")


class Choice(Answer):
    """One of several options of each row.

    is_inferred:  whether the columns of the options were inferred from their names
    """

    WORD = "choice"
    EVAL_METRIC = "accuracy"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "sparse_categorical_cross_entropy"
    LOSSES = (DEFAULT_LOSS,)
    CHECKS_LEAKAGE = False  # the text of the right option determines the answer
    BASELINES = ("option_overlap", "random_option")
    SOURCES = ("table",)

    def __init__(
        self,
        column: str,
        options: Options = Options(),
        *,
        loss: str | None = None,
        is_inferred: bool = False,
    ) -> None:
        self.codec: Labels = Labels(column)
        self.options, self._loss, self.is_inferred = options, self.loss_name(loss), is_inferred
        self.texts: tuple[str, ...] = ()  # the columns of the text before the options

    @classmethod
    def for_rows(cls, value: object, options: Options, *, loss: str | None, frame: Frame) -> Self:
        """Returns the answer for a column that names an option of each row.

        Raises:   TaskError when there are no columns of options.
        """
        name = str(value)
        names = options.options or numbered_columns([item for item in frame.names if item != name])
        if not 2 <= len(names) <= len(_LETTERS) or name in names:
            raise TaskError(
                f"output.choice={name} needs the columns of the options",
                got=", ".join(names) or "the columns " + ", ".join(frame.names),
                allowed=f"2 to {len(_LETTERS)} columns, without the one of the answer",
                do="Name them: output.options=[COLUMN, COLUMN]",
            )
        for column in names:
            frame[column]  # raises a DataError for a missing column
        is_inferred = options.options is None
        return cls(name, replace(options, options=names), loss=loss, is_inferred=is_inferred)

    @property
    def option_columns(self) -> tuple[str, ...]:
        """The columns of the options."""
        return self.options.options or ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The options as the column of the answer names them."""
        return self.codec.order or ()

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(self.name, ("option",), (len(self.option_columns),), labels=self.classes)

    def side_columns(self, frame: Frame) -> tuple[str, ...]:
        return self.option_columns

    def input_options(self) -> tuple[InferredOption, ...]:
        reason = "a text is read together with each option"
        return (InferredOption("input.tokenizer", "wordpieces", reason),)

    def adapt_inputs(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        """Returns the codec of the pairs of a text and an option.

        Raises:   TaskError when the input is not one or two columns of word pieces.
        """
        text = codecs[0]
        if len(codecs) != 1 or not splits_pieces(text):
            columns = [name for codec in codecs for name in codec.columns]
            raise TaskError(
                f"output.choice={self.name} needs one or two columns of texts as word pieces",
                got=f"the columns {', '.join(columns)}",
                do="Name the text: input.text=COLUMN, leave input.tokenizer out, and name other "
                "columns in input.drop",
            )
        twice = [name for name in text.columns if name in self.option_columns]
        if twice:
            raise TaskError(
                f"input.text names '{twice[0]}', which is an option",
                do="Name the text that stands before the options: input.text=COLUMN",
            )
        self.texts, state = text.columns, text.state()
        del state["texts"]
        return (OptionPairs(self.texts, options=self.option_columns, **state),)

    def usable_rows(
        self,
        frame: Frame,
        findings: list[Finding],
        *,
        missing: Literal["empty", "left_out"] | None = None,
    ) -> Frame:
        """Returns the rows whose right option has a text."""
        frame = super().usable_rows(frame, findings, missing=missing)
        places = frame[self.name].positions(self.classes, absent=-1)
        options = self.option_texts(frame)
        is_empty = np.array(
            [not texts[place] for texts, place in zip(options, places, strict=True)]
        )
        if is_empty.all():
            raise DataError(
                f"the option that '{self.name}' names is empty in every row of {frame.origin}",
                do="Are these the columns of the options? Name others with output.options",
            )
        if is_empty.any():
            rows = frame.rows[is_empty]
            message = (
                f"the option that '{self.name}' names is empty in {len(rows):,} of "
                f"{len(frame):,} rows ({format_rows(rows)})"
            )
            findings.append(Finding("WARN", "empty options", message, "left out", first_rows(rows)))
        return frame.take(np.flatnonzero(~is_empty)) if is_empty.any() else frame

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        """Returns the frame with the answer in one notation, which the first rows set.

        Raises:   DataError for an answer that names no option.
        """
        column = as_strings(frame[self.name])
        if not self.classes:
            self.codec.order, remarks = notation_of(column, self.option_columns)
            findings += remarks
        if self.classes != self.option_columns:
            return frame.replaced(_upper(column, self.classes))
        own = set(self.option_columns)
        if all(text in own for text in column.counts()):
            return frame.replaced(column)
        return frame.replaced(self._by_text(column, frame))

    def _by_text(self, column: Column, frame: Frame) -> Column:
        """Returns the names of the options whose texts are the answers.

        Raises:   DataError for an answer that names no option of its row.
        """
        answers = [(answer or "").strip() for answer in column.texts()]
        rows = list(zip(answers, self.option_texts(frame), strict=True))
        wrong = [
            row
            for row, (answer, texts) in enumerate(rows)
            if answer and answer not in texts and answer not in self.option_columns
        ]
        if wrong:
            self._refuse_answers({row: rows[row] for row in wrong}, frame)
        names = [
            self.option_columns[texts.index(answer)] if answer in texts else answer or None
            for answer, texts in rows
        ]
        return strings(self.name, names)

    def _refuse_answers(self, rows: Mapping[int, tuple[str, list[str]]], frame: Frame) -> NoReturn:
        """Refuses answers that are no options; it shows one that is in no notation."""
        count = len(self.option_columns)
        first = 0 if any(answer == "0" for answer, _ in rows.values()) else 1
        possible = {*map(str, range(first, first + count)), *_LETTERS[:count]}
        row = next((row for row in rows if rows[row][0].upper() not in possible), next(iter(rows)))
        answer, texts = rows[row]
        raise DataError(
            f"'{self.name}' names no option in row {frame.rows[row]} of {frame.origin}",
            got=f"'{answer}'",
            allowed="the text of an option of the row; or, in all rows, the name of its column: "
            f"{list_some(self.option_columns, 5)}; its number, 0 to {count - 1} or 1 to {count}; "
            f"or a letter, A to {_LETTERS[count - 1]}",
            do=did_you_mean(answer, [text for text in texts if text]),
        )

    def option_texts(self, frame: Frame) -> list[list[str]]:
        """Returns the texts of the options of each row; "" where there is none."""
        columns = [texts_of(frame, name) for name in self.option_columns]
        return [list(row) for row in zip(*columns, strict=True)]

    def texts_before(self, frame: Frame) -> list[str]:
        """Returns the text before the options of each row."""
        columns = [texts_of(frame, name) for name in self.texts]
        return [" ".join(row) for row in zip(*columns, strict=True)]

    def equal_shares(self, frame: Frame) -> Scores:
        """Returns scores of rows whose options are equally probable."""
        is_option = np.array([[bool(text) for text in row] for row in self.option_texts(frame)])
        return is_option / is_option.sum(axis=1, keepdims=True)

    def adapt_values(self, frame: Frame) -> Frame:
        """Returns new samples as they are.

        Raises:   DataError for a row with fewer than two options.
        """
        for row, texts in enumerate(self.option_texts(frame)):
            if sum(map(bool, texts)) < 2:
                raise DataError(
                    f"row {frame.rows[row]} of {frame.origin} has fewer than two options",
                    got=", ".join(f"'{text}'" for text in texts if text) or "only empty ones",
                    do=f"Fill at least two of {', '.join(self.option_columns)}",
                )
        return frame

    def check_targets(self, frame: Frame) -> list[Finding]:
        """Reports how many options the rows have."""
        counts = [sum(map(bool, texts)) for texts in self.option_texts(frame)]
        options = (
            str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
        )
        message = f"{options} options per row, of which '{self.name}' names one"
        return [Finding("PASS", "options", message)]

    def fitted_options(self) -> tuple[InferredOption, ...]:
        if not self.is_inferred:
            return ()
        reason = "their names differ in the number or the letter at the end"
        return (InferredOption("options", list(self.option_columns), reason),)

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().double().softmax(dim=-1).numpy()

    def class_probabilities(self, outputs: Tensor) -> Scores:
        return self.scores(outputs)

    def truth(self, targets: Tensor) -> Scores:
        return targets.reshape(-1).numpy()

    def predicted(self, scores: Scores) -> Scores:
        return np.asarray(scores.argmax(axis=1))

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        rows = np.arange(len(truth))
        right = (self.predicted(scores) == truth).astype(np.float64)
        shares = scores[rows, truth]
        better, equal = (
            compare(scores, shares[:, None]).sum(axis=1) for compare in (np.greater, np.equal)
        )
        ranks = better + (equal + 1) / 2  # equal options have the mean of their ranks
        metrics = {
            "accuracy": float(right.mean()),
            "mean_reciprocal_rank": float((1 / ranks).mean()),
            "log_loss": float(-np.log(np.clip(shares, _TINY, 1)).mean()),
        }
        return Evaluation(metrics, {"options": list(self.option_columns)}, per_sample=right)

    def decode(self, scores: Scores) -> list[Prediction]:
        top_k, predictions = self.options.decode.top_k, list[Prediction]()
        for row in scores:
            best, *others = np.argsort(-row, kind="stable").tolist()
            listed = [(self.classes[place], float(row[place])) for place in others if row[place]]
            predictions.append(
                Prediction(self.classes[best], float(row[best]), tuple(listed[:top_k]))
            )
        return predictions

    def in_units_of(self, predictions: Sequence[Prediction], frame: Frame) -> list[Prediction]:
        """Returns the predictions with the texts of the options."""
        texts = self.option_texts(frame)
        return [
            replace(item, text=row[self.classes.index(item.value)])
            for item, row in zip(predictions, texts, strict=True)
        ]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        place, names = int(scores[0].argmax()), self.option_columns
        logits = outputs[0].detach().numpy()
        return [
            DecodingStep(
                "logits", logits.shape, logits, "score of the text with each option", names
            ),
            DecodingStep(
                "probability", scores.shape[1:], scores[0], "softmax over the options", names
            ),
            DecodingStep("decision", (), place, "argmax"),
            DecodingStep("option", (), prediction.value, f"option {place} is '{names[place]}'"),
        ]

    def describe_target(self, target: object) -> str:
        return self.classes[int(np.asarray(target))]

    def split_counts(self, targets: Callable[[], Tensor]) -> Mapping[str, int]:
        counts = np.bincount(targets().reshape(-1).numpy(), minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> NDArray[np.int64]:
        """Returns the wrong predictions, the most confident first."""
        return confident_errors(scores, self.predicted(scores) == truth)

    def examples(self, scores: Scores, truth: Scores, quality: Scores) -> Sequence[tuple[int, str]]:
        return wrong_and_right(scores, self.predicted(scores) == truth)

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        choice, truth = f"outputs[{number}].argmax(1)", f"targets[{number}].flatten()"
        right = f"({choice} == {truth}).double()"
        return ScriptPart((f'values["{prefix}accuracy"] = float({right}.mean())',), right)

    def state(self) -> JsonObject:
        return {
            "codec": save(self.codec),
            "loss": self.loss,
            "options": list(self.option_columns),
            "top_k": self.options.decode.top_k,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast(Labels, restore(state["codec"]))
        options = Options(tuple(state["options"]), Decode(state["top_k"]))
        answer = cls(codec.column, options, loss=state["loss"])
        codec.order, answer.codec = codec.classes, codec
        return answer


def numbered_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the most columns whose names differ in the number or the letter at the
    end.

    Example:  >>> numbered_columns(["sent1", "ending0", "ending1", "ending2"])
              ('ending0', 'ending1', 'ending2')
              >>> numbered_columns(["text", "option_a", "option_b"])
              ('option_a', 'option_b')
    """
    groups: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match:
            groups.setdefault((match[1], match[2].isdigit()), []).append(name)
    largest = max(groups.values(), key=len, default=[])
    return tuple(largest) if len(largest) > 1 else ()


def notation_of(column: Column, options: Sequence[str]) -> tuple[tuple[str, ...], list[Finding]]:
    """Returns how a column names the options; their own names where it names them by
    their texts.

    Example:  >>> notation_of(strings("label", ["1", "4"]), list("abcd"))[0]
              ('1', '2', '3', '4')
              >>> notation_of(strings("label", ["B", "a"]), list("abc"))[0]
              ('A', 'B', 'C')
    """
    values, count = {text.strip() for text in column.counts()}, len(options)
    from_0, from_1 = (tuple(map(str, range(first, first + count))) for first in (0, 1))
    if values <= set(options):
        return tuple(options), []
    if values <= {*from_0} & {*from_1}:
        message = f"the numbers of '{column.name}' may count the options from 0 or from 1"
        action = "counted from 0; write the names of the columns instead to be sure"
        return from_0, [Finding("WARN", "options", message, action)]
    for names in (from_0, from_1, tuple(_LETTERS[:count])):
        if {text.upper() for text in values} <= {*names}:
            return names, []
    return tuple(options), []


def _upper(column: Column, classes: Sequence[str]) -> Column:
    """Returns a column with letters in upper case, without blanks around them."""
    texts = [None if text is None else text.strip().upper() for text in column.texts()]
    return replace(strings(column.name, texts), value_type=column.value_type)


ANSWER = Choice
