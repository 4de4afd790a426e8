"""Pairs of texts (S33): where they come from, what is refused, and what a run does.

The sentences of two made languages are translations of each other word by word, with
the verb at the end of one of them.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.target_tokens import END
from kissipo.core.errors import DataError, StoppedError, TaskError
from kissipo.engine import fit
from kissipo.input.formats.aligned_lines import shift
from kissipo.pipeline.experiment import Experiment, build_experiment
from kissipo.process.algorithms import teacher_forcing
from kissipo.process.algorithms.teacher_forcing import true_token_probability

NOUNS = {"dog": "Hund", "cat": "Katze", "child": "Kind", "bird": "Vogel", "horse": "Pferd"}
VERBS = {"sees": "sieht", "hears": "hört", "likes": "mag", "calls": "ruft"}
SIZES = {"red": "rote", "big": "große", "small": "kleine", "old": "alte"}
SMALL = {"units": 12, "embedding_dim": 8, "epochs": 2, "batch_size": 16}


def sentences(count: int) -> list[tuple[str, str]]:
    """Returns pairs in an order that mixes short and long ones."""
    nouns = [(f"the {a} {n}", f"das {b} {m}") for a, b in SIZES.items() for n, m in NOUNS.items()]
    nouns += [(f"the {n}", f"das {m}") for n, m in NOUNS.items()]
    rows = [
        (f"{a[0]} {v} {b[0]} .", f"{a[1]} {b[1]} {w} .")
        for a, b in itertools.product(nouns, nouns)
        for v, w in VERBS.items()
    ]
    return [rows[(7919 * number) % len(rows)] for number in range(count)]


def write(path: str, rows: list[tuple[str, str]], names: tuple[str, str] = ("en", "de")) -> str:
    lines = ["\t".join(row) for row in [names, *rows]]
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")
    return path


def experiment(path: object, **words: object) -> Experiment:
    task = ki.Task(
        input={"pairs": path, "source": "en", "tokenizer": "words", "batch_size": 16},
        process={"net": "seq2seq", "units": 12, "embedding_dim": 8, "epochs": 1},
        output={"text": "de"},
    )
    return build_experiment(task.with_words(words))


def messages(of: Experiment, check: str) -> list[str]:
    return [finding.message for finding in of.pipeline.findings if finding.check == check]


def test_table_of_two_texts_is_inferred(capsys: pytest.CaptureFixture[str]) -> None:
    write("captions.tsv", sentences(60))
    task = ki.load("captions.tsv", output="de")
    assert task.input == {"pairs": "captions.tsv", "source": "en"}
    assert task.output == {"text": "de"}
    whole = task.complete()
    assert whole.process["net"] == "seq2seq" and whole.input["tokenizer"] == "words"
    write(
        "kinds.tsv",
        [(text, "good" if n % 2 else "bad") for n, (text, _) in enumerate(sentences(60))],
    )
    assert "category" in ki.load("kinds.tsv", output="de").output


def test_aligned_files_give_the_same_pairs_as_a_table() -> None:
    rows = sentences(40)
    write("captions.tsv", rows)
    Path("records.jsonl").write_text(
        "".join(json.dumps({"en": a, "de": b}) + "\n" for a, b in rows), "utf-8"
    )
    folder = Path("texts")
    folder.mkdir()
    for side, name in enumerate(("en", "de")):
        text = "".join(row[side] + "\n" for row in rows)
        Path(f"train.{name}").write_text(text, "utf-8")
        with gzip.open(folder / f"train.{name}.gz", "wt", encoding="utf-8") as file:
            file.write(text)
    sources = ["captions.tsv", "records.jsonl", ["train.en", "train.de"], "texts"]
    experiments = [experiment(source, **{"input.target": "de"}) for source in sources]
    first = experiments[0].pipeline
    assert first.codecs[0].decode(first.datasets["train"].inputs[0])["en"].texts() == [
        rows[row][0] for row in first.splits["train"]
    ]
    for other in (one.pipeline for one in experiments[1:]):
        for split, dataset in other.datasets.items():
            assert dataset.inputs[0].equal(first.datasets[split].inputs[0])
            assert dataset.targets[0].equal(first.datasets[split].targets[0])


def test_folder_of_splits_is_the_published_split() -> None:
    rows = sentences(90)
    for stem, part in (("train", rows[:60]), ("val", rows[60:70]), ("test_2016", rows[70:])):
        for side, name in enumerate(("en", "de")):
            Path("set").mkdir(exist_ok=True)
            Path(f"set/{stem}.{name}").write_text("\n".join(r[side] for r in part), "utf-8")
    built = experiment("set", **{"input.target": "de"})
    assert [len(part) for part in built.pipeline.splits.values()] == [60, 10, 20]
    train = {text for text, _ in rows[:60]}
    count = sum(text in train for text, _ in rows[70:])
    expected = f"{count:,} of 20 'en' of the test split are also in the training split"
    assert count == 0 or expected in messages(built, "seen sources")[-1]


def test_sources_that_are_in_two_splits_are_counted() -> None:
    rows = sentences(60)
    parts = {"train": rows[:44], "val": rows[44:50], "test": rows[50:58] + rows[:2]}
    for stem, part in parts.items():
        for side, name in enumerate(("en", "de")):
            Path("set").mkdir(exist_ok=True)
            Path(f"set/{stem}.{name}").write_text("\n".join(r[side] for r in part), "utf-8")
    (message,) = messages(experiment("set", **{"input.target": "de"}), "seen sources")
    assert message.startswith("2 of 10 'en' of the test split are also in the training split")
    assert "rows 59, 60" in message


@pytest.mark.parametrize("surplus", [1, 3])
@pytest.mark.parametrize("place", [12, 60])
def test_unequal_files_are_refused_with_the_place_of_the_shift(
    refusal: Callable[..., str], place: int, surplus: int
) -> None:
    rows = [
        (f"{a} {'so ' * (7 * n % 11)}", f"{b} {'so ' * (7 * n % 11)}")
        for n, (a, b) in enumerate(sentences(80))
    ]
    first = [a for a, _ in rows]
    first[place:place] = ["a line that has no translation in the other file"] * surplus
    Path("a.en").write_text("\n".join(first), "utf-8")
    Path("a.de").write_text("\n".join(b for _, b in rows), "utf-8")
    message = refusal("fit", write_task("pairs: [a.en, a.de]"))
    assert f"{80 + surplus} and 80 lines" in message
    line = int(message.split("begins near line ")[1].split(";")[0].replace(",", ""))
    assert abs(line - (place + 1)) <= 2


def write_task(source: str, **words: str) -> str:
    Path("task.yaml").write_text(
        f"input: {{{source}, source: en}}\nprocess: {{net: seq2seq}}\noutput: {{text: de}}\n"
    )
    return "task.yaml"


def test_files_without_a_clear_shift_say_no_line() -> None:
    assert shift([5] * 30, [5] * 29) is None
    assert shift([3, 9], [3]) is None


def test_wrong_columns_are_refused(refusal: Callable[..., str]) -> None:
    write("captions.tsv", sentences(40))
    write("same.tsv", [(a, a) for a, _ in sentences(40)])
    write("empty.tsv", [(a, "") for a, _ in sentences(40)])
    task = write_task("pairs: captions.tsv")
    assert "do not fit together; got source de" in refusal("fit", task, "input.source=de")
    assert "both name 'de'" in refusal("fit", task, "input.source=de", "input.target=de")
    assert "no column 'fr'" in refusal("fit", task, "input.source=fr")
    assert "input.lowercase is for subwords" in refusal(
        "fit", task, "input.lowercase=true", "input.tokenizer=words"
    )
    assert "are the same text in 40 of 40 rows" in refusal("fit", write_task("pairs: same.tsv"))
    assert "every 'de' is empty" in refusal("fit", write_task("pairs: empty.tsv"))
    assert "output.category is not an answer for pairs" in refusal(
        "fit", write_task("pairs: captions.tsv"), "output={category: de}"
    )


def test_empty_swapped_and_odd_rows_are_counted() -> None:
    rows = sentences(200)
    rows[3], rows[5] = ("", "leer"), ("empty", " ")
    for place in (20, 40, 60):
        rows[place] = rows[place][::-1]
    rows[80] = ("dog", "Hund")
    rows[90] = ("the 👩‍👩‍👧 sees 犬 .", "das 👩‍👩‍👧 犬 sieht .")
    rows[100] = ("dog " * 10_000, "Hund " * 10_000)
    built = experiment(write("captions.tsv", rows))
    assert messages(built, "empty texts") == [
        "1 of 200 'en' are empty (row 4)",
        "1 of 199 'de' are empty (row 6)",
    ]
    (swapped,) = messages(built, "swapped columns")
    assert "in 3 of 198 rows (rows 21, 41, 61)" in swapped
    assert built.pipeline.codecs[0].spec.shape[0] <= 257
    texts = messages(built, "source texts") + messages(built, "target texts")
    assert any("1 of 198 'en' longer than" in text for text in texts)
    assert len(messages(built, "unknown tokens")) == 2


def test_unknown_words_are_reported_once_per_side_with_examples() -> None:
    rows = [(f"{en} rare{place}", de) for place, (en, de) in enumerate(sentences(200))]
    built = experiment(write("captions.tsv", rows), **{"input.min_count": 2})
    warnings = [item.message for item in built.pipeline.findings if item.level == "WARN"]
    (unknown,) = [message for message in warnings if "unknown" in message]
    share, where, examples = unknown.replace("% of ", "%").replace(" are unknown", "%").split("%")
    assert where.endswith("of 'en' outside the training split")
    outside = {
        f"'rare{row}'" for name in ("validation", "test") for row in built.pipeline.splits[name]
    }
    assert set(examples.strip(" ()").split(", ")) <= outside and examples.count("'rare") == 3
    parts = [built.pipeline.datasets[name].inputs[0] for name in ("validation", "test")]
    ids = torch.cat([part[:] for part in parts])
    assert share == f"{100 * (ids == 1).sum() / (ids > 0).sum():.1f}"
    built = experiment(
        "captions.tsv", **{"input.min_count": 2, "input.split": {"test": 0, "validation": 0}}
    )
    assert any(
        "200 words of 'en' rare or never seen" in text for text in messages(built, "source texts")
    )


@pytest.mark.parametrize("tokenizer", ["characters", "words", "bpe", "wordpieces"])
def test_every_tokenizer_reads_and_writes(tokenizer: str) -> None:
    words = {"input.tokenizer": tokenizer}
    if tokenizer in ("bpe", "wordpieces"):
        words |= {"input.vocab_size": 600}
    rows = sentences(60)
    built = experiment(write("captions.tsv", rows), **words)
    train, rows_of = built.pipeline.datasets["train"], built.pipeline.splits["train"]
    texts = built.pipeline.answers[0].codec.decode(train.targets[0])["de"].texts()
    expected = [rows[row][1] for row in rows_of]
    assert texts == ([text.lower() for text in expected] if tokenizer == "words" else expected)
    assert (train.targets[0] == END).sum(dim=1).tolist() == [1] * len(train)
    assert not (train.inputs[0] == END).any() or tokenizer in ("characters", "words")


def test_shared_vocabulary_gives_both_sides_the_same_ids() -> None:
    shared = {"input.tokenizer": "bpe", "input.vocab_size": 400, "input.shared_vocabulary": True}
    built = experiment(write("captions.tsv", sentences(60)), **shared)
    codecs = (built.pipeline.codecs[0], built.pipeline.answers[0].codec)
    assert codecs[0].spec.labels == codecs[1].spec.labels
    assert {"Ġdog", "ĠHund"} <= set(codecs[0].spec.labels)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run with subwords, tied weights and batches of similar length."""
    folder = tmp_path_factory.mktemp("pairs")
    path = write(str(folder / "captions.tsv"), sentences(120))
    short_task(path).fit(out=folder / "run")
    return folder / "run"


