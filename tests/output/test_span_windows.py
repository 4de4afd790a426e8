"""Answers in long paragraphs: windows, against a search over all windows by hand."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kissipo.codec.word_pieces import WordPieces
from kissipo.core.errors import NotBuiltError, ShapeError
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.input.datasets import squad_new_wiki
from kissipo.output.answers.span import Options as SpanOptions
from kissipo.output.answers.span import Span
from kissipo.process.losses.span_cross_entropy import loss
from kissipo.process.nets.bert import Bert, Options, WindowsBert, build, suggested_options

WINDOW, STRIDE, LONGEST = 60, 20, 30  # pieces
SIZES = {"num_layers": 2, "units": 16, "num_heads": 2, "max_positions": WINDOW}


@pytest.fixture(scope="module")
def rows(data: Path) -> Frame:
    """Questions about three real paragraphs that are joined; some have no answer."""
    frame = squad_new_wiki.read().frame
    columns = {name: frame[name].texts() for name in ("question", "context", "answer")}
    starts = frame["answer_start"].values
    paragraphs = list(dict.fromkeys(columns["context"]))[:9]
    table: dict[str, list[str]] = {"question": [], "context": [], "answer": []}
    places = list[float]()
    for number in (1, 4, 7):
        before = f"{paragraphs[number - 1]} "
        context = before + f"{paragraphs[number]} {paragraphs[number + 1]}"
        same = [row for row, text in enumerate(columns["context"]) if text == paragraphs[number]]
        for row in same[:2]:
            table["question"].append(str(columns["question"][row]))
            table["context"].append(context)
            table["answer"].append("" if number == 7 else str(columns["answer"][row]))
            places.append(np.nan if number == 7 else len(before) + float(starts[row]))
    texts = (strings(name, values) for name, values in table.items())
    return Frame((*texts, numbers("answer_start", places)), origin="long.json")


@pytest.fixture(scope="module")
def answer(rows: Frame) -> Span:
    span = Span.for_rows("answer", SpanOptions(), loss=None, frame=rows)
    pieces = WordPieces(("question", "context"), length=1_500, vocab_size=900).fit(rows)
    span.adapt_inputs([pieces])
    return span.fit(rows)


@pytest.fixture(scope="module")
def net(answer: Span) -> WindowsBert:
    torch.manual_seed(2)
    options = Options(**SIZES, dropout=0.0, text_window=WINDOW, text_stride=STRIDE)
    built = build((answer.codec.pieces_spec,), (answer.spec,), options)
    assert isinstance(built, WindowsBert)
    for weight in built.parameters():
        nn.init.normal_(weight, std=0.4)  # so that windows disagree
    return built.eval()


def by_hand(net: WindowsBert, answer: Span, rows: Frame, row: int) -> tuple[Tensor, Tensor]:
    """Returns the logits of each piece of a paragraph, and those of "no answer".

    Every window is read alone, by a net without windows.
    """
    sizes = Options(**SIZES | {"max_positions": 1_500}, dropout=0.0)
    plain = build((answer.codec.pieces_spec,), (answer.spec,), sizes)
    assert type(plain) is Bert
    state = dict(net.state_dict())
    state["positions.weight"] = nn.functional.pad(
        state["positions.weight"], (0, 0, 0, 1_500 - WINDOW)
    )
    plain.load_state_dict(state)
    plain.eval()
    codec = answer.codec.pieces
    assert isinstance(codec, WordPieces)
    question, context = (
        codec.ids_of([str(rows[name].show(row))])[0] for name in ("question", "context")
    )
    head = [codec.special["[CLS]"], *question, codec.special["[SEP]"]]
    room = WINDOW - len(head) - 1
    best: list[tuple[int, Tensor]] = [(-1, torch.zeros(2))] * len(context)
    silent = list[Tensor]()
    start = 0
    while True:
        some = context[start : start + room]
        ids = torch.tensor([[*head, *some, codec.special["[SEP]"]]])
        logits = plain(ids)[0]
        silent.append(logits[0])
        for place in range(len(some)):
            margin = min(place, len(some) - 1 - place)
            if margin > best[start + place][0]:
                best[start + place] = margin, logits[len(head) + place]
        if start + room >= len(context):
            break
        start += STRIDE
    assert len(silent) > 3
    return torch.stack([y for _, y in best]), min(silent, key=lambda y: float(y.sum()))


def test_best_span_is_the_best_of_all_windows_at_its_place_in_the_paragraph(
    rows: Frame, answer: Span, net: WindowsBert
) -> None:
    codec = answer.codec.pieces
    assert isinstance(codec, WordPieces)
    ids = codec.encode(rows)
    with torch.no_grad():
        outputs = answer.predict(net, [ids], net(ids))
        predictions = answer.in_units_of(answer.decode(answer.scores(outputs)), rows)
        for row, prediction in enumerate(predictions):
            logits, silent = by_hand(net, answer, rows, row)
            (pieces,) = codec.split_frame(rows.take(np.array([row])))
            text = [step for step, side in enumerate(pieces.sides) if side == 1]
            names = [codec.spec.labels[pieces.ids[step]] for step in text]
            is_last = [not name.startswith("##") for name in [*names[1:], ""]]
            scores = {
                (i, j): float(logits[i, 0] + logits[j, 1])
                for i, j in product(range(len(text)), repeat=2)
                if i <= j < i + LONGEST and not names[i].startswith("##") and is_last[j]
            }
            i, j = max(scores, key=lambda pair: scores[pair])
            every = torch.tensor([*scores.values(), float(silent.sum())], dtype=torch.double)
            share = float(every.softmax(0)[list(scores).index((i, j))])
            gap = float(silent.sum()) - scores[i, j]
            span = next(item for item in prediction.spans or () if item.text)
            places = pieces.starts[text[i]], pieces.ends[text[j]]
            assert (span.start, span.end) == places
            assert span.text == str(rows["context"].show(row))[slice(*places)]
            assert span.confidence == pytest.approx(share, rel=1e-3)
            assert (prediction.value == "") is (gap > answer.threshold)


def test_loss_is_one_softmax_over_the_whole_paragraph(
    rows: Frame, answer: Span, net: WindowsBert
) -> None:
    targets = answer.codec.encode(rows)
    assert answer.codec.pieces is not None
    with torch.no_grad():
        value = float(loss(net(answer.codec.pieces.encode(rows)), targets))
        sums = []
        for row, (start, end, first, *_) in enumerate(targets.tolist()):
            logits, silent = by_hand(net, answer, rows, row)
            for edge, place in enumerate((start, end)):
                every = torch.cat([silent[None], logits])[:, edge]
                sums.append(float(-every.log_softmax(0)[place - first + 1 if place else 0]))
    assert value == pytest.approx(np.mean(sums), rel=1e-4)
    assert (targets[:4, 0] > WINDOW).any()  # behind the first window
    assert answer.codec.decode(targets)["answer"].texts() == rows["answer"].texts()


def test_window_is_suggested_where_texts_are_longer_than_the_net_reads(answer: Span) -> None:
    facts = DataFacts(
        (answer.codec.pieces_spec,), (answer.spec,), 10, False, (), ("span",), None, {}
    )
    options = {option.place: option for option in suggested_options(facts)}
    assert options["process.text_window"].value == 384
    assert options["process.text_window"].reason.startswith("texts have up to 1500 word pieces")


def test_windows_that_do_not_fit_are_refused(
    answer: Span, net: WindowsBert, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, outputs = (answer.codec.pieces_spec,), (answer.spec,)
    with pytest.raises(
        ShapeError, match=r"reads at most 60 word pieces; got process\.text_window=61"
    ):
        build(inputs, outputs, Options(**SIZES, text_window=61))
    with pytest.raises(ShapeError, match=r"stride must be smaller .*; got stride 60, window 60"):
        build(inputs, outputs, Options(**SIZES, text_window=60, text_stride=60))
    with pytest.raises(ShapeError, match=r"at most 60 word pieces; got texts of 1500"):
        build(inputs, outputs, Options(**SIZES))
    kind = TensorSpec("kind", ("class",), (3,))
    with pytest.raises(ShapeError, match=r"where each word piece has an output.* class 3"):
        build(inputs, (kind,), Options(**SIZES | {"max_positions": 1_500}, text_window=60))
    with pytest.raises(ShapeError, match=r"process\.text_stride .* there are no windows"):
        build(inputs, outputs, Options(**SIZES | {"max_positions": 1_500}, text_stride=60))
    ids = torch.zeros(1, 1_500, dtype=torch.long)
    monkeypatch.setattr("torch.jit.is_tracing", lambda: True)
    with pytest.raises(NotBuiltError, match="the number of windows depends on the text"):
        net(ids)
