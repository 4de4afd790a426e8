"""Word vectors (S32): a made corpus of two topics, resume, export, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import StoppedError, TaskError
from kissipo.input.corpus import Corpus, TokenBlocks, count_words, encode_corpus, split_line
from kissipo.pipeline.experiment import build_experiment

pytestmark = pytest.mark.usefixtures("one_thread")
FRUIT = ["apple", "pear", "plum", "cherry", "grape", "melon", "lemon", "peach"]
TOOLS = ["hammer", "saw", "drill", "wrench", "pliers", "chisel", "file", "plane"]
TASK = {
    "input": {"text": "corpus", "questions": "questions.tsv", "min_count": 5},
    "process": {"net": "word_vectors", "embedding_dim": 12, "epochs": 6, "subsample": 0},
    "output": {"vectors": "words"},
}


@pytest.fixture
def corpus() -> Path:
    """A folder with two texts, whose sentences are about fruit or about tools."""
    generator = np.random.default_rng(3)
    Path("corpus").mkdir()
    for name, words in (("fruit", FRUIT), ("tools", TOOLS)):
        lines = [" ".join(generator.choice(words, 8)) for _ in range(1_500)]
        Path("corpus", f"{name}.txt").write_text("\n".join([*lines, "rare word"]))
    pairs = ["apple pear 9", "saw drill 8", "apple saw 1", "plum file 2", "plum unheard 5"]
    Path("questions.tsv").write_text("# word 1\tword 2\thuman\n" + "\n".join(pairs))
    return Path("corpus")


def fitted(**process: Any) -> ki.Run:
    words = {**TASK, "process": {**TASK["process"], **process}}
    return ki.Task(**words).fit(out="run", seed=2)


@pytest.mark.parametrize(
    "process",
    [{}, {"model": "cbow", "learning_rate": 0.2}, {"negative": 0}],
    ids=["skipgram", "cbow", "hierarchical"],
)
def test_words_of_a_topic_are_near_and_spearman_is_scipys(
    corpus: Path, process: dict[str, Any]
) -> None:
    run = fitted(**process)
    for topic in (FRUIT, TOOLS):
        nearest = run.predict(topic[0])
        assert {neighbor.name for neighbor in nearest} <= set(topic) - {topic[0]}
        assert [neighbor.cosine for neighbor in nearest] == sorted(
            (neighbor.cosine for neighbor in nearest), reverse=True
        )
    words = run.answers[0].words  # type: ignore[attr-defined]
    vectors = dict(zip(words, run.net.vectors, strict=True))  # type: ignore[arg-type]

    def cosine(first: str, second: str) -> float:
        return float(torch.cosine_similarity(vectors[first], vectors[second], dim=0))

    pairs = [("apple", "pear"), ("saw", "drill"), ("apple", "saw"), ("plum", "file")]
    expected = spearmanr([cosine(*pair) for pair in pairs], [9, 8, 1, 2]).statistic
    metrics = run.metrics["answers"][0]["metrics"]
    assert metrics["spearman"] == pytest.approx(expected)
    assert run.predict("apple pear") == pytest.approx(cosine("apple", "pear"), abs=1e-5)
    assert run.metrics["answers"][0]["details"]["questions"] == [
        {"name": "questions", "kind": "similarity", "covered": 4, "total": 5}
    ]


def test_analogy_is_the_nearest_to_the_sum_of_unit_vectors(corpus: Path) -> None:
    run = fitted(epochs=1)
    words = run.answers[0].words  # type: ignore[attr-defined]
    units = torch.nn.functional.normalize(run.net.vectors, dim=1).numpy()  # type: ignore[arg-type]
    unit = {word: units[number] for number, word in enumerate(words)}
    cosines = units @ (unit["apple"] - unit["saw"] + unit["drill"])
    order = [words[number] for number in np.argsort(-cosines)]
    expected = [word for word in order if word not in ("apple", "saw", "drill")][:5]
    assert [neighbor.name for neighbor in run.predict("apple - saw + drill")] == expected


def test_resume_ends_with_the_same_bits(
    corpus: Path, interrupter: Any, assert_same_run: Callable[[Path, Path], None]
) -> None:
    task = ki.Task(**TASK)
    task.fit(out="whole", seed=4)
    with pytest.raises(StoppedError):
        task.fit(out="broken", seed=4, callbacks=[interrupter(2)])
    task.fit(out="broken", resume=True)
    assert_same_run(Path("whole"), Path("broken"))


def test_report_shows_a_window_paths_and_a_map(
    corpus: Path, content_of: Callable[[Path | str], dict[str, Any]]
) -> None:
    fitted()
    text = json.dumps(content_of("run/report.html"))
    for title in ("One window of the training", "Huffman tree", "Map of words", "Nearest words"):
        assert title in text


def test_export_is_read_by_gensim(corpus: Path) -> None:
    run = fitted(epochs=1)
    assert main(["export", "run", "--format", "word2vec", "--out", "vectors.txt"]) == 0
    lines = Path("vectors.txt").read_text().splitlines()
    assert lines[0] == "16 12"
    assert lines[1].split(" ")[0] == run.answers[0].words[0]  # type: ignore[attr-defined]
    models = pytest.importorskip("gensim.models")
    vectors = models.KeyedVectors.load_word2vec_format("vectors.txt", binary=False)
    for number, word in enumerate(run.answers[0].words):  # type: ignore[attr-defined]
        row = run.net.vectors[number]  # type: ignore[index]
        np.testing.assert_allclose(vectors[word], row, rtol=1e-6)


def test_training_starts_from_a_file_of_vectors(corpus: Path) -> None:
    vectors = {word: np.full(12, 1.0 + number) for number, word in enumerate(FRUIT)}
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in vectors.items()]
    Path("start.txt").write_text("\n".join([f"{len(lines)} 12", *lines]))
    experiment = build_experiment(ki.Task(**TASK).with_words({"process.weights": "start.txt"}))
    words = experiment.pipeline.answers[0].words  # type: ignore[attr-defined]
    weights = dict(zip(words, experiment.net.vectors, strict=True))  # type: ignore[arg-type]
    assert all(weights[word].tolist() == vectors[word].tolist() for word in FRUIT)
    assert all(weights[word].abs().max() < 1 for word in TOOLS)
    (finding,) = [one for one in experiment.pipeline.findings if one.check == "weights"]
    assert "8 of 16" in finding.message


def test_file_of_vectors_of_another_size_is_refused(corpus: Path) -> None:
    Path("start.txt").write_text("1 3\napple 1 2 3\n")
    with pytest.raises(TaskError, match=r"start.txt.*12"):
        build_experiment(ki.Task(**TASK).with_words({"process.weights": "start.txt"}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no words"),
        ("!!! ...\n", "has no words"),
        ("hello\n" * 9, "leaves 1"),
        ("a b c d\n", "occurs 1 times"),
        ("one\ntwo\n" * 9, "no word has a context"),
    ],
    ids=["empty", "punctuation", "one_word", "rare", "no_context"],
)
def test_corpus_without_pairs_is_refused(
    content: str, words: str, refusal: Callable[..., str]
) -> None:
    Path("text.txt").write_text(content)
    assert words in refusal("fit", "text.txt", "output.vectors=words")


def test_unknown_word_names_the_nearest_spelling(corpus: Path, refusal: Callable[..., str]) -> None:
    fitted(epochs=1)
    assert "Did you mean 'apple'" in refusal("predict", "run", "aple")
    assert "is not a word, a sum of words" in refusal("predict", "run", "apple + ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Don't stop, e-mail me at 5!", ["don't", "stop", "e", "mail", "me", "at", "5"]),
        ("我爱 Python 编程", ["我", "爱", "python", "编", "程"]),
        ("so nice \U0001f600\U0001f600", ["so", "nice", "\U0001f600", "\U0001f600"]),
        ("Привет, мир", ["привет", "мир"]),
    ],
    ids=["english", "chinese", "emoji", "cyrillic"],
)
def test_lines_are_split_into_words(line: str, words: list[str]) -> None:
    assert split_line(line) == words


def test_a_large_corpus_is_read_from_a_file_with_the_same_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = ["a b c", "d", "b a a zzz", "c b"] * 50
    corpus = Corpus(lambda: lines, "here")
    assert count_words(corpus).counts == {"a": 150, "b": 150, "c": 100, "d": 50, "zzz": 50}
    in_memory = encode_corpus(corpus, ["a", "b", "c"], block=7)
    monkeypatch.setattr("kissipo.input.corpus._TOKENS_IN_MEMORY", 10)
    on_disk = encode_corpus(corpus, ["a", "b", "c"], block=7)
    assert isinstance(on_disk, TokenBlocks)
    assert not isinstance(on_disk.tokens, np.ndarray)
    everything = in_memory.read(slice(None))
    assert torch.equal(on_disk.read(slice(None)), everything)
    assert torch.equal(on_disk.read(torch.tensor([3, 1])), everything[[3, 1]])
    assert everything.flatten()[:11].tolist() == [0, 1, 2, -1, 1, 0, 0, -1, 2, 1, -1]
