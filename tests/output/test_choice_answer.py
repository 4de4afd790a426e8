"""Choices: how a column names an option, rows left out, metrics, predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn

from kissipo.codec.numbers import Numbers
from kissipo.codec.word_pieces import WordPieces
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, numbers, strings
from kissipo.output.answers.choice import Choice, Options

ENDS = {
    "end0": ["run", "sing", "eat"],
    "end1": ["walk", "dance", "drink"],
    "end2": ["swim", "", "sleep"],
}


ANY = Options()


def frame_of(label: Sequence[str | float | None], **more: list[str]) -> Frame:
    texts = {"start": ["they", "we", "you"], **ENDS, **more}
    columns = [strings(name, values) for name, values in texts.items()]
    values = [value for value in label if isinstance(value, int | float)]
    names = [value for value in label if value is None or isinstance(value, str)]
    right = numbers("label", values) if values else strings("label", names)
    return Frame((*columns, right), origin="ends.csv")


def read(frame: Frame, options: Options = ANY) -> tuple[Choice, Frame, list[Finding]]:
    findings: list[Finding] = []
    answer = Choice.for_rows("label", options, loss=None, frame=frame)
    return answer, answer.usable_rows(frame, findings), findings


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        (["end2", "end0", "end1"], ("end0", "end1", "end2")),
        ([2, 0, 1], ("0", "1", "2")),
        ([3, 1, 2], ("1", "2", "3")),
        (["C", "a", "B "], ("A", "B", "C")),
        (["swim", "sing", "drink"], ("end0", "end1", "end2")),
    ],
)
def test_every_notation_names_the_same_options(
    label: list[str | float], classes: tuple[str, ...]
) -> None:
    answer, rows, findings = read(frame_of(label))
    assert (answer.option_columns, answer.classes) == (("end0", "end1", "end2"), classes)
    assert answer.fit(rows).codec.encode(rows).tolist() == [2, 0, 1]
    assert [item.level for item in findings] == []
    predictions = answer.in_units_of(answer.decode(np.eye(3)[[2, 0, 1]]), rows)
    assert [item.to_json()["text"] for item in predictions] == ["swim", "sing", "drink"]
    assert predictions[0].describe() == f"{classes[2]}: swim (100%)"


def test_numbers_that_fit_both_counts_are_shown() -> None:
    _, _, findings = read(frame_of([1, 1, 2]))
    assert [(item.level, item.check) for item in findings] == [("WARN", "options")]
    assert "from 0 or from 1" in findings[0].message


def test_rows_whose_right_option_is_empty_are_left_out() -> None:
    answer, rows, findings = read(frame_of([2, 2, 0]))
    assert len(rows) == 2 and answer.fit(rows).codec.encode(rows).tolist() == [2, 0]
    assert findings[-1].message == ("the option that 'label' names is empty in 1 of 3 rows (row 2)")
    assert answer.check_targets(rows)[0].message == "3 options per row, of which 'label' names one"


def test_metrics_equal_sklearn() -> None:
    generator = np.random.default_rng(2)
    outputs = torch.from_numpy(generator.normal(size=(50, 3)))
    truth = generator.integers(3, size=50)
    answer, rows, _ = read(frame_of([0, 1, 2]))
    answer.fit(rows)
    scores = answer.scores(outputs)
    expected = {
        "accuracy": sklearn.accuracy_score(truth, outputs.argmax(1)),
        "mean_reciprocal_rank": sklearn.label_ranking_average_precision_score(
            np.eye(3)[truth], scores
        ),
        "log_loss": sklearn.log_loss(truth, scores),
    }
    assert answer.evaluate(scores, truth).metrics == pytest.approx(expected)
    equal = answer.evaluate(np.full((4, 3), 1 / 3), np.array([0, 1, 2, 0])).metrics
    assert equal["mean_reciprocal_rank"] == 0.5  # the middle of three


def test_option_that_is_not_there_has_no_probability() -> None:
    answer, rows, _ = read(frame_of([0, 1, 2]))
    answer.fit(rows)
    (prediction,) = answer.decode(answer.scores(torch.tensor([[0.0, 1.0, -torch.inf]])))
    assert prediction.value == "1" and [name for name, _ in prediction.others] == ["0"]
    assert prediction.confidence == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize(
    ("label", "options", "text"),
    [
        (
            [0, 1, 3],
            Options(),
            r"'label' names no option in row 3 of ends\.csv; got '3'\. Allowed: ",
        ),
        (["x", "end0", "end1"], Options(), r"no option in row 1 .* got 'x'"),
        ([2, 2, 2], Options(("end2", "start", "nothing")), r"no column 'nothing'"),
        ([1, 1, 1], Options(("end0",)), r"needs the columns of the options; got end0"),
        ([None, None, None], Options(), r"has no value in any of its 3 rows"),
    ],
)
def test_answers_that_name_no_option_are_refused(
    label: list[str | float], options: Options, text: str
) -> None:
    with pytest.raises((DataError, TaskError), match=text):
        read(frame_of(label), options)


def test_inputs_that_are_not_one_text_are_refused() -> None:
    answer, _, _ = read(frame_of([0, 1, 2]))
    with pytest.raises(TaskError, match=r"needs one or two columns of texts as word pieces; got"):
        answer.adapt_inputs([WordPieces(("start",)), Numbers(("x",))])
    with pytest.raises(TaskError, match=r"input\.text names 'end1', which is an option"):
        answer.adapt_inputs([WordPieces(("start", "end1"))])
    with pytest.raises(DataError, match=r"row 2 of ends\.csv has fewer than two options"):
        answer.adapt_values(frame_of([0, 1, 2], end1=["walk", "", "drink"]))
