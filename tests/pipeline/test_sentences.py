"""Tasks of all systems: each is valid, or refused as not built, never as unknown."""

from __future__ import annotations

from dataclasses import dataclass

import jsonschema
import pytest

from kissipo.core.errors import NotBuiltError
from kissipo.core.task import Task
from kissipo.pipeline.json_schema import task_schema
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.registries import ANSWERS, NETS
from kissipo.runs.load import load


@dataclass(frozen=True)
class Sentence:
    system: str
    about: str
    yaml: str
    refused: str = ""


SCHEMA = jsonschema.Draft202012Validator(task_schema())
PAIRS = "input: {pairs: captions.tsv, source: en, target: cs}"
SENTENCES = [
    Sentence(
        "S02",
        "digits",
        """
        input: {images: digits}
        process: {net: ffn, units: [128], dropout: 0.2, epochs: 5}
        output: {category: digit}""",
    ),
    Sentence(
        "S03",
        "equations",
        """
        input: {make: equations}
        process: {net: linear, bias: false, optimizer: sgd}
        output: {number: right side}""",
    ),
    Sentence(
        "S09",
        "feature cross",
        """
        input: {table: trips.csv, cross: [[hour, place]]}
        process: {net: linear}
        output: {number: fare}""",
    ),
    Sentence(
        "S13",
        "convolution",
        """
        input: {images: mnist}
        process: {net: cnn, filters: [25, 50], kernel_size: 3, units: [100]}
        output: {category: digit}""",
    ),
    *(
        Sentence(
            system,
            net,
            f"""
        input: {{images: photos/, size: 224}}
        process: {{net: {net}, {words}, weights: {net}.safetensors, freeze: all but head}}
        output: category""",
        )
        for system, net, words in (
            ("S14", "vgg16", "norm: true"),
            ("S15", "googlenet", "module: naive"),
            ("S16", "resnet50", "width_multiplier: 0.5"),
        )
    ),
    *(
        Sentence(
            system,
            f"{net} on varied images",
            f"""
        input: {{images: photos/, size: 224, augment: [flip, crop]}}
        process: {{net: {net}, weights: {net}.safetensors, freeze: all but head}}
        output: category""",
        )
        for system, net in (("S14", "vgg16"), ("S15", "googlenet"), ("S16", "resnet50"))
    ),
    Sentence(
        "S18",
        "segmentation",
        """
        input: {images: tiles/, masks: masks/}
        process: {net: unet}
        output: {mask: defect}""",
    ),
    Sentence(
        "S19",
        "the game of go",
        """
        input: {games: sgf/}
        process: {net: cnn}
        output: {category: move}""",
    ),
    Sentence(
        "S22",
        "forecast",
        """
        input: {series: air.csv, time: Month, window: 12}
        process: {net: recurrent, cell: lstm, units: 64}
        output: {forecast: Passengers, horizon: 12}""",
    ),
    *(
        Sentence(
            "S24",
            f"anomaly by {net}",
            f"""
        input: {{series: sensor.csv, window: 48}}
        process: {{net: {net}}}
        output: {{anomaly: value}}""",
        )
        for net in ("autoencoder", "recurrent")
    ),
    Sentence(
        "S25",
        "a novel, letter by letter",
        """
        input: {text: novel.txt, tokenizer: characters, window: 100}
        process: {net: recurrent, cell: lstm, units: 256, num_layers: 2, stateful: true}
        output: {text: next}""",
    ),
    Sentence(
        "S26",
        "spam",
        """
        input: {table: sms.csv, text: message, max_length: 162}
        process: {net: recurrent, cell: lstm, embedding_dim: 20, units: 15, pooling: max}
        output: {category: kind}""",
    ),
    Sentence(
        "S27",
        "names",
        """
        input: {table: names.csv, characters: name}
        process: {net: recurrent, cell: gru, bidirectional: true}
        output: {category: language}""",
    ),
    Sentence(
        "S28",
        "feelings",
        """
        input: {table: reviews.csv, text: review}
        process: {net: text_cnn, kernel_sizes: [3, 4, 5]}
        output: {category: feeling}""",
    ),
    *(
        Sentence(
            "S29",
            f"speech by {net}",
            f"""
        input: {{audio: recordings/}}
        process: {{net: {net}}}
        output: {{category: digit}}""",
            "'audio' (S29)",
        )
        for net in ("recurrent", "cnn")
    ),
    Sentence(
        "S31",
        "vectors of documents",
        """
        input: {text: documents/}
        process: {net: lsa, n_components: 100}
        output: {vectors: documents}""",
        "",
    ),
    Sentence(
        "S32",
        "vectors of words",
        """
        input: {text: corpus.txt}
        process: {net: word_vectors, model: skipgram, negative: 5}
        output: {vectors: words}""",
    ),
    *(
        Sentence(
            system,
            f"translation by {words}",
            f"{PAIRS}\nprocess: {words}\n{output}",
            planned,
        )
        for output in ("output: {text: target, decode: {beam: 4}}",)
        for system, words, planned in (
            ("S33", "{net: seq2seq, cell: gru, attention: additive}", ""),
            ("S34", "{net: transformer, num_layers: 3, num_heads: 4}", ""),
        )
    ),
    Sentence(
        "S35",
        "BERT pre-training",
        """
        input: {text: corpus.txt, tokenizer: wordpieces}
        process: {net: bert, num_layers: 4, algorithm: masked_text}
        output: {text: masked}""",
        "",
    ),
    Sentence(
        "S35",
        "BERT fine-tuning",
        """
        input: {table: news.csv, text: body}
        process: {net: bert, weights: runs/bert-1, learning_rate: 2e-5}
        output: {category: truth}""",
        "",
    ),
    *(
        Sentence(
            "S36",
            f"a map by {net}",
            f"""
        input: {{table: iris.csv}}
        process: {{net: {net}}}
        output: {{map: 2}}""",
            "",
        )
        for net in ("pca", "tsne", "som", "k_means")
    ),
    Sentence(
        "S36",
        "rules of baskets",
        """
        input: {baskets: groceries.csv}
        process: {net: apriori}
        output: rules""",
        "",
    ),
    Sentence(
        "S36",
        "a layer of a run",
        """
        input: {run: runs/digits-1, layer: 2}
        process: {net: tsne}
        output: {map: 2}""",
        "",
    ),
    Sentence(
        "S37",
        "autoencoder",
        """
        input: {images: digits}
        process: {net: autoencoder, latent_dim: 16}
        output: {image: same}""",
        "output.image=same (S37)",
    ),
    Sentence(
        "S38",
        "captions",
        """
        input: {images: photos/, captions: captions.tsv}
        process: {net: captioner, prior: gmm}
        output: {text: caption, decode: {samples: 10}}""",
        "input.captions (S38)",
    ),
    Sentence(
        "S39",
        "style transfer",
        """
        input: {images: photo.jpg, style: wave.jpg}
        process: {net: style_transfer, weights: vgg19.safetensors}
        output: {image: styled}""",
        "input.style (S39)",
    ),
    Sentence(
        "S40",
        "GAN",
        """
        input: {images: digits, noise: 32}
        process: {net: dcgan}
        output: {image: new}""",
    ),
    Sentence(
        "S40",
        "CycleGAN",
        """
        input: {images: [paintings/, photos/]}
        process: {net: cyclegan}
        output: {image: other}""",
        "the net 'cyclegan' (S40)",
    ),
    Sentence(
        "S41",
        "YOLO",
        """
        input: {images: cells/, boxes: boxes.csv, size: 416}
        process: {net: yolo, anchors: 9}
        output: {boxes: label, decode: {iou_threshold: 0.5}}""",
    ),
    Sentence(
        "S41",
        "a grid of boxes",
        """
        input: {images: cells/, boxes: boxes.csv, size: 416}
        process: {net: grid_detector, anchors: [0.1, 0.3]}
        output: {boxes: label, decode: {iou_threshold: 0.5}}""",
    ),
    Sentence(
        "S42",
        "a table of values",
        """
        input: {environment: FrozenLake-v1}
        process: {net: q_table}
        output: actions""",
    ),
    Sentence(
        "S42",
        "DQN",
        """
        input: {environment: CartPole-v1}
        process: {net: ffn, units: [64, 64], algorithm: dqn, buffer_size: 50000}
        output: actions""",
    ),
    Sentence(
        "S43",
        "recommender",
        """
        input: {ratings: u.data, user: user, item: film}
        process: {net: recommender, embedding_dim: 10, units: [512]}
        output: {rating: stars, decode: {top_k: 10}}""",
    ),
    Sentence(
        "S48",
        "events",
        """
        input: {events: pickups.csv, time: at, place: [x, y], grid: 20}
        process: {net: recurrent}
        output: {forecast: count, horizon: 1}""",
    ),
]
BUILT = [sentence for sentence in SENTENCES if not sentence.refused]
PLANNED = [sentence for sentence in SENTENCES if sentence.refused]


