"""Every codec: round trip up to its stated loss, equal after saving, clear errors."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kissipo.codec._mel import Mel, log_mel
from kissipo.codec._sound import Sound
from kissipo.codec.array import Array
from kissipo.codec.bag_of_words import BagOfWords
from kissipo.codec.boxes import Boxes, box_column, padded_boxes
from kissipo.codec.concat import Concat
from kissipo.codec.counts import Counts
from kissipo.codec.cross import Cross
from kissipo.codec.datetime import Calendar
from kissipo.codec.frames import Frames
from kissipo.codec.ids import Ids
from kissipo.codec.index import Index
from kissipo.codec.label_sets import LabelSets
from kissipo.codec.labels import Labels
from kissipo.codec.log_mel import LogMel
from kissipo.codec.mask import MaskCodec
from kissipo.codec.mfcc import MFCC
from kissipo.codec.ngrams import Ngrams
from kissipo.codec.numbers import Numbers
from kissipo.codec.observation import Observation
from kissipo.codec.one_hot import OneHot
from kissipo.codec.option_pairs import OptionPairs
from kissipo.codec.pixels import Pixels
from kissipo.codec.place_windows import PlaceWindows
from kissipo.codec.side_features import SideFeatures
from kissipo.codec.signals import Signals
from kissipo.codec.spans import Spans
from kissipo.codec.states import States
from kissipo.codec.subwords import Subwords
from kissipo.codec.tags import Tags
from kissipo.codec.target_tokens import TargetTokens
from kissipo.codec.term_counts import TermCounts, TermOptions
from kissipo.codec.tokens import Tokens, split_words
from kissipo.codec.windows import Windows
from kissipo.codec.word_features import WordFeatures
from kissipo.codec.word_pieces import WordPieces
from kissipo.codec.word_terms import WordTerms
from kissipo.core.codec import CODECS, Codec, restore, save
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import (
    Column,
    Frame,
    array_column,
    image_column,
    numbers,
    sound_column,
    strings,
    times,
)
from kissipo.plugins.go.codecs.board import Board

QUANTITY = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
EIGHTHS = st.integers(-4000, 4000).map(lambda number: number / 8)  # exact in float32
LEVEL = st.sampled_from(["Brno", "Praha", "10", "9", "2.5", "ß", "a b"])
TIMESTAMP = st.integers(-2_000_000_000, 4_000_000_000)
PROSE = st.text("abc Ž!'", max_size=12)


def near(before: Column, after: Column) -> bool:
    """Equal up to float32 precision of the range; the same rows are missing."""
    assert before.missing.tolist() == after.missing.tolist()
    present = ~before.missing
    scale = np.ptp(before.values[present]) if present.any() else 0.0
    return bool(np.all(np.abs(before.values - after.values)[present] <= 1e-6 * scale + 1e-9))


def exact(before: Column, after: Column) -> bool:
    return before.texts() == after.texts()


@dataclass(frozen=True)
class Case:
    """A codec, its columns with a strategy for their values, and the allowed loss."""

    make: Callable[[], Codec]
    columns: dict[str, tuple[Callable[..., Column], st.SearchStrategy[Any]]]
    same: Callable[[Column, Column], bool] = exact
    min_rows: int = 1

    @property
    def frames(self) -> st.SearchStrategy[Frame]:
        rows = st.lists(
            st.tuples(*(values for _, values in self.columns.values())),
            min_size=self.min_rows,
            max_size=12,
        )
        return rows.map(self.frame)

    def frame(self, rows: list[tuple[Any, ...]]) -> Frame:
        cells = zip(*rows, strict=True)
        columns = zip(self.columns.items(), cells, strict=True)
        return Frame(tuple(make(name, list(values)) for (name, (make, _)), values in columns))


def same_time(before: Column, after: Column) -> bool:
    """Equal up to 1e-7 of the range, and one second of rounding."""
    seconds = [column.values.astype(np.int64) for column in (before, after)]
    return bool(np.all(np.abs(seconds[0] - seconds[1]) <= 1e-7 * np.ptp(seconds[0]) + 1))


def same_bytes(before: Column, after: Column) -> bool:
    return bool(np.array_equal(before.values, after.values))


def same_words(before: Column, after: Column) -> bool:
    return [" ".join(split_words(text or "")) for text in before.texts()] == after.texts()


def same_plain_words(before: Column, after: Column) -> bool:
    """Equal words, in lower case and without accents."""
    plain = [" ".join((text or "").replace("é", "e").split()) for text in before.texts()]
    return plain == after.texts()


def same_terms(before: Column, after: Column) -> bool:
    """The same words as often, in any order."""
    bags = [
        [Counter(re.findall(r"\w+", (text or "").lower())) for text in column.texts()]
        for column in (before, after)
    ]
    return bags[0] == bags[1]


def same_distinct_words(before: Column, after: Column) -> bool:
    """The same words, in any order and each of them once."""
    texts = [
        [set(split_words(text or "")) for text in column.texts()] for column in (before, after)
    ]
    return texts[0] == texts[1]


def near_logarithm(before: Column, after: Column) -> bool:
    """Equal up to float32 precision of the logarithm."""
    return bool(np.allclose(np.log1p(before.values), np.log1p(after.values), atol=1e-5))


def same_labels(before: Column, after: Column) -> bool:
    """The labels of a cell come back in the order of the classes."""
    return [set(text.split(";")) for text in before.texts() if text] == [
        set(text.split(";")) for text in after.texts() if text
    ]


def mixed(before: Column, after: Column) -> bool:
    return near(before, after) if before.kind == "number" else exact(before, after)


def stack(name: str, values: list[Any]) -> Column:
    return image_column(name, np.array(values, dtype=np.uint8).reshape(-1, 2, 3))


def floats(name: str, values: list[Any]) -> Column:
    return array_column(name, np.array(values, dtype=np.float32).reshape(-1, 2))


def same_signals(before: Column, after: Column) -> bool:
    scale = np.ptp(before.values) if before.values.size else 0.0
    return bool(np.allclose(before.values, after.values, atol=1e-6 * scale + 1e-9))


def signals(name: str, values: list[Any]) -> Column:
    return array_column(name, np.array(values, dtype=np.float64).reshape(-1, 3, 2))


def same_boxes(before: Column, after: Column) -> bool:
    """Equal labels, and corners up to float32."""
    labels = [
        [[("", *column.categories)[int(code) + 1] for code in row] for row in column.values[..., 0]]
        for column in (before, after)
    ]
    return labels[0] == labels[1] and bool(
        np.allclose(before.values[..., 1:], after.values[..., 1:], atol=1e-6)
    )


def ragged(name: str, values: list[Any]) -> Column:
    return box_column(name, padded_boxes(values, min_width=3), ("bar", "dot", "ring"))


def sounds(name: str, values: list[Any]) -> Column:
    """Short tones with a little noise, of different lengths and rates."""
    recordings = []
    for hertz, length, rate in values:
        time = np.arange(length) / rate
        noise = np.random.default_rng(length).normal(size=length)
        recordings.append(Sound.of(0.5 * np.sin(2 * np.pi * hertz * time) + 0.01 * noise, rate))
    return sound_column(name, recordings)


def same_loud_bands(before: Column, after: Column) -> bool:
    """A sound that is made from energies is loud in the same bands."""
    for one, two in zip(before.values, after.values, strict=True):
        energies = [
            np.exp(log_mel(item.samples(2_000), 2_000, MEL)).sum(axis=0) for item in (one, two)
        ]
        shares = [energy / energy.sum() for energy in energies]
        if np.abs(shares[0] - shares[1]).max() > 0.25:
            return False
    return True


MEL = Mel(bands=8)
TONE = st.tuples(st.integers(300, 800), st.integers(200, 400), st.just(2_000))
SHARE = st.floats(0, 1, width=32)
BOX = st.lists(st.tuples(st.integers(0, 2), SHARE, SHARE, SHARE, SHARE), max_size=3)
IMAGE = st.lists(st.integers(0, 255), min_size=6, max_size=6)
MARKED = st.lists(st.sampled_from([0, 255]), min_size=6, max_size=6)
NUMBER_COLUMN, CATEGORY_COLUMN = (numbers, st.none() | QUANTITY), (strings, st.none() | LEVEL)
POINTS = st.text(".XO", min_size=9, max_size=9)
SETS = st.lists(st.sampled_from(["x", "y z", "ü"]), min_size=1, max_size=3, unique=True).map(
    ";".join
)
PAIR_OF_TAGS = st.sampled_from(["O O", "B-x O", "B-x I-x", "B-x B-y", "O B-y"])
CASES = {
    "array": Case(
        lambda: Array("x"), {"x": (floats, st.lists(QUANTITY, min_size=2, max_size=2))}, same_bytes
    ),
    "bag_of_words": Case(
        lambda: BagOfWords("text", options=TermOptions(token_pattern=r"\w+"), weighting="count"),
        {"text": (strings, PROSE.map("a{}".format))},
        same_terms,
    ),
    "board": Case(lambda: Board("board"), {"board": (strings, POINTS)}),
    "boxes": Case(lambda: Boxes("label"), {"boxes": (ragged, BOX)}, same_boxes),
    "option_pairs": Case(
        lambda: OptionPairs(("text",), options=("one", "other"), length=40, vocab_size=100),
        {
            "text": (strings, st.text("ab é", max_size=12)),
            "one": (strings, st.text("ab ", max_size=12).map("b{}".format)),
            "other": (strings, st.text("ab ", max_size=12)),
        },
        same_plain_words,
    ),
    "counts": Case(lambda: Counts(("x",)), {"x": (numbers, st.integers(0, 9_000))}, near_logarithm),
    "datetime": Case(lambda: Calendar("at"), {"at": (times, TIMESTAMP)}, same_time),
    "cross": Case(lambda: Cross(("a", "b")), {"a": (strings, LEVEL), "b": (strings, LEVEL)}),
    "ids": Case(lambda: Ids("a"), {"a": (strings, LEVEL)}),
    "side_features": Case(
        lambda: SideFeatures("a", "item features", Concat((Numbers(("x",)), OneHot("b")))),
        {"a": (strings, LEVEL), "x": NUMBER_COLUMN, "b": CATEGORY_COLUMN},
        mixed,
    ),
    "index": Case(lambda: Index("a"), {"a": CATEGORY_COLUMN}),
    "label_sets": Case(lambda: LabelSets("a", separator=";"), {"a": (strings, SETS)}, same_labels),
    "labels": Case(lambda: Labels("a"), {"a": (strings, LEVEL)}),
    "mask": Case(lambda: MaskCodec("defect", size=(2, 3)), {"mask": (stack, MARKED)}, same_bytes),
    "ngrams": Case(
        lambda: Ngrams("text"), {"text": (strings, PROSE.map("a{}".format))}, same_distinct_words
    ),
    "numbers": Case(lambda: Numbers(("x", "y")), {"x": NUMBER_COLUMN, "y": NUMBER_COLUMN}, near),
    "word_terms": Case(
        lambda: WordTerms("a"),
        {"a": (strings, st.sampled_from(["a", "a b", "- b", "b - a + a", "b + a a - b"]))},
    ),
    "observation": Case(
        lambda: Observation(("x", "y")), {"x": (numbers, EIGHTHS), "y": (numbers, EIGHTHS)}, near
    ),
    "frames": Case(
        lambda: Frames(("a", "b"), (2, 3)), {"a": (stack, IMAGE), "b": (stack, IMAGE)}, same_bytes
    ),
    "one_hot": Case(lambda: OneHot("a"), {"a": CATEGORY_COLUMN}),
    "pixels": Case(lambda: Pixels("image"), {"image": (stack, IMAGE)}, same_bytes),
    "signals": Case(
        lambda: Signals("x"),
        {"x": (signals, st.lists(EIGHTHS, min_size=6, max_size=6))},
        same_signals,
    ),
    "spans": Case(
        lambda: Spans(
            "answer",
            context="answer",
            pieces=WordPieces(("question", "answer"), length=30, vocab_size=60),
        ),
        {
            "question": (strings, st.text("ab ", max_size=12)),
            "answer": (strings, st.sampled_from(["", "a", "a b", "b ab a", "ab"])),
        },
    ),
    "states": Case(
        lambda: States(("cool", "warm")), {"state": (strings, st.sampled_from(["cool", "warm"]))}
    ),
    "concat": Case(
        lambda: Concat((Numbers(("x",)), OneHot("a"))),
        {"x": NUMBER_COLUMN, "a": CATEGORY_COLUMN},
        mixed,
    ),
    "term_counts": Case(
        lambda: TermCounts("text", options=TermOptions(token_pattern=r"\w+")),
        {"text": (strings, PROSE.map("a{}".format))},
        same_terms,
    ),
    "tokens": Case(lambda: Tokens("text", length=20), {"text": (strings, PROSE)}, same_words),
    "target_tokens": Case(lambda: TargetTokens("text"), {"text": (strings, PROSE)}),
    "log_mel": Case(
        lambda: LogMel("sound", mel=MEL, standardize="training"),
        {"sound": (sounds, TONE)},
        same_loud_bands,
    ),
    "mfcc": Case(
        lambda: MFCC("sound", mel=MEL, coefficients=8), {"sound": (sounds, TONE)}, same_loud_bands
    ),
    "subwords": Case(
        lambda: Subwords("text", algorithm="wordpieces", vocab_size=600, ends=True),
        {"text": (strings, st.text("ab #Ž\n'👩", max_size=12))},
    ),
    "word_pieces": Case(
        lambda: WordPieces(("text",), vocab_size=100),
        {"text": (strings, st.text("ab é", max_size=12))},
        same_plain_words,
    ),
    "place_windows": Case(
        lambda: PlaceWindows(Counts(("x",)), 3, places={"names": ["a"]}),
        {"x": (numbers, st.integers(0, 9_000))},
        near_logarithm,
        min_rows=3,
    ),
    "tags": Case(
        lambda: Tags("tags", WordFeatures("text").fit(Frame((strings("text", ["a b"]),)))),
        {"text": (strings, st.just("a b")), "tags": (strings, PAIR_OF_TAGS)},
    ),
    "word_features": Case(
        lambda: WordFeatures("text"),
        {
            "text": (
                strings,
                st.lists(st.sampled_from(["a", "Čau", "b2"]), max_size=4).map(" ".join),
            )
        },
        same_words,
    ),
    "windows": Case(
        lambda: Windows(Numbers(("x",)), 3), {"x": (numbers, QUANTITY)}, near, min_rows=3
    ),
}
every_codec = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
few = settings(max_examples=25, deadline=None)


def test_every_codec_has_a_case() -> None:
    assert sorted(CASES) == CODECS.names()


@every_codec
@few
@given(data=st.data())
def test_decode_inverts_encode(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    decoded = codec.decode(codec.finish(codec.encode(frame)))
    assert decoded.names == list(codec.columns)
    assert all(case.same(frame[name], decoded[name]) for name in codec.columns)


@every_codec
@few
@given(data=st.data())
def test_spec_describes_the_encoded_tensor(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    encoded = codec.encode(frame)
    assert tuple(encoded.shape[1:]) == codec.spec.shape
    assert not codec.spec.labels or len(codec.spec.labels) == (
        codec.spec.vocab_size or codec.spec.shape[-1]
    )
    if codec.spec.vocab_size:
        assert encoded.dtype == (torch.float32 if codec.spec.is_weighted_bag else torch.int64)
        assert encoded.min() >= 0
        ids = encoded[..., 0] if codec.spec.axes[-1:] in (("count",), ("weight",)) else encoded
        assert ids.max() < codec.spec.vocab_size


@every_codec
@few
@given(data=st.data())
def test_codec_restored_from_json_encodes_the_same(case: Case, data: st.DataObject) -> None:
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
def test_encode_of_other_data_leaves_the_codec_unchanged(case: Case, data: st.DataObject) -> None:
    training, other = data.draw(case.frames), data.draw(case.frames)
    codec = case.make().fit(training)
    before = json.dumps(save(codec))
    try:
        codec.encode(other)
    except DataError as error:
        assert codec.KIND in ("labels", "boxes", "word_terms")
        assert "which is not in the training split" in str(error)  # noqa: PT017
    assert all(isinstance(remark, str) for remark in codec.remarks(other))
    assert json.dumps(save(codec)) == before


@every_codec
@few
@given(data=st.data())
def test_encode_treats_each_row_alone(case: Case, data: st.DataObject) -> None:
    frame = data.draw(case.frames)
    codec = case.make().fit(frame)
    parts = [
        codec.encode(frame.take(np.arange(row, row + case.min_rows)))
        for row in range(len(frame) - case.min_rows + 1)
    ]
    whole = codec.encode(frame)
    if codec.spec.axes[:1] == ("term",):  # padded to the longest row
        parts = [nn.functional.pad(part, (0, 0, 0, len(whole[0]) - len(part[0]))) for part in parts]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("act", ["encode", "decode"])
@every_codec
@settings(max_examples=1)
@given(data=st.data())
def test_codec_refuses_to_work_before_fit(case: Case, act: str, data: st.DataObject) -> None:
    codec = case.make()
    if codec.KIND in ("states", "observation", "frames"):  # the environment defines them
        return
    value = data.draw(case.frames) if act == "encode" else torch.zeros(3, 3, 3, 3)
    with pytest.raises(
        DataError,
        match=r"the codec '\w+' for .* was not fitted. Call fit\(frame\) with the training split",
    ):
        getattr(codec, act)(value)


def test_restore_refuses_an_unknown_codec() -> None:
    with pytest.raises(
        TaskError,
        match=r"codecs.json names no codec of kissipo; got 'number'. Did you mean 'numbers'\?",
    ):
        restore({"codec": "number"})
