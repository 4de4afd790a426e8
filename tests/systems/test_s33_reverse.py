"""S33: a net writes a text token by token; the answer owns how it is searched."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.target_tokens import END
from kissipo.core.batch import Batch
from kissipo.core.errors import StoppedError
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.evaluate import answer_all, evaluate
from kissipo.input.made_words import MAX_LENGTH, MIN_LENGTH, made_words
from kissipo.input.makers import reversed_words, spelled_words
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answers.number import Number
from kissipo.output.target_text import TargetText
from kissipo.output.texts.search import TextSearch
from kissipo.process.algorithms.supervised import Supervised
from kissipo.process.algorithms.teacher_forcing import Options as TeacherForcingOptions
from kissipo.process.algorithms.teacher_forcing import TeacherForcing
from kissipo.process.losses import padded_cross_entropy
from kissipo.process.nets.seq2seq import Options, build

pytestmark = pytest.mark.usefixtures("one_thread")
SHORT = {
    "process.epochs": 2,
    "process.units": 12,
    "process.embedding_dim": 8,
}
SOURCE = TensorSpec("word", ("time",), (5,), vocab_size=6, padded=True)
TARGET = TensorSpec("text", ("time", "class"), (4, 7), padded=True)
WORDS = torch.tensor([[2, 3, 4, 5, 2], [5, 0, 0, 0, 0], [3, 3, 0, 0, 0], [0, 0, 0, 0, 0]])
TEXTS = torch.tensor([[3, 4, 5, END], [END, 0, 0, 0], [6, END, 0, 0], [3, 6, END, 0]])
KINDS = [(cell, how) for cell in ("gru", "lstm") for how in ("additive", "dot", "none")]
every_kind = pytest.mark.parametrize(("cell", "attention"), KINDS)


def sharp_net(cell: str = "gru", attention: str = "additive", seed: int = 0) -> Any:
    """A net with large random weights, so that its outputs differ from text to text."""
    torch.manual_seed(seed)
    options: Any = {"cell": cell, "attention": attention}
    net = build((SOURCE,), (TARGET,), Options(units=6, embedding_dim=4, **options))
    with torch.no_grad():
        for weight in net.parameters():
            weight.normal_(0, 0.8)
        for table in (net.source_embedding, net.target_embedding):  # type: ignore[union-attr]
            table.weight[0] = 0  # type: ignore[index, operator]
    return net.eval()


@pytest.fixture(scope="module", autouse=True)
def few_words() -> Iterator[None]:
    """The makers make 400 words; slow tests set 4,000 again."""
    with pytest.MonkeyPatch.context() as patch:
        for maker in (reversed_words, spelled_words):
            patch.setattr(maker, "COUNT", 400)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reverse") / "run"
    ki.load("reverse", words=SHORT).fit(out=folder)
    return folder


def of_torch(layer: nn.RNNBase) -> nn.RNNBase:
    """The same layer, computed by torch."""
    kind: Any = nn.LSTM if layer.mode == "LSTM" else nn.GRU
    other: nn.RNNBase = kind(
        layer.input_size, layer.hidden_size, batch_first=True, bidirectional=layer.bidirectional
    )
    other.load_state_dict(layer.state_dict())
    return other


def by_hand(net: Any, word: list[int], tokens: list[int]) -> Tensor:
    """The logits of one word without padding, each after the given tokens: torch's
    layers, and loops for the attention."""
    encoder, decoder = of_torch(net.encoder), of_torch(net.decoder)
    memory, last = encoder(net.source_embedding(torch.tensor([word])))
    states = last if isinstance(last, tuple) else (last,)
    state = tuple(
        torch.tanh(torch.cat([part[0, 0], part[1, 0]]) @ bridge.weight.T + bridge.bias)[None, None]
        for part, bridge in zip(states, net.bridge, strict=True)
    )
    rows = []
    for token in tokens:
        hidden, after = decoder(
            net.target_embedding(torch.tensor([[token]])), state if len(state) > 1 else state[0]
        )
        state = after if isinstance(after, tuple) else (after,)
        row = hidden[0, 0]
        if net.attention is not None:
            layer = net.attention
            keys = [layer.keys.weight @ step for step in memory[0]]
            if layer.score == "dot":
                scores = [float(row @ key) / 6**0.5 for key in keys]
            else:
                query = layer.query.weight @ row + layer.query.bias
                scores = [float(layer.combine.weight[0] @ torch.tanh(query + key)) for key in keys]
            weights = np.exp(scores) / np.exp(scores).sum()
            context = sum(
                float(weight) * step for weight, step in zip(weights, memory[0], strict=True)
            )
            row = torch.cat([row, context])
        rows.append(net.head.weight @ torch.tanh(net.readout.weight @ row + net.readout.bias))
        rows[-1] = rows[-1] + net.head.bias
    return torch.stack(rows)


@every_kind
def test_logits_equal_torch_and_loops(cell: str, attention: str) -> None:
    net = sharp_net(cell, attention)
    with torch.no_grad():
        forced, greedy = net(WORDS, TEXTS), net(WORDS)
        for row, (ids, text) in enumerate(zip(WORDS.tolist(), TEXTS.tolist(), strict=True)):
            word = [number for number in ids if number] or [0]
            expected = by_hand(net, word, [END, *text[:-1]])
            torch.testing.assert_close(forced[row], expected, rtol=1e-4, atol=1e-5)
            tokens = [END]
            for _ in range(TARGET.shape[0]):
                logits = by_hand(net, word, tokens)
                tokens.append(int(logits[-1, END:].argmax()) + END)
            torch.testing.assert_close(greedy[row], logits, rtol=1e-4, atol=1e-5)


@every_kind
def test_steps_with_the_true_tokens_equal_teacher_forcing(cell: str, attention: str) -> None:
    net = sharp_net(cell, attention)
    with torch.no_grad():
        state, tokens, rows = net.begin(WORDS), torch.full((4,), END), []
        for step in range(TARGET.shape[0]):
            logits, state = net.step(tokens, state)
            rows.append(logits)
            tokens = TEXTS[:, step]
        torch.testing.assert_close(torch.stack(rows, 1), net(WORDS, TEXTS), rtol=1e-4, atol=1e-5)


def trainer(net: nn.Module, kind: type[Supervised] = TeacherForcing) -> Supervised:
    options = TeacherForcingOptions(optimizer="sgd", learning_rate=0.5)
    algorithm = kind(net, (padded_cross_entropy.loss,), options, total_steps=10)
    algorithm.begin(TensorDataset((WORDS,), (TEXTS,)))
    return algorithm


def mean_loss(logits: Tensor) -> float:
    """The mean over texts of the mean over tokens, without padding, by loops."""
    texts = []
    for rows, text in zip(logits.double(), TEXTS.tolist(), strict=True):
        texts.append(
            [-float(row.log_softmax(0)[t]) for row, t in zip(rows, text, strict=True) if t]
        )
    return float(np.mean([np.mean(text) for text in texts]))


def test_teacher_forcing_learns_and_validates_after_the_true_tokens() -> None:
    net, batch = sharp_net(), Batch((WORDS,), (TEXTS,))
    trained = trainer(net)
    with torch.no_grad():
        forced, greedy = net(WORDS, TEXTS), net(WORDS)
        assert float(trained.validation_loss(greedy, batch)) == pytest.approx(mean_loss(forced))
    assert mean_loss(forced) != pytest.approx(mean_loss(greedy), rel=0.01)
    assert float(trained.step(batch)["loss"]) == pytest.approx(mean_loss(forced))
    with torch.no_grad():
        assert mean_loss(net(WORDS, TEXTS)) < mean_loss(forced)


def test_supervised_learning_learns_from_the_own_texts() -> None:
    net, batch = sharp_net(), Batch((WORDS,), (TEXTS,))
    with torch.no_grad():
        greedy = net(WORDS)
    assert float(trainer(net, Supervised).step(batch)["loss"]) == pytest.approx(mean_loss(greedy))


def test_padding_has_no_gradient() -> None:
    logits = sharp_net()(WORDS, TEXTS).detach().requires_grad_()
    padded_cross_entropy.loss(logits, TEXTS).backward()
    assert logits.grad is not None
    assert (logits.grad.abs().sum(dim=2) > 0).equal(TEXTS != 0)


def answer_of(beam: int) -> TargetText:
    """An answer with the four letters that the target of the net has."""
    frame = Frame((strings("text", ["abc", "d"]),))
    return TargetText("text", search=TextSearch(beam=beam)).fit(frame)


@every_kind
@pytest.mark.parametrize("seed", range(3))
def test_wide_beam_of_a_net_equals_the_exhaustive_search(
    cell: str, attention: str, seed: int
) -> None:
    net, answer = sharp_net(cell, attention, seed), answer_of(beam=341)
    texts = [(*letters, END) for n in range(4) for letters in product(range(3, 7), repeat=n)]
    texts += list(product(range(3, 7), repeat=4))
    padded = torch.tensor([[*text, *[0] * (4 - len(text))] for text in texts])
    with torch.no_grad():
        scores = answer.scores(answer.predict(net, (WORDS,), net(WORDS)))
        for row, word in enumerate(WORDS):
            logits = net(word.expand(len(texts), -1), padded)
            shares = logits.log_softmax(2).gather(2, padded.unsqueeze(2)).squeeze(2)
            totals = (shares * (padded != 0)).sum(dim=1).double()
            best = int(totals.argmax())
            assert scores[row, 0, :, 0].tolist() == padded[best].tolist()
            assert scores[row, 0, :, 1].sum() == pytest.approx(float(totals[best]), abs=1e-4)
    (first, *_) = answer.decode(scores)
    order = totals_of_first_word(net, padded, texts)
    assert [first.confidence, *(share for _, share in first.others)] == pytest.approx(
        order, rel=1e-3, abs=1e-7
    )


def totals_of_first_word(net: Any, padded: Tensor, texts: list[Any]) -> list[float]:
    """The probabilities of all texts for the first word, in falling order."""
    with torch.no_grad():
        logits = net(WORDS[:1].expand(len(texts), -1), padded)
    shares = logits.log_softmax(2).gather(2, padded.unsqueeze(2)).squeeze(2) * (padded != 0)
    return sorted(shares.sum(dim=1).exp().tolist(), reverse=True)


@every_kind
def test_beam_of_one_is_greedy(cell: str, attention: str) -> None:
    net, greedy = sharp_net(cell, attention, 5), answer_of(beam=1)
    words = torch.randint(2, 6, (50, 5), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = net(words)
        assert greedy.predict(net, (words,), outputs) is outputs
        from_logits = greedy.scores(outputs)
        tokens, shares = _search(net, words)
    np.testing.assert_array_equal(from_logits[..., 0], tokens.numpy())
    np.testing.assert_allclose(from_logits[..., 1], shares.numpy(), rtol=1e-4, atol=1e-5)


def _search(net: Any, words: Tensor) -> tuple[Tensor, Tensor]:
    from kissipo.output.decode.beam_search import beam_search

    return beam_search(net.step, net.begin(words), beam=1, length=4, end=END)


class Doubled(Number):
    """An answer with a decoding of its own: it asks the net for half of its inputs."""

    calls: int = 0

    def predict(self, net: Any, inputs: Any, outputs: Tensor) -> Tensor:
        assert not net.training and not torch.is_grad_enabled()
        type(self).calls += 1
        again: Tensor = net(*(x / 2 for x in inputs))
        return outputs + again


def test_every_answer_may_own_its_decoding() -> None:
    net, x, y = nn.Linear(2, 1, bias=False), torch.rand(9, 2), torch.rand(9, 1)
    frame = Frame((ki_numbers("size", y[:, 0].numpy()),))
    plain, own = Number("size").fit(frame), Doubled("size").fit(frame)
    dataset = TensorDataset((x,), (y,))
    (outputs,), (doubled,) = (answer_all(net, dataset, [item], batch=4) for item in (plain, own))
    torch.testing.assert_close(doubled, 1.5 * outputs)
    assert Doubled.calls == 3
    evaluation = evaluate(net, dataset, [own], batch=9)
    np.testing.assert_allclose(evaluation.scores[0], own.scores(1.5 * outputs), rtol=1e-5)
    assert Doubled.calls == 4 and net.training


def ki_numbers(name: str, values: Any) -> Any:
    from kissipo.core.frame import numbers

    return numbers(name, values)


def test_metrics_count_whole_texts_and_edits() -> None:
    answer = TargetText("text").fit(Frame((strings("text", ["kitten", "sitting", ""]),)))
    rows = Frame((strings("text", ["kitten", "kitten", "sitting", "kitten", "kit?"]),))
    others = Frame((strings("text", ["kitten", "sitting", "", "kit", "kit?"]),))
    truth, predicted = (answer.codec.encode(frame).numpy() for frame in (rows, others))
    evaluation = answer.evaluate(answer.scores_of(predicted), truth)
    assert evaluation.per_sample is not None
    assert evaluation.per_sample.tolist() == [1, 0, 0, 0, 0]  # an unknown letter is never right
    edits, letters = 0 + 3 + 7 + 3 + 1, 6 + 6 + 7 + 6 + 4
    assert evaluation.metrics == {
        "exact_match": 0.2,
        "character_error_rate": pytest.approx(edits / letters),
    }
    assert answer.worst(answer.scores_of(predicted), truth, evaluation.per_sample).tolist() == [
        *(2, 1, 3, 4),
    ]


def test_made_words_are_different_and_of_the_stated_lengths() -> None:
    words = made_words(4_000)
    assert len(set(words)) == len(words) == 4_000
    assert {len(word) for word in words} == set(range(MIN_LENGTH, MAX_LENGTH + 1))
    assert set("".join(words)) == set("abcdefghijklmnopqrstuvwxyz")
    assert made_words(10) == words[:10] != made_words(10, seed=1)


def test_run_has_its_metrics_baselines_and_sections(
    run: Path, content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    losses = [float(row["validation_loss"]) for row in rows]
    assert losses == sorted(losses, reverse=True) and losses[0] == pytest.approx(3.4, abs=0.2)
    (answer,) = json.loads((run / "metrics.json").read_text())["answers"]
    assert list(answer["metrics"]) == ["exact_match", "character_error_rate"]
    assert set(answer["baselines"]) == {
        "copied input",
        "most frequent text",
        "nearest training text",
    }
    report, again = content_of(run / "report.html"), ki.open(run)
    (lengths,) = records_of(report, "table", "Short and long targets")
    counts = [int(row[1].replace(",", "")) for row in lengths["rows"]]
    assert sum(counts) == len(again.pipeline().splits["test"])
    worst, along, searched = records_of(report, "table", "Worst predictions")
    assert worst["titles"][:3] == ["source", "reference", "text of the model"]
    assert all(row[0] == row[1][::-1] for row in worst["rows"])
    assert [row[1] for row in along["rows"]][-1] == "(end)" and searched["rows"]
    flow = records_of(report, "table", "Data flow")[0]
    steps = [row[flow["titles"].index("step")] for row in flow["rows"]]
    assert "attention.softmax" in steps
    assert again.evaluate()[0].net.metrics == again.metrics["answers"][0]["metrics"]
    task = (run / "task.yaml").read_text()
    assert "algorithm: teacher_forcing" in task and "loss: padded_cross_entropy" in task


def test_resumed_run_ends_with_the_same_bits(
    interrupter: type[Any], run: Path, assert_same_run: Callable[[Path, Path], None]
) -> None:
    with pytest.raises(StoppedError):
        ki.load("reverse", words=SHORT).fit(out="broken", callbacks=[interrupter(1)])
    ki.load("reverse", words=SHORT).fit(out="broken", resume=True)
    assert_same_run(run, Path("broken"))


def test_predict_answers_the_text_with_its_probability(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run), "learning", "unlearnability!", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert "longer than 12 characters, truncated" in content["notes"][0]
    assert "('!'), read as unknown" in content["notes"][1] or "'!'" in str(content["notes"])
    loaded = ki.open(run)
    net, answer = loaded.net, loaded.answers[0]
    _, dataset, _ = loaded.encode(["learning"])
    with torch.no_grad():
        (logits,) = net(dataset.inputs[0])
    letters, share = "", 1.0
    for row in logits.double():
        token = int(row[END:].argmax()) + END
        share *= float(row.softmax(0)[token])
        if token == END:
            break
        letters += answer.codec.spec.labels[token]
    first = content["predictions"][0]["reversed"]
    assert first["answer"] == letters
    assert first["confidence"] == pytest.approx(share, rel=1e-4)


def test_trace_has_every_step_its_gates_and_its_attention(
    run: Path, content_of: Callable[[str], Any]
) -> None:
    loaded = ki.open(run)
    trace: Any = loaded.trace("learning")
    decoder = [call for call in trace.recording.steps if call.name == "decoder"]
    weights = [call for call in trace.recording.steps if call.name == "attention.softmax"]
    assert len(decoder) == len(weights) == loaded.answers[0].spec.shape[0] == 13
    for call in weights:
        assert call.output[0, 0, :8].sum() == pytest.approx(1.0)
        assert not call.output[0, 0, 8:].any()  # padding
    gates = [item["call"] for item in trace.inside.unrolled if item["layer"] == "decoder"]
    assert gates == list(range(13))
    assert all("opaque" not in item for item in trace.inside.unrolled)
    names = [step.name for step in trace.of("output")]
    assert names == ["logits", "tokens", "log-probability", "text"]
    prediction: Any = loaded.predict_all(["learning"])[0][0][0]
    assert trace.of("output")[-1].value == prediction.value
    assert main(["xray", str(run), "learning", "--out", "page.html"]) == 0
    layers = content_of("page.html")["trace"]["layers"]
    assert len([item for item in layers if item["name"].endswith("attention.softmax")]) == 13


def test_beam_of_a_run_is_never_less_probable(capsys: pytest.CaptureFixture[str]) -> None:
    words = {**SHORT, "process.epochs": 1, "output.decode.beam": 3, "process.cell": "lstm"}
    words |= {"input.make": "spelled_words", "output.text": "spelled"}
    run = ki.load("reverse", words=words).fit(out="run")
    searched: Any = run.predict_all(["learning"])[0][0][0]
    trace: Any = run.trace("learning")
    assert len(searched.others) == 2
    assert searched.confidence >= searched.others[0][1] >= searched.others[1][1]
    assert trace.of("output")[0].name == "beams"
    assert trace.of("output")[-1].value == searched.value
    run.answers[0].search = TextSearch()  # type: ignore[attr-defined]
    greedy: Any = run.predict_all(["learning"])[0][0][0]
    assert greedy.confidence <= searched.confidence * (1 + 1e-5)
    assert "decode: {beam: 3}" in Path("run/task.yaml").read_text()
    again: Any = ki.open("run").predict_all(["learning"])[0][0][0]
    assert again == searched


def test_own_table_in_words_and_what_is_unknown_or_longer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    generator = np.random.default_rng(0)
    numbers = generator.integers(1, 10, (300, 3))
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    with Path("numbers.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["digits", "spoken"])
        for row in numbers.tolist():
            table.writerow(["x" + "".join(map(str, row)), " ".join(names[n - 1] for n in row)])
    task = ["fit", "numbers.csv", "output.text=spoken", "output.unit=words", "epochs=2"]
    assert main([*task, "units=8", "--out", "run", "--quiet"]) == 0
    capsys.readouterr()
    assert "net: seq2seq" in Path("run/task.yaml").read_text()
    run = ki.open("run")
    assert list(run.metrics["answers"][0]["metrics"]) == ["exact_match", "word_error_rate"]
    value: Any = run.predict("x123")
    assert set(value.split()) <= set(names)
    with Path("other.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["digits", "spoken"], ["x12", "one two"], ["x1", "ten"]])
    assert run.evaluate("other.csv")[0].net.metrics["exact_match"] <= 0.5


def test_what_does_not_fit_is_refused(refusal: Callable[..., str]) -> None:
    with Path("two.csv").open("w", newline="") as file:
        rows = [[word, f"{word} {word}", word[::-1]] for word in made_words(40)]
        csv.writer(file).writerows([["word", "twice", "reversed"], *rows])
    two = refusal("fit", "two.csv", "output.text=reversed")
    assert "reads one text per sample" in two and "input.drop" in two
    assert "must be an integer of at least 1" in refusal("fit", "reverse", "output.decode.beam=0")
    assert "no column 'speled'" in refusal("fit", "reverse", "output.text=speled")
    assert "no column 'wort'" in refusal("fit", "reverse", "input.characters=[wort]")
    assert "next token of a running text" in refusal("fit", "reverse", "output.text=next")
    assert "is for the text of a column" in refusal("fit", "characters", "output.decode.beam=2")
    beam = "output.decode.beam=4"
    assert "writes the greedy search only" in refusal("eject", "reverse", beam, "--out", "out")
    loss = refusal("fit", "reverse", "process.loss=mse")
    assert "does not suit the answer text 'reversed'" in loss
    assert "names no baseline for text" in refusal("fit", "reverse", "output.baselines=[bigram]")


@pytest.mark.slow
def test_unseen_words_are_reversed_and_the_attention_runs_backward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reversed_words, "COUNT", 4_000)
    run = ki.load("reverse").fit(out="run")
    (score,) = run.evaluate()
    assert score.net.metrics["exact_match"] > 0.97
    assert max(item.metrics["exact_match"] for item in score.baselines.values()) < 0.05
    for word in ("learning", "strength", "xylophone"):
        prediction: Any = run.predict_all([word])[0][0][0]
        assert prediction.value == word[::-1]
        assert prediction.confidence > 0.5
    trace: Any = run.trace("learning")
    weights = [
        call.output[0, 0] for call in trace.recording.steps if call.name == "attention.softmax"
    ]
    places = [int(step.argmax()) for step in weights[:8]]
    assert np.corrcoef(places, np.arange(8)[::-1])[0, 1] > 0.9


@pytest.mark.slow
def test_spelled_words_of_a_beam_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spelled_words, "COUNT", 4_000)
    words = {"input.make": "spelled_words", "output.text": "spelled", "output.decode.beam": 4}
    run = ki.load("reverse", words=words).fit(out="run")
    prediction: Any = run.predict_all(["learning"])[0][0][0]
    assert prediction.value == "L-E-A-R-N-I-N-G"
    assert run.evaluate()[0].net.metrics["exact_match"] > 0.9