def named(sentence: Sentence) -> str:
    return f"{sentence.system} {sentence.about}"


def forms(sentence: Sentence) -> list[Task]:
    """Returns the task from YAML, from Python and from command line arguments."""
    task = Task.from_yaml(sentence.yaml)
    return [task, Task(**task.plain()), Task.from_arguments(task.to_arguments())]


@pytest.mark.parametrize("sentence", BUILT, ids=named)
def test_built_task_is_valid(sentence: Sentence) -> None:
    for task in forms(sentence):
        resolved = read_task(task)
        assert [resolved.source.name, *(answer.name for answer in resolved.answers)] == [
            next(iter(task.input)),
            *(next(iter(answer)) for answer in task.answers),
        ]
        assert resolved.net is not None
        assert resolved.net.name == task.process["net"]


@pytest.mark.parametrize("sentence", PLANNED, ids=named)
def test_planned_task_is_refused_as_not_built(sentence: Sentence) -> None:
    for task in forms(sentence):
        with pytest.raises(NotBuiltError) as refused:
            read_task(task)
        assert sentence.refused in str(refused.value)
        assert "not built yet" in str(refused.value)


def test_every_net_and_answer_has_a_known_name() -> None:
    """A planned net or answer is not taken for a spelling mistake."""
    for task in (Task.from_yaml(sentence.yaml) for sentence in SENTENCES):
        assert task.process.get("net", "ffn") in {*NETS.names(), *NETS.planned}
        assert all(
            next(iter(answer)) in {*ANSWERS.names(), *ANSWERS.planned} for answer in task.answers
        )


