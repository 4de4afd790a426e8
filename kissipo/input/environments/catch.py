"""Catch: move a paddle below a ball that falls at a slant; the states are images (S42).

The ball starts at the top and moves one row down and one column to a side in each step;
at a wall it turns back. In one image nobody can see to which side it moves, in two one
can. The last row decides: reward 1 where the paddle is, -1 elsewhere.

Source:   Mnih et al. 2014, Recurrent models of visual attention; bsuite, Osband et al.
          2020 (there the ball falls straight).
Example:  >>> world = Catch()
          >>> image, _ = world.reset(seed=0)
          >>> image.shape, int((image > 0).sum())
          ((12, 12), 4)
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.input.environments._gymnasium import GymWorld, gymnasium

ACTIONS = ("left", "stay", "right")
LIMIT = 20
SIDE = 12
_HALF = 1  # of the paddle, beside its middle
_BALL, _PADDLE = 255, 128


class Catch(GymWorld):
    """A world of 12 x 12 pixels and three actions."""

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(0, 255, (SIDE, SIDE), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self.row = self.column = self.direction = self.paddle = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, object]]:
        """Returns the first image: a ball at the top, the paddle in the middle."""
        super().reset(seed=seed)
        self.row, self.column = 0, int(self.np_random.integers(SIDE))
        self.direction = 1 if self.np_random.random() < 0.5 else -1
        self.paddle = SIDE // 2
        return self._image(), {}

    def step(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, object]]:
        """Returns the next image, reward, end, truncated and an empty info."""
        self.paddle = min(max(self.paddle + int(action) - 1, _HALF), SIDE - 1 - _HALF)
        if not 0 <= self.column + self.direction < SIDE:
            self.direction = -self.direction
        self.row, self.column = self.row + 1, self.column + self.direction
        end = self.row == SIDE - 1
        reward = (1.0 if abs(self.column - self.paddle) <= _HALF else -1.0) if end else 0.0
        return self._image(), reward, end, False, {}

    def _image(self) -> NDArray[np.uint8]:
        image = np.zeros((SIDE, SIDE), dtype=np.uint8)
        image[-1, self.paddle - _HALF : self.paddle + _HALF + 1] = _PADDLE
        image[self.row, self.column] = _BALL
        return image


WORLD = Catch
