"""BERT: published folders give the published numbers; every head; what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kissipo.codec.word_pieces import MASK, SPECIAL
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets.bert import Bert, Options, build, load_file, options_of_weights

VOCABULARY = (*SPECIAL, "a", "b", "c", "d", "e")
LENGTH, UNITS, HEADS, LAYERS, INNER = 9, 8, 2, 2, 24
TEXT = TensorSpec("text", ("time",), (LENGTH,), len(VOCABULARY), VOCABULARY, True)
KIND = TensorSpec("kind", ("class",), (3,))
TAGS = TensorSpec("tags", ("time", "class"), (LENGTH, 4))
SPAN = TensorSpec("answer", ("time", "edge"), (LENGTH, 2))
MASKED = TensorSpec("masked", ("time", "class"), (LENGTH, len(VOCABULARY)), labels=VOCABULARY)
OPTIONS = Options(
    num_layers=LAYERS, units=UNITS, num_heads=HEADS, feed_forward_units=INNER, max_positions=LENGTH
)
IDS = torch.tensor([[2, 5, 6, 3, 7, 3, 0, 0, 0], [2, 9, 8, 7, 3, 5, 5, 3, 0]])


class Published(nn.Module):
    """A BERT out of torch's own layers, with the published names of its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(VOCABULARY), UNITS)
        self.positions, self.segments = nn.Embedding(LENGTH, UNITS), nn.Embedding(2, UNITS)
        self.norm = nn.LayerNorm(UNITS, eps=1e-12)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                UNITS,
                HEADS,
                INNER,
                dropout=0.0,
                activation="gelu",
                layer_norm_eps=1e-12,
                batch_first=True,
            )
            for _ in range(LAYERS)
        )
        self.pooler = nn.Linear(UNITS, UNITS)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        steps = torch.arange(ids.shape[1])
        x = self.norm(self.words(ids) + self.positions(steps) + self.segments(segments))
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=ids == 0)
        return x

    def tensors(self) -> dict[str, Tensor]:
        named = {
            "embeddings.word_embeddings": self.words,
            "embeddings.position_embeddings": self.positions,
            "embeddings.token_type_embeddings": self.segments,
            "embeddings.LayerNorm": self.norm,
            "pooler.dense": self.pooler,
        }
        tensors = {}
        for number, layer in enumerate(self.layers):
            place = f"encoder.layer.{number}"
            attention = layer.self_attn
            for name, w, b in zip(
                ("query", "key", "value"),
                attention.in_proj_weight.chunk(3),
                attention.in_proj_bias.chunk(3),
                strict=True,
            ):
                tensors[f"{place}.attention.self.{name}.weight"] = w
                tensors[f"{place}.attention.self.{name}.bias"] = b
            named |= {
                f"{place}.attention.output.dense": attention.out_proj,
                f"{place}.attention.output.LayerNorm": layer.norm1,
                f"{place}.intermediate.dense": layer.linear1,
                f"{place}.output.dense": layer.linear2,
                f"{place}.output.LayerNorm": layer.norm2,
            }
        for name, layer in named.items():
            tensors |= {f"{name}.{key}": value for key, value in layer.state_dict().items()}
        tensors["embeddings.position_ids"] = torch.arange(LENGTH)
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}


CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": LAYERS,
    "hidden_size": UNITS,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "max_position_embeddings": LENGTH,
}


@pytest.fixture
def published() -> Published:
    torch.manual_seed(1)
    return Published().eval()


