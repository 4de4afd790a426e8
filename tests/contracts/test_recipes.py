"""Every recipe has a complete docstring, task and trace, and a short run works."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.devices import multiplies_bfloat16
from kissipo.core.recipe import Recipe
from kissipo.core.task import Task
from kissipo.inspect.trace import Step, Trace
from kissipo.pipeline import registries
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.recipes import all_recipes, data_are_installed

RECIPES = dict(all_recipes())
TRACES: dict[str, Trace] = {}
SHORTEST = {
    "supervised": {"epochs": 1},
    "gradient_descent": {"epochs": 20},
    "q_learning": {"process.episodes": 20},
    "dqn": {
        "process.steps": 1_200,
        "select_start": 1_000,
        "select_episodes": 2,
        "confirm_episodes": 2,
        "output.episodes": 5,
    },
    "adversarial": {"epochs": 1},
    "closed_form": {},
    "teacher_forcing": {"epochs": 1, "units": 8},
    "masked_text": {
        "epochs": 1,
        "units": 8,
        "num_heads": 2,
        "max_length": 32,
        "precision": "float32",
    },
    "word2vec": {"epochs": 1, "embedding_dim": 8, "output.baselines": ()},
}
FEWER = {"num_games": 12}  # samples that are made, where an option says how many
FEWER_STEPS = {"tsne": {"num_steps": 250, "max_samples": 300}, "som": {"epochs": 2}}
FEWER_BASELINES = {"shapes": ["no_boxes", "mean_boxes"]}  # the slow lane has them all
every_recipe = pytest.mark.parametrize("name", RECIPES)
FETCHED = [name for name, recipe in RECIPES.items() if not data_are_installed(recipe)]
quick_recipes = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in FETCHED else name for name in RECIPES],
)


@pytest.fixture(autouse=True)
def _with_its_data(request: pytest.FixtureRequest) -> None:
    """Skips slow tests whose data sets are not downloaded; no test downloads."""
    if request.node.get_closest_marker("slow") and request.node.callspec.params["name"] in FETCHED:
        if package := RECIPES[request.node.callspec.params["name"]].package:
            pytest.importorskip(package)
        request.getfixturevalue("data")


@pytest.fixture
def recipe(name: str) -> Recipe:
    return RECIPES[name]


@every_recipe
def test_recipe_docstring_is_complete(name: str, recipe: Recipe) -> None:
    text = registries.RECIPES.find(name.replace("-", "_"), place="here").__doc__ or ""
    for heading in ("Input  ", "Process  ", "Output  ", "Command  "):
        assert heading in text
    assert re.search(rf"kissipo (fit|show) {name} ", text)
    assert recipe.system in text
    assert recipe.data
    assert recipe.expected
    assert recipe.look
    assert 0 < recipe.seconds < 1800
    assert recipe.band[0] <= recipe.band[1]


@every_recipe
def test_recipe_task_round_trips_through_yaml_and_arguments(name: str, recipe: Recipe) -> None:
    task = recipe.task
    assert read_task(task).net is not None
    assert Task.from_yaml(task.to_yaml()) == Task.from_arguments(task.to_arguments()) == task
    assert (ki.load(name).parts(), ki.load(name).name) == (task.parts(), name)


def fewer(name: str) -> dict[str, int]:
    """Returns the options by which a recipe makes fewer samples."""
    options = RECIPES[name].task.input
    return {f"input.{key}": number for key, number in FEWER.items() if key in options}


def show(name: str) -> Trace:
    """Returns the trace of a recipe, which several tests read."""
    if name not in TRACES:
        TRACES[name] = ki.load(name, words=fewer(name)).show()
    return TRACES[name]


@quick_recipes
def test_complete_task_stays_the_same(name: str) -> None:
    complete = ki.load(name, words=fewer(name)).complete()
    assert complete.complete() == complete
    assert ki.Task.from_yaml(complete.to_yaml()) == complete
    assert complete.process.get("algorithm")


@quick_recipes
def test_recipe_trace_is_complete(name: str) -> None:
    trace = show(name)
    stages = [step.stage for step in trace.steps]
    assert stages == sorted(stages, key=("input", "process", "output").index)
    assert set(stages) == {"input", "process", "output"}
    first, *_, last = trace.steps
    assert first.description == "raw input"
    assert last.value is not None
    assert all(step.name and step.description and step.value is not None for step in trace.steps)
    for step in trace.of("process"):
        assert isinstance(step.value, np.ndarray)
        assert step.value.shape == step.shape
        assert step.memory == step.value.nbytes > 0
    encoded = [step for step in trace.of("input") if isinstance(step.value, np.ndarray)]
    assert encoded
    assert all(step.value.shape == step.shape for step in encoded)


def dense(step: Step, before: int) -> tuple[int, int]:
    """Parameters and multiplications of a linear layer, computed by hand."""
    units = step.shape[0]
    constants = 0 if "no bias" in step.description else units
    return before * units + constants, before * units


@pytest.mark.parametrize("name", ["digits", "backprop", "equations"])
def test_costs_of_dense_layers_equal_those_by_hand(name: str) -> None:
    trace = show(name)
    width = int(np.prod(trace.of("input")[-1].shape))
    for step in trace.of("process"):
        if step.description.startswith("linear"):
            assert (step.parameters, step.multiplications) == dense(step, width)
            width = step.shape[0]
        else:
            assert (step.parameters, step.multiplications) == (0, 0)
    assert trace.parameters == sum(step.parameters for step in trace.steps)


@quick_recipes
def test_show_prints_every_step_of_its_trace(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"{option}={number}" for option, number in fewer(name).items()]
    assert main(["show", name, *words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [step["name"] for step in content["steps"]] == [step.name for step in show(name).steps]
    assert {
        "shape",
        "parameters",
        "multiplications",
        "memory",
        "value",
        "stage",
        "description",
    } <= set(content["steps"][0])
    assert main(["show", name, *words]) == 0
    text = capsys.readouterr().out
    assert f"{content['parameters']:,} params, {content['multiplications']:,} MACs" in text
    assert all(
        word in text for word in ("input", "process", "output", "shape", "memory", "one example")
    )


@quick_recipes
def test_short_fit_saves_a_complete_run(name: str, recipe: Recipe) -> None:
    algorithm = read_task(recipe.task).algorithm
    assert algorithm is not None
    words = {**SHORTEST[algorithm.name], **fewer(name), **FEWER_STEPS.get(name, {})}
    if name in FEWER_BASELINES:
        words["output.baselines"] = FEWER_BASELINES[name]
    run = ki.load(name, words=words).fit(seed=1)
    metrics = run.metrics["answers"][0]["metrics"]
    assert recipe.metric in metrics
    assert all(np.isfinite(value) for value in metrics.values())
    again = ki.open(run.folder)
    before, after = run.net.state_dict(), again.net.state_dict()
    assert before.keys() == after.keys()
    assert all(bool((before[key] == after[key]).all()) for key in before)


@pytest.mark.slow
@every_recipe
def test_recipe_reaches_its_band(name: str, recipe: Recipe) -> None:
    if recipe.task.process.get("precision") == "bfloat16" and not multiplies_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    run = ki.load(name).fit()
    metrics = run.metrics["answers"][0]["metrics"]
    assert recipe.band[0] <= metrics[recipe.metric] <= recipe.band[1]
