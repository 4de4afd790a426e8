"""Sentences about nets that a comparison can choose, and what a person can do."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

import kissipo as ki
from kissipo.core.errors import TaskError
from kissipo.inspect.describe_layer import describe_layer
from kissipo.report.tables import trace_table


@pytest.fixture
def trees() -> ki.Run:
    """Trees on columns whose names need quotes in a shell, with a class of two rows."""
    rows = "".join(f"{row},{row % 7},{'ab'[row % 2]}\n" for row in range(60)) + "9,9,c\n8,8,c\n"
    Path("data.csv").write_text("length (cm),width (cm),kind\n" + rows)
    words = {"process.net": "random_forest", "num_trees": 3, "output.baselines": []}
    return ki.load("data.csv", output="kind", words=words).fit(out="run")


def test_row_is_explained_in_words_that_a_shell_can_read(trees: ki.Run) -> None:
    with pytest.raises(TaskError) as refused:
        trees.predict_all([1.0])
    example = refused.value.do.partition(" as ")[2]
    assert shlex.split(example) == ["length (cm)=...", "width (cm)=..."]


def test_class_of_two_rows_is_named_where_a_split_has_none_of_it(trees: ki.Run) -> None:
    splits = trees.pipeline().splits
    assert {len(set(rows) & {60, 61}) for rows in splits.values()} == {0, 2}
    actions = [finding.action for finding in trees.pipeline().findings]
    assert any("'c' may be missing" in action for action in actions)


def test_eject_of_trees_says_which_nets_it_writes(
    trees: ki.Run, refusal: Callable[..., str]
) -> None:
    message = " ".join(refusal("eject", "run", "--out", "script").split())
    assert "process.algorithm=supervised; got process.algorithm=closed_form" in message
    assert "process.net=ffn" in message


def test_mean_over_a_signal_is_described_in_words() -> None:
    assert describe_layer(nn.AdaptiveAvgPool1d(1)) == "mean over all steps"


def test_output_layers_of_an_ensemble_are_one_row_of_the_data_flow() -> None:
    rows = "".join(f"{row % 20},{'ab'[row % 2]}\n" for row in range(60))
    Path("data.csv").write_text("x,kind\n" + rows)
    words = {"process.net": "tabm", "num_members": 12, "units": [4], "epochs": 1}
    trace = ki.load("data.csv", output="kind", words={**words, "output.baselines": []}).show()
    lines = [[getattr(cell, "text", cell) for cell in row] for row in trace_table(trace).rows]
    (heads,) = (line for line in lines if line[2] == "output layer per member")
    assert heads[3:6] == ["12x1", str(12 * (4 + 1)), str(12 * 4)]
    assert sum(int(line[4].replace(",", "") or 0) for line in lines) == trace.parameters