def save(folder: Path, tensors: dict[str, Tensor], **config: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    save_file(tensors, folder / "model.safetensors")
    return folder


def net(output: TensorSpec = KIND, *more: TensorSpec) -> Bert:
    built = build((TEXT,), (output, *more), OPTIONS)
    assert isinstance(built, Bert)
    return built.eval()


def check_states(ours: Bert, theirs: Published, *, with_segments: bool = True) -> None:
    is_end = IDS == 3
    segments = ((is_end.cumsum(1) - is_end.long()) > 0).long() * with_segments
    for row, segment, states in zip(IDS, segments, ours.states(IDS), strict=True):
        used = int((row != 0).sum())
        expected = theirs(row[None, :used], segment[None, :used])[0]
        torch.testing.assert_close(states[:used], expected, atol=1e-5, rtol=1e-5)


def test_published_folder_gives_the_published_states(tmp_path: Path, published: Published) -> None:
    ours, folder = net(), save(tmp_path / "mini", published.tensors())
    sentence = load_file(ours, folder, ())
    check_states(ours, published)
    total = sum(weight.numel() for weight in ours.parameters())
    assert sentence == (
        f"mini fits: {total - 27:,} of {total:,} parameters are loaded; untrained, since the file "
        "has none: head.output.weight, head.output.bias"
    )


def test_old_names_are_read(tmp_path: Path, published: Published) -> None:
    old = {
        "bert."
        + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in published.tensors().items()
    }
    ours = net()
    load_file(ours, save(tmp_path / "old", old), ())
    check_states(ours, published)


def test_distilbert_is_read_without_segments(tmp_path: Path, published: Published) -> None:
    renamed = {}
    names = {
        "encoder.layer": "transformer.layer",
        "attention.self.query": "attention.q_lin",
        "attention.self.key": "attention.k_lin",
        "attention.self.value": "attention.v_lin",
        "attention.output.dense": "attention.out_lin",
        "attention.output.LayerNorm": "sa_layer_norm",
        "intermediate.dense": "ffn.lin1",
        "output.dense": "ffn.lin2",
        "output.LayerNorm": "output_layer_norm",
    }
    with torch.no_grad():
        published.segments.weight.zero_()
    for name, tensor in published.tensors().items():
        if "token_type" in name or "pooler" in name:
            continue
        for old, new in names.items():
            name = name.replace(old, new)
        renamed[f"distilbert.{name}"] = tensor
    config = {
        "model_type": "distilbert",
        "activation": "gelu",
        "n_layers": LAYERS,
        "dim": UNITS,
        "n_heads": HEADS,
        "hidden_dim": INNER,
    }
    folder, ours = save(tmp_path / "distil", renamed, hidden_act=None, **config), net()
    assert "head.pooler.weight" in (load_file(ours, folder, ()) or "")
    check_states(ours, published)
    sizes = {option.place: option.value for option in options_of_weights(folder, None)}
    assert sizes["process.num_layers"] == LAYERS and sizes["process.feed_forward_units"] == INNER


def test_head_of_masked_words_is_read(tmp_path: Path, published: Published) -> None:
    transform, norm = nn.Linear(UNITS, UNITS), nn.LayerNorm(UNITS, eps=1e-12)
    bias = torch.randn(len(VOCABULARY))
    head = {
        "cls.predictions.transform.dense.weight": transform.weight.detach(),
        "cls.predictions.transform.dense.bias": transform.bias.detach(),
        "cls.predictions.transform.LayerNorm.weight": norm.weight.detach(),
        "cls.predictions.transform.LayerNorm.bias": norm.bias.detach(),
        "cls.predictions.bias": bias,
        "cls.predictions.decoder.weight": published.words.weight.detach().clone(),
    }
    ours = net(MASKED)
    load_file(ours, save(tmp_path / "masked", published.tensors() | head), ())
    states = ours.states(IDS)
    expected = norm(nn.functional.gelu(transform(states))) @ published.words.weight.T + bias
    is_piece = IDS[:, : states.shape[1]] != 0
    torch.testing.assert_close(ours(IDS)[:, : states.shape[1]][is_piece], expected[is_piece])


def test_a_bin_of_tensors_is_read_and_one_with_code_is_refused(
    tmp_path: Path, published: Published
) -> None:
    folder, ours = save(tmp_path / "bin", published.tensors()), net()
    (folder / "model.safetensors").unlink()
    torch.save(published.tensors(), folder / "pytorch_model.bin")
    load_file(ours, folder, ())
    check_states(ours, published)
    torch.save({"weights": Path("x")}, folder / "pytorch_model.bin")
    with pytest.raises(TaskError, match="not a file of tensors alone") as error:
        load_file(ours, folder, ())
    assert "may run code" in str(error.value.do)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embeddings.word_embeddings.weight": torch.zeros(7, UNITS)}, "is 7x8 in the file"),
        (
            {"encoder.layer.1.output.dense.bias": None},
            "layers.1.feed_forward.outer.bias is missing",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named_and_nothing_is_loaded(
    tmp_path: Path, published: Published, change: dict[str, Any], message: str
) -> None:
    tensors = {k: v for k, v in (published.tensors() | change).items() if v is not None}
    ours = net()
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    with pytest.raises(TaskError, match=message):
        load_file(ours, save(tmp_path / "other", tensors), ())
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.state_dict().items())


def test_other_kinds_of_nets_are_refused(tmp_path: Path, published: Published) -> None:
    folder = save(tmp_path / "r", published.tensors(), model_type="roberta")
    with pytest.raises(TaskError, match="another kind") as error:
        options_of_weights(folder, None)
    assert str(error.value.got) == "roberta with gelu and absolute positions"


def test_published_sizes_count_the_published_parameters() -> None:
    text = TensorSpec("text", ("time",), (512,), 30_522, VOCABULARY, True)
    for sizes, published in (((12, 768, 12), 109_482_240), ((24, 1024, 16), 335_141_888)):
        options = Options(**dict(zip(("num_layers", "units", "num_heads"), sizes, strict=True)))
        with torch.device("meta"):
            weights = build((text,), (KIND,), options).named_parameters()
        count = sum(w.numel() for name, w in weights if not name.startswith("head.output"))
        assert count == published


@pytest.mark.parametrize("output", [KIND, TAGS, SPAN, MASKED], ids=lambda spec: spec.name)
def test_padding_changes_no_output(output: TensorSpec) -> None:
    torch.manual_seed(3)
    ours = net(output)
    y, alone = ours(IDS), ours(IDS[:1])
    assert y.shape == (2, *output.shape)
    torch.testing.assert_close(
        y[0, :6] if y.dim() == 3 else y[0], alone[0, :6] if y.dim() == 3 else alone[0]
    )


def test_pretraining_has_both_outputs() -> None:
    ours: Any = net(MASKED, TensorSpec("next", ("class",), (2,)))
    words, (follows,) = ours.with_auxiliary(IDS)
    states = ours.states(IDS)
    torch.testing.assert_close(words, ours(IDS))
    torch.testing.assert_close(follows, ours.next_sentence(states))
    weight, bias = ours.head_weights()
    torch.testing.assert_close(ours.piece_features(states[:, 2]) @ weight.T + bias, words[:, 2])
    assert (ours.special, ours.mask) == (
        tuple(map(VOCABULARY.index, SPECIAL)),
        VOCABULARY.index(MASK),
    )


def test_segments_begin_after_the_first_end() -> None:
    ours = net()
    with torch.no_grad():
        ours.segments.weight[1] += 1
    moved = ours.states(IDS)
    single = ours.states(torch.tensor([[2, 5, 6, 3]]))
    with torch.no_grad():
        ours.segments.weight[1] -= 1
    assert not torch.allclose(moved, ours.states(IDS))
    assert torch.equal(single, ours.states(torch.tensor([[2, 5, 6, 3]])))


def test_other_inputs_are_refused() -> None:
    words = TensorSpec("text", ("time",), (9,), 40, padded=True)
    with pytest.raises(ShapeError, match="reads word pieces") as error:
        build((words,), (KIND,), OPTIONS)
    assert "input.tokenizer=wordpieces" in str(error.value.do)
    with pytest.raises(ShapeError, match="at most 5 word pieces"):
        build((TEXT,), (KIND,), Options(max_positions=5, units=8, num_heads=2))
