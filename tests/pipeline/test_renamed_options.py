"""Old words of kissipo and words of other libraries are answered with what they are called here."""

from pathlib import Path

import pytest

from kissipo.cli.main import main
from kissipo.core.errors import TaskError
from kissipo.core.task import Task
from kissipo.pipeline.parse import full_place, read_task
from kissipo.pipeline.registries import ALGORITHMS, NETS
from kissipo.pipeline.renamed_options import FOREIGN, NEAR, RENAMED, VALUES, current_name

OLD = sorted(place for place in RENAMED if place.startswith("process."))
BARE = {
    "rate": "rate is called learning_rate.",
    "stop": "stop is called early_stopping.",
    "pool": "pool is called pool_size or pooling.",
    "learn": "learn is called algorithm.",
    "lr": "lr is called learning_rate.",
    "n_epochs": "n_epochs is called epochs.",
    "hidden_layer_sizes": "hidden_layer_sizes is called units.",
    "embed_dim": "embed_dim is called embedding_dim.",
    "criterion": "criterion is called loss.",
    "clipnorm": "clipnorm is called clip_norm.",
    "max_iter": "max_iter: did you mean epochs?",
    "patience": "patience: did you mean early_stopping?",
    "alpha": "alpha: did you mean l2?",
}


@pytest.mark.parametrize(("word", "told"), BARE.items())
def test_a_bare_old_or_foreign_word_is_refused_with_its_name_here(word: str, told: str) -> None:
    with pytest.raises(TaskError) as refused:
        full_place(word, Task(input={"table": "a.csv"}))
    assert str(refused.value) == told


@pytest.mark.parametrize("place", OLD)
def test_an_old_option_of_the_process_is_valid_nowhere_and_named_anew(place: str) -> None:
    word = place.removeprefix("process.")
    nets = [{}, *({"net": name} for name in NETS.names())]
    for net in nets:
        with pytest.raises(TaskError, match=f"^{place} is called process\\.") as refused:
            read_task(Task(input={"table": "a.csv"}, process={**net, word: 1}))
        assert str(refused.value) == f"{current_name(place)}."


@pytest.mark.parametrize("word", [*FOREIGN, *NEAR])
def test_a_foreign_word_is_no_option_of_the_process(word: str) -> None:
    with pytest.raises(TaskError, match=rf"^process\.{word}(:| is called)"):
        read_task(Task(input={"table": "a.csv"}, process={word: 1}))


def test_every_new_name_of_the_process_is_an_option() -> None:
    named = [*(RENAMED[place] for place in OLD), *FOREIGN.values(), *NEAR.values()]
    places = [place for each in named for place in ((each,) if isinstance(each, str) else each)]
    places = [place for place in places if place.startswith("process.")]
    assert len(places) > 60
    for place in places:
        assert full_place(place.removeprefix("process."), Task()) == place


@pytest.mark.parametrize(("old", "new"), VALUES.items())
def test_a_net_or_an_algorithm_that_has_another_name_is_refused_with_it(old: str, new: str) -> None:
    word, value = old.removeprefix("process.").split("=")
    with pytest.raises(TaskError) as refused:
        read_task(Task(input={"table": "a.csv"}, process={word: value}))
    assert str(refused.value) == f"{old} is called {new}."
    registry = {"net": NETS, "algorithm": ALGORITHMS}[word]
    assert value not in registry.names()
    assert new.split("=")[1] in registry.names()


def test_the_command_line_says_so_in_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, told in (
        (["lr=0.1"], "lr is called learning_rate."),
        (["process.rate=0.1"], "process.rate is called process.learning_rate."),
        (["max_iter=3"], "max_iter: did you mean epochs?"),
    ):
        assert main(["fit", "digits", *words, "--quiet"]) == 2
        assert told in " ".join(capsys.readouterr().err.split())
