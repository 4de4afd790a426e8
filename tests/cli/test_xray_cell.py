"""Tests of `kissipo xray RUN VALUE --layer NAME --index I,J` for all kinds of runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

import kissipo as ki
from kissipo.cli.breakdown_table import show_breakdown
from kissipo.cli.main import main
from kissipo.cli.screen import Screen
from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answers.number import Number
from kissipo.runs.explain_value import cell_of


@pytest.fixture(scope="module")
def runs(own_data: Path) -> Path:
    """A run on a text, a table, images and a series, and something to ask each."""
    folder = own_data
    for command in (
        ["novel.txt", "units=8", "num_layers=2", "input.window=20", "epochs=1", "--out", "text"],
        ["table.csv", "--output", "kind", "epochs=1", "--out", "table"],
        ["digits", "net=cnn", "units=[60]", "epochs=1", "--out", "images"],
        ["sunspots", "epochs=1", "--out", "series"],
    ):
        command = [
            str(folder / item) if item.endswith((".txt", ".csv")) else item for item in command
        ]
        command[-1] = str(folder / command[-1])
        assert main(["fit", *command, "--quiet"]) == 0
    return folder


def test_xray_layer_prints_all_gates_of_a_unit(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert (
        main(["xray", str(runs / "text"), 'He said "it', "--layer", "cell", "--index", "9,3"]) == 0
    )
    printed = capsys.readouterr()
    assert not printed.err
    lines = printed.out.splitlines()
    assert lines[0].startswith("cell, index 9,3: lstm, h = o · tanh(c); step 9 reads 'i'")
    assert lines[1].split() == [
        "gate",
        "from",
        "the",
        "input",
        "from",
        "the",
        "state",
        "bias",
        "sum",
        "activation",
        "value",
    ]
    for line, gate, activation in zip(
        lines[2:6], "ifgo", ("sigmoid", "sigmoid", "tanh", "sigmoid"), strict=True
    ):
        name, inputs, state, bias, total, function, _ = line.split()
        assert (name, function) == (gate, activation)
        assert float(inputs) + float(state) + float(bias) == pytest.approx(float(total), abs=1e-5)
    assert lines[6].startswith("c = f · c before + i · g = ")
    assert re.search(r"recorded by PyTorch +-?0\.\d+\ndifference \(equal to 1e-5\)", printed.out)


def test_explain_value_matches_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ki.open(runs / "text")
    breakdown = run.explain_value("He said", "cell", (0, 4, 2))  # the lower one of two layers
    capsys.readouterr()
    assert (
        main(
            ["xray", str(runs / "text"), "He said", "--layer", "cell", "--index", "0,4,2", "--json"]
        )
        == 0
    )
    content = json.loads(capsys.readouterr().out)
    assert {key: content[key] for key in breakdown.to_json()} == json.loads(
        json.dumps(breakdown.to_json())
    )
    assert content["recorded"] is None and [gate["operation"] for gate in content["gates"]] == [
        *(f"gate {name}" for name in "ifgo"),
        "state c",
    ]
    assert {term["of"] for term in content["gates"][1]["terms"]} == {"input", "state"}
    upper = run.explain_value("He said", "cell", (4, 2))
    assert {term.of for term in upper.gates[0].terms} == {"layer 1", "state"} and upper.agrees


@pytest.mark.parametrize(
    ("name", "values", "layer", "cell"),
    [
        ("table", ["size=3", "color=r"], "1.deep.1", "2"),
        ("images", ["image.png"], "0", "3,2,2"),
        ("images", [], "2", "0,1,1"),
        ("series", [], "net.1", "5"),
        ("series", [], "subtract_last", "3,0"),
        ("table", ["size=3", "color=r"], "1", "0"),
        ("text", [], "cell", "3,1"),
        ("text", ["He"], "embedding", "1,0"),
    ],
)
def test_every_kind_of_run(
    runs: Path,
    name: str,
    values: list[str],
    layer: str,
    cell: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    keys = [str(runs / item) if item.endswith("png") else item for item in values]
    assert main(["xray", str(runs / name), *keys, "--layer", layer, "--index", cell]) == 0
    printed = capsys.readouterr()
    assert "equal to 1e-5" in printed.out and "differs" not in printed.out
    assert ("this is the first example of the test split" in printed.err) == (not values)
    assert main(["xray", str(runs / name), *keys, "--layer", layer, "--index", cell, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (
        content["agrees"]
        and content["layer"] == layer
        and content["index"] == [int(item) for item in cell.split(",")]
    )


def test_a_convolution_names_its_pixels(runs: Path) -> None:
    run = ki.open(runs / "images")
    breakdown = run.explain_value(str(runs / "image.png"), "0", (3, 2, 2))
    assert [breakdown.terms[0].source(index) for index in (0, 8)] == [
        "input[0, 1, 1]",
        "input[0, 3, 3]",
    ]
    layer: Any = run.net.get_submodule("0")
    assert breakdown.terms[0].weights.tolist() == layer.weight[3, 0].flatten().double().tolist()


def test_of_many_terms_the_largest_are_shown(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run = ki.open(runs / "images")
    layer = next(
        name for name, item in run.net.named_modules() if isinstance(item, torch.nn.Linear)
    )
    assert main(["xray", str(runs / "images"), "--layer", layer, "--index", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    terms = [line for line in lines if line.startswith("input[")]
    sizes = [abs(float(line.split("= ")[1].split()[0])) for line in terms]
    assert len(terms) == 39 and sizes == sorted(sizes, reverse=True)
    (rest,) = [line for line in lines if "smaller terms" in line]
    total, bias, result = (float(line.split()[-1]) for line in (rest, lines[-4], lines[-3]))
    assert total + bias == pytest.approx(result, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--layer", "cel", "--index", "1,1"], r"has no layer 'cel'. Did you mean 'cell'\?"),
        (
            ["--layer", "zzz", "--index", "1,1"],
            r"has no layer 'zzz'. Known here: embedding, cell, head",
        ),
        (
            ["--layer", "cell", "--index", "1,8"],
            r"its output is 7x8, 56 values; got 1,8. Allowed: time and unit, 0 to 6, 0 to 7.",
        ),
        (["--layer", "cell", "--index", "2,1,1"], r"got 2,1,1. Allowed: .*0 to 1, 0 to 6, 0 to 7."),
        (["--layer", "cell", "--index", "-1,1"], r"got -1,1"),
        (["--layer", "cell", "--index", "1"], r"got 1. Allowed"),
        (
            ["--layer", "cell", "--index", "a,b"],
            r"--index needs an index; got 'a,b'. Allowed: whole numbers",
        ),
        (["--layer", "cell"], r"needs both --layer and --index"),
        (["--index", "1,1"], r"needs both --layer and --index"),
        (
            ["--layer", "cell", "--index", "1,1", "--neuron", "3"],
            r"--neuron, --example, --out and --trace cannot be combined with --layer",
        ),
        (
            ["--layer", "cell", "--index", "1,1", "--file", "x.txt"],
            r"needs either values or --file",
        ),
        (["once"], r"takes one text; got 2. Quote it."),
    ],
)
def test_xray_layer_refuses_missing_layers_and_indices(
    runs: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    joined = [
        f"--index={item}" if index and arguments[index - 1] == "--index" else item
        for index, item in enumerate(arguments)
    ]
    lines = [item for item in joined if item != "--index"]
    assert main(["xray", str(runs / "text"), "He said", *lines]) == 2
    printed = capsys.readouterr()
    assert not printed.out and re.search(text, " ".join(printed.err.split())), printed.err


def test_explain_value_refuses_unsupported_layers(runs: Path) -> None:
    run = ki.open(runs / "series")
    run.net = torch.nn.Sequential(run.net, torch.nn.PReLU()).eval()
    with pytest.raises(NotBuiltError, match="the layer PReLU is unknown"):
        run.explain_value(None, "1", (0, 0))
    with pytest.raises(TaskError, match="has no layer"):
        run.explain_value(None, "nothing", (0,))


def test_explain_value_of_attention(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    net = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    run: Any = Mock(net=net, folder="it", answers=[Number("y")], remark="")
    run.encode.return_value = (None, TensorDataset((torch.randn(1, 5, 4),), ()), [])
    breakdown, _ = cell_of(run, ["it"], "self_attn", (3, 2))
    assert breakdown.agrees and breakdown.cell == (3, 2) and len(breakdown.gates) == 2
    show_breakdown(Screen(), breakdown)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "self_attn, index 3,2: attention, b + sum over the heads of w · mixed"
    )
    assert lines[1].split() == ["source", "value", "weight", "term", "running", "sum"]
    assert lines[2].startswith("mixed[")
    assert lines[6].split() == ["head", "its", "part", "top", "attention"]
    for line, head in zip(lines[7:9], breakdown.gates, strict=True):
        number, part, top = line.split(maxsplit=2)
        assert head.operation == f"head {number}" and float(part) == pytest.approx(
            head.result, rel=1e-5
        )
        key = max(
            (item for item in head.gates if "key" in item.operation), key=lambda item: item.result
        )
        assert top.startswith(f"{key.operation} ({key.result:.1%}), key ")
    assert lines[9].split()[0] == "bias" and "difference (equal to 1e-5)" in lines[-1]
    content = json.loads(json.dumps(breakdown.to_json(), allow_nan=False))
    assert content["gates"][0]["gates"][0]["operation"] == "key 0"
    with pytest.raises(
        TaskError, match=r"layer 'self_attn' has no such index: its output is 5x4, 20 values"
    ):
        cell_of(run, ["it"], "self_attn", (5, 0))
