"""Image frames: an environment whose states are images, as its last few gray images.

One image does not show how things move; the last few do. At the start of an episode the
first image is repeated.

Shapes:   images (height, width) or (height, width, color) -> (frame, size, size), bytes
Source:   Mnih et al. 2015 (brightness, 84x84, the last 4 images).
"""

from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kissipo.core.environment import EnvironmentState, GymEnvironment

Bytes = NDArray[np.uint8]


class ImageFrames:
    """An environment whose state is the last `stack` images of the one inside."""

    def __init__(self, environment: GymEnvironment, stack: int, size: int) -> None:
        self.environment, self.size = environment, size
        self._frames: deque[Bytes] = deque(maxlen=stack)

    def reset(self, *, seed: int | None = None) -> tuple[Bytes, Mapping[str, object]]:
        """Starts an episode; returns the first image several times."""
        image, facts = self.environment.reset(seed=seed)
        frame = self._frame(image)
        self._frames.extend([frame] * (self._frames.maxlen or 1))
        return np.stack(self._frames), facts

    def step(self, action: int) -> tuple[Bytes, float, bool, bool, Mapping[str, object]]:
        """Returns the last images, the reward, end, truncated and further facts."""
        image, reward, end, cut, facts = self.environment.step(action)
        self._frames.append(self._frame(image))
        return np.stack(self._frames), reward, end, cut, facts

    def _frame(self, state: EnvironmentState) -> Bytes:
        """Returns an image as brightness, in the size of the states."""
        image: Bytes = np.asarray(state)
        if image.shape[:2] == (self.size, self.size) and image.ndim == 2:
            return image
        full = Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image).convert("L")
        return np.asarray(full.resize((self.size, self.size), Image.Resampling.BOX))
