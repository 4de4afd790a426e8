"""`kissipo xray RUN VALUE --layer NAME --index I,J`: any number opened, of texts, tables, images and series."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

import kissipo as ki
from kissipo.cli.breakdown_table import tell_cell
from kissipo.cli.main import main
from kissipo.cli.screen import Screen
from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.input.tensor_dataset import TensorDataset
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
            str(folder / each) if each.endswith((".txt", ".csv")) else each for each in command
        ]
        command[-1] = str(folder / command[-1])
        assert main(["fit", *command, "--quiet"]) == 0
    return folder


def test_all_gates_of_a_unit_at_a_character(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert (
        main(["xray", str(runs / "text"), 'He said "it', "--layer", "cell", "--index", "9,3"]) == 0
    )
    said = capsys.readouterr()
    assert not said.err
    lines = said.out.splitlines()
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
    for line, gate, bend in zip(
        lines[2:6], "ifgo", ("sigmoid", "sigmoid", "tanh", "sigmoid"), strict=True
    ):
        name, given, held, bias, total, found, _ = line.split()
        assert (name, found) == (gate, bend)
        assert float(given) + float(held) + float(bias) == pytest.approx(float(total), abs=1e-5)
    assert lines[6].startswith("c = f · c before + i · g = ")
    assert re.search(r"recorded by PyTorch +-?0\.\d+\ndifference \(equal to 1e-5\)", said.out)


def test_what_python_gives_is_what_json_says(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ki.open(runs / "text")
    opened = run.explain_value("He said", "cell", (0, 4, 2))  # the lower one of two layers
    capsys.readouterr()
    assert (
        main(
            ["xray", str(runs / "text"), "He said", "--layer", "cell", "--index", "0,4,2", "--json"]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert {key: told[key] for key in opened.to_json()} == json.loads(json.dumps(opened.to_json()))
    assert told["recorded"] is None and [gate["operation"] for gate in told["gates"]] == [
        *(f"gate {name}" for name in "ifgo"),
        "state c",
    ]
    assert {term["of"] for term in told["gates"][1]["terms"]} == {"input", "state"}
    upper = run.explain_value("He said", "cell", (4, 2))
    assert {term.of for term in upper.gates[0].terms} == {"layer 1", "state"} and upper.agrees


@pytest.mark.parametrize(
    ("name", "values", "layer", "cell"),
    [
        ("table", ["size=3", "color=r"], "1.deep.1", "2"),
        ("images", ["image.png"], "0", "3,2,2"),
        ("images", [], "2", "0,1,1"),
        ("series", [], "net.1", "5"),
        ("series", [], "less_last", "3,0"),
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
    asked = [str(runs / each) if each.endswith("png") else each for each in values]
    assert main(["xray", str(runs / name), *asked, "--layer", layer, "--index", cell]) == 0
    said = capsys.readouterr()
    assert "equal to 1e-5" in said.out and "differs" not in said.out
    assert ("this is the first example of the test split" in said.err) == (not values)
    assert (
        main(["xray", str(runs / name), *asked, "--layer", layer, "--index", cell, "--json"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (
        told["agrees"]
        and told["layer"] == layer
        and told["index"] == [int(each) for each in cell.split(",")]
    )


def test_a_convolution_names_its_pixels(runs: Path) -> None:
    run = ki.open(runs / "images")
    found = run.explain_value(str(runs / "image.png"), "0", (3, 2, 2))
    assert [found.terms[0].source(at) for at in (0, 8)] == ["input[0, 1, 1]", "input[0, 3, 3]"]
    layer: Any = run.net.get_submodule("0")
    assert found.terms[0].weights.tolist() == layer.weight[3, 0].flatten().double().tolist()


def test_of_many_terms_the_largest_are_shown(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run = ki.open(runs / "images")
    layer = next(
        name for name, each in run.net.named_modules() if isinstance(each, torch.nn.Linear)
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
            r"gives 7x8, 56 numbers; got 1,8. Allowed: time and unit, 0 to 6, 0 to 7.",
        ),
        (["--layer", "cell", "--index", "2,1,1"], r"got 2,1,1. Allowed: .*0 to 1, 0 to 6, 0 to 7."),
        (["--layer", "cell", "--index", "-1,1"], r"got -1,1"),
        (["--layer", "cell", "--index", "1"], r"got 1. Allowed"),
        (
            ["--layer", "cell", "--index", "a,b"],
            r"--index needs an index; got 'a,b'. Allowed: whole numbers",
        ),
        (["--layer", "cell"], r"--layer and --index, both of them"),
        (["--index", "1,1"], r"--layer and --index, both of them"),
        (
            ["--layer", "cell", "--index", "1,1", "--neuron", "3"],
            r"--neuron, --out and --trace belong to a whole sample",
        ),
        (
            ["--layer", "cell", "--index", "1,1", "--file", "x.txt"],
            r"needs either values or --file",
        ),
        (["once"], r"takes one text; got 2. Quote it."),
    ],
)
def test_what_is_not_there_is_told_in_a_paragraph(
    runs: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    joined = [
        f"--index={each}" if at and arguments[at - 1] == "--index" else each
        for at, each in enumerate(arguments)
    ]
    kept = [each for each in joined if each != "--index"]
    assert main(["xray", str(runs / "text"), "He said", *kept]) == 2
    said = capsys.readouterr()
    assert not said.out and re.search(text, " ".join(said.err.split())), said.err


def test_a_layer_that_no_opener_knows_says_so(runs: Path) -> None:
    run = ki.open(runs / "series")
    run.net = torch.nn.Sequential(run.net, torch.nn.PReLU()).eval()
    with pytest.raises(NotBuiltError, match="no opener knows the layer PReLU"):
        run.explain_value(None, "1", (0, 0))
    with pytest.raises(TaskError, match="has no layer"):
        run.explain_value(None, "nothing", (0,))


def test_a_number_of_attention(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    net = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    run: Any = Mock(net=net, folder="it", answers=[None], remark="")
    run.encode.return_value = (None, TensorDataset((torch.randn(1, 5, 4),), ()), [])
    opened, _ = cell_of(run, ["it"], "self_attn", (3, 2))
    assert opened.agrees and opened.cell == (3, 2) and len(opened.gates) == 2
    tell_cell(Screen(), opened)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "self_attn, index 3,2: attention, b + sum over the heads of w · mixed"
    )
    assert lines[1].split() == ["source", "value", "weight", "term", "running", "sum"]
    assert lines[2].startswith("mixed[")
    assert lines[6].split() == ["head", "its", "part", "looks", "most", "at"]
    for line, head in zip(lines[7:9], opened.gates, strict=True):
        number, part, most = line.split(maxsplit=2)
        assert head.operation == f"head {number}" and float(part) == pytest.approx(
            head.result, rel=1e-5
        )
        keys = max(
            (each for each in head.gates if "key" in each.operation), key=lambda each: each.result
        )
        assert most.startswith(f"{keys.operation} ({keys.result:.1%}), key ")
    assert lines[9].split()[0] == "bias" and "difference (equal to 1e-5)" in lines[-1]
    told = json.loads(json.dumps(opened.to_json(), allow_nan=False))
    assert told["gates"][0]["gates"][0]["operation"] == "key 0"
    with pytest.raises(
        TaskError, match=r"layer 'self_attn' has no such index: its output is 5x4, 20 values"
    ):
        cell_of(run, ["it"], "self_attn", (5, 0))
