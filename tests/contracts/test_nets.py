"""Every net on every kind of input: shapes, gradients, overfitting, traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kissipo.core.errors import ShapeError
from kissipo.core.protocols import has_auxiliary_heads
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.breakdown import CannotExplainError, explain_value
from kissipo.inspect.breakdown.explain_value import explainable_output
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.recording import Call
from kissipo.inspect.unroll import unroll
from kissipo.pipeline.registries import NETS
from kissipo.process.layers.wide import WideAndDeep, WideAndDeepInputs, WideInputs
from kissipo.process.layers.wide_series import WideSeries

pytestmark = pytest.mark.usefixtures("one_thread")
ROW = TensorSpec("row", ("feature",), (6,))
LEVEL = TensorSpec("level", (), (), vocab_size=5)
IMAGE = TensorSpec("image", ("channel", "height", "width"), (2, 9, 8))
TILE = TensorSpec("tile", ("channel", "height", "width"), (2, 13, 15))
PHOTO = TensorSpec("photo", ("channel", "height", "width"), (3, 33, 40))
WINDOW = TensorSpec("window", ("time", "variable"), (7, 3), labels=("a", "b", "c"))
TEXT = TensorSpec("text", ("time",), (7,), vocab_size=11, padded=True)
SOUND = TensorSpec("sound", ("time", "feature"), (7, 5), padded=True)
MASK = TensorSpec("mask", ("class", "height", "width"), (3, 9, 8))
CLASSES = TensorSpec("kind", ("class",), (4,))
POINTS = TensorSpec("point", ("class",), (72,))
AHEAD = TensorSpec("ahead", ("horizon", "variable"), (3, 2), labels=("a", "c"))
ONE_WINDOW = TensorSpec("window", ("time", "variable"), (7, 1), labels=("a",))
ONE_AHEAD = TensorSpec("ahead", ("horizon", "variable"), (3, 1), labels=("a",))
CALENDAR = TensorSpec("calendar", ("ahead", "feature"), (3, 4))
ALL_AHEAD = TensorSpec("ahead", ("horizon", "variable"), (3, 3), labels=("a", "b", "c"))
NEXT = TensorSpec("next", ("time", "class"), (7, 11))
CANDIDATES = TensorSpec("label", ("candidate", "feature"), (8, 12))
GRIDS = TensorSpec("photo", ("channel", "height", "width"), (2, 32, 64))
PROPOSALS = TensorSpec("label", ("candidate", "feature"), (12, 12))
OF_GRIDS = TensorSpec("label", ("candidate", "feature"), (126, 12))
TARGET = TensorSpec("target", ("time", "class"), (4, 6), padded=True)
TERMS = TensorSpec("text", ("term", "count"), (7, 2), vocab_size=11, padded=True)
BAG = TensorSpec("text", ("term", "weight"), (7, 2), vocab_size=11, padded=True)
DOCUMENTS = TensorSpec("document", ("document",), (9,))
PLACE = TensorSpec("map", ("dimension",), (2,))
ITEMS = TensorSpec("items", ("label",), (6,))
BERT = {"num_layers": 2, "units": 16, "num_heads": 2, "max_positions": 8, "dropout": 0.0}
PIECES = TensorSpec(
    "text", ("time",), (7,), 11, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefg"), padded=True
)
PAIRS = replace(PIECES, axes=("option", "time"), shape=(3, 7))
TAGS = TensorSpec("tags", ("time", "class"), (7, 4))
USER = TensorSpec("user", (), (), vocab_size=9, padded=True)
ITEM = TensorSpec("film", (), (), vocab_size=12, padded=True)
OF_USER = TensorSpec("user features", ("feature",), (3,))
OF_ITEM = TensorSpec("item features", ("feature",), (2,))
RATING = TensorSpec("stars", ("answer",), (1,))
ACTIONS = TensorSpec("action", ("action",), (3,))
CASES: dict[str, list[tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...], dict[str, Any]]]] = {
    "linear": [
        ((ROW,), (CLASSES,), {}),
        ((ROW, LEVEL), (CLASSES, AHEAD), {}),
        ((WINDOW,), (AHEAD,), {"subtract_last": True}),
        ((BAG, ROW), (CLASSES,), {}),
        ((TILE,), (CLASSES,), {"image_features": "statistics"}),
    ],
    "ffn": [
        ((BAG,), (CLASSES,), {"units": (16,), "wide": True}),
        ((BAG, ROW, LEVEL), (CLASSES,), {"units": (16,), "wide": True, "embedding_dim": 4}),
        ((BAG,), (CLASSES, AHEAD), {"units": (16,)}),
        ((ROW, LEVEL), (CLASSES,), {"units": (16, 16)}),
        ((ROW,), (CLASSES, AHEAD), {"units": (16,)}),
        ((ROW, LEVEL), (CLASSES,), {"units": (16,), "wide": True}),
        ((IMAGE,), (CLASSES,), {"units": (16,), "activation": "tanh"}),
        ((WINDOW,), (AHEAD,), {"units": (16,), "subtract_last": True}),
        (
            (WINDOW, CALENDAR),
            (AHEAD,),
            {"units": (32,), "subtract_last": True, "channel_independent": True},
        ),
        ((WINDOW, CALENDAR), (AHEAD,), {"units": (32,), "subtract_last": True, "wide": True}),
        ((TEXT, ROW), (CLASSES,), {"units": (16,), "embedding_dim": 4}),
        ((SOUND,), (CLASSES,), {"units": (16,)}),
        ((TILE,), (CLASSES,), {"units": (16,), "image_features": "statistics", "wide": True}),
        ((ROW, LEVEL), (CLASSES,), {"units": (16,), "number_embedding": "periodic"}),
    ],
    "n_beats": [
        ((ONE_WINDOW,), (ONE_AHEAD,), {"units": 16, "theta_dim": 4}),
        ((ONE_WINDOW,), (ONE_AHEAD,), {"units": 16, "subtract_last": True, "wide": True}),
        (
            (WINDOW,),
            (AHEAD,),
            {"units": 32, "num_layers": 2, "channel_independent": True, "subtract_last": True},
        ),
    ],
    "tabm": [
        ((ROW,), (CLASSES,), {"units": (16,), "num_members": 3, "dropout": 0.0}),
        (
            (ROW,),
            (CLASSES,),
            {
                "units": (16,),
                "num_members": 3,
                "dropout": 0.0,
                "number_embedding": "piecewise_linear",
            },
        ),
        (
            (ROW, LEVEL, BAG),
            (RATING,),
            {"units": (12, 12), "num_members": 4, "dropout": 0.0, "embedding_dim": 4},
        ),
    ],
    "autoencoder": [
        (
            (WINDOW,),
            (TensorSpec("again", ("horizon", "variable"), (7, 3)),),
            {"units": (30,), "latent_dim": 12},
        ),
    ],
    "cnn": [
        ((IMAGE,), (CLASSES,), {"filters": (8, 12), "units": (30,)}),
        ((IMAGE,), (CLASSES,), {"filters": (8,), "units": (20,), "padding": "valid", "norm": True}),
        (
            (IMAGE,),
            (POINTS,),
            {"filters": (16, 16), "units": (12,), "pool_size": 1, "flatten": False},
        ),
        ((SOUND,), (CLASSES,), {"filters": (8, 12), "units": (20,), "norm": True}),
        ((SOUND,), (CLASSES,), {"filters": (12, 12), "units": (), "activation": "gelu"}),
    ],
    "small_resnet": [
        ((IMAGE,), (CLASSES,), {"filters": (12, 16, 24)}),
        ((PHOTO,), (CLASSES, AHEAD), {"filters": (16, 32), "num_blocks": 2, "stride": 2}),
    ],
    "signal_cnn": [
        ((WINDOW,), (CLASSES,), {"filters": (12, 12), "kernel_sizes": (5, 3)}),
        (
            (ROW,),
            (CLASSES, AHEAD),
            {"filters": (12, 16), "kernel_sizes": (3, 2, 3), "residual": True},
        ),
    ],
    "recurrent": [
        ((TEXT,), (CLASSES,), {"cell": cell, "units": 12, "bidirectional": both})
        for cell in ("rnn", "lstm", "gru")
        for both in (False, True)
    ]
    + [
        ((TEXT,), (CLASSES,), {"units": 12, "cell": "bilstm", "merge": merge})
        for merge in ("concat", "sum", "mul", "ave")
    ]
    + [
        (
            (SOUND,),
            (CLASSES,),
            {"units": 12, "cell": "gru", "bidirectional": True, "pooling": "mean"},
        ),
        ((WINDOW,), (AHEAD,), {"units": 12, "num_layers": 2, "subtract_last": True}),
        ((WINDOW,), (AHEAD,), {"units": 12, "subtract_last": True, "wide": True}),
        (
            (WINDOW, CALENDAR),
            (ALL_AHEAD,),
            {"units": 24, "subtract_last": True, "autoregressive": True},
        ),
        ((WINDOW, ROW, LEVEL), (CLASSES, AHEAD), {"units": 12, "pooling": "mean"}),
        (
            (TensorSpec("units", ("time",), (7,), vocab_size=300),),
            (NEXT,),
            {"units": 64},
        ),  # each sample starts with another id
    ],
    "text_cnn": [
        ((TEXT,), (CLASSES,), {"filters": 12, "embedding_dim": 6, "dropout": 0.0}),
        (
            (TEXT, ROW, LEVEL, TEXT),
            (CLASSES, AHEAD),
            {"filters": 8, "kernel_sizes": (1, 9), "embedding_dim": 6, "dropout": 0.0},
        ),
        (
            (TensorSpec("units", ("time",), (7,), vocab_size=11),),
            (CLASSES,),
            {"filters": 12, "embedding_dim": 6, "dropout": 0.0},
        ),
    ],
    "bert": [
        ((PIECES,), (CLASSES,), BERT),
        ((PIECES, ROW), (CLASSES, AHEAD), BERT),
        ((replace(PIECES, padded=False),), (TAGS,), BERT),
        ((PAIRS,), (TensorSpec("right", ("option",), (3,)),), BERT),
        (
            (replace(PIECES, shape=(14,), padded=False),),
            (replace(TAGS, shape=(14, 4)),),
            BERT | {"text_window": 8},
        ),
    ],
    "vgg11": [((IMAGE,), (CLASSES,), {"width_multiplier": 0.1, "units": (16,), "dropout": 0.0})],
    "vgg13": [
        (
            (IMAGE,),
            (CLASSES, AHEAD),
            {"width_multiplier": 0.1, "units": (64, 64), "dropout": 0.0, "norm": True},
        )
    ],
    "vgg16": [
        (
            (PHOTO,),
            (CLASSES,),
            {"width_multiplier": 0.1, "units": (64,), "dropout": 0.0, "norm": True},
        )
    ],
    "vgg19": [
        (
            (IMAGE,),
            (CLASSES,),
            {"width_multiplier": 0.1, "units": (64,), "dropout": 0.0, "norm": True},
        )
    ],
    "resnet18": [
        ((IMAGE,), (CLASSES,), {"width_multiplier": 0.1}),
        ((PHOTO,), (CLASSES, AHEAD), {"width_multiplier": 0.1}),
    ],
    "resnet34": [((IMAGE,), (CLASSES,), {"width_multiplier": 0.05})],
    "resnet50": [((PHOTO,), (CLASSES,), {"width_multiplier": 0.05})],
    "resnet101": [((IMAGE,), (CLASSES,), {"width_multiplier": 0.05})],
    "resnet152": [((IMAGE,), (CLASSES,), {"width_multiplier": 0.05})],
    "googlenet": [
        ((PHOTO,), (CLASSES,), {"width_multiplier": 0.25, "dropout": 0.0}),
        (
            (IMAGE,),
            (CLASSES,),
            {"width_multiplier": 0.1, "dropout": 0.0, "norm": True, "auxiliary": False},
        ),
        (
            (IMAGE,),
            (CLASSES,),
            {"width_multiplier": 0.2, "dropout": 0.0, "module": "naive", "auxiliary": False},
        ),
    ],
    "efficientnet_lite0": [((PHOTO,), (CLASSES,), {"width_multiplier": 0.1, "dropout": 0.0})],
    "efficientnet_lite1": [((IMAGE,), (CLASSES,), {"width_multiplier": 0.1, "dropout": 0.0})],
    "efficientnet_lite2": [((IMAGE,), (CLASSES,), {"width_multiplier": 0.1, "dropout": 0.0})],
    "inception": [((IMAGE,), (CLASSES,), {}), ((IMAGE,), (CLASSES,), {"module": "naive"})],
    "unet": [
        ((IMAGE,), (MASK,), {"filters": (12, 16, 24), "norm": False}),
        (
            (PHOTO,),
            (TensorSpec("mask", ("class", "height", "width"), (2, 33, 40)),),
            {"filters": (12, 16, 24, 32)},
        ),
    ],
    "grid_detector": [
        ((IMAGE,), (CANDIDATES,), {"filters": (12, 24)}),
        (
            (PHOTO,),
            (TensorSpec("label", ("candidate", "feature"), (20, 10)),),
            {"filters": (12, 16, 24), "anchors": (0.3,)},
        ),
    ],
    "yolo": [((GRIDS,), (OF_GRIDS,), {"width_multiplier": 1.0})],
    "faster_rcnn": [
        (
            (GRIDS,),
            (PROPOSALS,),
            {
                "width_multiplier": 0.25,
                "filters": 12,
                "units": 12,
                "proposals": 12,
                "considered": 40,
            },
        )
    ],
    "darknet53": [((PHOTO,), (CLASSES,), {"width_multiplier": 0.0625})],
    "dcgan": [
        ((ROW,), (IMAGE,), {"filters": (12, 8)}),
        ((ROW,), (TensorSpec("photo", ("channel", "height", "width"), (3, 16, 8)),), {}),
    ],
    "seq2seq": [
        ((TEXT,), (TARGET,), {"units": 12, "embedding_dim": 8, "cell": cell, "attention": how})
        for cell, how in (("gru", "additive"), ("lstm", "dot"), ("rnn", "general"), ("gru", "none"))
    ]
    + [
        (
            (TEXT,),
            (TARGET,),
            {
                "units": 12,
                "embedding_dim": 8,
                "cell": "lstm",
                "num_layers": 2,
                "bidirectional": False,
                "tied_embedding": True,
            },
        )
    ],
    "transformer": [
        ((TEXT,), (TARGET,), {"units": 12, "num_heads": 3}),
        (
            (TEXT,),
            (TARGET,),
            {
                "units": 12,
                "num_heads": 2,
                "num_layers": 1,
                "feed_forward_units": 16,
                "positions": "learned",
                "norm_first": True,
                "activation": "gelu",
                "tied_embedding": True,
            },
        ),
        (
            (TensorSpec("units", ("time",), (7,), vocab_size=300),),
            (TensorSpec("next", ("time", "class"), (7, 300)),),
            {"units": 64, "positions": "learned", "norm_first": True},
        ),
        ((TEXT,), (CLASSES,), {"units": 16}),
        ((LEVEL, TEXT, ROW), (CLASSES, AHEAD), {"units": 16, "norm_first": True}),
    ],
    "tf_idf": [
        ((TERMS,), (DOCUMENTS,), {}),
        ((TERMS,), (DOCUMENTS,), {"sublinear_tf": True, "norm": "none"}),
        ((TERMS,), (DOCUMENTS,), {"term_frequency": "relative", "norm": "l1"}),
    ],
    "lsa": [((TERMS,), (DOCUMENTS,), {"n_components": 4})],
    "pca": [((ROW,), (PLACE,), {}), ((IMAGE, ROW), (PLACE,), {})],
    "tsne": [((ROW,), (PLACE,), {"perplexity": 3.0})],
    "som": [((ROW,), (PLACE,), {"grid": (3, 4)})],
    "k_means": [((ROW, IMAGE), (PLACE,), {"n_clusters": 3})],
    "apriori": [((ITEMS,), (ITEMS,), {})],
    "random_forest": [
        ((ROW,), (CLASSES,), {}),
        ((ROW, LEVEL, IMAGE), (CLASSES, AHEAD), {}),
        ((SOUND,), (TensorSpec("kind", ("class",), (1,)),), {}),
        ((WINDOW, CALENDAR), (AHEAD,), {"subtract_last": True}),
        ((TILE, ROW), (CLASSES,), {"image_features": "statistics"}),
    ],
    "gradient_boosting": [
        ((ROW,), (CLASSES,), {}),
        ((ROW, LEVEL), (ITEMS, RATING), {}),
        ((WINDOW, CALENDAR), (AHEAD,), {"subtract_last": True}),
    ],
    "sentence_bert": [
        ((PIECES,), (DOCUMENTS,), {name: BERT[name] for name in BERT if name != "dropout"})
    ],
    "recommender": [
        ((USER, ITEM), (RATING,), {"embedding_dim": 6}),
        ((USER, ITEM), (RATING,), {"embedding_dim": 3, "units": (8,), "activation": "tanh"}),
        ((USER, ITEM, OF_USER, OF_ITEM), (RATING,), {"embedding_dim": 4}),
        ((USER, ITEM, OF_ITEM), (RATING,), {"embedding_dim": 4, "units": (8,), "biases": False}),
    ],
    "q_table": [((LEVEL,), (ACTIONS,), {})],
    "dueling": [((ROW,), (ACTIONS,), {"units": (8,)})],
    "word_vectors": [
        (
            (TensorSpec("words", ("term",), (4,), vocab_size=90),),
            (TensorSpec("vectors", ("term", "dimension"), (4, 6)),),
            {"embedding_dim": 6},
        )
    ],
}
ALL = [
    pytest.param(name, *case, id=f"{name}-{number}")
    for name in CASES
    for number, case in enumerate(CASES[name])
]
# a table is looked up, and some nets are solved, not differentiated
WITHOUT_PARAMETERS = (  # they keep samples, units, rules or trees
    *("tsne", "som", "apriori", "random_forest", "gradient_boosting"),
)
NOT_DIFFERENTIABLE = (
    *("q_table", "word_vectors", "tf_idf", "lsa", "sentence_bert", "pca", "k_means"),
    *WITHOUT_PARAMETERS,
)
WITH_PARAMETERS = [case for case in ALL if case.values[0] not in WITHOUT_PARAMETERS]
DIFFERENTIABLE = [case for case in ALL if case.values[0] not in NOT_DIFFERENTIABLE]
QUERIES = ("attention.query", "memory_norm")  # with a single key to read they change nothing
VERY_DEEP = {  # training takes long
    *("resnet101", "resnet152", "efficientnet_lite1", "efficientnet_lite2", "yolo"),
}
DEEP = {
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "faster_rcnn",
    "yolo",
    "darknet53",
    "vgg13",
    "vgg16",
    "vgg19",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "googlenet",
}
# the layers of deep nets are checked one by one
SHALLOW = [case for case in DIFFERENTIABLE if case.values[0] not in DEEP]


def test_every_net_of_samples_has_a_case() -> None:
    # the playground has points, not samples
    assert set(CASES) == set(NETS.names()) - {"playground"}


def built(
    name: str,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    words: dict[str, Any],
) -> nn.Module:
    torch.manual_seed(0)
    module = NETS.find(name, place="net")
    net: nn.Module = module.build(inputs, outputs, module.Options(**words))
    return net


def samples(inputs: tuple[TensorSpec, ...], count: int) -> list[Tensor]:
    """Random numbers and ids; sequences are padded from different lengths."""
    torch.manual_seed(1)
    tensors = []
    for spec in inputs:
        if not spec.vocab_size:
            numbers = torch.randn(count, *spec.shape)
            for row in range(count if spec.is_padded_sequence else 0):
                numbers[row, 1 + row % spec.shape[0] :] = 0
            tensors.append(numbers)
            continue
        if spec.is_weighted_bag:
            terms = torch.randint(1, spec.vocab_size, (count, spec.shape[0])).float()
            for row in range(count):
                terms[row, 1 + row % spec.shape[0] :] = 0
            tensors.append(torch.stack([terms, (terms > 0) * torch.rand_like(terms)], dim=-1))
            continue
        ids = torch.randint(1 if spec.padded else 0, spec.vocab_size, (count, *spec.shape))
        for row in range(count if spec.padded and spec.axes else 0):
            axis = len(spec.axes) - 1 if spec.axes[-1] == "time" else 0
            ids[row].transpose(0, axis)[1 + row % spec.shape[axis] :] = 0
        tensors.append(ids)
    return tensors


def has_rows(spec: TensorSpec) -> bool:
    """Whether the steps of the spec hold several numbers each."""
    return spec.is_padded_sequence or spec.is_weighted_bag


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def training_outputs(net: Any, x: list[Tensor]) -> tuple[Tensor, ...]:
    """The outputs in training, those of auxiliary heads included."""
    if not has_auxiliary_heads(net):
        return as_tuple(net(*x))
    answers, auxiliary = net.with_auxiliary(*x)
    return (*as_tuple(answers), *(answer for head in auxiliary for answer in as_tuple(head)))


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_output_shapes_are_those_of_the_specs(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words).eval()
    for count in (1, 5):
        results = as_tuple(net(*samples(inputs, count)))
        assert [tuple(result.shape) for result in results] == [
            (count, *spec.shape) for spec in outputs
        ]


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), WITH_PARAMETERS)
def test_gradient_reaches_every_parameter(name: str, inputs: Any, outputs: Any, words: Any) -> None:
    net = built(name, inputs, outputs, words)
    for layer in net.modules():
        if isinstance(
            layer, WideAndDeep | WideAndDeepInputs
        ):  # its deep path is initialized with zeros
            nn.init.normal_(layer.head.weight)
        elif isinstance(layer, WideInputs):  # starts at zero
            for weight in layer.parameters():
                nn.init.normal_(weight)
        elif isinstance(layer, WideSeries):
            for parameter in layer.output_weights():
                nn.init.normal_(parameter)
    answers = training_outputs(net, samples(inputs, 40))
    sum(answer.square().sum() for answer in answers).backward()  # type: ignore[union-attr]
    without_gradient = {
        name
        for name, weight in net.named_parameters()
        if weight.grad is None or not weight.grad.any()
    }
    # a Q-table has its own update rule, and is initialized with zeros
    assert without_gradient <= ({"weight"} if name == "q_table" else set())


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "words"),
    [
        pytest.param(
            *case.values,
            id=case.id,
            marks=[pytest.mark.slow] if case.values[0] in VERY_DEEP else [],
        )
        for case in DIFFERENTIABLE
        if case.values[0] != "faster_rcnn"  # its candidates move: `algorithms/test_two_stage.py`
    ],
)
def test_net_overfits_eight_samples(name: str, inputs: Any, outputs: Any, words: Any) -> None:
    net = built(name, inputs, outputs, words)
    x = samples(inputs, 6 if name == "linear" else 8)
    shapes = [
        (spec.shape[0], 1, 1) if spec.axes[1:] == ("height", "width") else spec.shape
        for spec in outputs
    ]
    targets = [
        torch.randn(len(x[0]), *shape).expand(-1, *spec.shape)
        for shape, spec in zip(shapes, outputs, strict=True)
    ]
    if outputs[0].axes[0] == "candidate":  # its anchor box is fixed, and its box is near that
        first = net(*x)[..., :8].detach()
        targets[0] = targets[0][:, : first.shape[1]].clone()
        targets[0][..., :4], near = first[..., :4], 1 + 0.05 * targets[0][..., 4:8].clamp(-2, 2)
        targets[0][..., 4:8] = first[..., 4:] * near
    is_deep = sum(weight.dim() > 1 for weight in net.parameters()) > 6
    sees = any("height" in spec.axes for spec in inputs)
    rate = (0.001 if sees else 0.01) if is_deep else 0.02
    optimizer = torch.optim.Adam(net.parameters(), rate)

    def losses() -> Iterator[float]:
        for _ in range(2_000):  # the deepest net needs some 350 here; other roundings may need more
            loss = torch.stack(
                [((y - t) ** 2).mean() for y, t in zip(as_tuple(net(*x)), targets, strict=True)]
            ).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()

    # the loss of the best constant prediction
    constant = sum(((t - t.mean(0)) ** 2).mean().item() for t in targets)
    assert any(loss < constant / 5 for loss in losses())


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), SHALLOW)
def test_gradient_equals_the_difference_quotient(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words).double().eval()
    x = [value.double() if value.is_floating_point() else value for value in samples(inputs, 3)]
    weights = {name: weight.detach().requires_grad_() for name, weight in net.named_parameters()}

    def answers(*values: Tensor) -> tuple[Tensor, ...]:
        return as_tuple(
            torch.func.functional_call(net, dict(zip(weights, values, strict=True)), tuple(x))
        )

    assert torch.autograd.gradcheck(answers, tuple(weights.values()), fast_mode=True)


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "words"),
    [case for case in ALL if any(spec.padded and spec.shape for spec in case.values[1])],
)
def test_padding_leaves_the_output_unchanged(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words).eval()
    x = samples(inputs, 7)
    padded = [
        functional.pad(ids, (0, 0, 0, 5) if has_rows(spec) else (0, 5)) if spec.padded else ids
        for ids, spec in zip(x, inputs, strict=True)
    ]
    for output, expected in zip(as_tuple(net(*padded)), as_tuple(net(*x)), strict=True):
        torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_trace_counts_parameters_and_multiplications(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words).eval()
    with FlopCounterMode(display=False) as counter:
        expected = as_tuple(net(*samples(inputs, 1)))
    recording = record(net, tuple(samples(inputs, 1)))
    steps = steps_of(recording)
    for one, two in zip(as_tuple(recording.output), expected, strict=True):
        torch.testing.assert_close(one, two)  # training may use another kernel
    parameters = [
        weight
        for key, weight in net.named_parameters()
        if not key.startswith(("auxiliary.", "discriminator."))  # only training uses these
    ]
    assert sum(step.parameters for step in steps) == sum(weight.numel() for weight in parameters)
    if name not in ("recurrent", "seq2seq"):  # torch does not count norms and recurrent kernels
        counted = [
            step.multiplications for step in steps if "normalization" not in step.description
        ]
        assert 2 * sum(counted) == counter.get_total_flops()


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_output_of_a_row_is_independent_of_the_batch(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words).eval()
    x = samples(inputs, 7)
    with torch.no_grad():
        batch = as_tuple(net(*x))
        for row in range(7):
            single = as_tuple(net(*(value[row : row + 1] for value in x)))
            for output, expected in zip(single, batch, strict=True):
                torch.testing.assert_close(output[0], expected[row], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_state_dict_restores_the_output(name: str, inputs: Any, outputs: Any, words: Any) -> None:
    net, other = (
        built(name, inputs, outputs, words).eval(),
        built(name, inputs, outputs, words).eval(),
    )
    with torch.no_grad():
        for weight in net.parameters():
            weight.normal_(0, 0.1)  # a larger std overflows in 152 layers
        other.load_state_dict(net.state_dict())
        x = samples(inputs, 4)
        assert all(
            torch.equal(one, two)
            for one, two in zip(as_tuple(net(*x)), as_tuple(other(*x)), strict=True)
        )


@pytest.mark.parametrize(
    ("name", "inputs", "text"),
    [
        ("cnn", (ROW,), r"'cnn' takes one image .*; got input step 'row' \(batch, feature 6\)"),
        ("cnn", (IMAGE, ROW), r"'cnn' takes one image"),
        (
            "recurrent",
            (ROW,),
            r"'recurrent' takes a sequence .*; got input step 'row' \(batch, feature 6\)",
        ),
        (
            "unet",
            (IMAGE,),
            r"'unet' predicts a class for every pixel; got the output \(batch, class 4\)",
        ),
        (
            "grid_detector",
            (IMAGE,),
            r"'grid_detector' predicts boxes; got the output \(batch, class 4\)\. Use output",
        ),
        ("dcgan", (IMAGE,), r"'dcgan' takes one row of noise per image"),
        ("dcgan", (ROW,), r"'dcgan' generates images; got the output \(batch, class 4\)"),
        (
            "q_table",
            (ROW,),
            r"'q_table' takes one discrete state; got input step \(batch, feature 6\)",
        ),
        ("transformer", (ROW,), r"'transformer' reads a text, .*; got input step 'row'"),
        ("transformer", (WINDOW,), r"'transformer' reads a text"),
        ("seq2seq", (ROW,), r"'seq2seq' reads one text per sample; got input step 'row'"),
        ("seq2seq", (TEXT, TEXT), r"'seq2seq' reads one text per sample"),
        ("seq2seq", (TEXT,), r"'seq2seq' writes one text per sample; got the output"),
        ("tf_idf", (ROW,), r"'tf_idf' takes the term counts of one text; got \(batch, feature 6\)"),
        ("lsa", (TERMS,), r"'lsa' compares texts with documents; got the output"),
        ("recommender", (ROW,), r"'recommender' takes the ids of users and items; got input step"),
        (
            "random_forest",
            (ROW, TEXT),
            r"'random_forest' reads numbers .*'text' is a text.*input\.drop",
        ),
        ("gradient_boosting", (TEXT,), r"'gradient_boosting' reads numbers and categories"),
        ("playground", (ROW,), r"'playground' takes surface, optimizer and start"),
    ],
)
def test_build_refuses_inputs_that_do_not_fit(name: str, inputs: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        built(name, inputs, (CLASSES,), {})


def test_unet_refuses_too_many_halvings() -> None:
    with pytest.raises(ShapeError, match=r"'unet' halves 9x8 4 times\. Use fewer process\.filters"):
        built("unet", (IMAGE,), (MASK,), {"filters": (2,) * 5})


def test_grid_detector_refuses_too_many_halvings() -> None:
    with pytest.raises(ShapeError, match=r"halves 9x8 4 times\. Use fewer process\.filters"):
        built("grid_detector", (IMAGE,), (CANDIDATES,), {"filters": (2,) * 4})


def test_cnn_refuses_a_filter_larger_than_the_image() -> None:
    with pytest.raises(
        ShapeError, match=r"the filter 12x12 of convolution 1 is larger than its input 9x8"
    ):
        built("cnn", (IMAGE,), (CLASSES,), {"kernel_size": 12, "padding": "valid"})


# layers without a breakdown; a new layer gets one, or is added here
NOT_EXPLAINED = {  # most hold other layers, which are explained; proposals are chosen
    *("ChannelIndependent", "Standardize", "AutoregressiveRollout", "TiedLinear"),
    *("ConvolutionsOverTime", "SharedMap", "RegionProposals", "Proposals", "SecondStage"),
    *("ImageStatistics", "TimeLast", "TabM", "MemberMean", "Waves"),
}
VALUES_PER_CASE = 30


def test_breakdown_sums_to_the_recorded_value() -> None:
    generator, count, kinds, not_explained = Random(0), 0, set(), set()
    for name, cases in CASES.items():
        for inputs, outputs, words in cases:
            net = built(name, inputs, outputs, words).eval()
            calls = record(net, tuple(samples(inputs, 3))).steps
            for call in calls:  # each layer once, to see whether it has a breakdown
                try:
                    explain_value(
                        call.layer, call.inputs, call.output, random_index(call, generator)
                    )
                except CannotExplainError:
                    not_explained.add(type(call.layer).__name__)
            explained = [call for call in calls if type(call.layer).__name__ not in not_explained]
            for _ in range(VALUES_PER_CASE):
                call = generator.choice(explained)
                place = random_index(call, generator)
                cell = explain_value(call.layer, call.inputs, call.output, place, name=call.name)
                output = explainable_output(call.layer, call.output)
                assert cell.recorded == output[place].item()
                same = cell.result == cell.recorded  # also -inf, the maximum of padding
                assert same or abs(cell.result - cell.recorded) <= 1e-5 * cell.size, (
                    name,
                    call.name,
                    cell,
                )
                kinds.add(cell.operation.removesuffix(" read from the end"))
                count += 1
    assert count >= 1000
    assert not_explained == NOT_EXPLAINED
    assert {
        "linear",
        "convolution",
        "transposed convolution",
        "maximum",
        "mean",
        "batch normalization",
    } <= kinds
    assert {"embedding", "carried", "relu", "tanh", "lstm", "gru", "rnn"} <= kinds


def random_index(call: Call, generator: Random) -> tuple[int, ...]:
    output = explainable_output(call.layer, call.output)
    return tuple(generator.randrange(side) for side in output.shape)


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_record_and_explain_leave_the_net_unchanged(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words).train()
    modes = [layer.training for layer in net.modules()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    x = samples(inputs, 1)
    generator = torch.get_rng_state()
    for call in record(net, tuple(x)).steps:
        if isinstance(call.layer, nn.RNNBase):
            unroll(call.layer, call.inputs)
        with suppress(CannotExplainError):
            explain_value(call.layer, call.inputs, call.output, random_index(call, Random(0)))
    assert torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    assert [layer.training for layer in net.modules()] == modes
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net.modules())
    assert all(weight.grad is None for weight in net.parameters())


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
@pytest.mark.parametrize("training", [False, True])
def test_recording_is_exact_and_changes_nothing(
    name: str, inputs: Any, outputs: Any, words: Any, training: bool
) -> None:
    net = built(name, inputs, outputs, words).train()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    x = samples(inputs, 2)
    before = (
        torch.get_rng_state(),
        [layer.training for layer in net.modules()],
        torch.get_num_threads(),
    )
    recording = record(net, tuple(x), training=training)
    now = (
        torch.get_rng_state(),
        [layer.training for layer in net.modules()],
        torch.get_num_threads(),
    )
    assert torch.equal(before[0], now[0])
    assert before[1:] == now[1:]
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net.modules())
    assert all(weight.grad is None for weight in net.parameters())
    if not training:
        with torch.no_grad():
            expected = as_tuple(net.eval()(*x))
        assert all(
            torch.equal(one, two)
            for one, two in zip(as_tuple(recording.output), expected, strict=True)
        )
    assert recording.mismatches() == []
    assert not [note for note in recording.notes if "no operation of torch" in note]


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_answer_from_any_layer_reproduces_the_output(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    net = built(name, inputs, outputs, words)
    with torch.no_grad():
        for weight in net.parameters():  # some are initialized with zeros only
            weight += 0.05 * torch.randn(weight.shape)
    recording = record(net, tuple(samples(inputs, 2)))
    answers = [recording.values[key].tensor for key in recording.answers]
    for call in recording.steps[:: 1 + len(recording.steps) // 25]:
        key, generator = call.output_keys[0], torch.Generator().manual_seed(0)
        value = recording.values[key].tensor
        same = recording.answer_from(key, value)
        assert all(torch.equal(one, two) for one, two in zip(same, answers, strict=True)), call.name
        if not value.is_floating_point() or not recording.matters(key):
            continue
        if call.name.endswith(QUERIES):
            continue
        noise = torch.randn(value.shape, generator=generator) * (
            value.std(correction=0) + value.abs().max() + 1
        )
        other = recording.answer_from(key, value + noise)
        assert any(not torch.allclose(one, two) for one, two in zip(other, answers, strict=True)), (
            call.name
        )


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_operations_and_layers_have_the_same_costs(
    name: str, inputs: Any, outputs: Any, words: Any
) -> None:
    recording = record(built(name, inputs, outputs, words), tuple(samples(inputs, 1)))
    steps, operations = steps_of(recording), recording.operations
    assert sum(operation.parameters for operation in operations) == sum(
        step.parameters for step in steps
    )
    counted = [operation.multiplications for operation in operations]
    assert None not in counted
    assert sum(filter(None, counted)) == sum(step.multiplications for step in steps)


@pytest.mark.parametrize(("name", "inputs", "outputs", "words"), ALL)
def test_net_creates_no_tensor_on_the_cpu(name: str, inputs: Any, outputs: Any, words: Any) -> None:
    """On torch's meta device, a tensor that stayed on the CPU makes an operation fail.

    How many steps of a text some nets read depends on its padding, and meta tensors
    have no values, so their texts here are not padded.
    """
    if name == "seq2seq":
        pytest.skip("it packs texts by their lengths, and meta tensors have no values")
    if name in ("tf_idf", "lsa", *WITHOUT_PARAMETERS):
        pytest.skip("it compares with documents, samples, units, rules or nodes on the CPU")
    if name in ("recurrent", "text_cnn", "transformer"):
        inputs = tuple(replace(spec, padded=False) for spec in inputs)
    net = built(name, inputs, outputs, words).to("meta").train()
    results = net(*(x.to("meta") for x in samples(inputs, 3)))
    results = results if isinstance(results, tuple) else (results,)
    torch.stack([result.sum() for result in results]).sum().backward()
    assert all(result.device.type == "meta" for result in results)
    assert all(
        weight.grad is None or weight.grad.device.type == "meta" for weight in net.parameters()
    )
