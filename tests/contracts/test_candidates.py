"""Every candidate that a net declares can be built for the data that it names.

A candidate with a misspelled option would be left out in silence.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kissipo as ki
from kissipo.pipeline.candidates import candidates_of, declared_candidates, with_candidate
from kissipo.pipeline.defaults import facts_of
from kissipo.pipeline.experiment import assemble, encode_task
from kissipo.runs.task import Task

WORDS = ("red", "green", "blue", "fast", "slow", "old", "new", "big", "small")


def _write(titles: list[str], rows: list[list[object]]) -> str:
    path = Path("data.csv")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([titles, *rows])
    return str(path)


def _table(answer: str) -> Task:
    x = np.random.default_rng(0).normal(size=(80, 3)).round(3)
    kinds = ["up" if row[0] > 0 else "down" for row in x]
    rows = [[*row, "abc"[place % 3], kinds[place]] for place, row in enumerate(x.tolist())]
    return ki.load(_write(["a", "b", "c", "group", "kind"], rows), output=answer)


def _texts() -> Task:
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(WORDS, 6)) for _ in range(80)]
    rows: list[list[object]] = [[text, "warm" if "red" in text else "cold"] for text in texts]
    return ki.load(_write(["text", "kind"], rows), output="kind")


def _images() -> Task:
    return Task(input={"images": "digits"}, output={"category": "digit"})


def _series() -> Task:
    months = [f"{1990 + month // 12}-{month % 12 + 1:02}" for month in range(120)]
    rows: list[list[object]] = [
        [name, 100 + month + 20 * np.sin(month * np.pi / 6)] for month, name in enumerate(months)
    ]
    words = {"time": "month", "output": "sales", "horizon": 6}
    return ki.load(_write(["month", "sales"], rows), **words)


@pytest.mark.parametrize(
    "task", [lambda: _table("kind"), lambda: _table("a"), _texts, _images, _series]
)
def test_every_declared_candidate_is_built(task: Callable[[], Task]) -> None:
    encoded = encode_task(task())
    declared = declared_candidates(facts_of(encoded.task, encoded.pipeline))
    for candidate in declared:
        applied = with_candidate(encoded.task, candidate)
        has_own_input = any(option.place.startswith("input.") for option in candidate.options)
        own = encode_task(applied, reading=encoded.reading) if has_own_input else encoded
        experiment = assemble(applied, own.pipeline)
        assert experiment.resolved.net is not None, candidate.title
    titles = [candidate.title for candidate in declared]
    assert len(set(titles)) == len(titles)
    compared = candidates_of(encoded.task, encoded.pipeline)
    assert compared[0].title.endswith("(default)")
    assert {candidate.title for candidate in compared[1:]} <= set(titles)
