"""FrozenConfig: the frozen mapping in which one part of a sentence (input, process or output) is kept.

Values are what YAML can say: None, bool, int, float, str, lists (kept as tuples) and mappings (kept as `FrozenConfig`); and, in
Python only, an object that was handed over as data (an array, a data frame), which no file can hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class FrozenConfig(Mapping[str, Any]):
    """An immutable, ordered mapping from word to value; `words.units` reads like `words["units"]`.

    Example:  >>> part = FrozenConfig({"net": "ffn", "units": [128]})
              >>> part.units, part.get("dropout"), part.plain()
              ((128,), None, {'net': 'ffn', 'units': [128]})
    """

    __slots__ = ("_content",)
    _content: dict[str, Any]

    def __init__(self, content: Mapping[str, Any] | None = None, **more: Any) -> None:
        merged = {**(content or {}), **more}
        object.__setattr__(
            self, "_content", {str(key): freeze(value) for key, value in merged.items()}
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
                f"the word '{key}' is not written here; written: {', '.join(self) or 'nothing'}"
            ) from None

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError("FrozenConfig are frozen; use replace()")

    def __hash__(self) -> int:
        return hash(
            tuple(
                sorted(
                    (key, f"{type(value).__name__}:{value!r}")
                    for key, value in self._content.items()
                )
            )
        )

    def __repr__(self) -> str:
        return f"FrozenConfig({self.plain()!r})"

    def __reduce__(self) -> tuple[type[FrozenConfig], tuple[dict[str, Any]]]:
        return FrozenConfig, (self.plain(),)

    def replace(self, **changes: Any) -> FrozenConfig:
        """The same words with some of them changed or added."""
        return FrozenConfig({**self._content, **changes})

    def plain(self) -> dict[str, Any]:
        """A copy made of ordinary dicts and lists."""
        return {key: thaw(value) for key, value in self._content.items()}


def freeze(value: Any) -> Any:
    """Turns dicts into `FrozenConfig` and lists into tuples, all the way down."""
    if isinstance(value, Mapping):
        return FrozenConfig(value)
    if isinstance(value, list | tuple):
        return tuple(freeze(each) for each in value)
    return value


def thaw(value: Any) -> Any:
    """The inverse of `freeze`: ordinary dicts and lists."""
    if isinstance(value, FrozenConfig):
        return value.plain()
    if isinstance(value, tuple):
        return [thaw(each) for each in value]
    return value