def short_task(path: str) -> ki.Task:
    words: dict[str, object] = {**SMALL, "input.tokenizer": "bpe", "input.vocab_size": 400}
    words |= {"process.tied_embedding": True, "process.dropout": 0.2}
    return ki.load(path, output="de", words=words)


def test_killed_run_resumes_within_an_epoch_to_the_same_bits(
    run: Path,
    assert_same_run: Callable[[Path, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "_PROGRESS_SECONDS", 0.0)
    path, callback = str(run.parent / "captions.tsv"), StopAtStep()
    with pytest.raises(StoppedError, match="in epoch 1, step 3"):
        short_task(path).fit(out="broken", callbacks=[callback])
    short_task(path).fit(out="broken", resume=True)
    assert_same_run(run, Path("broken"))


class StopAtStep(ki.Callback):
    """Sends Ctrl-C in the third step."""

    def on_progress(self, facts: Mapping[str, Any]) -> None:
        if facts["step"] == 3 and facts["epoch"] == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_predict_takes_a_sentence_and_a_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), "the dog sees 👩‍👩‍👧 .", "--json"]) == 0
    (prediction,) = json.loads(capsys.readouterr().out)["predictions"]
    assert isinstance(prediction["de"]["answer"], str)
    write("new.tsv", sentences(3))
    assert main(["predict", str(run), "--file", "new.tsv"]) == 0


