"""The film of an episode: its frames, their bars, and the drawings of states."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from kissipo.core.description import Chart, Film
from kissipo.output.film import film_detail
from kissipo.report.plain import plain_page
from kissipo.report.record_json import record_json

pytest.importorskip("gymnasium")
from kissipo.input.sources import environment

BLUE = np.asarray([0x25, 0x63, 0xEB])
WORLDS = ("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "FrozenLake-v1", "CliffWalking-v1")


def gray(state: np.ndarray) -> np.ndarray:
    return np.full((20, 200, 3), int(state), dtype=np.uint8)


def test_film_has_a_frame_per_step_with_the_taken_action_in_blue() -> None:
    q_values = np.asarray([[0.0, 2.0], [2.0, 1.0], [0.5, 0.0]])
    states = [np.asarray(value) for value in (10, 20, 30, 40)]
    detail = film_detail(gray, states, q_values, [1, 0, 0], [1.0, 1.0, -0.5], ["left", "right"])
    assert detail.value == {"steps": 3, "return": 1.5}
    film, _, chart = detail.sections[0].content
    assert isinstance(film, Film) and isinstance(chart, Chart)
    assert [int(frame[0, 0, 0]) for frame in film.frames] == [10, 20, 30]
    # rows of 16 pixels: a line of text, then a bar per action
    for frame, (row, action) in zip(film.frames, ((52, 1), (36, 0), (36, 0)), strict=True):
        blue = (frame == BLUE).all(axis=2).any(axis=1).nonzero()[0]
        assert row <= blue.min() <= blue.max() < row + 16, action
    assert chart.series == {
        "left": [(1, 0.0), (2, 2.0), (3, 0.5)],
        "right": [(1, 2.0), (2, 1.0), (3, 0.0)],
    }


def test_long_episodes_are_shown_in_part() -> None:
    count = 500
    detail = film_detail(
        gray, [np.asarray(9)] * (count + 1), np.zeros((count, 2)), [0] * count, [1.0] * count, "ab"
    )
    film = detail.sections[0].content[0]
    assert isinstance(film, Film)
    assert len(film.frames) == 100
    assert film.caption == "500 steps, return 500; the film shows one step of every 5"


def test_film_is_a_gif_in_the_report() -> None:
    states = [np.asarray(value) for value in (10, 200, 100)]
    detail = film_detail(gray, states, np.eye(2), [0, 1], [1.0, 1.0], ["a", "b"])
    content = record_json(detail.sections[0].content[0])
    kind, _, data = content["image"].partition(",")
    assert (content["kind"], kind) == ("film", "data:image/gif;base64")
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.size, image.n_frames) == ((content["width"], content["height"]), 2)
    assert "<p>2 steps, return 2</p>" in plain_page("", "", detail.sections)


@pytest.mark.parametrize("name", [*WORLDS, "racing", "catch"])
def test_every_world_has_a_drawing_that_changes_with_its_state(name: str) -> None:
    world = environment.SOURCE.read(name, environment.Options())
    one, drawings = world.make(), []
    state, _ = one.reset(seed=0)
    for action in (0, 1, 1, 0, 1, 1):
        drawings.append(world.draw(np.asarray(state)))
        state, _, end, _, _ = one.step(action)
        if end:
            state, _ = one.reset(seed=1)
    assert {drawing.shape for drawing in drawings} == {(200, 320, 3)}
    assert any(not np.array_equal(drawings[0], other) for other in drawings[1:])


def test_the_disc_stands_on_the_field_of_the_state() -> None:
    world = environment.SOURCE.read("FrozenLake-v1", environment.Options())
    for state in (0, 6, 13):
        rows, columns = (world.draw(np.asarray(state)) == BLUE).all(axis=2).nonzero()
        # four fields of 48 pixels, from (64, 4)
        assert (int(rows.mean()) - 4) // 48 == state // 4
        assert (int(columns.mean()) - 64) // 48 == state % 4
