"""S28: n-grams of texts, wide and deep: no worse than the regression it starts at."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import pandas
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.inferred_option import Candidate, DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.defaults import facts_of
from kissipo.pipeline.experiment import build_experiment
from kissipo.pipeline.registries import NETS

MODULES = ("builtins", "math", "os", "itertools", "socket", "torch")
NET = ["input.tokenizer=ngrams", "input.text=[text]", "baselines=[majority,tfidf_logistic]"]
READERS = ("ffn", "linear", "recurrent", "text_cnn")


def docstrings() -> pandas.DataFrame:
    """First sentences of functions of Python and torch, and their modules."""
    rows = []
    for name in MODULES:
        module = import_module(name)
        items = [vars(module)[key] for key in sorted(vars(module))][:400]
        texts = {str(getdoc(item) or "").strip().split("\n\n")[0][:300] for item in items}
        for text in sorted(texts - {""})[:70]:
            side = "left" if len(text) % 2 else "right"
            rows.append([text, side, len(text) / 10, name, len(text.split())])
    return pandas.DataFrame(rows, columns=["text", "side", "length", "module", "words"])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("docstrings") / "docstrings.csv"
    docstrings().to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    return path


@pytest.fixture(scope="module")
def trained(table: Path) -> Path:
    """A run on the texts alone."""
    run = table.parent / "run"
    words = [*NET, "input.drop=[side,length,words]", "epochs=3", "--quiet"]
    assert main(["fit", str(table), "--output", "module", *words, "--out", str(run)]) == 0
    return run


def test_net_is_as_good_as_the_regression_and_not_worse_than_its_start(trained: Path) -> None:
    answer = ki.open(trained).metrics["answers"][0]
    baseline = answer["baselines"]["TF-IDF + logistic regression"]
    assert answer["metrics"]["accuracy"] >= baseline["accuracy"] - 0.03 > 0.5
    with (trained / "history.csv").open(encoding="utf-8") as file:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    metrics = ki.open(trained).metrics
    assert losses[metrics["best_epoch"]] == min(losses[0], losses[metrics["best_epoch"]])


def test_xray_and_report_name_the_terms(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["xray", str(trained), "Return the cosine of x (measured in radians)."]) == 0
    output = capsys.readouterr().out
    assert "What speaks for math rather than" in output
    rows = output.split("What speaks for math")[1].splitlines()[2:22]
    assert any(row.split()[0] in ("cosine", "radians", "measured") for row in rows)
    assert "the bias adds" in output
    report = (trained / "report.html").read_text(encoding="utf-8")
    assert "What speaks for each class" in report


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("", "1 empty 'text', read as no terms"),
        ("ЖЖ 日本", "1 of 1 'text' have no known term"),
        ("socket " * 5_000, ""),
    ],
    ids=["empty", "other scripts", "long"],
)
def test_unusual_texts_are_predicted_with_a_remark(
    text: str, remark: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["predict", str(trained), text]) == 0
    output = capsys.readouterr()
    assert output.out.split("\t")[0] in MODULES
    assert remark in output.err.replace("\n", " ")


def test_ejected_script_trains_the_same_net(
    trained: Path, run_script: Callable[[str], str]
) -> None:
    shutil.copytree(trained, "run")
    assert main(["eject", "run", "--out", "script"]) == 0
    assert "class SparseLinear" in Path("script/net.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("module", ["input.drop=[words]"]),
        ("words", ["input.drop=[module]"]),
        ("module", ["input.drop=[words]", "net=linear", "algorithm=closed_form"]),
    ],
    ids=["a category", "a number", "a linear net"],
)
def test_other_columns_stand_beside_the_text(
    output: str, words: list[str], table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = [] if "net=linear" in words else ["epochs=1"]
    options = [*NET[:2], *words, *rate, "baselines=[]", "--quiet", "--out", "run"]
    assert main(["fit", str(table), "--output", output, *options]) == 0
    metrics = ki.open("run").metrics["answers"][0]["metrics"]
    assert metrics["r2" if output == "words" else "accuracy"] > 0.6
    capsys.readouterr()
    assert main(["xray", "run"]) == 0
    page = capsys.readouterr().out
    assert "side=left" in page or "side=right" in page or "length" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["max_length=9"], "input.tokenizer=ngrams reads all of their terms"),
        (["bag_of_words=count"], "input.bag_of_words both say how texts are read"),
        (["tokenizer_file=x"], "input.tokenizer_file is the vocabulary of word pieces"),
        (["net=text_cnn"], "process step 'text_cnn' takes a text"),
        (["net=recurrent"], "process step 'recurrent' takes a sequence"),
    ],
)
def test_what_does_not_suit_ngrams_is_refused(
    words: list[str], message: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drop = "input.drop=[side,length,words]"
    assert main(["fit", str(table), "--output", "module", *NET, drop, *words, "--quiet"]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def candidates(facts: DataFacts) -> dict[str, Candidate]:
    """Returns the only candidate of each net, where it has one."""
    by_net = {name: NETS.find(name, place="net").candidates(facts) for name in READERS}
    assert all(len(some) <= 1 for some in by_net.values())
    return {name: some[0] for name, some in by_net.items() if some}


@pytest.mark.parametrize("tokenizer", ["words", "ngrams"])
def test_candidates_for_texts_can_be_built(tokenizer: str, table: Path) -> None:
    words = {"input.tokenizer": tokenizer, "input.text": ["text"]}
    task = ki.load(str(table), output="module", words=words)
    experiment = build_experiment(task)
    by_net = candidates(facts_of(experiment.task, experiment.pipeline))
    assert sorted(by_net) == sorted(READERS)
    for name, candidate in by_net.items():
        options = {option.place: option.value for option in candidate.options}
        assert options["process.net"] == name
        built = build_experiment(ki.load(str(table), output="module", words={**words, **options}))
        assert built.task.process["net"] == name
        assert sum(weight.numel() for weight in built.net.parameters()) > 100


def test_candidates_are_for_texts_only() -> None:
    numbers = TensorSpec("numbers", ("feature",), (3,))
    kind = TensorSpec("kind", ("class",), (2,))
    losses = ("sparse_categorical_cross_entropy",)
    facts = DataFacts((numbers,), (kind,), 99, False, losses, ("category",), None, {})
    by_net = {name: NETS.find(name, place="net").candidates(facts) for name in READERS}
    assert not by_net["recurrent"] and not by_net["text_cnn"]
    places = {
        option.place
        for some in by_net.values()
        for candidate in some
        for option in candidate.options
    }
    assert "process.net" in places and "input.tokenizer" not in places