def test_trace_equals_torch(run: Path) -> None:
    """The first token, computed with torch's own layers and formulas."""
    loaded = ki.open(run)
    net: Any = loaded.net
    text = "the dog sees the cat ."
    trace: Any = loaded.trace(text)
    _, dataset, _ = loaded.encode([text])
    ids = dataset.inputs[0]
    ids = ids[ids != 0]
    encoder = nn.GRU(8, 12, batch_first=True, bidirectional=True)
    encoder.load_state_dict(net.encoder.state_dict())
    decoder = nn.GRU(8, 12, batch_first=True)
    decoder.load_state_dict(net.decoder.state_dict())
    with torch.no_grad():
        memory, last = encoder(net.source_embedding.weight[ids].unsqueeze(0))
        first = torch.tanh(net.bridge[0](torch.cat([last[0], last[1]], dim=1)))
        end = net.target_embedding.weight[END].view(1, 1, -1) * 8**0.5  # tied weights
        hidden, _ = decoder(end, first.unsqueeze(0))
        layer = net.attention
        sums = torch.tanh(layer.query(hidden).unsqueeze(2) + layer.keys(memory).unsqueeze(1))
        weights = layer.combine(sums).squeeze(3).softmax(dim=2)
        read = torch.tanh(net.readout(torch.cat([hidden, weights @ memory], dim=2)))
        logits = functional.linear(read, net.target_embedding.weight, net.head.bias)
    steps = {call.name: call for call in reversed(trace.recording.steps)}  # the first call
    recorded = torch.as_tensor(steps["attention.softmax"].output)[0, 0]
    assert torch.allclose(recorded[: len(ids)], weights[0, 0], atol=1e-6)
    assert not recorded[len(ids) :].any()
    assert torch.allclose(
        torch.as_tensor(steps["head"].output).view(-1), logits.view(-1), atol=1e-5
    )


