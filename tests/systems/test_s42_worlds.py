"""S42: worlds of images, worlds of one's own, and worlds that cannot be trained in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError
from kissipo.input.environments._image_frames import ImageFrames
from kissipo.input.environments.catch import SIDE, Catch

gymnasium = pytest.importorskip("gymnasium")
SHORT = {"process.steps": 200, "learning_starts": 20, "output.episodes": 2, "updates": 2}
Refusal = Callable[..., str]
Out = pytest.CaptureFixture[str]


class Own(gymnasium.Env):  # type: ignore[misc]
    """Two numbers, three actions; it breaks after a few steps."""

    def __init__(self, breaks: str = "", size: int = 2) -> None:
        self.observation_space = gymnasium.spaces.Box(-1, 1, (size,), np.float64)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.breaks, self.steps = breaks, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        return self.np_random.uniform(-1, 1, 2), {}

    def step(self, action: int) -> tuple[Any, Any, bool, bool, Any]:
        self.steps += 1
        state, reward = self.np_random.uniform(-1, 1, 2), 1.0
        if self.steps > 150:
            state = np.asarray([np.nan, 0]) if self.breaks == "state" else state
            reward = float("nan") if self.breaks == "reward" else reward
            reward = "good" if self.breaks == "text" else reward
        return state, reward, False, False, {}


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    gymnasium.register(id="Own-v0", entry_point=Own)
    yield
    del gymnasium.registry["Own-v0"]


def test_catch_shows_where_the_ball_moves_in_two_images() -> None:
    world = ImageFrames(Catch(), stack=2, size=SIDE)
    state, _ = world.reset(seed=3)
    assert state.shape == (2, SIDE, SIDE)
    assert np.array_equal(state[0], state[1])  # the first image is repeated
    moved, _, _, _, _ = world.step(1)
    assert np.array_equal(moved[0], state[1])
    (row,), (column,) = (moved[1] == 255).nonzero()
    (_,), (before,) = (moved[0] == 255).nonzero()
    assert (row, abs(column - before)) == (1, 1)


def test_images_in_color_become_gray_and_small() -> None:
    class Color:
        def reset(self, *, seed: int | None = None) -> tuple[Any, Any]:
            image = np.zeros((6, 8, 3), dtype=np.uint8)
            image[:3] = (255, 0, 0)
            return image, {}

    state, _ = ImageFrames(Color(), stack=1, size=2).reset()  # type: ignore[arg-type]
    # the brightness of red is 0.299 · 255 = 76
    assert state.tolist() == [[[76, 76], [0, 0]]]


def test_dqn_trains_a_cnn_on_stacked_images(capsys: Out) -> None:
    run = ki.load("gym:catch", words=SHORT).fit()
    task = run.task
    assert (task.process["net"], task.process["algorithm"]) == ("cnn", "dqn")
    assert (task.input["frame_stack"], task.input["size"]) == (4, 12)
    assert run.net(torch.zeros(1, 4, 12, 12)).shape == (1, 3)
    again = ki.open(run.folder)
    assert again.task.input["frame_stack"] == 4
    images = np.zeros((4, 12, 12), dtype=np.uint8)
    assert again.predict(images) in ("left", "stay", "right")
    with pytest.raises(DataError, match=r"Allowed: an array of bytes of the shape \(4, 12, 12\)"):
        again.predict(images[:2])
    with pytest.raises(DataError, match=r"got image\.png"):
        again.predict("image.png")
    assert main(["evaluate", str(run.folder)]) == 0
    assert "random policy" in capsys.readouterr().out


@pytest.mark.slow
def test_dqn_catches_every_ball() -> None:
    words = {"process.steps": 8_000, "process.learning_rate": 1e-3, "process.discount": 0.95}
    run = ki.load("gym:catch", words=words).fit()
    assert run.metrics["answers"][0]["metrics"]["return"] > 0.9


def test_an_episode_that_never_ends_gets_a_limit(capsys: Out) -> None:
    words = ["process.steps=200", "learning_starts=200", "output.episodes=2", "select_episodes=0"]
    assert main(["fit", "gym:Own-v0", *words, "--out", "run"]) == 0
    printed = " ".join(capsys.readouterr().err.split())
    assert "input.max_episode_steps" in printed
    assert "the environment sets no limit, and an episode might never end" in printed
    # each step has a reward of 1
    assert ki.open("run").metrics["answers"][0]["metrics"]["return"] == 1_000


@pytest.mark.parametrize(
    ("breaks", "sentence"),
    [
        ("state", "a state with a number that is missing or infinite; got nan"),
        ("reward", "a reward that is not a number; got nan"),
        ("text", "a reward that is not a number; got 'good'"),
    ],
)
def test_broken_environments_are_refused(breaks: str, sentence: str) -> None:
    words = {**SHORT, "input.settings": {"breaks": breaks}}
    with pytest.raises(DataError, match=sentence):
        ki.load("gym:Own-v0", words=words).fit()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gym:CartPol-v1"], "there is no environment 'CartPol-v1'. Did you mean 'CartPole-v1'"),
        (
            ["gym:MountainCarContinuous-v0"],
            "'MountainCarContinuous-v0', whose actions are Box(-1.0, 1.0, (1,), float32)",
        ),
        (["cartpole", "input.frame_stack=4"], "input.frame_stack is for states that are images"),
        (["cartpole", "input.batch_size=4"], "input.batch_size"),
        (["cartpole", "tau=0.1"], "tau is called polyak"),
        (["cartpole", "process.replay=9"], "process.replay is called process.buffer_size"),
        (
            ["cartpole", "process.algorithm=deep_q_learning"],
            "process.algorithm=deep_q_learning is called process.algorithm=dqn",
        ),
        (["gym:Own-v0", "input.settings={wind: 1}"], "does not take these input.settings"),
        (
            ["gym:FrozenLake-v1", "input.settings={map_name: 3x3}"],
            "the environment 'FrozenLake-v1' does not take these input.settings: KeyError: '3x3'.",
        ),
        (["racing", "input.settings={a: 1}"], "the environment 'racing' has no settings; got "),
        (["gym:Own-v0", "input.settings={size: 3}"], "does not give the states that it announces"),
    ],
)
def test_refusals(arguments: list[str], sentence: str, refusal: Refusal) -> None:
    assert sentence in refusal("fit", *arguments)


def test_missing_packages_are_named(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*names: object, **settings: object) -> None:
        raise gymnasium.error.DependencyNotInstalled(
            'Box2D is not installed, run `pip install "gymnasium[box2d]"`'
        )

    monkeypatch.setattr(gymnasium, "make", fail)
    message = refusal("fit", "gym:LunarLander-v3")
    assert "'LunarLander-v3' needs a package that is not installed" in message
    assert "python -m pip install 'kissipo[box2d]'" in message


def test_planners_need_the_rules(refusal: Refusal) -> None:
    words = ["net=q_table", "algorithm=value_iteration"]
    assert "q_table" in refusal("fit", "gym:CartPole-v1", *words)
