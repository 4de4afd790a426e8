"""Environments: a gymnasium environment, or one of this package, by its name.

A state is one of a finite number, or a row of numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from kissipo.codec.observation import Observation
from kissipo.codec.states import States
from kissipo.core.codec import Codec
from kissipo.core.environment import EnvironmentState, GymEnvironment, TransitionModel
from kissipo.core.errors import DataError, NotBuiltError
from kissipo.core.extras import need
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.registry import Registry
from kissipo.core.schema import option
from kissipo.core.seeds import derive, numpy_generator
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.input.question import Question
from kissipo.input.source import Source

WORLDS = Registry(
    "kissipo.input.environments",
    "world",
    folder="environments",
    defaults={"WORLD": None},  # its states are not discrete
)
_PREFIX = "gym:"
_ACTIONS = {
    "FrozenLake": ("left", "down", "right", "up"),
    "FrozenLake8x8": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "CliffWalkingSlippery": ("up", "right", "down", "left"),
    "Taxi": ("south", "north", "east", "west", "pick up", "drop off"),
    "CartPole": ("left", "right"),
    "MountainCar": ("left", "stay", "right"),
    "Acrobot": ("left", "none", "right"),
}
_NUMBERS = {
    "CartPole": ("position", "velocity", "angle", "angular_velocity"),
    "MountainCar": ("position", "velocity"),
    "Acrobot": ("cos_1", "sin_1", "cos_2", "sin_2", "angular_velocity_1", "angular_velocity_2"),
}
_FIELDS = {b"S": "start", b"F": "ice", b"H": "hole", b"G": "goal"}  # of the map of a lake
_EXAMPLE_STATES = 100  # of an environment whose states are not finite


@dataclass(frozen=True)
class Options:
    """Options of an environment."""

    settings: dict[str, Any] | None = option(
        None, "keyword arguments of the environment, such as {is_slippery: false}"
    )
    actions: tuple[str, ...] | None = option(None, "names of the actions")
    states: tuple[str, ...] | None = option(
        None, "names of the states, or of the numbers that a state consists of"
    )
    max_episode_steps: int | None = option(
        None, "number of steps after which an episode is truncated", minimum=1
    )


@dataclass(frozen=True)
class World:
    """An environment with names for its states and actions.

    make:   makes one more environment of the same kind
    codec:  encodes its states
    frame:  all states, or some where they are rows of numbers
    model:  `model[state][action]` lists (probability, next state, reward, end) if the
            environment provides it, else None
    starts: the states in which episodes start, where the model is known
    """

    name: str
    make: Callable[[], GymEnvironment]
    codec: Codec
    frame: Frame
    actions: tuple[str, ...]
    model: TransitionModel | None
    starts: tuple[int, ...] = (0,)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states, or of the numbers that a state consists of."""
        return self.codec.spec.labels


