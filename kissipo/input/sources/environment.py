"""An environment: it answers actions with rewards and new states; a gymnasium name, or a world of our own."""

from dataclasses import dataclass
from typing import Any

from kissipo.core.errors import DataError, NotBuiltError
from kissipo.core.extras import need
from kissipo.core.registry import Registry
from kissipo.core.schema import word
from kissipo.core.suggest import did_you_mean

SAMPLES = "environment"
WORLDS = Registry("kissipo.input.environments", "world")
_ACTIONS = {
    "FrozenLake": ("left", "down", "right", "up"),
    "FrozenLake8x8": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "CliffWalkingSlippery": ("up", "right", "down", "left"),
    "Taxi": ("south", "north", "east", "west", "pick up", "drop off"),
}


@dataclass(frozen=True)
class Options:
    """The words of an environment."""

    settings: dict[str, Any] | None = word(
        None, "keyword arguments of the environment, such as {is_slippery: false}"
    )
    actions: tuple[str, ...] | None = word(None, "names of the actions")
    states: tuple[str, ...] | None = word(None, "names of the states")
    max_episode_steps: int | None = word(
        None, "number of steps after which an episode is truncated", at_least=1
    )


@dataclass(frozen=True)
class World:
    """An environment ready to be stepped, with names for what it counts.

    model:  `model[state][action]` lists (probability, next state, reward, end) where the environment tells it, else None
    """

    name: str
    environment: Any
    states: tuple[str, ...]
    actions: tuple[str, ...]
    model: Any


def read(value: Any, options: Options) -> World:
    """The world of that name.

    Raises:   DataError for an unknown name or setting; NotBuiltError for states or actions that cannot be counted.
    """
    gymnasium = need("gymnasium", extra="rl", purpose="learning in environments")
    name = str(value)
    if name in WORLDS.names():
        module = WORLDS.find(name, place="input.environment")
        if not hasattr(module, "WORLD"):
            raise _uncounted(name, "states", module.STATES)
        limit = options.max_episode_steps or module.LIMIT
        environment = gymnasium.wrappers.TimeLimit(module.WORLD(), limit)
        return World(name, environment, module.STATES, module.ACTIONS, environment.unwrapped.P)
    environment = _make(gymnasium, name, options)
    for what, space in (
        ("states", environment.observation_space),
        ("actions", environment.action_space),
    ):
        if not isinstance(space, gymnasium.spaces.Discrete):
            raise _uncounted(name, what, space)
    states, actions = int(environment.observation_space.n), int(environment.action_space.n)
    known = _ACTIONS.get(name.split("-")[0], ())
    return World(
        name,
        environment,
        _named(options.states, (), states),
        _named(options.actions, known, actions),
        getattr(environment.unwrapped, "P", None),
    )


def _uncounted(name: str, what: str, space: Any) -> NotBuiltError:
    return NotBuiltError(
        f"'{name}' has {what} that cannot be counted ({space}); learning with a net instead of a table (DQN, S42) is not built yet",
        allowed="environments with counted states and actions, such as FrozenLake-v1, CliffWalking-v1, Taxi-v3, racing",
    )


def _make(gymnasium: Any, name: str, options: Options) -> Any:
    settings = dict(options.settings or {})
    try:
        return gymnasium.make(
            name,
            **(
                {"max_episode_steps": options.max_episode_steps}
                if options.max_episode_steps
                else {}
            ),
            **settings,
        )
    except gymnasium.error.Error as error:
        known = [*WORLDS.names(), *gymnasium.registry]
        raise DataError(
            f"there is no environment '{name}': {str(error).splitlines()[0]}",
            do=did_you_mean(name, known, most_listed=0),
        ) from None
    except TypeError as error:
        raise DataError(
            f"the environment '{name}' does not take these input.settings: {error}"
        ) from None


def _named(written: tuple[str, ...] | None, known: tuple[str, ...], count: int) -> tuple[str, ...]:
    names = written or known or tuple(str(number) for number in range(count))
    if len(names) != count:
        raise DataError(
            "the names do not fit the environment", given=f"{len(names)} names", allowed=f"{count}"
        )
    return names
