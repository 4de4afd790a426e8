"""S34: a Transformer as encoder and decoder, as a decoder alone, and as an encoder."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.target_tokens import END
from kissipo.core.errors import ShapeError, StoppedError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.generate import generate_tokens
from kissipo.output.decode.beam_search import beam_search
from kissipo.output.texts.inside import run_along
from kissipo.pipeline.registries import NETS
from kissipo.process.algorithms.teacher_forcing import Options as TrainingOptions
from kissipo.process.algorithms.teacher_forcing import TeacherForcing
from kissipo.process.layers.multi_head_attention import MultiHeadAttention
from kissipo.process.losses import padded_cross_entropy
from kissipo.process.nets.transformer import Options, build

pytestmark = pytest.mark.usefixtures("one_thread")
SOURCE = TensorSpec("word", ("time",), (6,), vocab_size=9, padded=True)
TARGET = TensorSpec("text", ("time", "class"), (5, 8), padded=True)
WINDOW, LETTERS = 8, 11
TEXT = TensorSpec("text", ("time",), (WINDOW,), vocab_size=LETTERS)
NEXT = TensorSpec("next", ("time", "class"), (WINDOW, LETTERS))
KIND = TensorSpec("kind", ("class",), (3,))
WORDS = torch.tensor([[2, 3, 4, 5, 2, 8], [5, 4, 0, 0, 0, 0], [3, 3, 6, 0, 0, 0]])
TEXTS = torch.tensor([[3, 4, 5, 7, END], [END, 0, 0, 0, 0], [6, 3, END, 0, 0]])
SIZES: dict[str, Any] = {"units": 12, "num_heads": 3, "feed_forward_units": 20}
forms = pytest.mark.parametrize(
    "words",
    [{}, {"norm_first": True, "positions": "learned", "activation": "gelu"}],
    ids=["as-published", "pre-norm"],
)


def built(inputs: Any, outputs: Any, *, seed: int = 0, **words: Any) -> Any:
    """A net with large weights, so that its outputs differ from text to text."""
    torch.manual_seed(seed)
    net = build(inputs, outputs, Options(**SIZES, **words))
    with torch.no_grad():
        for weight in net.parameters():
            if weight.dim() > 1:
                weight *= 1.5
            else:
                weight += 0.1 * torch.randn(weight.shape)
    return net.eval()


def translator(**words: Any) -> Any:
    return built((SOURCE,), (TARGET,), **words)


def language_model(**words: Any) -> Any:
    return built((TEXT,), (NEXT,), **words)


def copy_layer(theirs: Any, ours: Any) -> None:
    """Copies the weights of our layer into one of torch."""
    pairs = [(theirs.self_attn, ours.attention)]
    norms = [ours.attention_norm, ours.feed_forward_norm]
    if hasattr(theirs, "multihead_attn"):
        pairs.append((theirs.multihead_attn, ours.memory_attention))
        norms.insert(1, ours.memory_norm)
    for attention, own in pairs:
        copy_attention(attention, own)
    for number, norm in enumerate(norms):
        getattr(theirs, f"norm{number + 1}").load_state_dict(norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.inner.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.outer.state_dict())


def copy_attention(theirs: nn.MultiheadAttention, ours: MultiHeadAttention) -> None:
    layers = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


def embedded(tokens: Any, ids: Tensor) -> Tensor:
    """Embeddings and positions, by the formula of the paper."""
    x: Tensor = functional.embedding(ids, tokens.embedding.weight) * 12**0.5
    if hasattr(tokens.positions, "weight"):
        return x + tokens.positions.weight[: ids.shape[1]]
    table = [
        [(np.sin, np.cos)[i % 2](t / 10_000 ** (2 * (i // 2) / 12)) for i in range(12)]
        for t in range(ids.shape[1])
    ]
    return x + torch.tensor(np.array(table), dtype=x.dtype)


@forms
def test_translator_equals_torch(words: dict[str, Any]) -> None:
    net = translator(**words)
    options = {"dropout": 0.0, "batch_first": True, "norm_first": net.decoder[0].norm_first}
    options["activation"] = words.get("activation", "relu")
    encoders = [nn.TransformerEncoderLayer(12, 3, 20, **options) for _ in range(2)]
    decoders = [nn.TransformerDecoderLayer(12, 3, 20, **options) for _ in range(2)]
    for theirs, ours in zip([*encoders, *decoders], [*net.encoder, *net.decoder], strict=True):
        copy_layer(theirs.eval(), ours)
    previous = functional.pad(TEXTS[:, :-1], (1, 0), value=END)
    memory, x = embedded(net.source_tokens, WORDS), embedded(net.target_tokens, previous)
    hidden = nn.Transformer.generate_square_subsequent_mask(5)
    with torch.no_grad():
        for layer in encoders:
            memory = layer(memory, src_key_padding_mask=WORDS == 0)
        memory = net.memory_norm(memory)
        for layer in decoders:
            x = layer(x, memory, tgt_mask=hidden, memory_key_padding_mask=WORDS == 0)
        expected = net.norm(x) @ net.head.weight.T + net.head.bias
        torch.testing.assert_close(net(WORDS, TEXTS), expected, rtol=1e-4, atol=1e-5)


@forms
def test_encoder_equals_torch_and_the_mean_over_the_tokens(words: dict[str, Any]) -> None:
    net = built((SOURCE,), (KIND,), **words)
    with torch.no_grad():
        outputs = net(WORDS)
        for row, ids in enumerate(WORDS):
            alone = ids[ids != 0][None]
            x = embedded(net.tokens, alone)
            for ours in net.layers:
                theirs = nn.TransformerEncoderLayer(
                    12,
                    3,
                    20,
                    0.0,
                    words.get("activation", "relu"),
                    batch_first=True,
                    norm_first=ours.norm_first,
                )
                copy_layer(theirs, ours)
                x = theirs(x)
            expected = net.head(net.norm(x).mean(dim=1))
            torch.testing.assert_close(outputs[row : row + 1], expected, rtol=1e-4, atol=1e-5)


@forms
def test_cached_steps_equal_the_computation_of_all_tokens(words: dict[str, Any]) -> None:
    net = translator(**words)
    with torch.no_grad():
        state, tokens, rows = net.begin(WORDS), torch.full((3,), END), []
        assert all(len(part) == len(WORDS) for part in state)
        for step in range(5):
            logits, state = net.step(tokens, state)
            rows.append(logits)
            tokens = TEXTS[:, step]
        torch.testing.assert_close(torch.stack(rows, 1), net(WORDS, TEXTS), rtol=1e-4, atol=1e-5)


def test_greedy_text_is_that_of_full_recomputation_and_nothing_follows_its_end() -> None:
    ended = 0
    for seed in range(6):
        net = translator(seed=seed)
        with torch.no_grad():
            logits = net(WORDS)
            for row, word in enumerate(WORDS):
                text: list[int] = []
                for step in range(5):
                    target = torch.tensor([[*text, *[0] * (5 - len(text))]])
                    expected = net(word[None], target)[0, step]
                    torch.testing.assert_close(logits[row, step], expected, rtol=1e-4, atol=1e-5)
                    text.append(int(expected[END:].argmax()) + END)
                    if text[-1] == END:
                        assert not logits[row, step + 1 :].any()
                        ended += 1
                        break
    assert ended


def test_future_tokens_change_nothing() -> None:
    net, model = translator(), language_model()
    changed = TEXTS.clone()
    changed[0, 3] = 6
    ids = torch.randint(LETTERS, (2, WINDOW))
    other = ids.clone()
    other[:, 5] = (other[:, 5] + 1) % LETTERS
    with torch.no_grad():
        before, after = net(WORDS, TEXTS), net(WORDS, changed)
        assert torch.equal(before[0, :4], after[0, :4])
        assert not torch.allclose(before[0, 4], after[0, 4])
        before, after = model(ids), model(other)
        assert torch.equal(before[:, :5], after[:, :5])
        assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_padding_changes_nothing() -> None:
    net, encoder = translator(), built((SOURCE,), (KIND,))
    with torch.no_grad():
        for model, inputs in ((net, (WORDS, TEXTS)), (encoder, (WORDS,))):
            together = model(*inputs)
            for row in range(3):
                count = int((WORDS[row] != 0).sum())
                alone = model(WORDS[row : row + 1, :count], *(x[row : row + 1] for x in inputs[1:]))
                torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-5)


def test_empty_texts_give_numbers() -> None:
    empty = torch.zeros(2, 6, dtype=torch.int64)
    assert translator()(empty).isfinite().all()
    assert built((SOURCE,), (KIND,))(empty).isfinite().all()


def test_wide_beam_equals_the_exhaustive_search() -> None:
    net = translator(seed=3)
    texts: list[list[int]] = [[]]
    for _ in range(3):
        texts = [[*t, n] for t in texts if END not in t for n in range(END, 8)] + [
            t for t in texts if END in t
        ]
    padded = torch.tensor([text + [0] * (5 - len(text)) for text in texts])
    with torch.no_grad():
        tokens, shares = beam_search(
            net.step, net.begin(WORDS[:1]), beam=len(texts), length=3, end=END
        )
        logits = net(WORDS[:1].expand(len(texts), -1), padded).log_softmax(dim=-1)
    totals = (logits.gather(2, padded.unsqueeze(2)).squeeze(2) * (padded != 0)).sum(dim=1)
    assert tokens[0, 0].tolist() == padded[int(totals.argmax()), :3].tolist()
    torch.testing.assert_close(
        shares[0].sum(dim=1), totals.sort(descending=True).values, rtol=1e-4, atol=1e-4
    )


@forms
def test_language_model_goes_on_from_its_cache(words: dict[str, Any]) -> None:
    net = language_model(**words)
    ids = torch.randint(LETTERS, (2, WINDOW))
    with torch.no_grad():
        expected, state, parts = net(ids), None, []
        for piece in ids.split([3, 1, 1, 3], dim=1):
            logits, state = net.forward_with_state(state, piece)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, rtol=1e-4, atol=1e-5)


def test_text_beyond_the_window_reads_its_last_half_again() -> None:
    net, ids = language_model(), torch.randint(LETTERS, (1, 3 * WINDOW))
    half = WINDOW // 2
    with torch.no_grad():
        logits, _ = net.forward_with_state(None, ids)
        torch.testing.assert_close(logits[:, :WINDOW], net(ids[:, :WINDOW]), rtol=1e-4, atol=1e-5)
        for start in range(WINDOW, 3 * WINDOW, half):  # each half is read after the one before
            window = ids[:, start - half : start + half]
            torch.testing.assert_close(
                logits[:, start : start + half], net(window)[:, half:], rtol=1e-4, atol=1e-5
            )
        generator = torch.Generator().manual_seed(0)
        text = [*generate_tokens(net, ids[0], length=30, temperature=0, generator=generator)]
    assert len(text) == 30 and set(text) <= set(range(LETTERS))


def test_window_of_one_token_generates() -> None:
    one = TensorSpec("text", ("time",), (1,), vocab_size=LETTERS)
    following = TensorSpec("next", ("time", "class"), (1, LETTERS))
    net = built((one,), (following,))
    generator = torch.Generator().manual_seed(0)
    start = torch.tensor([3])
    text = [*generate_tokens(net, start, length=4, temperature=0, generator=generator)]
    expected, last = [], 3
    for _ in range(4):
        last = int(net(torch.tensor([[last]]))[0, 0].argmax())
        expected.append(last)
    assert text == expected


def test_gradient_in_chunks_equals_that_of_all_logits() -> None:
    source = TensorSpec("word", ("time",), (6,), vocab_size=9, padded=True)
    target = TensorSpec("text", ("time", "class"), (5, 1_200), padded=True)
    gradients = []
    for is_chunked in (True, False):
        net = built((source,), (target,), tied_embedding=True)
        algorithm = TeacherForcing(
            net, (padded_cross_entropy.loss,), TrainingOptions(), total_steps=1
        )
        assert algorithm._tokenwise is net
        algorithm._tokenwise = net if is_chunked else None
        batch = ki_batch(WORDS, TEXTS)
        loss, total = algorithm._losses(batch)
        total.backward()
        gradients.append([loss, *(weight.grad for weight in net.parameters())])
    for chunked, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(chunked, plain, rtol=1e-4, atol=1e-6)


def ki_batch(words: Tensor, texts: Tensor) -> Any:
    from kissipo.core.batch import Batch

    return Batch((words,), (texts,))


def test_heads_of_a_written_text_are_those_of_a_loop() -> None:
    net = translator(seed=2)
    along = run_along(net, (WORDS[1:2],), TEXTS[0].tolist())
    assert {*along.reads} == {f"decoder.{n}.memory_attention.heads.softmax" for n in (0, 1)}
    assert {*along.writes} == {f"decoder.{n}.attention.heads.softmax" for n in (0, 1)}
    assert {*along.encoder} == {f"encoder.{n}.attention.heads.softmax" for n in (0, 1)}
    layer, x = net.encoder[0].attention, embedded(net.source_tokens, WORDS[1:2, :2])[0]
    q, k = (part(x).view(2, 3, 4).detach() for part in (layer.query, layer.key))
    weights = along.encoder["encoder.0.attention.heads.softmax"]
    for head in range(3):
        for query in range(2):
            e = np.exp([float(q[query, head] @ k[key, head]) / 2 for key in range(2)])
            np.testing.assert_allclose(weights[head, query].numpy(), e / e.sum(), rtol=1e-4)
    hidden = along.writes["decoder.0.attention.heads.softmax"].isnan()
    assert torch.equal(hidden, torch.ones(5, 5).triu(1).bool().expand(3, 5, 5))
    assert along.weights is not None
    torch.testing.assert_close(along.weights.sum(dim=1), torch.ones(5))


@pytest.mark.parametrize(
    ("inputs", "outputs", "words", "text"),
    [
        ((SOURCE,), (TARGET,), {"units": 10}, "num_heads must divide .* Use 2 heads"),
        (
            (SOURCE,),
            (TensorSpec("tags", ("time", "class"), (6, 4), padded=True),),
            {},
            r"has no answer per token; got .*time 6, class 4\)\. Use process\.net=bert",
        ),
        ((SOURCE, SOURCE), (TARGET,), {}, "writes one text from one text; got input step 'word'"),
        (
            (TensorSpec("row", ("feature",), (6,)),),
            (KIND,),
            {},
            "reads a text, .*; got input step 'row' .* Use process.net=ffn for a table of numbers",
        ),
    ],
)
def test_nets_that_cannot_be_built(inputs: Any, outputs: Any, words: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        build(inputs, outputs, Options(**{**SIZES, **words}))


def test_text_longer_than_the_positions_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"longer than .* got 9 tokens\. Allowed: up to 8"):
        language_model()(torch.zeros(1, 9, dtype=torch.int64))


def test_suggested_options_follow_the_output() -> None:
    module = NETS.find("transformer", place="net")
    for outputs, expected in (((TARGET,), 256), ((KIND,), 64)):
        facts: Any = type("Facts", (), {"outputs": outputs, "inputs": (SOURCE,)})
        places = {item.place: item.value for item in module.suggested_options(facts)}
        assert places["process.units"] == expected
    facts = type("Facts", (), {"inputs": (SOURCE,), "outputs": (TARGET,)})
    (required,) = module.required_options(facts)
    assert (required.place, required.value) == ("process.algorithm", "teacher_forcing")


SMALL = {"process.units": 16, "process.num_heads": 2, "process.num_layers": 1, "process.epochs": 2}


@pytest.fixture(scope="module")
def words_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words, the same backward, and whether they begin with a or b."""
    rng, path = random.Random(0), tmp_path_factory.mktemp("words") / "words.csv"
    words = {"".join(rng.choices("abcdef", k=rng.randint(2, 6))) for _ in range(200)}
    with path.open("w", newline="") as file:
        rows = [[word, word[::-1], "yes" if word[0] < "c" else "no"] for word in sorted(words)]
        csv.writer(file).writerows([["word", "reversed", "early"], *rows])
    return path