def test_weights_of_another_vocabulary_are_refused_by_name(
    run: Path, refusal: Callable[..., str]
) -> None:
    other = [(a.replace("dog", "wolf"), b) for a, b in sentences(120)]
    words = ["--output", "de", "input.tokenizer=bpe", "input.vocab_size=400"]
    words += ["units=12", "embedding_dim=8", "process.net=seq2seq", f"process.weights={run}"]
    message = refusal("fit", write("other.tsv", other), *words)
    assert "the vocabulary of 'en' does not fit the weights" in message
    assert "of which number" in message


def test_eject_refuses_in_a_sentence_and_writes_without_bucketing(
    run: Path, refusal: Callable[..., str]
) -> None:
    path = write("captions.tsv", sentences(40))
    words = ["--output", "de", "process.epochs=1", "process.units=8", "process.embedding_dim=8"]
    message = refusal("eject", path, *words, "--out", "out")
    assert "does not write batches of similar length yet" in message
    assert main(["eject", path, *words, "input.bucketing=false", "--out", "out"]) == 0
    assert "cross_entropy" in Path("out/train.py").read_text()
    words += ["input.bucketing=false", "process.label_smoothing=0.2"]
    assert main(["eject", path, *words, "--out", "soft"]) == 0
    assert "label_smoothing=0.2" in Path("soft/train.py").read_text()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_of_the_true_tokens_is_the_padded_cross_entropy(
    monkeypatch: pytest.MonkeyPatch, smoothing: float
) -> None:
    path = write("captions.tsv", sentences(60))
    built = experiment(path, **{"process.label_smoothing": smoothing})
    batch = built.pipeline.datasets["train"].batch(slice(0, 20))
    algorithm: Any = built.algorithm
    plain, _ = algorithm._losses(batch)
    assert algorithm._tokenwise is None  # few classes
    with torch.no_grad():
        (target,), logits = batch.targets, built.net(*batch.inputs, *batch.targets)
        entropies = [  # of the tokens of each text, without its padding
            functional.cross_entropy(some[row != 0], row[row != 0], label_smoothing=smoothing)
            for some, row in zip(logits, target, strict=True)
        ]
    assert plain.item() == pytest.approx(sum(entropies).item() / len(entropies), rel=1e-6)
    monkeypatch.setattr(teacher_forcing, "_MANY_CLASSES", 1)
    many: Any = teacher_forcing.ALGORITHM(
        built.net, algorithm.losses, algorithm.options, total_steps=1
    )
    assert many._tokenwise is built.net
    by_token, _ = many._losses(batch)
    assert by_token.item() == pytest.approx(plain.item(), rel=1e-6)
    weights = [x for x in built.net.parameters() if x.requires_grad]
    for a, b in zip(
        torch.autograd.grad(by_token, weights), torch.autograd.grad(plain, weights), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-6)
    smooth = many.validation_loss(None, batch).item() == pytest.approx(plain.item(), rel=1e-5)
    assert smooth == (smoothing == 0)  # labels are smoothed in training alone


