"""Answers that stand in paragraphs: targets, faults, decoding, metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from kissipo.codec.spans import KEY, accepted_answers
from kissipo.codec.word_pieces import WordPieces
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, numbers, strings
from kissipo.output.answers.span import Decode, Options, Span

ADA = "Ada Lovelace wrote the first program, in 1843 (for $5.6-million)."
ROWS: list[tuple[str, str, str | None, float | None]] = [
    ("Who wrote it?", ADA, "Ada Lovelace", 0),
    ("When?", ADA, "1843", 41),
    ("How much was it?", ADA, "$5.6-million", 51),
    ("Where?", ADA, "", None),
]


def frame_of(rows: Sequence[tuple[str, str, str | None, float | None]], **more: Any) -> Frame:
    question, context, answer, start = zip(*rows, strict=True)
    return Frame(
        (
            strings("question", question),
            strings("context", context),
            strings("answer", answer),
            numbers("answer_start", list(start)),
            *(strings(name, texts) for name, texts in more.items()),
        ),
        origin="squad.json",
    )


def fitted(frame: Frame, length: int = 60, **decode: Any) -> Span:
    answer = Span.for_rows("answer", Options(decode=Decode(**decode)), loss=None, frame=frame)
    assert isinstance(answer, Span)
    pieces = WordPieces(("question", "context"), length=length, vocab_size=150).fit(frame)
    answer.adapt_inputs([pieces])
    return answer.fit(frame)


def logits_of(answer: Span, frame: Frame, targets: torch.Tensor) -> torch.Tensor:
    """Outputs of a net that is certain of these starts and ends."""
    outputs = torch.zeros(len(frame), answer.codec.length, 2)
    for row, (start, end) in enumerate(targets[:, :2].tolist()):
        outputs[row, start, 0] = outputs[row, end, 1] = 9.0
    assert answer.codec.pieces is not None
    return answer.predict(torch.nn.Identity(), [answer.codec.pieces.encode(frame)], outputs)


def test_target_is_the_pieces_of_the_answer_and_the_words_come_back() -> None:
    frame = frame_of(ROWS)
    answer = fitted(frame)
    targets = answer.codec.encode(frame)
    assert answer.codec.decode(targets)["answer"].texts() == [row[2] for row in ROWS]
    assert targets[3, :2].tolist() == [0, 0]
    assert (targets[:3, 0] >= targets[:3, 2]).all() and (targets[:3, 1] <= targets[:3, 3]).all()
    codec: Any = answer.codec.pieces
    (pieces,) = codec.split_frame(frame.take(np.array([1])))
    start, end = targets[1, :2].tolist()
    assert (pieces.starts[start], pieces.ends[end]) == (41, 45)


def test_certain_net_is_right_in_the_words_of_the_data() -> None:
    frame = frame_of(
        ROWS, answers=['["Ada", "Ada Lovelace"]', '["1843"]', '["$5.6-million"]', "[]"]
    )
    answer = fitted(frame)
    targets = answer.codec.encode(frame)
    outputs = logits_of(answer, frame, targets)
    scores, truth = answer.gather(outputs, targets)
    evaluation = answer.evaluate(scores, truth)
    assert evaluation.metrics == {
        "f1": 1.0, "exact_match": 1.0, "answerable_f1": 1.0, "unanswerable_accuracy": 1.0,
    }  # fmt: skip
    predictions = answer.in_units_of(answer.decode(scores), frame)
    assert [prediction.value for prediction in predictions] == [row[2] for row in ROWS]
    content = predictions[1].to_json()
    assert content["answer"] == "1843" and content["confidence"] == pytest.approx(1, abs=0.1)
    assert content["spans"][0] == {
        "text": "1843", "confidence": content["confidence"], "start": 41, "end": 45,
    }  # fmt: skip
    assert len(content["spans"]) == 6  # five spans, and no answer
    assert predictions[3].describe().startswith("(no answer in the text) (")


def test_metrics_count_every_accepted_answer() -> None:
    frame = frame_of(ROWS[:2], answers=['["the Ada", "Ada Lovelace"]', '["in 1843"]'])
    answer = fitted(frame)
    targets = answer.codec.encode(frame)
    ada = targets.clone()
    ada[0, 1] = ada[0, 0]
    while answer.codec.decode(ada)["answer"].texts()[0] != "Ada":  # "Ada" may be several pieces
        ada[0, 1] += 1
    scores = answer.scores_of_spans(ada[:, :2].tolist())
    evaluation = answer.evaluate(scores, targets.numpy())
    assert evaluation.per_sample is not None
    assert evaluation.per_sample.tolist() == [1.0, pytest.approx(2 / 3)]
    assert evaluation.metrics == {"f1": pytest.approx(5 / 6), "exact_match": 0.5}


def test_question_and_padding_are_never_an_answer() -> None:
    frame = frame_of(ROWS)
    answer = fitted(frame)
    assert answer.codec.pieces is not None
    ids = answer.codec.pieces.encode(frame)
    outputs = torch.full((len(frame), ids.shape[1], 2), 5.0)
    masked = answer.predict(torch.nn.Identity(), [ids], outputs)
    targets = answer.codec.encode(frame)
    for row, (_, _, first, last, _) in enumerate(targets.tolist()):
        visible = masked[row, :, 0].isfinite().nonzero().flatten().tolist()
        assert visible == [0, *range(first, last + 1)]


def test_truncated_and_long_answers_are_reported() -> None:
    far = ADA + " x" * 30 + " end"
    rows = [*ROWS, ("Where does it stop?", far, "end", float(len(far) - 3))]
    answer = fitted(frame_of(rows), length=45, max_pieces=3)
    findings = {item.check: item for item in answer.fitted_findings(frame_of(rows))}
    assert findings["truncated answers"].message.startswith("1 of 4 answers lie behind the 45")
    assert findings["truncated answers"].rows == (5,)
    assert findings["long answers"].rows  # Ada Lovelace, $5.6-million
    targets = answer.codec.encode(frame_of(rows))
    assert targets[4, :2].tolist() == [0, 0]
    evaluation = answer.evaluate(answer.scores_of_spans([(0, 0)] * 5), targets.numpy())
    assert evaluation.details["questions"]["truncated"] == 1
    line = answer.summary(evaluation)[0]
    assert "1 of 5 answers lie behind" in str(line)


def checked(
    rows: Sequence[tuple[str, str, str | None, float | None]],
) -> tuple[Frame, list[Finding]]:
    findings: list[Finding] = []
    frame = frame_of(rows)
    answer = Span.for_rows("answer", Options(), loss=None, frame=frame)
    return answer.usable_rows(frame, findings), findings


@pytest.mark.parametrize(
    ("row", "check", "place"),
    [
        (("q", ADA, "1843", 40.0), "answers at other places", 41),  # one off, and unique
        (("q", ADA, "1843", None), "answers at other places", 41),
        (("q", ADA, "1844", 41.0), "answers not in paragraphs", None),
        (("q", ADA, "e", 0.0), "answers not in paragraphs", None),  # several times elsewhere
        (("q", "  ", "1843", 0.0), "empty paragraphs", None),
        (("q", "", "", None), "empty paragraphs", None),
        (("q", ADA, None, None), "missing targets", None),
    ],
)
def test_fault_of_an_answer_is_reported_with_its_row(row: Any, check: str, place: Any) -> None:
    frame, findings = checked([*ROWS, row])
    (finding,) = findings
    assert (finding.level, finding.check, finding.rows) == ("WARN", check, (5,))
    assert len(frame) == 4 + (place is not None)
    if place is not None:
        assert frame["answer_start"].values[4] == place
        assert "occurs once" in finding.action
    assert frame.rows[:4].tolist() == [1, 2, 3, 4]


def test_data_without_one_usable_answer_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"no answer of squad.json stands in its paragraph; got 2 of"
    ):
        checked([("q", ADA, "Bob", 0.0), ("p", ADA, "Eve", 3.0)])


def test_table_without_places_takes_the_first() -> None:
    frame = Frame(
        (
            strings("question", ["q", "p"]),
            strings("context", ["one two one", "one two"]),
            strings("answer", ["one", "two"]),
        )
    )
    findings: list[Finding] = []
    answer = Span.for_rows("answer", Options(), loss=None, frame=frame)
    usable = answer.usable_rows(frame, findings)
    (finding,) = findings
    assert (finding.check, finding.rows, len(usable)) == ("answers at several places", (1,), 2)


def test_missing_column_and_missing_pieces_are_refused() -> None:
    frame = frame_of(ROWS)
    with pytest.raises(
        TaskError, match=r"has no 'text'; got the columns question.* output.context="
    ):
        Span.for_rows("answer", Options(context="text"), loss=None, frame=frame)
    with pytest.raises(TaskError, match=r"as word pieces of one input.*input.tokenizer=wordpieces"):
        Span("answer").adapt_inputs([])
    with pytest.raises(DataError, match="'answer_start' says at which character"):
        Span.for_rows(
            "answer",
            Options(),
            loss=None,
            frame=frame.replaced(strings("answer_start", ["x"] * len(frame))),
        )


def test_threshold_of_no_answer_is_calibrated() -> None:
    frame = frame_of(ROWS)
    answer = fitted(frame)
    targets = answer.codec.encode(frame)
    outputs = logits_of(answer, frame, targets)
    outputs[:3, 0] += 4.2  # the net prefers no answer too often
    scores, truth = answer.gather(outputs, targets)
    assert answer.evaluate(scores, truth).metrics["f1"] < 1.0 or answer.threshold == 0.0
    answer.calibrate({"validation": (scores, truth)}.get)
    assert answer.evaluate(scores, truth).metrics["f1"] == 1.0
    again = Span.from_state(json.loads(json.dumps(answer.state())))
    assert again.threshold == answer.threshold
    again.read_rows(frame)
    assert again.evaluate(scores, truth).metrics == answer.evaluate(scores, truth).metrics
    fixed = fitted(frame, no_answer_threshold=1.5)
    fixed.calibrate({"validation": (scores, truth)}.get)
    assert fixed.threshold == 1.5


def test_restored_answer_refuses_rows_that_it_never_read() -> None:
    frame = frame_of(ROWS)
    answer = fitted(frame)
    targets = answer.codec.encode(frame).numpy()
    again = Span.from_state(json.loads(json.dumps(answer.state())))
    with pytest.raises(DataError, match="rows that were not read"):
        again.evaluate(answer.scores_of_spans([(0, 0)] * 4), targets)
    assert len(set(targets[:, KEY].tolist())) == 4


def test_accepted_answers_of_a_row() -> None:
    assert accepted_answers("a", '["b", "b", "a"]') == ("b", "a")
    assert accepted_answers(None, None) == ()


def test_xray_shows_starts_ends_and_the_best_spans() -> None:
    frame = frame_of(ROWS)
    answer = fitted(frame)
    targets = answer.codec.encode(frame)
    outputs = logits_of(answer, frame, targets)[1:2]
    names = [step.name for step in answer.decoding_steps(outputs)]
    assert names == ["logits", "start", "end", "spans", "no answer", "answer"]
    assert answer.codec.pieces is not None
    ids = answer.codec.pieces.encode(frame)[1:2]
    (section,) = answer.example_sections(torch.nn.Identity(), [ids], outputs, [], ())
    starts, ends, table = section.content
    start = int(targets[1, 0]) - int(targets[1, 2]) + 1  # after the mark of no answer
    assert np.argmax(starts.values) == start  # type: ignore[union-attr]
    assert len(starts.tokens) == len(ends.tokens)  # type: ignore[union-attr]
    assert table.rows[0][0].replace(" ", "") == "1843"  # type: ignore[union-attr]


def test_data_without_one_answer_are_refused() -> None:
    frame = frame_of([("q", ADA, "", None)])
    answer = Span.for_rows("answer", Options(), loss=None, frame=frame)
    with pytest.raises(DataError, match=r"no question of squad.json has an answer in its"):
        answer.check_targets(answer.usable_rows(frame, []))
