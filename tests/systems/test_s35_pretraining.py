"""Pre-training of BERT (S35): a made language, guesses, resume, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, StoppedError, TaskError, UserError
from kissipo.core.frame import Frame, strings
from kissipo.pipeline.experiment import build_experiment

pytestmark = pytest.mark.usefixtures("one_thread")
SINGERS = {"bird": "sings", "choir": "hums", "child": "laughs", "wind": "howls"}
PLACES = ["garden", "hall", "valley", "street"]
PROCESS = {
    "net": "bert",
    "num_layers": 2,
    "units": 32,
    "num_heads": 2,
    "dropout": 0.0,
    "algorithm": "masked_text",
    "learning_rate": 4e-3,
    "epochs": 3,
}
TASK: dict[str, Any] = {
    "input": {"text": "corpus.txt", "tokenizer": "wordpieces", "max_length": 32, "batch_size": 16},
    "process": PROCESS,
    "output": {"text": "masked"},
}


@pytest.fixture
def corpus() -> Path:
    """Documents about one singer each, who always makes the same noise."""
    generator = np.random.default_rng(3)
    documents = []
    for _ in range(160):
        singer = str(generator.choice([*SINGERS]))
        lines = [
            f"the {singer} {SINGERS[singer]} in the {generator.choice(PLACES)} ." for _ in range(8)
        ]
        documents.append("\n".join(lines))
    Path("corpus.txt").write_text("\n\n".join(documents))
    return Path("corpus.txt")


def task(**changes: Any) -> ki.Task:
    parts = {name: dict(part) for name, part in TASK.items()}
    for name, part in changes.items():
        parts[name] |= part
    return ki.Task(**parts)


@pytest.mark.slow
def test_net_learns_words_and_pairs(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learning = {"units": 64, "num_heads": 4, "learning_rate": 2e-3, "epochs": 24}
    run = task(input={"documents": "paragraph"}, process=learning).fit(out="run", seed=2)
    (scores,) = run.metrics["answers"]
    assert scores["metrics"]["next_sentence_accuracy"] > 0.7
    assert scores["metrics"]["masked_accuracy"] > 0.75
    baselines = scores["baselines"]
    assert (
        scores["metrics"]["masked_accuracy"] > baselines["most frequent piece"]["masked_accuracy"]
    )
    text = "[CLS] the wind howls in the hall . [SEP] the [MASK] howls in the street . [SEP]"
    assert main(["predict", "run", text, "the choir [MASK] in the [MASK] ."]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    guesses = [[guess.split(" ")[0] for guess in line.split("\t")] for line in lines]
    assert guesses[0][0] == "wind" and guesses[1][0] == "hums" and len(guesses[0]) == 5
    assert {*guesses[2][:4]} == {*PLACES}
    assert run.predict("the child [mask] .")[0][0] == "laughs"


def test_resume_ends_with_the_same_bits(
    corpus: Path, interrupter: Any, assert_same_run: Callable[[Path, Path], None]
) -> None:
    few = task(process={"epochs": 3, "dropout": 0.1})
    few.fit(out="whole", seed=4)
    with pytest.raises(StoppedError):
        few.fit(out="broken", seed=4, callbacks=[interrupter(2)])
    few.fit(out="broken", resume=True)
    assert_same_run(Path("whole"), Path("broken"))


def test_masked_words_alone(corpus: Path) -> None:
    run = task(process={"epochs": 2}, output={"next_sentence": False}).fit(out="run", seed=1)
    metrics = run.metrics["answers"][0]["metrics"]
    assert "next_sentence_accuracy" not in metrics and metrics["nll"] > 0
    (targets,) = run.pipeline().datasets["train"].batch(slice(0, 9)).targets
    assert not targets[:, 0].any()


def test_splits_share_no_document(corpus: Path) -> None:
    pipeline = build_experiment(task(), seed=3).pipeline
    maker = pipeline.frame["text"].maker  # type: ignore[attr-defined]
    tables = {name: pipeline.frame["text"].values[part] for name, part in pipeline.splits.items()}
    corpus_of, documents = maker.corpus, {}
    for name, table in tables.items():
        pieces = np.concatenate([table[:, 0], table[:, 2]])
        rows = np.searchsorted(corpus_of.sentences, pieces, side="right") - 1
        documents[name] = {*corpus_of.documents[rows].tolist()}
    assert all(documents.values())
    assert not documents["train"] & (documents["test"] | documents["validation"])
    assert not documents["test"] & documents["validation"]
    labels = torch.cat([data.truth(0)[:, 0] for data in pipeline.datasets.values()])
    assert {*labels.tolist()} == {1, 2}


def test_a_run_is_the_start_of_another_task(corpus: Path) -> None:
    run = task(process={"epochs": 1}).fit(out="run", seed=2)
    rows = [f"the {singer} {verb} .\t{verb}" for singer, verb in SINGERS.items()] * 10
    Path("noise.tsv").write_text("text\tnoise\n" + "\n".join(rows))
    fine = ki.Task(
        input={"table": "noise.tsv", "text": "text"},
        process={"weights": "run", "epochs": 1},
        output={"category": "noise"},
    )
    experiment = build_experiment(fine, seed=0)
    before, after = run.net.state_dict(), experiment.net.state_dict()
    shared = [name for name in after if name in before and name != "head.output.weight"]
    assert {"pieces.weight", "layers.1.attention.query.weight", "head.pooler.weight"} <= {*shared}
    for name in shared:
        if not name.startswith("head.output"):
            assert torch.equal(before[name], after[name]), name
    assert experiment.pipeline.codecs[0].spec.labels == run.codecs[0].spec.labels
    fine.fit(out="fine")


def test_a_run_is_trained_further(corpus: Path) -> None:
    run = task(process={"epochs": 2}).fit(out="run", seed=2)
    experiment = build_experiment(task(process={"weights": "run"}), seed=5)
    before, after = run.net.state_dict(), experiment.net.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is too short to learn from; got no words"),
        ("One sentence.", "is too short to learn from; got 1 sentences with 2 words"),
    ],
)
def test_short_corpora_are_refused(text: str, message: str) -> None:
    Path("corpus.txt").write_text(text or "\n \n")
    with pytest.raises(DataError) as error:
        build_experiment(task())
    assert message in str(error.value)


def test_chinese_is_split_into_characters() -> None:
    lines = ["我们学习语言。", "机器猜一个字！", "今天天气很好。", "北京是首都。"] * 30
    Path("corpus.txt").write_text("".join(lines))
    pipeline = build_experiment(task()).pipeline
    labels = pipeline.codecs[0].spec.labels
    assert {"我", "学", "。"} <= {*labels} and "我们" not in labels
    findings = {finding.check: finding.message for finding in pipeline.findings}
    assert "120 sentences" in findings["corpus"]
    assert "have only" in findings["vocabulary"] and "not 8,000" in findings["vocabulary"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": {"max_length": 513}}, "input.max_length must be"),
        ({"input": {"tokenizer": "words"}}, "needs word pieces"),
        ({"input": {"window": 9}}, "has no meaning for output.text=masked"),
        ({"output": {"unit": "words"}}, "output.unit is for the text of a column"),
        ({"process": {"algorithm": "supervised"}}, "does not learn output.text"),
        ({"process": {"max_positions": 16}}, "at most 16 word pieces"),
    ],
)
def test_options_that_do_not_suit_are_refused(
    corpus: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as error:
        build_experiment(task(**changes))
    assert message in str(error.value)


def test_guesses_report_and_values_without_a_mask(
    corpus: Path,
    content_of: Callable[[Path | str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = task(process={"epochs": 1}).fit(out="run")
    page = json.dumps(content_of("run/report.html"))
    for title in ("Guesses", "How the guesses got better", "What is hidden in a step"):
        assert title in page
    text = "[CLS] who sings ? [SEP] the [MASK] sings in the [mask] . [SEP]"
    first, second = run.predict(text)
    assert main(["predict", "run", text]) == 0
    lines = ["\t".join(f"{word} {share:.4f}" for word, share in gap) for gap in (first, second)]
    assert capsys.readouterr().out.splitlines() == lines
    read = "who sings ? [SEP] the [MASK] sings in the [MASK] ."
    ids = run.codecs[0].encode(Frame((strings("text", [read]),)))
    p = run.net(ids).softmax(dim=-1)[0, (ids[0] == 4).nonzero()[0]]
    assert [share for _, share in first] == pytest.approx(p[0].topk(5).values.tolist(), rel=1e-4)
    with pytest.raises(DataError, match=r"no \[MASK\] in text 2; got 'no mask'"):
        run.predict(["a [MASK]", "no mask"])
    with pytest.raises(DataError, match=r"no \[MASK\] in its first 32 pieces"):
        run.predict("the bird " * 20 + "[MASK]")
    _, remarks = run.predict_all(["the [MASK] " + "bird " * 40])
    assert "1 of 1 'text' longer than 30 word pieces, truncated" in remarks
    assert main(["eject", "run", "--out", "script.py"]) == 2


def test_pairs_of_a_column_and_texts_of_tables_refuse_the_option() -> None:
    Path("rows.csv").write_text("a,b\n" + "x,y\n" * 40)
    wrong = ki.Task(
        input={"table": "rows.csv"}, process={}, output={"text": "b", "next_sentence": True}
    )
    with pytest.raises(TaskError, match=r"output\.next_sentence is for masked text"):
        build_experiment(wrong)
