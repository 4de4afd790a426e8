"""gymnasium, an optional package, and the class of its environments."""

from kissipo.core.extras import need

gymnasium = need("gymnasium", extra="rl", purpose="training in environments")


class GymWorld(gymnasium.Env):  # type: ignore[name-defined]
    """An environment of this package."""
