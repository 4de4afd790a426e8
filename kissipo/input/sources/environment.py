"""Environments: a gymnasium environment, or one of this package, by its name."""

from dataclasses import dataclass
from typing import Any

from kissipo.core.errors import DataError, NotBuiltError
from kissipo.core.extras import need
from kissipo.core.registry import Registry
from kissipo.core.schema import option
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.input.question import Question
from kissipo.input.source import Source

WORLDS = Registry("kissipo.input.environments", "world", folder="environments")
_PREFIX = "gym:"
_ACTIONS = {
    "FrozenLake": ("left", "down", "right", "up"),
    "FrozenLake8x8": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "CliffWalkingSlippery": ("up", "right", "down", "left"),
    "Taxi": ("south", "north", "east", "west", "pick up", "drop off"),
}


@dataclass(frozen=True)
class Options:
    """Options of an environment."""

    settings: dict[str, Any] | None = option(
        None, "keyword arguments of the environment, such as {is_slippery: false}"
    )
    actions: tuple[str, ...] | None = option(None, "names of the actions")
    states: tuple[str, ...] | None = option(None, "names of the states")
    max_episode_steps: int | None = option(
        None, "number of steps after which an episode is truncated", minimum=1
    )


@dataclass(frozen=True)
class World:
    """An environment with names for its states and actions.

    model:  `model[state][action]` lists (probability, next state, reward, end) if the
            environment provides it, else None
    """

    name: str
    environment: Any
    states: tuple[str, ...]
    actions: tuple[str, ...]
    model: Any


class Environment(Source[Options]):
    """A gymnasium environment with discrete states and actions."""

    builder = "environment"
    independent = False
    order = 10

    def read(self, value: Any, options: Options) -> World:
        """Makes the environment of a name.

        Raises:   DataError for an unknown name or setting; NotBuiltError for states or
                  actions that are not discrete.
        """
        gymnasium = need("gymnasium", extra="rl", purpose="training in environments")
        name = str(value)
        if name in WORLDS.names():
            module = WORLDS.find(name, place="input.environment")
            if not hasattr(module, "WORLD"):
                raise _not_discrete(name, "states", module.STATES)
            limit = options.max_episode_steps or module.LIMIT
            environment = gymnasium.wrappers.TimeLimit(module.WORLD(), limit)
            return World(name, environment, module.STATES, module.ACTIONS, environment.unwrapped.P)
        environment = _make(gymnasium, name, options)
        for what, space in (
            ("states", environment.observation_space),
            ("actions", environment.action_space),
        ):
            if not isinstance(space, gymnasium.spaces.Discrete):
                raise _not_discrete(name, what, space)
        states, actions = int(environment.observation_space.n), int(environment.action_space.n)
        default_actions = _ACTIONS.get(name.split("-")[0], ())
        return World(
            name,
            environment,
            _named(options.states, (), states),
            _named(options.actions, default_actions, actions),
            getattr(environment.unwrapped, "P", None),
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a name such as gym:FrozenLake-v1."""
        if not isinstance(question.data, str) or not question.data.startswith(_PREFIX):
            return None
        return question.task({"environment": question.data.removeprefix(_PREFIX)}, "actions")


def _not_discrete(name: str, what: str, space: Any) -> NotBuiltError:
    return NotBuiltError(
        f"'{name}' has {what} that are not discrete ({space}); "
        "a net instead of a table (DQN, S42) is not built yet",
        allowed="environments with discrete states and actions, "
        "such as FrozenLake-v1, CliffWalking-v1, Taxi-v3, racing",
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
        names = [*WORLDS.names(), *gymnasium.registry]
        raise DataError(
            f"there is no environment '{name}': {str(error).splitlines()[0]}",
            do=did_you_mean(name, names, max_listed=0),
        ) from None
    except TypeError as error:
        raise DataError(
            f"the environment '{name}' does not take these input.settings: {error}"
        ) from None


def _named(names: tuple[str, ...] | None, default: tuple[str, ...], count: int) -> tuple[str, ...]:
    names = names or default or tuple(str(number) for number in range(count))
    if len(names) != count:
        raise DataError(
            "the names do not fit the environment", got=f"{len(names)} names", allowed=f"{count}"
        )
    return names


SOURCE = Environment()