@pytest.fixture(scope="module")
def run(words_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformer") / "run"
    reversal(words_table).fit(out=folder)
    return folder


def reversal(table: Path) -> Any:
    return ki.load(
        str(table),
        words={
            "input.characters": ["word"],
            "input.drop": ["early"],
            "output.text": "reversed",
            "process.net": "transformer",
            **SMALL,
        },
    )


def test_resumed_run_ends_with_the_same_bits(
    interrupter: type[Any],
    words_table: Path,
    run: Path,
    assert_same_run: Callable[[Path, Path], None],
) -> None:
    with pytest.raises(StoppedError):
        reversal(words_table).fit(out="broken", callbacks=[interrupter(1)])
    reversal(words_table).fit(out="broken", resume=True)
    assert_same_run(run, Path("broken"))


def test_xray_shows_every_head_with_tokens_and_the_mask(
    run: Path, capsys: pytest.CaptureFixture[str], content_of: Callable[[str], Any]
) -> None:
    assert main(["xray", str(run), "abcde", "--out", "page.html"]) == 0
    printed = capsys.readouterr().out
    for name in ("encoder.0.attention", "decoder.0.attention", "decoder.0.memory_attention"):
        assert name in printed
    assert printed.count("head 1") == printed.count("head 2") == 3
    assert "··" in printed and "(start)" in printed
    trace = content_of("page.html")["trace"]
    expanded = [item for item in trace["expanded"] if item.get("attention")]
    assert {item["layer"] for item in expanded} == {
        f"{name}.heads.softmax"
        for name in ("encoder.0.attention", "decoder.0.attention", "decoder.0.memory_attention")
    }
    weights = trace["tensors"][expanded[0]["attention"]["weights"]]
    assert weights["shape"] == [1, 2, 5, 5]


def test_explain_adds_up_the_heads(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--layer", "encoder.0.attention", "--index", "2,3"]
    assert main(["xray", str(run), "abcde", *place, "--json"]) == 0
    assert '"agrees": true' in capsys.readouterr().out


def test_category_of_a_text_with_attention_printed(
    words_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {
        "input.characters": ["word"],
        "input.drop": ["reversed"],
        "output.category": "early",
        "process.net": "transformer",
        **SMALL,
        "process.epochs": 12,
        "process.learning_rate": 0.01,
    }
    trained = ki.load(str(words_table), words=words).fit(out="early")
    assert trained.metrics["answers"][0]["metrics"]["accuracy"] > 0.9
    assert main(["xray", "early", "fedcba"]) == 0
    printed = capsys.readouterr().out
    assert "layers.0.attention" in printed and "head 2" in printed and "··" not in printed


def test_running_text_is_continued_beyond_the_window_and_shown_from_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("text.txt").write_text("the cat sat on the mat. a rat ran. " * 60, encoding="utf-8")
    words = {"process.net": "transformer", **SMALL, "input.window": WINDOW}
    trained = ki.load("text.txt", words=words).fit(out="model")
    text = "".join(trained.generate_tokens("the cat sat", 40, 0.0, None, 0)[1])
    assert len(text) == 40
    read = list("the cat sat") + list(text)
    ids = trained.answers[0].codec.inner.spec.labels  # type: ignore[attr-defined]
    first = torch.tensor([[ids.index(letter) for letter in read[4:8]]])
    with torch.no_grad():  # 11 letters: the window is full after 8, and its last 4 are read again
        rest = torch.tensor([[ids.index(letter) for letter in read[8:11]]])
        logits = trained.net(torch.cat([first, rest], dim=1))[0, -1]
    logits[0] = -torch.inf  # unknown tokens are not written
    assert ids[int(logits.argmax())] == text[0]
    capsys.readouterr()
    assert main(["xray", "model", "the cat sat on the mat"]) == 0
    printed = capsys.readouterr()
    assert "reads 8 characters at once: these are the last ones of 22" in printed.err + printed.out
    assert "layers.0.attention" in printed.out and "··" in printed.out
