"""What every registered codec promises: back and forth up to its stated loss, fitted once, saved as JSON, plain refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.codec.board import Board
from kissipo.codec.concat import Concat
from kissipo.codec.cross import Cross
from kissipo.codec.datetime import Calendar
from kissipo.codec.index import Index
from kissipo.codec.labels import Labels
from kissipo.codec.mask import MaskCodec
from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.codec.pixels import Pixels
from kissipo.codec.states import States
from kissipo.codec.tokens import Tokens, split_words
from kissipo.codec.windows import Windows
from kissipo.core.codec import CODECS, Codec, restore, save
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Column, Frame, image_column, numbers, strings, times

QUANTITY = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
LEVEL = st.sampled_from(["Brno", "Praha", "10", "9", "2.5", "ß", "a b"])
MOMENT = st.integers(-2_000_000_000, 4_000_000_000)
PROSE = st.text("abc Ž!'", max_size=12)


def near(before: Column, after: Column) -> bool:
    """Equal to float32 precision of the spread, gaps at the same places."""
    assert before.missing.tolist() == after.missing.tolist()
    there = ~before.missing
    spread = np.ptp(before.values[there]) if there.any() else 0.0
    return bool(np.all(np.abs(before.values - after.values)[there] <= 1e-6 * spread + 1e-9))


def exact(before: Column, after: Column) -> bool:
    return before.texts() == after.texts()


@dataclass(frozen=True)
class Case:
    """A fresh codec; its columns, each with the values that it takes; what may be lost on the way back."""

    make: Callable[[], Codec]
    columns: dict[str, tuple[Callable[..., Column], st.SearchStrategy[Any]]]
    same: Callable[[Column, Column], bool] = exact
    least: int = 1

    @property
    def frames(self) -> st.SearchStrategy[Frame]:
        rows = st.lists(
            st.tuples(*(values for _, values in self.columns.values())),
            min_size=self.least,
            max_size=12,
        )
        return rows.map(self.frame)

    def frame(self, rows: list[tuple[Any, ...]]) -> Frame:
        cells = zip(*rows, strict=True)
        made = zip(self.columns.items(), cells, strict=True)
        return Frame(tuple(make(name, list(values)) for (name, (make, _)), values in made))


def same_moment(before: Column, after: Column) -> bool:
    """A ten-millionth of the span, and the second to which a moment is rounded."""
    seconds = [column.values.astype(np.int64) for column in (before, after)]
    return bool(np.all(np.abs(seconds[0] - seconds[1]) <= 1e-7 * np.ptp(seconds[0]) + 1))


def same_bytes(before: Column, after: Column) -> bool:
    return bool(np.array_equal(before.values, after.values))


def same_words(before: Column, after: Column) -> bool:
    return [" ".join(split_words(text or "")) for text in before.texts()] == after.texts()


def mixed(before: Column, after: Column) -> bool:
    return near(before, after) if before.kind == "number" else exact(before, after)


def stack(name: str, values: list[Any]) -> Column:
    return image_column(name, np.array(values, dtype=np.uint8).reshape(-1, 2, 3))


IMAGE = st.lists(st.integers(0, 255), min_size=6, max_size=6)
MARKED = st.lists(st.sampled_from([0, 255]), min_size=6, max_size=6)
QUANTITIES, LEVELS = (numbers, st.none() | QUANTITY), (strings, st.none() | LEVEL)
STONES = st.text(".XO", min_size=9, max_size=9)
CASES = {
    "board": Case(lambda: Board("board"), {"board": (strings, STONES)}),
    "datetime": Case(lambda: Calendar("at"), {"at": (times, MOMENT)}, same_moment),
    "cross": Case(lambda: Cross(("a", "b")), {"a": (strings, LEVEL), "b": (strings, LEVEL)}),
    "index": Case(lambda: Index("a"), {"a": LEVELS}),
    "labels": Case(lambda: Labels("a"), {"a": (strings, LEVEL)}),
    "mask": Case(lambda: MaskCodec("defect", size=(2, 3)), {"mask": (stack, MARKED)}, same_bytes),
    "numbers": Case(lambda: Numbers(("x", "y")), {"x": QUANTITIES, "y": QUANTITIES}, near),
    "one_hot": Case(lambda: OneHot("a"), {"a": LEVELS}),
    "pixels": Case(lambda: Pixels("image"), {"image": (stack, IMAGE)}, same_bytes),
    "states": Case(
        lambda: States(("cool", "warm")), {"state": (strings, st.sampled_from(["cool", "warm"]))}
    ),
    "concat": Case(
        lambda: Concat((Numbers(("x",)), OneHot("a"))), {"x": QUANTITIES, "a": LEVELS}, mixed
    ),
    "tokens": Case(lambda: Tokens("text", length=20), {"text": (strings, PROSE)}, same_words),
    "windows": Case(lambda: Windows(Numbers(("x",)), 3), {"x": (numbers, QUANTITY)}, near, least=3),
}
every_codec = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
few = settings(max_examples=40, deadline=None)


def test_every_codec_is_tested_here() -> None:
    assert sorted(CASES) == CODECS.names()


@every_codec
@few
@given(data=st.data())
def test_decode_gives_back_what_was_encoded(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    decoded = codec.decode(codec.finish(codec.encode(frame)))
    assert decoded.names == list(codec.columns)
    assert all(case.same(frame[name], decoded[name]) for name in codec.columns)


@every_codec
@few
@given(data=st.data())
def test_the_port_says_what_encode_gives(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    encoded = codec.encode(frame)
    assert tuple(encoded.shape[1:]) == codec.spec.shape
    assert not codec.spec.words or len(codec.spec.words) == (
        codec.spec.vocabulary or codec.spec.shape[-1]
    )
    if codec.spec.vocabulary:
        assert encoded.dtype == torch.int64
        assert encoded.min() >= 0
        assert encoded.max() < codec.spec.vocabulary


@every_codec
@few
@given(data=st.data())
def test_it_is_the_same_after_saving_as_json(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    again = restore(json.loads(json.dumps(save(codec))))
    assert type(again) is type(codec)
    assert again.spec == codec.spec
    assert json.dumps(save(again)) == json.dumps(save(codec))
    encoded = codec.encode(frame)
    assert torch.equal(again.encode(frame), encoded)
    assert again.decode(encoded).fingerprint() == codec.decode(encoded).fingerprint()


@every_codec
@few
@given(data=st.data())
def test_other_data_teach_it_nothing(case: Case, data: st.DataObject) -> None:
    training, other = data.draw(case.frames), data.draw(case.frames)
    codec = case.make().fit(training)
    before = json.dumps(save(codec))
    try:
        codec.encode(other)
    except DataError as unseen:
        assert codec.KIND == "labels"
        assert "which the training part does not have" in str(unseen)  # noqa: PT017
    assert all(isinstance(remark, str) for remark in codec.remarks(other))
    assert json.dumps(save(codec)) == before


@every_codec
@few
@given(data=st.data())
def test_every_row_is_encoded_by_itself(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    alone = [
        codec.encode(frame.take(np.arange(at, at + case.least)))
        for at in range(len(frame) - case.least + 1)
    ]
    assert torch.equal(torch.cat(alone), codec.encode(frame))


@pytest.mark.parametrize("act", ["encode", "decode"])
@every_codec
@settings(max_examples=1)
@given(data=st.data())
def test_it_refuses_to_work_before_it_was_fitted(case: Case, act: str, data: st.DataObject) -> None:
    codec = case.make()
    if codec.KIND == "states":
        return
    given = data.draw(case.frames) if act == "encode" else torch.zeros(3, 3, 3, 3)
    with pytest.raises(
        DataError,
        match=r"the codec '\w+' for .* was not fitted. Call fit\(frame\) with the training part",
    ):
        getattr(codec, act)(given)


def test_a_saved_codec_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        TaskError,
        match=r"codecs.json names no codec of kissipo; got 'number'. Did you mean 'numbers'\?",
    ):
        restore({"codec": "number"})
