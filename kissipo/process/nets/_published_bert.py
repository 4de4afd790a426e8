"""Published weights of a BERT: a folder with its sizes, its vocabulary and its tensors.

config.json                               the sizes of the net
vocab.txt or tokenizer.json               the word pieces
model.safetensors or pytorch_model.bin    the tensors

BERT and MiniLM have the same names, with or without `bert.` before them; DistilBERT has
others, and neither segments nor the layer of [CLS]. Old files say gamma and beta for
the weight and the bias of a normalization. A .bin is read without running code.

Raises:   TaskError for a folder of another kind of net, tensors that are missing or of
          another shape, and a .bin with pickled code.
Example:  >>> name_here("bert.encoder.layer.0.attention.self.query.weight")
          'layers.0.attention.query.weight'
          >>> name_here("distilbert.transformer.layer.3.ffn.lin1.bias")
          'layers.3.feed_forward.inner.bias'
          >>> name_here("embeddings.LayerNorm.gamma")
          'norm.weight'
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.text import list_some
from kissipo.process.layers.heads import heads_of, is_under
from kissipo.process.pretrained import copy_tensors, read_pickled, read_weights

CONFIG, TENSORS, PICKLED = "config.json", "model.safetensors", "pytorch_model.bin"
_MAX_NAMES = 4
_KINDS = ("bert", "distilbert")
_NETS = ("bert", "sentence_bert")  # whose runs have the same names and sizes
_SIZES = {  # options here -> the keys of BERT, and of DistilBERT
    "num_layers": ("num_hidden_layers", "n_layers"),
    "units": ("hidden_size", "dim"),
    "num_heads": ("num_attention_heads", "n_heads"),
    "feed_forward_units": ("intermediate_size", "hidden_dim"),
    "max_positions": ("max_position_embeddings", "max_position_embeddings"),
}
_NAMES = (  # patterns of published names -> names here; the first that fits counts
    (r"(bert|distilbert)\.", ""),
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
    (r"^embeddings\.word_embeddings\.", "pieces."),
    (r"^embeddings\.position_embeddings\.", "positions."),
    (r"^embeddings\.token_type_embeddings\.", "segments."),
    (r"^embeddings\.LayerNorm\.", "norm."),
    (r"^(encoder|transformer)\.layer\.", "layers."),
    (r"\.attention\.self\.(query|key|value)\.", r".attention.\1."),
    (r"\.attention\.q_lin\.", ".attention.query."),
    (r"\.attention\.k_lin\.", ".attention.key."),
    (r"\.attention\.v_lin\.", ".attention.value."),
    (r"\.attention\.(output\.dense|out_lin)\.", ".attention.output."),
    (r"\.(attention\.output\.LayerNorm|sa_layer_norm)\.", ".attention_norm."),
    (r"\.(intermediate\.dense|ffn\.lin1)\.", ".feed_forward.inner."),
    (r"\.(output\.LayerNorm|output_layer_norm)\.", ".feed_forward_norm."),
    (r"^(layers\.\d+)\.(output\.dense|ffn\.lin2)\.", r"\1.feed_forward.outer."),
    (r"^pooler\.dense\.", "head.pooler."),
    (r"^(cls\.predictions\.transform\.dense|vocab_transform)\.", "head.words.transform."),
    (r"^(cls\.predictions\.transform\.LayerNorm|vocab_layer_norm)\.", "head.words.norm."),
    (
        r"^(cls\.predictions\.decoder|vocab_projector|cls\.predictions)\.bias$",
        "head.words.decoder.bias",
    ),
)
_NO_WEIGHTS = re.compile(r"position_ids$")  # of old files: the numbers from 0 on
_TIED = re.compile(r"^(cls\.predictions\.decoder|vocab_projector)\.weight$")


def has_documents(answers: Sequence[JsonMapping]) -> bool:
    """Returns whether vectors of documents are among the answers of a task."""
    return any(answer.get("vectors", "") in (None, "documents") for answer in answers)


def options_for(net: str, path: Path, saved: JsonMapping | None) -> list[InferredOption]:
    """Returns the options of a net that a published folder or a run sets; none for
    anything else.

    saved:    the process of the task, where the path is that of a run
    Raises:   TaskError when it is the folder of another kind of net.
    """
    if saved is not None:
        if saved.get("net") not in _NETS:
            return []
        sizes, reason = {name: saved.get(name) for name in _SIZES}, f"as in {path.name}"
    elif (path / CONFIG).is_file():
        config, reason = _config(path), f"{CONFIG} of {path.name}"
        kind = _KINDS.index(config["model_type"])
        sizes = {name: config.get(keys[kind]) for name, keys in _SIZES.items()}
    else:
        return []
    return [
        InferredOption("process.net", net, reason),
        *(InferredOption(f"process.{name}", value, reason) for name, value in sizes.items()),
        InferredOption("input.tokenizer", "wordpieces", f"the vocabulary of {path.name}"),
        InferredOption("input.tokenizer_file", str(path), f"the vocabulary of {path.name}"),
    ]


def load_file(net: nn.Module, path: Path, labels: Sequence[str]) -> str | None:
    """Copies the tensors of a published folder, and returns a sentence for the user.

    None for anything but such a folder. A layer of the head that does not fit, or is
    not there, stays untrained.
    """
    if not (path / CONFIG).is_file():
        return None
    _config(path)
    published = {
        name: tensor for name, tensor in _tensors(path).items() if not _NO_WEIGHTS.search(name)
    }
    theirs = {name_here(name): name for name in published if not _TIED.match(_bare(name))}
    wanted, heads = net.state_dict(), heads_of(net)
    fitting = {
        here: published[name]
        for here, name in theirs.items()
        if here in wanted and published[name].shape == wanted[here].shape
    }
    missing = [name for name in wanted if name not in fitting]
    problems = [_problem(name, theirs, published, wanted) for name in missing]
    body = [text for name, text in zip(missing, problems, strict=True) if not is_under(name, heads)]
    if body == ["segments.weight is missing"]:  # DistilBERT: they add nothing
        fitting["segments.weight"] = torch.zeros_like(wanted["segments.weight"])
        missing.remove("segments.weight")
    elif body:
        raise TaskError(
            f"process.weights: {path} does not fit the net: {list_some(body, _MAX_NAMES)}",
            do="Leave the sizes of the net and input.tokenizer_file out: they come from the folder",
        )
    parts = [copy_tensors(net, fitting, origin=path.name)]
    weights = dict(net.named_parameters())
    untrained = [name for name in missing if name in weights]
    if untrained:
        parts.append(f"untrained, since the file has none: {list_some(untrained, _MAX_NAMES)}")
    unused = [name for here, name in theirs.items() if here not in wanted]
    if unused:
        parts.append(f"in the file and not used: {list_some(unused, _MAX_NAMES)}")
    return "; ".join(parts)


def name_here(name: str) -> str:
    """Returns the name of a published tensor in the net."""
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _bare(name: str) -> str:
    return re.sub(*_NAMES[0], name)


def _config(path: Path) -> JsonObject:
    """Returns the content of config.json.

    Raises:   TaskError when it is not that of a net that is built here.
    """
    try:
        config: JsonObject = json.loads((path / CONFIG).read_text("utf-8"))
        kind, act = config.get("model_type"), config.get("hidden_act") or config.get("activation")
        positions = config.get("position_embedding_type", "absolute")
    except (OSError, ValueError, AttributeError) as error:
        raise TaskError(
            f"process.weights: {path} is not the folder of a published model: {error}",
            allowed=f"a folder with {CONFIG}, a vocabulary, and {TENSORS} or {PICKLED}",
        ) from None
    if kind not in _KINDS or act != "gelu" or positions != "absolute":
        raise TaskError(
            f"process.weights: {path} is a published net of another kind",
            got=f"{kind} with {act} and {positions} positions",
            allowed="bert (also MiniLM) or distilbert, with gelu and absolute positions",
        )
    return config


def _tensors(path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a folder by their published names."""
    if (path / TENSORS).is_file():
        return read_weights(path / TENSORS)
    if not (path / PICKLED).is_file():
        raise TaskError(
            f"process.weights: {path} has no tensors", allowed=f"{TENSORS} or {PICKLED}"
        )
    return read_pickled(path / PICKLED, str(path / PICKLED))


def _problem(
    name: str, theirs: dict[str, str], published: dict[str, Tensor], wanted: dict[str, Tensor]
) -> str:
    if name not in theirs:
        return f"{name} is missing"
    there, here = ("x".join(map(str, x.shape)) for x in (published[theirs[name]], wanted[name]))
    return f"{theirs[name]} is {there} in the file and {here} here"