class Environment(Source[Options]):
    """A gymnasium environment with discrete actions."""

    builder = "environment"
    answers = ("actions",)
    interactive = True
    independent = False
    order = 10

    def read(self, value: object, options: Options) -> World:
        """Makes the environment of a name.

        Raises:   DataError for an unknown name or setting; NotBuiltError for states or
                  actions of another kind.
        """
        gymnasium = need("gymnasium", extra="rl", purpose="training in environments")
        name = str(value)
        if name in WORLDS.names():
            module = WORLDS.find(name, place="input.environment")
            if module.WORLD is None:
                raise _unknown_space(name, "states", module.STATES)
            limit = options.max_episode_steps or module.LIMIT
            make = partial(_make_own, gymnasium, module.WORLD, limit)
            states, actions = module.STATES, module.ACTIONS
            environment = make()
        else:
            make = partial(_make, gymnasium, name, options)
            environment = make()
            kind, space = name.split("-")[0], environment.action_space
            if not isinstance(space, gymnasium.spaces.Discrete):
                raise _unknown_space(name, "actions", space)
            actions = _named(options.actions, _ACTIONS.get(kind, ()), int(space.n))
            space = environment.observation_space
            if isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1:
                names = _named(options.states, _NUMBERS.get(kind, ()), *space.shape)
                frame = _some_states(environment, names, len(actions), origin=name)
                return World(name, make, Observation(names), frame, actions, None)
            if not isinstance(space, gymnasium.spaces.Discrete):
                raise _unknown_space(name, "states", space)
            states = _named(options.states, _fields(environment), int(space.n))
        frame = Frame((strings("state", list(states)),), origin=name)
        model = getattr(environment.unwrapped, "P", None)
        return World(name, make, States(states), frame, actions, model, _starts(environment))

    def infer(self, question: Question) -> Task | None:
        """Takes a name such as gym:FrozenLake-v1."""
        if not isinstance(question.data, str) or not question.data.startswith(_PREFIX):
            return None
        return question.task({"environment": question.data.removeprefix(_PREFIX)}, "actions")

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        names = codecs[0].number_columns
        rows = [_numbers_of(value) for value in values] if names else []
        if not names or None in rows:
            return super().parse_values(values, options, codecs)
        for row in rows:
            if row is not None and len(row) != len(names):
                raise DataError(
                    "the value is not a state of the environment",
                    got=f"{len(row)} numbers",
                    allowed=f"{len(names)} numbers",
                    do=self.usage(codecs),
                )
        columns = np.asarray(rows, dtype=np.float64).T
        return Frame(tuple(map(numbers, names, columns)), origin="the input")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        return 1 if codecs[0].number_columns else 0

    def usage(self, codecs: Sequence[Codec]) -> str:
        names = codecs[0].number_columns
        if not names:
            return super().usage(codecs)
        return (
            f"Give the numbers of a state ({', '.join(names)}): "
            f'kissipo predict RUN "{" ".join("0" for _ in names)}"'
        )


def _numbers_of(value: Any) -> list[float] | None:
    """Returns the numbers of a text, a list or an array; None for anything else."""
    words = value.strip("[]() ").replace(",", " ").split() if isinstance(value, str) else value
    try:
        return [float(word) for word in words]
    except (TypeError, ValueError):
        return None


def _unknown_space(name: str, what: str, space: object) -> NotBuiltError:
    return NotBuiltError(
        f"an environment such as '{name}', whose {what} are {space}, is not built yet",
        allowed="discrete actions, and states that are discrete or a row of numbers: "
        "FrozenLake-v1, CliffWalking-v1, Taxi-v3, racing, CartPole-v1",
    )


def _some_states(
    environment: GymEnvironment, names: Sequence[str], actions: int, *, origin: str
) -> Frame:
    """Returns the first states of episodes with random actions."""
    generator, over = numpy_generator(0, "example states"), True
    rows: list[EnvironmentState] = []
    while len(rows) < _EXAMPLE_STATES:
        if over:
            state, _ = environment.reset(seed=derive(0, "example states", len(rows)) % 2**31)
        else:
            state, _, end, cut, _ = environment.step(int(generator.integers(actions)))
        over = not over and (end or cut)
        rows.append(state)
    values = np.asarray(rows, dtype=np.float64).T
    return Frame(tuple(map(numbers, names, values)), origin=origin)


def _make_own(gymnasium: ModuleType, world: Callable[[], object], limit: int) -> Any:
    return gymnasium.wrappers.TimeLimit(world(), limit)


def _make(gymnasium: ModuleType, name: str, options: Options) -> Any:
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


def _starts(environment: Any) -> tuple[int, ...]:
    """Returns the first states of episodes: those that gymnasium gives a probability."""
    probabilities = getattr(environment.unwrapped, "initial_state_distrib", None)
    if probabilities is None:
        return (0,)
    return tuple(np.flatnonzero(probabilities).tolist())


def _fields(environment: Any) -> tuple[str, ...]:
    """Returns the names of the fields of a lake by its map; none for other worlds."""
    lake = getattr(environment.unwrapped, "desc", None)
    if lake is None or not set(np.unique(lake)) <= set(_FIELDS):
        return ()
    return tuple(
        f"{number} ({_FIELDS[field]})" for number, field in enumerate(lake.ravel().tolist())
    )


def _named(names: tuple[str, ...] | None, default: tuple[str, ...], count: int) -> tuple[str, ...]:
    names = names or default or tuple(str(number) for number in range(count))
    if len(names) != count:
        raise DataError(
            "the names do not fit the environment", got=f"{len(names)} names", allowed=f"{count}"
        )
    return names


SOURCE = Environment()
