"""S31: documents as vectors: TF-IDF, LSA and the search of the nearest ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.term_counts import TermCounts
from kissipo.core.errors import DataError, NotBuiltError, TaskError
from kissipo.core.frame import Frame, strings
from kissipo.input.formats.documents import folder_documents, likely_unit
from kissipo.pipeline.experiment import Experiment, build_experiment
from kissipo.process.nets.lsa import Lsa
from kissipo.process.nets.tf_idf import TfIdf

pytestmark = pytest.mark.usefixtures("one_thread")
TEXTS = {
    "cats.txt": "The cat sat on the mat. A cat and another cat sleep all day.",
    "dogs.txt": "The dog runs after the cat, and the dog barks at the moon.",
    "moon/landing.txt": "Apollo 11 landed on the moon in 1969, and men walked there.",
    "moon/tides.txt": "The moon pulls the sea: tides rise and fall twice each day.",
    "bread.txt": "Bread is baked of flour, water and salt, and bread rises with yeast.",
    "sea.txt": "Salt water fills the sea, and ships cross the sea every day.",
}
NAMES = sorted(TEXTS)
CHINESE = [
    "月亮繞著地球轉動,潮汐隨著月亮漲落。",
    "麵包由麵粉、水和鹽烤成。",
    "貓整天都在墊子上睡覺。",
]
# the weighting, and the arguments of scikit-learn
VARIANTS: list[tuple[dict[str, object], dict[str, object]]] = [
    ({}, {}),
    ({"sublinear_tf": True, "smooth_idf": False}, {"sublinear_tf": True, "smooth_idf": False}),
    ({"norm": "l1", "ngram_range": (1, 2)}, {"norm": "l1", "ngram_range": (1, 2)}),
    ({"norm": "none", "min_df": 2}, {"norm": None, "min_df": 2}),
    ({"use_idf": False, "max_df": 0.5}, {"use_idf": False, "max_df": 0.5}),
    (
        {"max_features": 9, "stop_words": ["the", "and"]},
        {"max_features": 9, "stop_words": ["the", "and"]},
    ),
    (
        {"analyzer": "char_wb", "ngram_range": (2, 3), "lowercase": False},
        {"analyzer": "char_wb", "ngram_range": (2, 3), "lowercase": False},
    ),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "documents", TEXTS)


def written(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def fitted(path: object, **words: object) -> Any:
    return ki.load(str(path), words=words).fit(out="run")


def solved(path: object, **words: object) -> Experiment:
    """Builds and solves a task, without a run."""
    experiment = build_experiment(ki.load(str(path), words=words))
    experiment.algorithm.begin(experiment.pipeline.datasets["train"])
    return experiment


def cosines_of(experiment: Experiment, query: str) -> Any:
    text = experiment.pipeline.codecs[0].encode(Frame((strings("text", [query]),)))
    with torch.no_grad():
        return experiment.net(text)[0].numpy()


@pytest.mark.parametrize(
    ("words", "arguments"), VARIANTS, ids=[",".join(words) or "default" for words, _ in VARIANTS]
)
def test_tf_idf_weights_equal_sklearn(
    folder: Path, words: dict[str, object], arguments: dict[str, Any]
) -> None:
    experiment = solved(folder, **words)
    codec, net = cast(TermCounts, experiment.pipeline.codecs[0]), cast(TfIdf, experiment.net)
    vectorizer = TfidfVectorizer(**arguments)
    expected = vectorizer.fit_transform([TEXTS[name] for name in NAMES])
    assert list(codec.vocabulary or ()) == vectorizer.get_feature_names_out().tolist()
    np.testing.assert_allclose(net.vectors().toarray(), expected.toarray(), rtol=1e-6)
    query = "the cat and the sea of the moon day"
    cosines = normalize(vectorizer.transform([query])) @ normalize(expected).T
    np.testing.assert_allclose(cosines_of(experiment, query), cosines.toarray()[0], atol=1e-6)


@pytest.mark.parametrize("solver", ["randomized", "arpack"])
def test_lsa_vectors_equal_sklearn(folder: Path, solver: str) -> None:
    experiment = solved(folder, net="lsa", n_components=3, svd_solver=solver)
    net = cast(Lsa, experiment.net)
    vectorizer = TfidfVectorizer()
    weights = vectorizer.fit_transform([TEXTS[name] for name in NAMES])
    svd = TruncatedSVD(3, algorithm=solver, random_state=0).fit(weights)
    np.testing.assert_allclose(net.vectors(), svd.transform(weights), atol=1e-6)
    # another witness: the eigenvalues of the Gram matrix
    gram = np.linalg.eigvalsh((weights @ weights.T).toarray())[::-1][:3]
    np.testing.assert_allclose(net.singular_values.numpy() ** 2, gram, rtol=1e-5)
    query = "a cat by the sea"
    vector = normalize(svd.transform(vectorizer.transform([query])))
    expected = vector @ normalize(svd.transform(weights)).T
    np.testing.assert_allclose(cosines_of(experiment, query), expected[0], atol=1e-6)


def test_relative_frequency_without_offset_is_the_formula_of_lectures(folder: Path) -> None:
    experiment = solved(
        folder, term_frequency="relative", smooth_idf=False, idf_offset=0.0, norm="none"
    )
    vectors = cast(TfIdf, experiment.net).vectors().toarray()[NAMES.index("cats.txt")]
    terms = list(cast(TermCounts, experiment.pipeline.codecs[0]).vocabulary or ())
    words = [word for word in TEXTS["cats.txt"].lower().replace(".", "").split() if len(word) > 1]
    for word, documents in (("cat", 2), ("the", 5), ("mat", 1)):
        expected = words.count(word) / len(words) * np.log(6 / documents)
        assert vectors[terms.index(word)] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("net", ["tf_idf", "lsa"])
def test_parts_of_the_terms_add_up_to_the_cosine(folder: Path, net: str) -> None:
    run = fitted(folder, net=net)
    _, dataset, _ = run.encode(["the moon over the salt sea and a cat"])
    (text,) = dataset.everything().inputs
    with torch.no_grad():
        cosines = run.net(text)
        parts = run.net.parts(text, torch.arange(len(NAMES))[None])
    np.testing.assert_allclose(parts.sum(dim=2).numpy(), cosines.numpy(), atol=1e-6)
    breakdown = run.explain_value("the salt sea", "cosine", (NAMES.index("sea.txt"),))
    assert breakdown.result == pytest.approx(breakdown.recorded, abs=1e-6)
    if net == "tf_idf":
        dense = run.net.vectors().toarray()
        ids = text[0, :, 0].numpy() - 1
        shared = dense[:, ids] > 0
        assert ((parts[0].numpy() != 0) == shared).all()


def test_queries_are_the_test_split_and_ranks_are_counted(folder: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.csv"
    queries.write_text(
        "query,document\nwho landed on the moon,landing\nwhat rises with yeast,bread.txt\n"
        "sea and ships,sea\nthe cat,dogs\n"
    )
    run = fitted(folder, queries=str(queries))
    metrics = run.metrics["answers"][0]["metrics"]
    cats = [neighbor.name for neighbor in run.predict("the cat")]
    rank = 1 + cats.index("dogs.txt")
    assert rank > 1
    assert metrics["hit_at_1"] == 0.75
    assert metrics["mean_reciprocal_rank"] == pytest.approx((3 + 1 / rank) / 4)
    assert "random document" in run.metrics["answers"][0]["baselines"]
    other = tmp_path / "other.csv"
    other.write_text("query,document\nyeast,bread\nmoon,sea\n")
    (score,) = ki.open("run").evaluate(str(other))
    assert score["hit_at_1"] == 0.5


def test_without_queries_documents_are_compared_with_each_other(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    content_of: Callable[[Path | str], dict[str, Any]],
) -> None:
    assert main(["fit", str(folder), "--out", "run"]) == 0
    output = capsys.readouterr()
    text = output.out + output.err
    assert "no query says which document is right" in text
    run = ki.open("run")
    rows = normalize(run.net.vectors()).toarray()
    cosines = rows @ rows.T - 2 * np.eye(len(rows))
    metrics = run.metrics["answers"][0]["metrics"]
    assert metrics == pytest.approx({"nearest_cosine": cosines.max(axis=1).mean()}, abs=1e-6)
    report = Path("run/report.html").read_text(encoding="utf-8")
    assert "Nearest pairs" in report
    titles = [section["title"] for section in content_of("run/report.html")["sections"]]
    assert "Nearest pairs" in titles and "Examples" not in titles
    steps = {step["name"]: step for step in run.trace("the salt of the sea").to_json()["steps"]}
    nearest = run.predict("the salt of the sea")
    assert steps["nearest"]["names"] == [neighbor.name for neighbor in nearest]
    assert len(nearest) > 1 and steps["document"]["names"] == []
    assert "Terms of the most documents" in report


def test_predict_names_documents_terms_and_unknown_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted(folder)
    capsys.readouterr()
    assert main(["predict", "run", "bread of zebra", "quux 🎉", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    first, second = (row["document"] for row in content["predictions"])
    assert first["answer"] == "bread.txt"
    assert first["neighbors"][0]["terms"][0]["term"] == "bread"
    assert first["neighbors"][0]["text"].startswith("Bread is baked")
    assert second == {"answer": None, "neighbors": []}
    assert any("'zebra'" in note for note in content["notes"])
    assert any("no term of the documents" in note for note in content["notes"])
    assert main(["xray", "run", "the moon", "--out", "xray.html"]) == 0
    assert "cosine with 6 documents" in Path("xray.html").read_text(encoding="utf-8")
    with pytest.raises(NotBuiltError, match="solved, not trained"):
        ki.open("run").answers[0].script_part(0)


def test_chinese_is_split_into_characters(tmp_path: Path) -> None:
    path = tmp_path / "chinese.txt"
    path.write_text("\n".join(CHINESE), encoding="utf-8")
    task = ki.load({"input": {"text": str(path)}, "output": {"vectors": "documents"}})
    experiment = build_experiment(task)
    experiment.algorithm.begin(experiment.pipeline.datasets["train"])
    assert experiment.task.input["analyzer"] == "char"
    assert experiment.task.input["ngram_range"] == (1, 2)
    assert cosines_of(experiment, "月亮").argmax() == 0
    assert cosines_of(experiment, "麵包和水").argmax() == 1


def test_rows_of_a_table_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    rows = [f'{n},"{name}","{text}"' for n, (name, text) in enumerate(TEXTS.items())]
    path.write_text("\n".join(["id,title,body", *rows]), encoding="utf-8")
    run = ki.load(str(path), words={"output.vectors": "documents", "input.text": "body"}).fit(
        out="run"
    )
    assert run.predict("yeast and flour")[0].name == "bread.txt"
    frame = pytest.importorskip("pandas").DataFrame({"body": ["apollo on the moon", "salt sea"]})
    assert ki.open("run").predict(frame)["prediction"].tolist() == ["moon/landing.txt", "sea.txt"]


def test_paragraphs_stay_on_disk_and_are_read_by_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    paragraphs = ["Žluťoučký kůň\npěl ódy.", "second  part", "the third 🎉 one"]
    path.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    assert likely_unit(path, "utf-8")[0] == "paragraph"
    task = ki.load({"input": {"text": str(path)}, "output": {"vectors": "documents"}})
    pipeline = build_experiment(task).pipeline
    column = pipeline.frame["text"]
    assert [str(column.show(row)).strip() for row in range(3)] == paragraphs
    assert pipeline.answers[0].spec.labels[2] == "paragraph 3"


def test_identical_and_empty_documents_are_named(folder: Path) -> None:
    written(folder, {"copy.txt": TEXTS["bread.txt"], "empty.txt": "  \n"})
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    frame, findings = folder_documents(folder, "utf-8")
    messages = {finding.check: finding.message for finding in findings}
    assert "empty.txt" in messages["empty documents"]
    assert "copy.txt is bread.txt" in messages["identical documents"]
    assert "logo.png" in messages["other files"]
    assert len(frame) == 7
    first = fitted(folder).predict("yeast")[0]
    assert (first.name, first.same_as) == ("bread.txt", ("copy.txt",))


def test_a_killed_run_begins_again_with_the_same_bits(folder: Path) -> None:
    run = fitted(folder, net="lsa")
    for name in ("model.safetensors", "metrics.json", "codecs.json"):  # as before its end
        Path("run", name).unlink()
    again = ki.load(str(folder), words={"net": "lsa"}).fit(out="run", resume=True)
    for name, tensor in run.net.state_dict().items():
        assert torch.equal(again.net.state_dict()[name], tensor)


@pytest.mark.parametrize(
    ("texts", "words", "error"),
    [
        ({}, {}, "has no text files"),
        ({"a.txt": "", "b.txt": " "}, {}, "no document of .* has a text; got 2 empty documents"),
        ({"a.txt": "only one here"}, {}, "is a single document"),
        ({"a.txt": "?!", "b.txt": "..."}, {}, "has a term"),
        ({"a.txt": "one two", "b.txt": "three"}, {"min_df": 2}, "no term is left"),
        (
            {"a.txt": "one two", "b.txt": "two"},
            {"net": "lsa", "n_components": 9},
            "allowed|Allowed",
        ),
        ({"a.txt": "one two", "b.txt": "two"}, {"window": 5}, "input.window .* has no meaning"),
        ({"a.txt": "one two", "b.txt": "two"}, {"ngram_range": (2, 1)}, "must be the smallest"),
    ],
)
def test_bad_input_is_refused(
    tmp_path: Path, texts: dict[str, str], words: dict[str, object], error: str
) -> None:
    folder = written(tmp_path / "some", texts)
    folder.mkdir(exist_ok=True)
    task = {"input": {"text": str(folder)}, "output": {"vectors": "documents"}}
    with pytest.raises((DataError, TaskError), match=error):
        build_experiment(ki.load(task, words=words))


def test_a_folder_with_one_text_says_what_documents_need(
    tmp_path: Path, refusal: Callable[..., str]
) -> None:
    folder = written(tmp_path / "one", {"all.txt": "Salt is in the sea.\n\nThe sea is deep."})
    error = refusal("fit", str(folder))
    assert f"{folder} is a single document" in error
    assert "input.documents=paragraph" in error and "The path of the file itself" in error
    assert "image" not in error
    run = fitted(folder, documents="paragraph")
    assert [neighbor.name for neighbor in run.predict("salt")] == ["all.txt, paragraph 1"]


def test_a_binary_file_and_a_wrong_encoding_are_named(folder: Path) -> None:
    (folder / "odd.txt").write_bytes("Příliš".encode("cp1250") * 9)
    with pytest.raises(DataError, match=r"odd\.txt is not valid utf-8"):
        fitted(folder)
    (folder / "odd.txt").write_bytes(b"\0\1\2" * 100)
    with pytest.raises(DataError, match=r"odd\.txt is not a text file"):
        fitted(folder)


def test_a_very_long_document_is_counted_whole(folder: Path) -> None:
    words = " ".join(f"word{number % 3_000}" for number in range(10_000))
    written(folder, {"long.txt": words})
    experiment = solved(folder)
    number = sorted([*NAMES, "long.txt"]).index("long.txt")
    assert cosines_of(experiment, "word2999").argmax() == number
    assert cast(TfIdf, experiment.net).vectors()[number].nnz == 3_000


def test_options_of_documents_are_refused_for_running_text(tmp_path: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("It was a dark and stormy night. " * 60)
    with pytest.raises(
        TaskError, match=r"input\.min_df \(number of .* no meaning for output\.text"
    ):
        ki.load(str(path), words={"min_df": 2}).fit(out="run")


@pytest.mark.slow
def test_lsa_finds_the_paragraphs_of_xquad(data: Path) -> None:
    run = ki.load("search", words={"net": "lsa"}).fit(out="run")
    metrics = run.metrics["answers"][0]
    assert metrics["metrics"]["hit_at_1"] >= 0.87
    assert metrics["baselines"]["random document"]["hit_at_1"] < 0.02
