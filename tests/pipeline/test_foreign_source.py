"""A source in one file of its own has the defaults of a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import kissipo as ki
from kissipo.core.errors import TaskError
from kissipo.core.registry import _files
from kissipo.input import sources

FILE = '''
from dataclasses import dataclass
from pathlib import Path

from kissipo.core.frame import Frame, numbers
from kissipo.input.source import Source
from kissipo.input.source_data import Reading


@dataclass(frozen=True)
class Options:
    """Options of points."""


class Points(Source[Options]):
    """Lines of three numbers."""

    def read(self, value, options):
        rows = [[float(cell) for cell in line.split()] for line in Path(value).open()]
        columns = [numbers(name, cells) for name, cells in zip("xyz", zip(*rows))]
        return Reading(Frame(tuple(columns), origin=str(value)), answer="z")

    def infer(self, question):
        if question.path is None or question.path.suffix != ".points":
            return None
        return question.task({"points": question.value}, {"number": question.output or "z"})


SOURCE = Points()
'''


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of points, and a source that reads it, for this test."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "points.py").write_text(FILE, encoding="utf-8")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path / "package")])
    monkeypatch.setattr(sources.__spec__, "submodule_search_locations", sources.__path__)
    _files.cache_clear()
    path = tmp_path / "cloud.points"
    x, y = np.random.default_rng(0).normal(size=(2, 200))
    np.savetxt(path, np.stack([x, y, 3 * x - y], axis=1))
    yield path
    sys.modules.pop("kissipo.input.sources.points", None)
    _files.cache_clear()


def test_foreign_source_infers_trains_and_predicts(points: Path, tmp_path: Path) -> None:
    task = ki.load(str(points), words={"epochs": 20, "baselines": ["mean"]})
    assert task.input["points"] == str(points)
    trained = task.fit(out=tmp_path / "run")
    reopened = ki.open(tmp_path / "run")
    ((answer,),), remarks = reopened.predict_all([{"x": 1.0, "y": 0.5}])
    assert answer.value == pytest.approx(2.5, abs=0.6) and remarks == []
    assert reopened.evaluate(str(points))[0].net.metrics["r2"] > 0.9
    assert [code.columns for code in trained.codecs] == [("x", "y")]
    assert reopened.pipeline().frame.names == ["x", "y", "z"]


def test_foreign_source_explains_how_a_row_is_given(points: Path, tmp_path: Path) -> None:
    trained = ki.load(str(points), words={"epochs": 1}).fit(out=tmp_path / "run")
    with pytest.raises(TaskError) as refused:
        trained.predict_all([1.0])
    assert refused.value.do == "Give a file (--file new.csv), or one row as x=... y=..."
