"""Racing: a Markov decision process of a robot car that should drive far (S42).

cool        slow -> cool, reward 1
            fast -> cool or warm with probability 0.5 each, reward 2
warm        slow -> cool or warm with probability 0.5 each, reward 1
            fast -> overheated, reward -10, end of the episode
overheated  end of the episode

Source:   Berkeley CS188, Markov decision processes.
Example:  >>> Racing().P[0][1]
          [(0.5, 0, 2.0, False), (0.5, 1, 2.0, False)]
"""

from kissipo.input.environments._gymnasium import GymWorld, gymnasium

STATES = ("cool", "warm", "overheated")
ACTIONS = ("slow", "fast")
LIMIT = 100
_COOL, _WARM, _OVERHEATED = range(3)


class Racing(GymWorld):
    """A world with three states and two actions.

    `P[state][action]` lists (probability, next state, reward, end).
    """

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Discrete(len(STATES))
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        stuck = [(1.0, _OVERHEATED, 0.0, True)]
        self.P = {
            _COOL: {0: [(1.0, _COOL, 1.0, False)], 1: _cool_or_warm(2.0)},
            _WARM: {0: _cool_or_warm(1.0), 1: [(1.0, _OVERHEATED, -10.0, True)]},
            _OVERHEATED: {0: stuck, 1: stuck},
        }
        self.state = _COOL

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[int, dict[str, object]]:
        """Returns the first state, a cool car."""
        super().reset(seed=seed)
        self.state = _COOL
        return self.state, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, object]]:
        """Returns the next state, reward, end, truncated and an empty info."""
        outcomes = self.P[self.state][int(action)]
        index = 0 if len(outcomes) == 1 else int(self.np_random.random() >= outcomes[0][0])
        _, self.state, reward, end = outcomes[index]
        return self.state, reward, end, False, {}


def _cool_or_warm(reward: float) -> list[tuple[float, int, float, bool]]:
    return [(0.5, _COOL, reward, False), (0.5, _WARM, reward, False)]


WORLD = Racing
