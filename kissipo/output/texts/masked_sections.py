"""What the report shows of masked text: guesses, how they got better, hidden pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kissipo.codec._masking import HIDDEN, RANDOM
from kissipo.codec._tokenizers import joined
from kissipo.core.description import Cell, Line, Record, Section, Table
from kissipo.core.json_object import JsonMapping
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.seeds import drawn
from kissipo.output.answer import EvaluationData
from kissipo.output.texts.masked_scores import TOP_K, guesses_of, target_places

_NUM_TEXTS, _AROUND = 12, 8
_KINDS = {"masked": "warn", "random": "bad", "unchanged": "good"}


def masked_sections(labels: Sequence[str], data: EvaluationData) -> list[Section]:
    """Returns the sections of an evaluation."""
    inside = data.evaluation.details.get("masked_text")
    return [
        _guesses(labels, data),
        _pairs(data),
        *([] if not inside else [_progress(labels, inside), _hidden(labels, inside)]),
    ]


def _guesses(labels: Sequence[str], data: EvaluationData) -> Section:
    """Returns a masked piece of some texts, with its neighbors and the guesses."""
    samples = drawn(len(data.truth), _NUM_TEXTS, "guesses of masked pieces")
    inputs, rows = data.inputs(samples)[0].numpy(), []
    for ids, truth, scores in zip(inputs, data.truth[samples], data.scores[samples], strict=True):
        places = np.flatnonzero(target_places(truth[None])[0])
        if not len(places):
            continue
        place = int(places[len(places) // 2])
        name = labels[int(truth[place])]
        rows.append(
            [
                around(ids, place, labels),
                name,
                f"{np.exp(scores[place, 0, 0]):.1%}",
                *_marked(guesses_of(scores[place], labels), name),
            ]
        )
    titles = [
        "text around the mask",
        "truth",
        "its p",
        *(f"guess {n}" for n in range(1, 1 + TOP_K)),
    ]
    text = "The texts are drawn at random from the evaluated ones; right guesses are marked."
    return Section(
        "Guesses", [Table(titles, rows, numbers=(2,)), Line(text, "dim")] if rows else []
    )


def _pairs(data: EvaluationData) -> Section:
    """Returns how many pairs the model takes for sentences that follow each other."""
    labels = data.truth[:, 0]
    if not (labels > 0).any():
        return Section("Next sentence", [])
    rows = []
    for label, name in ((2, "B follows A"), (1, "B is from another document")):
        wrong = data.scores[labels == label, 0, 0, 1]
        right = float((wrong == 0).mean()) if len(wrong) else float("nan")
        rows.append([name, f"{len(wrong):,}", f"{right:.1%}"])
    return Section("Next sentence", [Table(["pairs", "number", "right"], rows, numbers=(1, 2))])


def _progress(labels: Sequence[str], inside: JsonMapping) -> Section:
    """Returns the guesses for one masked piece while the net was trained."""
    records: list[Record] = [Line(_text(inside["hidden"], labels), "text")]
    for number, place in enumerate(inside["places"][:2]):
        name = labels[inside["ids"][place]]
        rows = [
            [
                f"{entry['step']:,}",
                f"{entry['truth'][number]:.1%}",
                *_marked(
                    [(labels[piece], share) for piece, share in entry["guesses"][number]], name
                ),
            ]
            for entry in inside["history"]
        ]
        titles = ["step", "p of the truth", *(f"guess {n}" for n in range(1, 1 + TOP_K))]
        title = f"[MASK] {number + 1}, the truth is '{name}'"
        records.append(Section(title, [Table(titles, rows, numbers=(0, 1))]))
    note = "a text of the training split, before it was trained on and later"
    return Section("How the guesses got better", records, note=note)


def _hidden(labels: Sequence[str], inside: JsonMapping) -> Section:
    """Returns what the net reads in place of the chosen pieces."""
    rows = []
    for piece, read, kind in inside["kinds"]:
        rows.append([labels[piece], Cell(labels[read], _KINDS[kind]), kind])
    text = (
        f"Of the chosen pieces {HIDDEN:.0%} become [MASK], {RANDOM - HIDDEN:.0%} another piece, "
        f"and {1 - RANDOM:.0%} stay; the others are read as they are. The choice is new in "
        "every step."
    )
    lines: list[Record] = [Line(_text(inside["read"], labels), "text")]
    table = Table(["chosen piece", "what the net reads", "kind"], rows)
    return Section("What is hidden in a step", [*lines, table, Line(text, "dim")])


def around(ids: NumpyArray, place: int, labels: Sequence[str]) -> str:
    """Returns a piece with its neighbors; `##` marks a piece that continues a word."""
    first, end = max(0, place - _AROUND), place + _AROUND + 1
    return _text(ids[first:end].tolist(), labels)


def _text(ids: Sequence[int], labels: Sequence[str]) -> str:
    return joined(labels[number] for number in ids if number)


def _marked(guesses: Sequence[tuple[str, float]], truth: str) -> list[str]:
    """Returns guesses with their probabilities; the right one is highlighted."""
    texts = [(word, f"{word} {share:.1%}") for word, share in guesses]
    return [Cell(text, "good") if word == truth else text for word, text in texts]
