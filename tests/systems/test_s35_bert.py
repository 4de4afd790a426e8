"""S35: a person's own texts read by BERT, trained from scratch or from weights."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from shutil import rmtree

import pytest
import torch
from safetensors.torch import load_file, save_file

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.word_pieces import SPECIAL
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets.bert import Options, build

WORDS = ["the", "film", "was", "seen", "by", "many", "people", "in", "a", "house", "near", "river"]
SIZES = ["num_layers=1", "units=16", "num_heads=2"]
QUIET = ["epochs=1", "baselines=majority", "--quiet"]
PUBLISHED = {  # names here -> published names
    "pieces": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "segments": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "layers.0.attention.query": "encoder.layer.0.attention.self.query",
    "layers.0.attention.key": "encoder.layer.0.attention.self.key",
    "layers.0.attention.value": "encoder.layer.0.attention.self.value",
    "layers.0.attention.output": "encoder.layer.0.attention.output.dense",
    "layers.0.attention_norm": "encoder.layer.0.attention.output.LayerNorm",
    "layers.0.feed_forward.inner": "encoder.layer.0.intermediate.dense",
    "layers.0.feed_forward.outer": "encoder.layer.0.output.dense",
    "layers.0.feed_forward_norm": "encoder.layer.0.output.LayerNorm",
    "head.pooler": "pooler.dense",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two texts per row; a word of the second one decides."""
    random, rows = Random(0), ["a,b,good"]
    for number in range(160):
        first, *ends = random.choices(WORDS, k=3)
        verdict = "good" if number % 2 else "bad"
        rows.append(f"{first} {ends[0]},{verdict} {ends[1]},{'yes' if number % 2 else 'no'}")
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small published BERT with a vocabulary of whole words."""
    folder = tmp_path_factory.mktemp("published") / "tiny-bert"
    folder.mkdir()
    vocabulary = ("[PAD]", "[unused0]", *SPECIAL[1:], *dict.fromkeys(WORDS))
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    sizes = {
        "num_hidden_layers": 1,
        "hidden_size": 8,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 20,
    }
    config = {"model_type": "bert", "hidden_act": "gelu", **sizes}
    (folder / "config.json").write_text(json.dumps(config))
    text = TensorSpec("text", ("time",), (9,), len(vocabulary), vocabulary, padded=True)
    torch.manual_seed(0)
    options = Options(1, 8, 2, 12, 20)
    net = build((text,), (TensorSpec("kind", ("class",), (1,)),), options)
    names = {name: PUBLISHED[name.rpartition(".")[0]] for name in _body(net.state_dict())}
    tensors = {
        f"{theirs}.{name.rpartition('.')[2]}": net.state_dict()[name].clone()
        for name, theirs in names.items()
    }
    save_file(tensors, folder / "model.safetensors")
    return folder


def _body(names: dict[str, torch.Tensor]) -> list[str]:
    return [name for name in names if not name.startswith("head.output")]


def test_two_texts_are_read_together(pairs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = [
        "input.text=[a,b]",
        "net=bert",
        *SIZES,
        "learning_rate=0.01",
        "schedule=constant",
        "warmup=0",
        "epochs=6",
    ]
    options = [*words, "dropout=0", "baselines=majority", "--quiet", "--out", str(run)]
    assert main(["fit", str(pairs), "--output", "good", *options]) == 0
    trained = ki.open(run)
    assert trained.task.input["tokenizer"] == "wordpieces"
    assert trained.metrics["answers"][0]["metrics"]["accuracy"] >= 0.9
    assert trained.predict({"a": ["the film"], "b": ["good film"]}) == "yes"


def test_published_folder_sets_sizes_and_vocabulary(
    pairs: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run = tmp_path / "tiny-bert", tmp_path / "run"
    folder.mkdir()
    for file in published.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    words = ["input.text=[a,b]", f"process.weights={folder}", "learning_rate=1e-9", "dropout=0"]
    out = ["epochs=1", "baselines=majority", "--out", str(run)]
    assert main(["fit", str(pairs), "--output", "good", *words, *out]) == 0
    lines = "".join(capsys.readouterr())
    assert "process.units=8" in lines and "config.json of tiny-bert" in lines
    findings = (run / "data.json").read_text()
    assert "untrained, since the file has none: head.output.weight, head.output.bias" in findings
    trained = ki.open(run)
    weight = dict(trained.net.named_parameters())["layers.0.attention.query.weight"]
    original = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.attention.self.query.weight"
    torch.testing.assert_close(weight.detach(), original[name], atol=1e-5, rtol=0)
    before = trained.predict({"a": ["the film"], "b": ["the river"]})
    rmtree(folder)  # a run needs nothing but itself
    assert str(ki.open(run).predict({"a": ["the film"], "b": ["the river"]})) == str(before)


def test_a_run_starts_another_with_its_vocabulary(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    words = ["input.text=[a]", "input.drop=[b]", "net=bert", *SIZES, *QUIET]
    assert main(["fit", str(pairs), "--output", "good", *words, "--out", str(first)]) == 0
    table = tmp_path / "other.csv"
    rows = [f"{word} {word},{len(word) % 3}" for word in WORDS] * 4
    table.write_text("\n".join(["text,kind", *rows]))
    start = ["input.text=[text]", f"process.weights={first}", "epochs=1", "baselines=majority"]
    assert main(["fit", str(table), "--output", "kind", *start, "--out", str(second)]) == 0
    assert "the head is untrained" in "".join(capsys.readouterr())
    specs = [ki.open(run).task.process["units"] for run in (first, second)]
    assert specs == [16, 16]
    one, two = (json.loads((run / "codecs.json").read_text()) for run in (first, second))
    assert one["inputs"][0]["model"] == two["inputs"][0]["model"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["input.text=[]", "input.drop=[a,b]", "net=bert"], "needs a column of texts"),
        (["input.tokenizer_file=vocab.txt"], "input.tokenizer_file is the vocabulary of word"),
        (["net=bert", "input.min_count=2"], "input.min_count is for words and characters"),
        (["net=bert", "max_length=600"], "the net reads at most 512 word pieces; got texts of 600"),
        (["net=bert", "num_heads=7"], "process.num_heads must divide the features of a token"),
        (["net=bert", "process.weights=."], "is a folder that is not a run"),
        (["net=recurrent", "input.tokenizer_file=none", "tokenizer=wordpieces"], "no file none"),
    ],
)
def test_mistakes_are_one_paragraph(
    pairs: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base = [] if any("input.text" in word for word in words) else ["input.text=[a,b]"]
    assert main(["fit", str(pairs), "--output", "good", *base, *words, *QUIET]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") <= 2
