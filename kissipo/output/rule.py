"""Rule: items that suggest other items."""

from __future__ import annotations

from dataclasses import dataclass

from kissipo.core.json_object import JsonObject


@dataclass(frozen=True)
class Rule:
    """A basket with some items often has other ones, too.

    items, then:  if a basket has `items`, it has `then`
    support:      the share of baskets that have all of them
    confidence:   the share of the baskets with `items` that have `then`, too
    lift:         confidence / share of all baskets that have `then`; 1 is chance
    """

    items: tuple[str, ...]
    then: tuple[str, ...]
    support: float
    confidence: float
    lift: float

    def describe(self) -> str:
        """Returns the rule in one line.

        Example:  >>> Rule(("bread",), ("butter",), 0.2, 0.5, 1.25).describe()
                  'bread -> butter (support 0.200, confidence 0.500, lift 1.25)'
        """
        numbers = f"support {self.support:.3f}, confidence {self.confidence:.3f}"
        sides = f"{' + '.join(self.items)} -> {' + '.join(self.then)}"
        return f"{sides} ({numbers}, lift {self.lift:.2f})"

    def to_json(self) -> JsonObject:
        """Returns the rule as a dictionary for `--json`."""
        return {**vars(self), "items": list(self.items), "then": list(self.then)}
