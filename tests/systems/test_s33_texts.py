"""S33, the output: metrics of words, the search, checks, and the inside of a text."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.target_tokens import END
from kissipo.core.description import Section, Tree, Weights
from kissipo.core.module_state import eval_mode
from kissipo.input.makers import reversed_words
from kissipo.output.target_text import TargetText
from kissipo.output.texts.inside import run_along
from kissipo.runs.xray.sample import xray_any

pytestmark = pytest.mark.usefixtures("one_thread")
GERMAN = {
    "the": "der", "a": "ein", "dog": "Hund", "man": "Mann", "runs": "läuft", "sees": "sieht",
    "over": "über", "grass": "Gras", "red": "rot", "and": "und", "old": "alt", "sits": "sitzt",
}  # fmt: skip


def write_sentences(path: Path, rows: int = 240) -> None:
    """English sentences of 6 to 9 words, and each word in German, with a mark."""
    generator = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["en", "de"])
        for _ in range(rows):
            words = generator.choice(list(GERMAN), generator.integers(6, 10)).tolist()
            table.writerow([" ".join(words), " ".join(GERMAN[word] for word in words) + "."])


@pytest.fixture(scope="module")
def translation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentences")
    write_sentences(folder / "sentences.csv")
    words = {"output.text": "de", "output.unit": "words", "input.text": ["en"]}
    words |= {"process.epochs": 2, "process.units": 16, "output.decode.beam": 3}
    ki.load(str(folder / "sentences.csv"), words=words).fit(out=folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def reverse(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reversed_words, "COUNT", 200)
        words = {"process.epochs": 1, "process.units": 12, "output.decode.beam": 3}
        return ki.load("reverse", words=words).fit(out=tmp_path_factory.mktemp("reverse") / "run")


def test_bleu_of_a_run_is_that_of_sacrebleu_for_its_predictions(translation: Path) -> None:
    run = ki.open(translation)
    (answer,) = run.metrics["answers"]
    assert answer["main"] == "bleu"
    assert list(answer["metrics"])[:2] == ["bleu", "chrf"]
    assert "eval_metric: bleu" in (translation / "task.yaml").read_text()
    pipeline = run.pipeline()
    rows = pipeline.frame.take(pipeline.splits["test"])
    texts = [item[0].value for item in run.predict_all(rows["en"].texts())[0]]
    references = [str(text).lower().replace(".", " .") for text in rows["de"].texts()]
    bleu = sacrebleu.corpus_bleu(texts, [references], lowercase=True)
    chrf = sacrebleu.corpus_chrf(texts, [references])
    assert answer["metrics"]["bleu"] == pytest.approx(bleu.score)
    assert answer["metrics"]["chrf"] == pytest.approx(chrf.score)
    signature = answer["details"]["signatures"]["bleu"]
    assert signature.startswith("nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:")
    dictionary = answer["baselines"]["word-by-word dictionary"]["bleu"]
    assert dictionary > 80 > answer["metrics"]["bleu"]  # each word has one translation
    assert "points of BLEU below word-by-word dictionary" in answer["verdict"]["sentence"]
    assert [check["check"] for check in answer["details"]["checks"]] == [
        *("unknown words", "shift", "repetition", "length"),
    ]


def test_evaluation_prints_the_score_in_words_the_signature_and_every_check(
    translation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(translation)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "35 on image captions is not 35 on news" in printed
    assert "Signature of BLEU: nrefs:1|case:lc" in printed and "Signature of chrF" in printed
    assert printed.count("PASS ") + printed.count("WARN ") + printed.count("FAIL ") >= 4


def test_report_has_bands_checks_sources_references_and_alignments(
    translation: Path, content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    content = content_of(translation / "report.html")
    (bands,) = records_of(content, "table", "BLEU in words")
    assert len(bands["rows"]) == 7 and sum("model" in row[2] for row in bands["rows"]) == 1
    (checks,) = records_of(content, "table", "Checks before the score")
    assert len(checks["rows"]) == 4
    frame = ki.open(translation).pipeline().frame
    pairs = set(zip(frame["en"].texts(), frame["de"].texts(), strict=True))
    for title in ("Worst predictions", "Predictions in the middle"):
        texts, *_ = records_of(content, "table", title)
        assert {(row[0], row[1]) for row in texts["rows"]} <= pairs
        scores = [float(row[3]) for row in texts["rows"]]
        assert scores == sorted(scores)
        free, forced = records_of(content, "weights", title)
        assert [sum(row) for row in free["values"]] == pytest.approx(
            [1] * len(free["rows"]), abs=1e-4
        )
        assert free["columns"] == forced["columns"] and forced["rows"][-1] == "(end)"
        assert records_of(content, "tree", title)


def records_in(sections: Any, kind: type) -> list[Any]:
    records = []
    for record in sections:
        records += records_in(record.content, kind) if isinstance(record, Section) else []
        records += [record] if isinstance(record, kind) else []
    return records


def test_inside_of_a_text_is_that_of_the_net(reverse: Any) -> None:
    answer: TargetText = reverse.answers[0]
    result: Any = xray_any(reverse, [], position=2)
    tree, (free, forced) = (
        records_in(result.trace.sections, Tree)[0],
        records_in(result.trace.sections, Weights),
    )
    word = str(reverse.pipeline().frame["word"].show(int(reverse.pipeline().splits["test"][2])))
    assert free.columns == list(word) and forced.rows == [*word[::-1], "(end)"]
    prediction = reverse.predict_all([word])[0][0][0]
    best = [number for number, node in enumerate(tree.nodes) if node.state == "best"][-1]
    assert tree.text(best).removesuffix("(end)") == prediction.value
    assert np.exp(tree.nodes[best].total) == pytest.approx(prediction.confidence, rel=1e-4)
    assert [name for name in free.rows if name != "(end)"] == list(prediction.value)
    # teacher forcing by steps is the forward pass with the target, and its attention
    codec, names = reverse.codecs[0], answer.codec.spec.labels
    source = codec.encode(reverse.pipeline().frame.take(reverse.pipeline().splits["test"][2:3]))
    target = torch.tensor([[*(names.index(letter) for letter in word[::-1]), END]])
    weights: list[torch.Tensor] = []
    with eval_mode(reverse.net):
        hook = reverse.net.attention.softmax.register_forward_hook(
            lambda layer, inputs, output: weights.append(output[0])
        )
        logits = reverse.net(source, target)
        hook.remove()
        along = run_along(reverse.net, (source,), target[0].tolist())
    torch.testing.assert_close(
        along.shares[:, END:], logits[0, :, END:].log_softmax(1), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(
        forced.values, weights[0][:, : len(word)].numpy(), rtol=1e-3, atol=1e-5
    )


def test_xray_prints_the_tree_and_the_trace_file_has_it(
    reverse: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(reverse.folder)
    assert main(["xray", folder, "learning", "--trace", "trace"]) == 0
    printed = capsys.readouterr().out
    assert "Beam search" in printed and "└─ " in printed and "  dead" in printed
    content = json.loads(Path("trace/trace.json").read_text())
    titles = [section["title"] for section in content["sections"]]
    assert titles == ["Alignment", "Beam search"]  # the target is not known
    (tree,) = [item for item in content["sections"][1]["records"] if item["kind"] == "tree"]
    assert {node["state"] for node in tree["nodes"]} == {"best", "kept", "dropped"}
    assert all(node["parent"] < number for number, node in enumerate(tree["nodes"]))
    totals = [node["total"] for node in tree["nodes"]]
    for node in tree["nodes"]:
        before = totals[node["parent"]] if node["parent"] >= 0 else 0.0
        assert node["total"] == pytest.approx(before + node["log_probability"], abs=1e-5)
    assert content["labels"]["query"][-1] in ("(end)", *"abcdefghijklmnopqrstuvwxyz")


def test_first_difference_of_free_run_and_teacher_forcing_is_named(reverse: Any) -> None:
    trace: Any = xray_any(reverse, [], position=1)
    (section,) = [item for item in trace.trace.sections if item.title.startswith("Free run")]
    sentence, table = section.content
    first = next(
        number for number, row in enumerate(table.rows) if row[1] != row[5]
    )  # before it, the most probable token is that of the text
    assert f"at token {first + 1}:" in sentence.text
    assert all(row[1] == row[5] for row in table.rows[:first])


def test_options_of_the_search(reverse: Any) -> None:
    def prediction(**options: Any) -> Any:
        words = {f"output.decode.{name}": value for name, value in options.items()}
        answer = ki.load("reverse", words=words)
        search = type(reverse.answers[0].search)(**options)
        search.refuse_contradictions()
        assert answer is not None
        reverse.answers[0].search = search
        return reverse.predict_all(["learning"])[0][0][0]

    before = reverse.answers[0].search
    try:
        best = prediction(beam=4, n_best=2)
        assert len(best.others) == 1 and best.confidence >= best.others[0][1]
        drawn = prediction(temperature=1.5, n_best=5)
        assert len(drawn.others) == 4 and drawn == prediction(temperature=1.5, n_best=5)
        greedy, one = prediction(beam=1), prediction(temperature=0.7, top_k=1)
        assert greedy.value == one.value
        letters = prediction(beam=2, no_repeat=1).value
        assert len(set(letters)) == len(letters)
    finally:
        reverse.answers[0].search = before


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["output.decode.beam=4", "output.decode.temperature=1"], "beam searches them"),
        (["output.decode.no_repeat=2", "output.decode.temperature=1"], "no_repeat searches"),
        (["output.decode.top_k=4"], "which needs temperature"),
        (["output.decode.length_penalty=1"], "needs a beam above 1"),
        (["output.decode.beam=2", "output.decode.n_best=3"], "more texts than the beam of 2"),
        (["output.eval_metric=meteor"], "eval_metric"),
        (["output.decode.temperature=0"], "temperature"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    refusal: Callable[..., str], options: list[str], part: str
) -> None:
    assert part in refusal("fit", "reverse", *options)


def test_summary_task_has_rouge_and_extractive_baselines() -> None:
    generator = np.random.default_rng(1)
    trees = ["oak", "elm", "ash", "fir", "yew", "box", "bay", "fig"]
    with Path("trees.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["about", "title"])
        for _ in range(200):
            words = generator.choice(trees, 14).tolist()
            table.writerow(
                [" ".join(words[:7]) + ". " + " ".join(words[7:]) + ".", " ".join(words[:2])]
            )
    words = {"output.text": "title", "output.unit": "words", "output.eval_metric": "rouge_l"}
    words |= {"input.text": ["about"], "process.epochs": 1, "process.units": 8}
    run = ki.load("trees.csv", words=words).fit(out="run")
    (answer,) = run.metrics["answers"]
    assert list(answer["metrics"])[:3] == ["rouge_l", "rouge_1", "rouge_2"]
    assert answer["baselines"]["first words"]["rouge_l"] == 1.0
    assert answer["baselines"]["first words"]["exact_match"] == 1.0
    assert 0 < answer["baselines"]["central sentence"]["rouge_l"] < 1
    assert answer["verdict"]["better"] == -1 and "of ROUGE-L below" in answer["verdict"]["sentence"]
