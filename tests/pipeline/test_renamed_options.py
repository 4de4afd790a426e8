"""Former options and options of other libraries are refused with their current name."""

from pathlib import Path

import pytest

from kissipo.cli.main import main
from kissipo.core.errors import TaskError
from kissipo.core.task import Task
from kissipo.pipeline.parse import full_place, read_task
from kissipo.pipeline.registries import ALGORITHMS, ANSWERS, NETS, SOURCES
from kissipo.pipeline.renamed_options import FOREIGN, NEAR, RENAMED, VALUES, current_name

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
    "na_values": "na_values is called missing_values.",
    "sep": "sep is called separator.",
    "decimal_separator": "decimal_separator is called decimal.",
    "sheet_name": "sheet_name is called sheet.",
    "unique_id": "unique_id is called series_id.",
    "prediction_length": "prediction_length is called horizon.",
    "parse_dates": "parse_dates: did you mean datetime or time?",
    "usecols": "usecols: did you mean drop or features?",
    "target_column": "target_column: did you mean --output?",
    "max_iter": "max_iter: did you mean epochs or max_iterations?",
    "n_estimators": "n_estimators: did you mean num_trees or max_iterations?",
    "max_leaf_nodes": "max_leaf_nodes is called max_leaves.",
    "patience": "patience: did you mean early_stopping?",
    "alpha": "alpha: did you mean l2 or learning_rate?",
}


@pytest.mark.parametrize(("name", "message"), BARE.items())
def test_option_without_part_is_refused_with_its_current_name(name: str, message: str) -> None:
    with pytest.raises(TaskError) as refused:
        full_place(name, Task(input={"table": "a.csv"}))
    assert str(refused.value) == message


def tasks_with(place: str) -> list[Task]:
    """Returns tasks with a former option, for every source, net or answer."""
    part, key, *nested = place.split(".")
    option = {key: {nested[0]: 1}} if nested else {key: 1}
    if part == "input":
        return [Task(input={source: "a.csv", **option}) for source in SOURCES.names()]
    if part == "output":
        answers = [{answer: "a", **option} for answer in ANSWERS.names()]
        return [Task(input={"table": "a.csv"}, output=answer) for answer in answers]
    nets = [option, *({"net": net, **option} for net in NETS.names())]
    return [Task(input={"table": "a.csv"}, process=net) for net in nets]


@pytest.mark.parametrize("place", RENAMED)
def test_former_option_is_refused_with_its_current_name(place: str) -> None:
    for task in tasks_with(place):
        with pytest.raises(TaskError) as refused:
            read_task(task)
        assert str(refused.value) == f"{current_name(place)}."


@pytest.mark.parametrize("name", [*FOREIGN, *NEAR])
def test_foreign_option_is_refused_with_its_current_name(name: str) -> None:
    with pytest.raises(TaskError, match=rf"^process\.{name}(:| is called)"):
        read_task(Task(input={"table": "a.csv"}, process={name: 1}))


def test_every_current_name_is_an_option() -> None:
    values = [*RENAMED.values(), *FOREIGN.values(), *NEAR.values()]
    places = [place for value in values for place in ([value] if isinstance(value, str) else value)]
    places = [place for place in places if not place.startswith("--")]
    assert len(places) > 120
    for place in places:
        part, name = place.split(".", 1)
        assert full_place(name, Task(**{part: {name.split(".")[0]: 1}})) == place


@pytest.mark.parametrize(("old", "new"), VALUES.items())
def test_former_net_or_algorithm_is_refused_with_its_current_name(old: str, new: str) -> None:
    key, value = old.removeprefix("process.").split("=")
    with pytest.raises(TaskError) as refused:
        read_task(Task(input={"table": "a.csv"}, process={key: value}))
    assert str(refused.value) == f"{old} is called {new}."
    registry = {"net": NETS, "algorithm": ALGORITHMS}[key]
    assert value not in registry.names()
    assert new.split("=")[1] in registry.names()


def test_command_line_prints_the_current_name_in_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for options, message in (
        (["lr=0.1"], "lr is called learning_rate."),
        (["process.rate=0.1"], "process.rate is called process.learning_rate."),
        (["max_iter=3"], "max_iter: did you mean epochs or max_iterations?"),
    ):
        assert main(["fit", "digits", *options, "--quiet"]) == 2
        assert message in " ".join(capsys.readouterr().err.split())