@pytest.mark.parametrize("sentence", SENTENCES, ids=named)
def test_schema_accepts_only_built_tasks(sentence: Sentence) -> None:
    assert SCHEMA.is_valid(Task.from_yaml(sentence.yaml).plain()) == (not sentence.refused)


@pytest.mark.parametrize("sentence", SENTENCES, ids=named)
def test_round_trip_through_yaml_and_arguments(sentence: Sentence) -> None:
    first, *others = forms(sentence)
    assert all(other == first for other in others)
    assert Task.from_yaml(first.to_yaml()) == first


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        ("input.captions", "a.tsv", "input.captions (S38) is not built yet"),
        ("net", "rbm", "the net 'rbm' (S37) is not built yet"),
    ],
)
def test_planned_option_is_not_taken_for_a_mistake(word: str, value: object, message: str) -> None:
    with pytest.raises(NotBuiltError) as refused:
        read_task(load("digits", words={word: value}))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("frozen-lake", "'q_learning' for the net 'ffn' is not built yet"),
        ("gym:go", "an environment such as 'go', whose states are boards, is not built yet"),
    ],
)
def test_net_is_refused_in_an_environment_that_it_does_not_suit(task: str, message: str) -> None:
    with pytest.raises(NotBuiltError) as refused:
        load(task, words={"net": "ffn"}).show()
    assert message in str(refused.value)
