"""S42, DQN: cartpole and other environments whose states are rows of numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, StoppedError, TaskError
from kissipo.engine.checkpoint import load_checkpoint
from kissipo.output.answer import Prediction
from kissipo.recipes.cartpole import RECIPE
from kissipo.runs.run import Run

pytest.importorskip("gymnasium")
SHORT = {
    "process.steps": 1_000,
    "process.buffer_size": 600,
    "process.learning_starts": 64,
    "process.update_every": 40,
    "process.updates": 8,
    "process.n_step": 2,
    "process.select_start": 15,
    "process.select_every": 300,
    "process.select_episodes": 2,
    "process.confirm_episodes": 3,
    "output.episodes": 5,
}
Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return ki.load("cartpole", words=SHORT).fit(out=tmp_path_factory.mktemp("cartpole") / "run")


def test_resume_in_the_middle_of_the_replay_buffer(
    short_run: Run, interrupter: Any, assert_same_run: Any
) -> None:
    task, stopped = ki.load("cartpole", words=SHORT), Path("stopped")
    counts = []
    for row, steps in ((8, 160), (20, 720)):
        with pytest.raises(StoppedError, match=r"stopped after step .* of 1,000"):
            task.fit(out=stopped, resume=stopped.exists(), callbacks=[interrupter(row)])
        checkpoint = load_checkpoint(stopped / "checkpoints")
        assert checkpoint is not None
        counts.append(checkpoint[0]["agent"]["buffer"]["count"])
        running = checkpoint[0]["environments"]["actions"]
        # eight environments, most of them in the middle of an episode
        assert len(running) == 8
        assert sum(len(actions) > 0 for actions in running) > 4
        assert checkpoint[0]["state"]["steps"] >= steps
    # in between, the buffer was filled and its oldest steps were overwritten
    assert 64 < counts[0] < 600 < counts[1]
    assert counts[1] % 600 != 0
    task.fit(out=stopped, resume=True)
    assert_same_run(short_run.folder, stopped)


def test_prediction_takes_the_numbers_of_a_state(short_run: Run, capsys: Out) -> None:
    numbers = [0.1, 0.0, 0.02, -0.5]
    names = ("position", "velocity", "angle", "angular_velocity")
    one = short_run.predict_all(["0.1 0 0.02 -0.5"])[0][0][0]
    row = dict(zip(names, numbers, strict=True))
    for value in ("[0.1, 0, 0.02, -0.5]", numbers, np.asarray(numbers), row):
        assert short_run.predict(value) == one.value
    assert isinstance(one, Prediction)
    assert one.value in ("left", "right")
    assert {name for name, _ in one.others} == {"Q(left)", "Q(right)"}
    run = str(short_run.folder)
    assert main(["predict", run, "0.1 0 0.02 -0.5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert one.value in json.dumps(answer)
    columns = [f"{name}={number}" for name, number in row.items()]
    assert main(["predict", run, *columns]) == 0
    assert one.value in capsys.readouterr().out
    usage = r'position, velocity, angle, angular_velocity\): kissipo predict RUN "0 0 0 0"'
    with pytest.raises(DataError, match=f"got 3 numbers. Allowed: 4 numbers.*{usage}"):
        short_run.predict("0 0 1")
    with pytest.raises(DataError, match="row 1 has no 'angle'"):
        short_run.predict({name: None if name == "angle" else 1.0 for name in names})


def test_report_and_xray_work_without_a_table_of_states(
    short_run: Run, capsys: Out, content_of: Callable[[Path | str], Any], records_of: Any
) -> None:
    report = content_of(short_run.folder / "report.html")
    (chart,) = records_of(report, "chart", "Training")
    assert chart["x_label"] == "environment step"
    for line in chart["series"]:  # else the page would not draw it as a curve
        assert np.all(np.diff([step for step, _ in line["points"]]) > 0)
    assert report["figures"][1]["note"] == "random policy"
    assert "value iteration" not in json.dumps(report["sections"])
    assert main(["xray", str(short_run.folder), "0 0 0.1 0", "--out", "page.html"]) == 0
    trace = content_of("page.html")["trace"]
    values = {name: float(texts[0]) for name, texts in trace["raw_inputs"][0]["columns"].items()}
    assert values == {"position": 0, "velocity": 0, "angle": 0.1, "angular_velocity": 0}
    assert main(["evaluate", str(short_run.folder)]) == 0
    assert "random policy" in capsys.readouterr().out


def test_states_of_numbers_infer_a_net_and_dqn() -> None:
    for words in ({}, {"net": "ffn", "buffer_size": 900}, {"algorithm": "dqn"}):
        process = ki.load("gym:CartPole-v1", words=words).complete().process
        assert (process["net"], process["algorithm"]) == ("ffn", "dqn")
        assert process["units"] == (128, 128)
        assert process["buffer_size"] == words.get("buffer_size", 100_000)


def test_a_net_learns_in_an_environment_with_a_finite_number_of_states(capsys: Out) -> None:
    words = ["net=ffn", "process.steps=300", "learning_starts=5", "output.episodes=5"]
    assert main(["fit", "gym:FrozenLake-v1", *words, "--out", "run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answers"][0]
    values = np.asarray(answer["details"]["policy"]["q_values"])
    assert values.shape == (16, 4)
    assert np.ptp(values) > 0
    assert 0 <= answer["metrics"]["agreement"] <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"process.steps": 3}, "process.learning_starts=1,000 is not reached in process.steps=3, "),
        ({"buffer_size": 16}, "process.buffer_size=16 holds fewer steps than one update draws, "),
    ],
)
def test_options_with_which_nothing_is_learned_are_refused(
    words: dict[str, object], message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        ki.load("cartpole", words=words).fit(out="run")


@pytest.mark.slow
def test_cartpole_is_solved_on_four_of_five_seeds() -> None:
    means = []
    for seed in range(5):
        run = ki.load("cartpole").fit(seed=seed)
        answer = run.metrics["answers"][0]
        means.append(answer["metrics"]["return"])
        assert answer["baselines"]["random policy"]["return"] < 40
    assert sum(RECIPE.band[0] <= mean <= RECIPE.band[1] for mean in means) >= 4
