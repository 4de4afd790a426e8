"""Environments: a gymnasium environment, or one of this package, by its name.

A state is one of a finite number, a row of numbers, or the last few images.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from kissipo.codec.frames import Frames
from kissipo.codec.observation import Observation
from kissipo.codec.states import States
from kissipo.core.codec import Codec
from kissipo.core.environment import (
    Drawing,
    EnvironmentState,
    GymEnvironment,
    TransitionModel,
    number_of,
    refuse_missing,
)
from kissipo.core.errors import DataError, MissingExtraError, NotBuiltError
from kissipo.core.extras import need
from kissipo.core.frame import Frame, image_column, numbers, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.registry import Registry
from kissipo.core.schema import option
from kissipo.core.seeds import derive, numpy_generator
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.input.environments._drawings import drawing_of
from kissipo.input.environments._image_frames import ImageFrames
from kissipo.input.source import Source

if TYPE_CHECKING:
    from kissipo.input.question import Question

WORLDS = Registry(
    "kissipo.input.environments",
    "world",
    folder="environments",
    defaults={
        "WORLD": None,  # an environment that kissipo cannot act in yet
        "STATES": (),  # the names of its states, where their number is finite
    },
)
_GYMNASIUM_ADDS = " was raised from the environment creator"  # to the message of an error
_PREFIX, _BOX2D = "gym:", "box2d"
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
_LAKE = {"S": "start", "F": "ice", "H": "hole", "G": "goal"}  # the letters of its map
_EXAMPLE_STATES = 100  # of an environment whose states are not finite
_MAX_STEPS = 1_000  # of an episode, where the environment has no limit
_STACK = 4  # the number of last images in a state, as Mnih et al. 2015 have it
_MAX_SIDE = 84  # of these images, likewise
_SUITABLE = (
    "discrete actions, and states that are discrete, a row of numbers or an image: "
    "FrozenLake-v1, CliffWalking-v1, racing, CartPole-v1, Acrobot-v1, catch"
)


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
    frame_stack: int | None = option(
        None, "number of last images that a state consists of, where states are images", minimum=1
    )
    size: int | None = option(
        None, "height and width to which images are resized, where states are images", minimum=1
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
    inferred_options: what was inferred from the environment
    fields: rows of one letter per field, where the states are the fields of a grid
    """

    name: str
    make: Callable[[], GymEnvironment]
    codec: Codec
    frame: Frame
    actions: tuple[str, ...]
    model: TransitionModel | None
    starts: tuple[int, ...] = (0,)
    inferred_options: tuple[InferredOption, ...] = ()
    fields: tuple[tuple[str, ...], ...] = ()

    @property
    def draw(self) -> Drawing:
        """The function that draws a state."""
        images = _reads_images((self.codec,))
        return drawing_of(self.name.split("-")[0], self.states, self.fields, images=images)

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
        make, actions, names = _maker(gymnasium, name, options)
        environment, inferred = make(), list[InferredOption]()
        spec = None if options.max_episode_steps else environment.spec
        if spec and spec.max_episode_steps is None:
            reason = "the environment sets no limit, and an episode might never end"
            inferred.append(InferredOption("input.max_episode_steps", _MAX_STEPS, reason))
            make = partial(_make, gymnasium, name, options, _MAX_STEPS)
            environment = make()
        if not isinstance(environment.action_space, gymnasium.spaces.Discrete):
            raise _unknown_space(name, "actions", environment.action_space)
        actions = _named(options.actions, actions, int(environment.action_space.n))
        space = environment.observation_space
        if _is_image(space):
            return _image_world(name, make, space.shape, actions, options, inferred)
        unused = [word for word in ("frame_stack", "size") if getattr(options, word)]
        if unused:
            raise DataError(
                f"input.{unused[0]} is for states that are images, and those of '{name}' are none",
                got=f"states of {space}",
                do="Leave it out",
            )
        if hasattr(space, "shape") and space.shape is not None and len(space.shape) == 1:
            names = _named(options.states, names, *space.shape)
            rows = _some_states(environment, len(actions), space.shape).astype(np.float64).T
            frame = Frame(tuple(map(numbers, names, rows)), origin=name)
            return World(name, make, Observation(names), frame, actions, None, (), tuple(inferred))
        if not isinstance(space, gymnasium.spaces.Discrete):
            raise _unknown_space(name, "states", space)
        fields = _fields(environment)
        names = _named(options.states, names or _field_names(fields), int(space.n))
        frame = Frame((strings("state", list(names)),), origin=name)
        model, starts = getattr(environment.unwrapped, "P", None), _starts(environment)
        return World(
            name,
            make,
            States(names),
            frame,
            actions,
            model,
            starts,
            tuple(inferred),
            fields,
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a name such as gym:FrozenLake-v1."""
        if not isinstance(question.data, str) or not question.data.startswith(_PREFIX):
            return None
        return question.task({"environment": question.data.removeprefix(_PREFIX)}, "actions")

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        if _reads_images(codecs):
            return self._images_of(values, codecs)
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

    def _images_of(self, values: Sequence[object], codecs: Sequence[Codec]) -> Frame:
        """Returns states of images, each an array (frame, height, width) of bytes."""
        shape = codecs[0].spec.shape
        for value in values:
            if not isinstance(value, np.ndarray) or value.shape != shape:
                raise DataError(
                    "the value is not a state of the environment",
                    got=f"an array of the shape {value.shape}"
                    if isinstance(value, np.ndarray)
                    else str(value)[:40],
                    allowed=f"an array of bytes of the shape {shape}",
                    do=self.usage(codecs),
                )
        columns = np.stack([np.asarray(value) for value in values]).swapaxes(0, 1)
        images = map(image_column, codecs[0].columns, columns.astype(np.uint8))
        return Frame(tuple(images), origin="the input")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        if _reads_images(codecs):
            return len(codecs[0].spec.shape)
        return 1 if codecs[0].number_columns else 0

    def usage(self, codecs: Sequence[Codec]) -> str:
        if _reads_images(codecs):
            return "Give the last images from Python: kissipo.open(RUN).predict(images)"
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
        allowed=_SUITABLE,
    )


def _is_image(space: object) -> bool:
    """Returns whether a state is an image of bytes, gray or in color."""
    shape: tuple[int, ...] = getattr(space, "shape", None) or ()
    is_byte = getattr(space, "dtype", None) == np.uint8
    return is_byte and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))


def _some_states(environment: GymEnvironment, actions: int, shape: tuple[int, ...]) -> NumpyArray:
    """Returns the first states of episodes with random actions.

    Raises:   DataError for a state or a reward that is not a number.
    """
    generator, over = numpy_generator(0, "example states"), True
    rows: list[EnvironmentState] = []
    while len(rows) < _EXAMPLE_STATES:
        if over:
            state, _ = environment.reset(seed=derive(0, "example states", len(rows)) % 2**31)
        else:
            action = int(generator.integers(actions))
            state, reward, end, cut, _ = environment.step(action)
            number_of(reward)
        over = not over and (end or cut)
        rows.append(state)
    shapes = {np.shape(row) for row in rows}
    if shapes != {shape}:
        raise DataError(
            "the environment does not give the states that it announces",
            got=f"states of the shape {' and '.join(map(str, sorted(shapes)))}",
            allowed=f"{shape}, its observation_space",
            do="Mend the environment",
        )
    states = np.asarray(rows)
    refuse_missing(states)
    return states


def _maker(
    gymnasium: ModuleType, name: str, options: Options
) -> tuple[Callable[[], Any], tuple[str, ...], tuple[str, ...]]:
    """Returns what makes an environment, and the known names of its actions and states.

    Raises:   NotBuiltError for states of another kind; DataError for unknown settings.
    """
    limit = options.max_episode_steps
    if name not in WORLDS.names():
        kind = name.split("-")[0]
        make = partial(_make, gymnasium, name, options, limit)
        return make, _ACTIONS.get(kind, ()), _NUMBERS.get(kind, ())
    module = WORLDS.find(name, place="input.environment")
    if module.WORLD is None:
        raise _unknown_space(name, "states", module.STATES)
    if options.settings:
        raise DataError(
            f"the environment '{name}' has no settings",
            got="input.settings: " + ", ".join(options.settings),
            do="Leave input.settings out",
        )
    make = partial(_make_own, gymnasium, module.WORLD, limit or module.LIMIT)
    return make, module.ACTIONS, module.STATES


def _image_world(
    name: str,
    make: Callable[[], GymEnvironment],
    shape: tuple[int, ...],
    actions: tuple[str, ...],
    options: Options,
    inferred: list[InferredOption],
) -> World:
    """Returns an environment whose states are its last few images, each a square.

    shape:  that of an image of the environment
    """
    size, stack = options.size or min(*shape[:2], _MAX_SIDE), options.frame_stack or _STACK
    if options.frame_stack is None:
        reason = "one image does not show how things move"
        inferred.append(InferredOption("input.frame_stack", stack, reason))
    if options.size is None:
        reason = f"the environment has images of {shape[0]}x{shape[1]}"
        inferred.append(InferredOption("input.size", size, reason))
    make = partial(_with_images, make, stack, size)
    codec = Frames(tuple(f"image {n}" for n in range(1, stack + 1)), (size, size))
    states = _some_states(make(), len(actions), (stack, size, size))
    frame = Frame(tuple(map(image_column, codec.columns, states.swapaxes(0, 1))), name)
    return World(name, make, codec, frame, actions, None, (), tuple(inferred))


def _make_own(gymnasium: ModuleType, world: Callable[[], object], limit: int) -> GymEnvironment:
    environment: GymEnvironment = gymnasium.wrappers.TimeLimit(world(), limit)
    return environment


def _with_images(make: Callable[[], GymEnvironment], stack: int, size: int) -> GymEnvironment:
    return ImageFrames(make(), stack, size)


def _make(gymnasium: ModuleType, name: str, options: Options, limit: int | None) -> Any:
    settings = dict(options.settings or {})
    if limit:
        settings["max_episode_steps"] = limit
    try:
        with warnings.catch_warnings():
            # gymnasium warns of an old version, and then refuses it in the same words
            warnings.simplefilter("ignore", DeprecationWarning)
            return gymnasium.make(name, **settings)
    except gymnasium.error.DependencyNotInstalled as error:
        raise _missing_package(name, str(error)) from None
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        names = [*WORLDS.names(), *gymnasium.registry]
        is_unknown = isinstance(error, gymnasium.error.UnregisteredEnv)
        reason = "" if is_unknown else f": {str(error).splitlines()[0]}"
        raise DataError(
            f"there is no environment '{name}'{reason}", do=did_you_mean(name, names, max_listed=0)
        ) from None
    except (TypeError, ValueError, LookupError, AssertionError) as error:
        kind = "" if isinstance(error, TypeError) else f"{type(error).__name__}: "
        reason = str(error).partition(_GYMNASIUM_ADDS)[0]
        raise DataError(
            f"the environment '{name}' does not take these input.settings: {kind}{reason}"
        ) from None


def _missing_package(name: str, text: str) -> MissingExtraError:
    """Returns the error for a family of environments whose package is missing."""
    extra = re.search(r"gymnasium\[([\w-]+)\]", text)
    package = (
        f"kissipo[{_BOX2D}]"
        if extra and extra[1] == _BOX2D
        else f"gymnasium[{extra[1]}]"
        if extra
        else ""
    )
    return MissingExtraError(
        f"the environment '{name}' needs a package that is not installed",
        got=text.split(",")[0].splitlines()[0],
        do=f"Install it with: python -m pip install '{package}'" if package else "",
    )


def _starts(environment: Any) -> tuple[int, ...]:
    """Returns the states in which episodes may start; 0 where gymnasium has none."""
    probabilities = getattr(environment.unwrapped, "initial_state_distrib", None)
    if probabilities is None:
        return (0,)
    return tuple(np.flatnonzero(probabilities).tolist())


def _fields(environment: Any) -> tuple[tuple[str, ...], ...]:
    """Returns the map of a lake or a cliff by letters; none for other worlds."""
    inner = environment.unwrapped
    lake, cliff = getattr(inner, "desc", None), getattr(inner, "_cliff", None)
    if lake is not None and set(np.unique(lake)) <= {letter.encode() for letter in _LAKE}:
        return tuple(tuple(letter.decode() for letter in row) for row in lake.tolist())
    if not isinstance(cliff, np.ndarray) or cliff.ndim != 2:
        return ()
    rows = [["C" if falls else "F" for falls in row] for row in cliff.tolist()]
    rows[-1][0], rows[-1][-1] = "S", "G"
    return tuple(map(tuple, rows))


def _field_names(fields: Sequence[Sequence[str]]) -> tuple[str, ...]:
    letters = [letter for row in fields for letter in row]
    if not set(letters) <= set(_LAKE):
        return ()
    return tuple(f"{number} ({_LAKE[letter]})" for number, letter in enumerate(letters))


def _named(names: tuple[str, ...] | None, default: tuple[str, ...], count: int) -> tuple[str, ...]:
    names = names or default or tuple(str(number) for number in range(count))
    if len(names) != count:
        raise DataError(
            "the names do not fit the environment", got=f"{len(names)} names", allowed=f"{count}"
        )
    return names


def _reads_images(codecs: Sequence[Codec]) -> bool:
    return "height" in codecs[0].spec.axes


SOURCE = Environment()