def test_scheduled_sampling_falls_and_is_teacher_forcing_at_one() -> None:
    falls = [true_token_probability(0.2, "linear", done) for done in (0.0, 0.5, 1.0)]
    assert falls == pytest.approx([1.0, 0.6, 0.2])
    curve = [true_token_probability(0.2, "inverse_sigmoid", done) for done in (0.0, 0.5, 1.0)]
    assert curve == pytest.approx([0.9946, 0.6, 0.2054], abs=1e-4)
    assert true_token_probability(0.3, "constant", 0.9) == 0.3
    built = experiment(write("captions.tsv", sentences(60)))
    batch = built.pipeline.datasets["train"].batch(slice(0, 20))
    net: Any = built.net
    forced = net(*batch.inputs, *batch.targets)
    sampled = teacher_forcing._sampled(net, batch, 1.0)
    assert torch.allclose(sampled, forced, atol=1e-5)


def test_scheduled_sampling_reads_its_own_tokens() -> None:
    """With a probability of 0 the net reads its own tokens, up to the end."""
    built = experiment(
        write("captions.tsv", sentences(60)),
        **{"process.teacher_forcing": 0.0, "process.teacher_forcing_schedule": "constant"},
    )
    batch = built.pipeline.datasets["train"].batch(slice(0, 20))
    net: Any = built.net
    sampled = teacher_forcing._sampled(net, batch, 0.0)
    greedy = net(*batch.inputs)
    (target,) = batch.targets
    for row in range(len(target)):
        length = int((target[row] != 0).sum())
        assert torch.allclose(sampled[row, :length], greedy[row, :length], atol=1e-5)
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    built.algorithm.begin(built.pipeline.datasets["train"])
    loss = built.algorithm.step(batch)["loss"]
    assert torch.isfinite(loss)
    assert any(not weight.equal(before[name]) for name, weight in net.state_dict().items())


def test_options_that_do_not_exist_are_refused() -> None:
    write("captions.tsv", sentences(40))
    with pytest.raises(TaskError, match="teacher_forcing"):
        experiment("captions.tsv", **{"process.teacher_forcing": 1.5})
    Path("nothing").mkdir()
    Path("nothing/x.en").write_text("a")
    with pytest.raises(DataError, match=r"no files NAME\.en and NAME\.de"):
        experiment("nothing", **{"input.target": "de"})
