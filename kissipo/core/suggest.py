"""'Did you mean': the nearest known names to a misspelt one."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from kissipo.core.text import list_some


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """The known names most like `name`, best first; empty when none is like it.

    Example:  >>> nearest("incme", ["age", "income", "city"])
              ['income']
    """
    plain = name.casefold()

    def likeness(other: str) -> float:
        other = other.casefold()
        begins = (
            0.2 if plain and (other.startswith(plain) or plain.startswith(other)) and other else 0.0
        )
        return SequenceMatcher(None, plain, other).ratio() + begins

    scored = sorted(((likeness(k), k) for k in set(known)), key=lambda pair: (-pair[0], pair[1]))
    return [k for score, k in scored[:most] if score >= 0.65]


def did_you_mean(name: str, known: Iterable[str], *, most_listed: int = 12) -> str:
    """A sentence that helps: the likely names, else the first `most_listed` of all, else nothing.

    Example:  >>> did_you_mean("epoch", ["epochs", "learning_rate"])
              "Did you mean 'epochs'?"
    """
    known = list(known)
    close = nearest(name, known)
    if close:
        return "Did you mean " + " or ".join(f"'{k}'" for k in close) + "?"
    if not known or not most_listed:
        return ""
    listed = list_some(known, most_listed)
    return f"Known here: {listed}"
