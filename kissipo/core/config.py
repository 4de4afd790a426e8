"""FrozenConfig: the immutable mapping that holds one part of a task.

Values are what YAML can express: None, bool, int, float, str, lists and mappings.
Lists are stored as tuples, mappings as `FrozenConfig`. In Python a value may also be a
data object (an array, a data frame), which cannot be written to a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class FrozenConfig(Mapping[str, Any]):
    """An immutable, ordered mapping; `config.units` reads like `config["units"]`.

    Example:  >>> config = FrozenConfig({"net": "ffn", "units": [128]})
              >>> config.units, config.get("dropout"), config.plain()
              ((128,), None, {'net': 'ffn', 'units': [128]})
    """

    __slots__ = ("_content",)
    _content: dict[str, object]

    def __init__(self, content: Mapping[str, object] | None = None, **more: object) -> None:
        merged = {**(content or {}), **more}
        object.__setattr__(
            self, "_content", {str(key): to_frozen(value) for key, value in merged.items()}
        )

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self._content[key]
        except KeyError:
            raise AttributeError(
                f"there is no option '{key}' here; there are: {', '.join(self) or 'none'}"
            ) from None

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError("a FrozenConfig is immutable; use replace()")

    def __hash__(self) -> int:
        items = ((key, f"{type(value).__name__}:{value!r}") for key, value in self.items())
        return hash(tuple(sorted(items)))

    def __repr__(self) -> str:
        return f"FrozenConfig({self.plain()!r})"

    def __reduce__(self) -> tuple[type[FrozenConfig], tuple[dict[str, object]]]:
        return FrozenConfig, (self.plain(),)

    def replace(self, **changes: object) -> FrozenConfig:
        """Returns a copy with some options changed or added."""
        return FrozenConfig({**self._content, **changes})

    def plain(self) -> dict[str, object]:
        """Returns a copy made of ordinary dicts and lists."""
        return {key: to_plain(value) for key, value in self._content.items()}


def to_frozen(value: object) -> object:
    """Converts dicts to `FrozenConfig` and lists to tuples, recursively."""
    if isinstance(value, Mapping):
        return FrozenConfig(value)
    if isinstance(value, list | tuple):
        return tuple(to_frozen(item) for item in value)
    return value


def to_plain(value: object) -> object:
    """Converts `FrozenConfig` to dicts and tuples to lists, recursively."""
    if isinstance(value, FrozenConfig):
        return value.plain()
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value
