"""S35, names in texts: from a file of BIO tags to names with their probabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answers.tags import Tags
from kissipo.output.texts.names import named, separated
from kissipo.process.nets import recurrent

pytestmark = pytest.mark.usefixtures("one_thread")
PEOPLE, PLACES = ("Anna", "Bob", "Eve", "Mia"), ("Taipei", "Hong Kong", "Oslo", "Rio")


def sentences(rows: int, seed: int) -> list[list[tuple[str, str]]]:
    """Sentences in which a person flies to a place, or nobody does anything."""
    generator, texts = np.random.default_rng(seed), []
    for _ in range(rows):
        person, place = generator.choice(PEOPLE), str(generator.choice(PLACES)).split()
        rest = [("flew", "O"), ("to", "O")]
        places = [(word, "I-place" if number else "B-place") for number, word in enumerate(place)]
        sentence = [(str(person), "B-person"), *rest, *places, (".", "O")]
        texts.append(sentence if generator.random() < 0.8 else [("it", "O"), *rest, ("sea", "O")])
    return texts


def write(path: Path, texts: list[list[tuple[str, str]]]) -> None:
    path.write_text(
        "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in sentence) for sentence in texts)
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("names")
    (folder / "corpus").mkdir()
    for seed, name in enumerate(("train", "dev", "test")):
        write(folder / "corpus" / f"{name}.conll", sentences(200 if name == "train" else 40, seed))
    words = {"process.epochs": 6, "process.learning_rate": 0.02}
    return ki.load(str(folder / "corpus"), words=words).fit(out=folder / "run")


def test_a_folder_of_tags_is_learned_and_evaluated_by_names(run: Any) -> None:
    (answer,) = run.metrics["answers"]
    assert (answer["answer"], answer["main"]) == ("tags", "entity_f1")
    assert answer["metrics"]["entity_f1"] > 0.9
    assert answer["baselines"]["gazetteer"]["entity_f1"] == 1.0  # every name was seen
    assert answer["baselines"]["no names"]["entity_f1"] == 0.0
    assert answer["details"]["kinds"] == ["person", "place"]
    saved = (run.folder / "task.yaml").read_text()
    assert "bidirectional: true" in saved and "net: recurrent" in saved


def test_prediction_names_the_words_and_their_kind(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (prediction,) = run.predict_all(["Anna flew to Hong Kong."])[0][0]
    assert prediction.words == ("Anna", "flew", "to", "Hong", "Kong", ".")
    names = [(entity.text, entity.kind, entity.start, entity.end) for entity in prediction.entities]
    assert names == [("Anna", "person", 0, 1), ("Hong Kong", "place", 3, 5)]
    shares = [share for tag, share in prediction.tags if tag.endswith("place")]
    assert prediction.entities[1].confidence == pytest.approx(shares[0] * shares[1])
    capsys.readouterr()
    assert main(["predict", str(run.folder), "Anna flew to Rio", "to the sea"]) == 0
    first, second = capsys.readouterr().out.strip().split("\n")
    assert first.startswith("Anna (person ") and "\tRio (place " in first and second == "no name"
    assert main(["predict", str(run.folder), "it flew to Oslo", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)["predictions"][0]["tags"]
    assert content["answer"] == "O O O B-place" and content["entities"][0]["start"] == 3


def test_report_and_xray_show_names_and_tags(run: Any) -> None:
    report = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Kinds of names" in report and "Brackets enclose the true names" in report
    trace = run.trace("Anna flew to Rio")
    assert [step.name for step in trace.steps][-4:] == ["logits", "probability", "decision", "tags"]
    assert trace.steps[-1].value == "B-person O O B-place"


@pytest.mark.parametrize("characters", [False, True])
def test_truncated_words_are_o_counted_and_their_names_not_found(
    tmp_path: Path, characters: bool
) -> None:
    texts = [[("so", "O")] * 3 + sentence for sentence in sentences(60, 1)]
    write(tmp_path / "names.conll", texts)
    words: dict[str, object] = {"input.max_length": 18 if characters else 5, "process.epochs": 1}
    words["input.characters" if characters else "input.text"] = ["text"]
    run = ki.load(str(tmp_path / "names.conll"), words=words).fit(out=tmp_path / "run")
    (answer,) = run.metrics["answers"]
    checks = json.loads((run.folder / "data.json").read_text())["findings"]
    assert any("60 texts are not read" in finding["message"] for finding in checks)
    pipeline = run.pipeline()
    rows = pipeline.frame.take(pipeline.splits["test"])
    places = sum(str(text).count("B-place") for text in rows["tags"].texts())
    assert answer["details"]["lost"] == places
    true = places + sum(str(text).count("B-person") for text in rows["tags"].texts())
    right = answer["metrics"]["entity_recall"] * true
    assert right == pytest.approx(round(right)) and right <= true - places
    assert answer["baselines"]["gazetteer"]["entity_recall"] <= (true - places) / true


def test_word_pieces_are_tagged_by_bert_in_batches_of_similar_length(tmp_path: Path) -> None:
    texts = sentences(90, 4)
    texts[0] = texts[0] + [("again", "O")] * 30  # its tags end before its pieces
    write(tmp_path / "names.conll", texts)
    words: dict[str, object] = {"input.tokenizer": "wordpieces", "input.text": ["text"]}
    words |= {"process.units": 32, "process.num_layers": 1, "process.num_heads": 2}
    words |= {"process.epochs": 8, "process.learning_rate": 0.01, "process.dropout": 0.0}
    words["input.batch_size"] = 8
    run = ki.load(str(tmp_path / "names.conll"), words=words).fit(out=tmp_path / "run")
    assert "net: bert" in (run.folder / "task.yaml").read_text()
    assert run.metrics["answers"][0]["metrics"]["entity_f1"] > 0.8
    (prediction,) = run.predict_all(["Anna flew to Hong Kong."])[0][0]
    assert prediction.value == "B-person O O B-place I-place O"


def test_the_mean_of_the_qualities_is_the_metric_with_lost_names(tmp_path: Path) -> None:
    write(tmp_path / "names.conll", sentences(60, 3))
    words = {"input.max_length": 3, "process.epochs": 1, "input.text": ["text"]}
    run = ki.load(str(tmp_path / "names.conll"), words=words).fit(out=tmp_path / "run")
    (score,) = run.evaluate()
    assert score.net.details["lost"] > 0
    mean = float(score.net.per_sample.mean())
    assert mean == pytest.approx(score.net.metrics["entity_f1"])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("text,tags\na b,O X-y\nc d,O B-y\n", DataError, r"row 1 of 'tags' has a text that is not"),
        ("text,tags\na b,O O\nc d,O O\n", DataError, "'tags' has no name in any of its 2 texts"),
        ("text,tags\na b,B-x\nc d,O B-x\n", DataError, "row 1 of .* has 2 words and 1 tags"),
        (
            "text,size,tags\n" + "a b,1.5,O B-x\nc d,2.5,O O\ne f,3,O O\n" * 9,
            TaskError,
            "output.tags=tags needs one column of texts, .* got the columns size, text",
        ),
    ],
)
def test_unsuitable_data_are_refused(
    tmp_path: Path, rows: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "a.csv").write_text(rows)
    words = {"output.tags": "tags", "input.text": ["text"]}
    words["input.split"] = {"validation": 0, "test": 0}
    with pytest.raises(error, match=message):
        ki.load(str(tmp_path / "a.csv"), words=words).fit(out=tmp_path / "run")


def test_tags_that_begin_with_i_are_read_as_beginnings_and_shown() -> None:
    frame = Frame((strings("tags", ["O I-x I-x", "I-x B-x", "O I-x I-x", None]),))
    findings: list[Any] = []
    fixed = Tags("tags").in_kind(frame, findings)
    assert fixed["tags"].texts() == ["O B-x I-x", "B-x B-x", "O B-x I-x", None]
    assert findings[0].rows == (1, 2, 3)
    assert findings[0].message.startswith("3 names of 'tags' begin with I, without a B before")


def test_punctuation_is_separated_from_words_of_a_typed_text() -> None:
    assert separated('He said: "Hi, Ann!" (in the U.S.).') == (
        'He said : " Hi , Ann ! " ( in the U.S. ) .'
    )
    assert separated("台北。 don't http://a.b/c ...") == "台北 。 don't http://a.b/c ..."


def test_names_of_words_repair_tags() -> None:
    prediction = named(["a", "b", "c"], ["I-x", "I-y", "O"], [0.5, 0.25, 1.0])
    assert [(name.text, name.kind, name.confidence) for name in prediction.entities or ()] == [
        *(("a", "x", 0.5), ("b", "y", 0.25)),
    ]
    assert named(["a"], ["O"], [1.0]).describe() == "no name"


def test_recurrent_net_reads_both_directions_for_tags_and_adds_embeddings() -> None:
    text = TensorSpec("text", ("time", "feature"), (6, 2), vocab_size=9, padded=True)
    tags = TensorSpec("tags", ("time", "class"), (6, 4), padded=True)
    torch.manual_seed(0)
    net = recurrent.build((text,), (tags,), recurrent.Options(units=3, bidirectional=True))
    net.eval()
    ids = torch.tensor([[[2, 5], [3, 6], [4, 7], [0, 0], [0, 0], [0, 0]]])
    table, cell, head = net.embedding.weight, net.cell, net.head
    x = torch.stack([table[2] + table[5], table[3] + table[6], table[4] + table[7]])[None]
    plain = torch.nn.LSTM(x.shape[2], 3, batch_first=True, bidirectional=True)
    plain.load_state_dict(cell.state_dict())
    expected = plain(x)[0] @ head.weight.T + head.bias
    output = net(ids)
    assert output.shape == (1, 6, 4)
    torch.testing.assert_close(output[:, :3], expected, rtol=1e-5, atol=1e-5)
    ids[0, 2, 0] = 8  # a later word changes the tag of the first one
    assert not torch.allclose(net(ids)[0, 0], output[0, 0])
    with pytest.raises(TaskError, match="a bidirectional net would see the next token"):
        recurrent.build(
            (TensorSpec("text", ("time",), (6,), vocab_size=9),),
            (TensorSpec("next", ("time", "class"), (6, 9), causal=True),),
            recurrent.Options(bidirectional=True),
        )
