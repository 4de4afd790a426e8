"""'Did you mean': suggests the valid names most similar to a misspelt one."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from kissipo.core.text import list_some


def nearest(name: str, names: Iterable[str], *, limit: int = 3) -> list[str]:
    """Returns the names that are similar to `name`, best first.

    Example:  >>> nearest("incme", ["age", "income", "city"])
              ['income']
    """
    plain = name.casefold()

    def similarity(other: str) -> float:
        other = other.casefold()
        is_prefix = plain and other and (other.startswith(plain) or plain.startswith(other))
        return SequenceMatcher(None, plain, other).ratio() + (0.2 if is_prefix else 0.0)

    scored = sorted(((similarity(k), k) for k in set(names)), key=lambda pair: (-pair[0], pair[1]))
    return [k for score, k in scored[:limit] if score >= 0.65]


def did_you_mean(name: str, names: Iterable[str], *, max_listed: int = 12) -> str:
    """Suggests similar names, else lists the first `most_listed` names.

    Example:  >>> did_you_mean("epoch", ["epochs", "learning_rate"])
              "Did you mean 'epochs'?"
    """
    names = list(names)
    if similar := nearest(name, names):
        return "Did you mean " + " or ".join(f"'{k}'" for k in similar) + "?"
    if not names or not max_listed:
        return ""
    return f"Known here: {list_some(names, max_listed)}"
