"""Recommendation: an item for a user, with the rated items that are nearest to it."""

from dataclasses import dataclass

from kissipo.core.json_object import JsonObject
from kissipo.core.text import format_score, printable


@dataclass(frozen=True)
class Reason:
    """A rated item whose vector points nearly the same way as that of a new one.

    rating:  of the user; None where rows only say what a user chose
    """

    item: str
    cosine: float
    rating: float | None = None

    def describe(self) -> str:
        """Returns the item with its rating and the cosine.

        Example:  >>> Reason("Alien", 0.8125, 5.0).describe()
                  'Alien (rated 5, cosine 0.81)'
        """
        rated = "" if self.rating is None else f"rated {self.rating:g}, "
        return f"{printable(self.item)} ({rated}cosine {self.cosine:.2f})"


@dataclass(frozen=True)
class Recommendation:
    """An item with its score: the predicted rating, or what ranks it."""

    item: str
    score: float
    reasons: tuple[Reason, ...] = ()

    def describe(self) -> str:
        """Returns the score, the item and the reasons in one line."""
        parts = [format_score(self.score), printable(self.item), self.describe_reasons()]
        return "\t".join(filter(None, parts))

    def describe_reasons(self) -> str:
        """Returns the nearest rated items; empty where the net has no vectors."""
        return ", ".join(reason.describe() for reason in self.reasons)

    def to_json(self) -> JsonObject:
        """Returns the recommendation as a dictionary for `--json`."""
        return {
            "item": self.item,
            "score": self.score,
            "reasons": [vars(reason) for reason in self.reasons],
        }
